"""Training with Capacitron, on a network of one layer and a multiplier."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.errors import UserError
from finetune_tts.families.tacotron.capacitron import Posterior, capacitron_loss
from finetune_tts.families.tacotron.capacitron_config import CapacitronVAEConfig
from finetune_tts.families.tacotron.capacitron_task import BETA, NETWORK, CapacitronTask
from finetune_tts.runs.checkpoints import newest_checkpoint
from finetune_tts.runs.history import read_history

MELS = 4
OPTIMIZERS = {"AdamW": {"weight_decay": 0.0}, "SGD": {"lr": 0.1, "momentum": 0.9}}


class Toy(nn.Module):
    """Predicts a clip's mean spectrum from a vector that is drawn for it."""

    frames_per_step = 1

    def set_frames_per_step(self, frames: int) -> None:
        assert frames == 1

    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(10, 2 * MELS)
        self.capacitron_vae_layer = nn.Module()
        self.capacitron_vae_layer.beta = nn.Parameter(torch.zeros(1))
        self.runs = 0

    def forward(self, token_ids: Tensor) -> tuple[Tensor, Posterior]:
        self.runs += 1
        mean, width = self.emb(token_ids).mean(dim=1).chunk(2, dim=1)
        posterior = Posterior(mean, nn.functional.softplus(width))
        return posterior.sample(), posterior


class ToyTask(CapacitronTask):
    network: Toy

    def run_network(self, batch: Any) -> tuple[Tensor, Posterior]:
        return self.network(batch.token_ids)

    def losses(self, outputs: tuple[Tensor, Posterior], batch: Any) -> dict[str, Tensor]:
        drawn, posterior = outputs
        error = (drawn - batch.mels.mean(dim=1)).abs().mean()
        if "poison" in batch.names:
            error = error * float("nan")
        beta = self.network.capacitron_vae_layer.beta
        losses = capacitron_loss(posterior, beta, capacity=1.0, weight=1.0, numbers_per_clip=4.0)
        return {"loss": error + losses.latent, "error": error, "capacitron_vae_beta_loss": losses.beta}

    def figures(self, outputs: tuple[Tensor, Posterior], batch: Any) -> dict[str, Any]:
        return {}


@pytest.fixture
def make_toy_run(make_run):
    def make(folder: str = "run", **options: Any) -> Any:
        class Task(ToyTask):
            def __init__(self, network: nn.Module, config: Any, speak: Any = None) -> None:
                torch.manual_seed(5)
                super().__init__(Toy(), config, speak)

        fields = {
            "optimizer_params": OPTIMIZERS,
            "r": 1,
            "gradual_training": None,
            "capacitron_vae": CapacitronVAEConfig(capacitron_grad_clip=0.0),
        }
        return make_run(folder, task=Task, **{**fields, "print_step": 1, **options})

    return make


def weights(run: Any) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in run.task.network.state_dict().items()}


def test_network_and_beta_learn_from_one_pass_each_from_its_own_loss_at_the_same_weights(make_toy_run):
    params = {"SGD": {}, "sgd": {"lr": 0.5}}
    run = make_toy_run(optimizer_params=params, lr=1.0)
    batch = next(iter(run.train_loader))
    apart = copy.deepcopy(run.task)
    torch.manual_seed(3)
    losses = apart.losses(apart.run_network(batch), batch)
    embedding, beta = apart.network.emb.weight, apart.beta
    (wanted,) = torch.autograd.grad(losses["loss"], embedding, retain_graph=True)
    (wanted_beta,) = torch.autograd.grad(losses["capacitron_vae_beta_loss"], beta)
    torch.manual_seed(3)
    run.stepper.step(1, [batch])

    assert run.task.network.runs == 1
    torch.testing.assert_close(embedding - run.task.network.emb.weight, wanted)
    torch.testing.assert_close(beta - run.task.beta, 0.5 * wanted_beta)


def test_several_batches_make_one_step_of_each(make_toy_run):
    params = {"SGD": {}, "sgd": {"lr": 0.5}}
    run = make_toy_run(optimizer_params=params, lr=1.0, settings={"grad_accum_steps": 2})
    batches = [batch for batch, _ in zip(run.train_loader, range(2), strict=False)]
    apart = copy.deepcopy(run.task)
    torch.manual_seed(3)
    slopes = []
    for batch in batches:
        losses = apart.losses(apart.run_network(batch), batch)
        slopes.append(torch.autograd.grad(losses["capacitron_vae_beta_loss"], apart.beta)[0])
    torch.manual_seed(3)
    run.stepper.step(1, batches)
    torch.testing.assert_close(apart.beta - run.task.beta, 0.5 * (slopes[0] + slopes[1]) / 2)


def test_a_step_whose_loss_is_not_finite_moves_neither_network_nor_beta(make_toy_run):
    run = make_toy_run(names=["poison"], clips=4, eval_clips=None)
    before = weights(run)
    run.stepper.step(1, [next(iter(run.train_loader))])
    assert run.stepper.guard.skipped == 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in run.task.network.state_dict().items())


def test_a_run_that_goes_on_equals_one_that_never_stopped(make_toy_run):
    options = {"epochs": 2, "lr_scheduler": "ExponentialLR", "lr_scheduler_params": {"gamma": 0.5}}
    straight = make_toy_run("straight", **options)
    straight.fit()
    make_toy_run("stopped", settings={"max_steps": 7}, **options).fit()
    checkpoint = read_checkpoint(newest_checkpoint(straight.output_path.parent / "stopped"))
    assert [len(states) for states in checkpoint.optimizer] == [2]  # one optimizer of two states, as in coqui-tts
    again = make_toy_run("stopped", resume=checkpoint, **options)
    again.fit()

    wanted = weights(straight)
    assert float(wanted["capacitron_vae_layer.beta"]) != 0.0
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in again.task.network.state_dict().items())
    losses = [(entry.step, entry.losses) for entry in read_history(straight.output_path)]
    found = [(entry.step, entry.losses) for entry in read_history(again.output_path)]
    assert [entry for entry in found if entry in losses] == losses


def test_history_has_the_losses_under_their_names_and_the_best_model_is_that_of_the_loss(make_toy_run):
    run = make_toy_run(epochs=2)
    run.fit()
    entries = read_history(run.output_path)
    assert all({"loss", "error", "capacitron_vae_beta_loss"} <= set(entry.losses) for entry in entries)
    assert not any("loss_0" in entry.losses for entry in entries)
    held_out = [entry.losses["loss"] for entry in entries if entry.split == "eval"]
    assert run.best_loss["eval_loss"] == min(held_out)


def test_the_schedule_is_the_networks_and_beta_keeps_its_rate(make_toy_run):
    run = make_toy_run(
        epochs=1, lr_scheduler="StepwiseGradualLR", scheduler_after_epoch=False,
        lr_scheduler_params={"gradual_learning_rates": [[0, 0.01], [2, 0.005], [4.0, 0.001]]},
    )  # fmt: skip
    assert run.stepper.next_rates() == pytest.approx([0.01, 0.1])
    run.fit()
    assert run.stepper.next_rates() == pytest.approx([0.001, 0.1])
    rates = [entry.rate for entry in read_history(run.output_path) if entry.split == "train"]
    assert rates == pytest.approx([0.01, 0.01, 0.005, 0.005, 0.001, 0.001])


def test_a_rate_for_going_on_is_the_networks(make_toy_run):
    make_toy_run(epochs=1).fit()
    checkpoint = read_checkpoint(newest_checkpoint(make_toy_run().output_path))
    run = make_toy_run(resume=checkpoint, lr=0.004, settings={"changed": frozenset({"lr"})})
    assert run.stepper.next_rates() == pytest.approx([0.004, 0.1])


@pytest.mark.parametrize(("grad_clip", "own", "expected"), [(0.0, 5.0, 5.0), (2.0, 5.0, 2.0), (0.0, 0.0, 0.0)])
def test_all_gradients_but_betas_are_cut_to_the_tighter_norm(make_toy_run, grad_clip, own, expected):
    vae = CapacitronVAEConfig(capacitron_grad_clip=own)
    run = make_toy_run(grad_clip=grad_clip, capacitron_vae=vae)
    assert run.task.gradient_clips([grad_clip, grad_clip]) == [expected, 0.0]


def test_a_large_gradient_is_cut_and_betas_is_not(make_toy_run):
    vae = CapacitronVAEConfig(capacitron_grad_clip=1e-3)
    run = make_toy_run(optimizer_params={"SGD": {}, "sgd": {"lr": 1.0}}, lr=1.0, capacitron_vae=vae)
    before = weights(run)
    run.stepper.step(1, [next(iter(run.train_loader))])
    after = weights(run)
    assert float((after["emb.weight"] - before["emb.weight"]).norm()) == pytest.approx(1e-3, rel=1e-2)
    assert float((after["capacitron_vae_layer.beta"] - before["capacitron_vae_layer.beta"]).abs()) > 1e-2


@pytest.mark.parametrize(
    "params",
    [{"betas": [0.9, 0.998], "weight_decay": 1e-6}, {"RAdam": {}}, {"RAdam": {}, "SGD": {"momentum": 0.9}}, []],
)
def test_two_optimizers_have_to_be_named(make_toy_run, params):
    with pytest.raises(UserError, match="optimizer_params"):
        make_toy_run(optimizer_params=params)


def test_beta_is_the_second_optimizers_and_nothing_else(make_toy_run):
    run = make_toy_run()
    assert [type(optimizer).__name__ for optimizer in run.optimizers] == ["AdamW", "SGD"]
    assert [len(optimizer.param_groups[0]["params"]) for optimizer in run.optimizers] == [1, 1]
    assert run.optimizers[BETA].param_groups[0]["params"][0] is run.task.beta
    assert run.task.main_optimizer == NETWORK

"""Adversarial training, with a generator of one layer and a discriminator of two."""

import copy
import math
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from finetune_tts.checkpoints.networks import absent_modules
from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.config.changes import apply_changes
from finetune_tts.errors import UserError
from finetune_tts.runs.checkpoints import newest_checkpoint
from finetune_tts.runs.history import read_history
from finetune_tts.tasks.adversarial import DISCRIMINATOR, GENERATOR, AdversarialTask, warm_up_for
from finetune_tts.tasks.adversarial_rates import spread_rate
from finetune_tts.training import run as run_module
from finetune_tts.training.non_finite import NonFiniteLoss
from finetune_tts.training.run import fit, open_run
from finetune_tts.training.settings import RunLimits
from finetune_tts.training.state import RunState

MELS = 4


class Generator(nn.Module):
    def __init__(self, mels: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(10, 6)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(6, mels)
        self.runs = 0

    def forward(self, token_ids: Tensor) -> Tensor:
        self.runs += 1
        return self.out(self.drop(self.emb(token_ids).mean(dim=1)))


class Discriminator(nn.Module):
    def __init__(self, mels: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(mels, 5)
        self.score = nn.Linear(5, 1)
        self.looks = 0

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        self.looks += 1
        features = torch.tanh(self.hidden(mel))
        return self.score(features), features


class ToyGAN(nn.Module):
    def __init__(self, mels: int = MELS) -> None:
        super().__init__()
        self.generator = Generator(mels)
        self.disc = Discriminator(mels)


class ToyTask(AdversarialTask):
    network: ToyGAN
    best_loss_name = "l1"

    @property
    def discriminator(self) -> nn.Module:
        return self.network.disc

    def run_network(self, batch: Any) -> Tensor:
        return self.network.generator(batch.token_ids)

    def judge(self, outputs: Tensor, batch: Any) -> dict[str, Tensor]:
        fake, fake_features = self.network.disc(outputs)
        real, real_features = self.network.disc(batch.mels.mean(dim=1))
        if "poison" in batch.names:
            real = real * math.nan
        return {"fake": fake, "real": real, "fake_features": fake_features, "real_features": real_features}

    def discriminator_losses(self, judgement: dict[str, Tensor]) -> dict[str, Tensor]:
        loss = (judgement["fake"] ** 2).mean() + ((1 - judgement["real"]) ** 2).mean()
        return {"loss": loss, "loss_disc": loss}

    def generator_losses(self, outputs: Tensor, batch: Any, judgement: Any | None) -> dict[str, Tensor]:
        losses = {"l1": (outputs - batch.mels.mean(dim=1)).abs().mean()}
        if judgement is not None:
            losses["loss_gen"] = ((1 - judgement["fake"]) ** 2).mean()
            losses["loss_feat"] = (judgement["fake_features"] - judgement["real_features"]).abs().mean()
        return {"loss": sum(losses.values(), torch.zeros(())), **losses}


@pytest.fixture
def make_gan_run(make_run):
    """Makes a run of the toy task: config fields, and ``settings`` of the trainer."""

    def make(folder: str = "run", **options: Any) -> Any:
        fields = {"lr_gen": 0.01, "lr_disc": 0.02, "grad_clip": [0.0, 0.0], "print_step": 1}
        for part in ("gen", "disc"):
            fields |= {f"lr_scheduler_{part}": None, f"lr_scheduler_{part}_params": {}}

        class Task(ToyTask):
            def __init__(self, network: nn.Module, config: Any, speak: Any = None) -> None:
                torch.manual_seed(5)
                super().__init__(ToyGAN(), config, speak)

        return make_run(folder, task=Task, **{**fields, **options})

    return make


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def unchanged(module: nn.Module, before: dict[str, Tensor]) -> bool:
    return all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def quiet(run: Any) -> None:
    """Without dropout, so that two passes are the same."""
    run.task.network.generator.drop = nn.Identity()


def test_one_pass_of_each_part_serves_both_optimizers(make_gan_run):
    run = make_gan_run()
    run.stepper.step(1, [next(iter(run.train_loader))])

    assert run.task.network.generator.runs == 1
    assert run.task.network.disc.looks == 2  # what was generated, and the recording


def test_each_part_gets_the_gradient_of_its_own_loss_and_none_of_the_others(make_gan_run):
    run = make_gan_run(optimizer="SGD", lr_gen=1.0, lr_disc=1.0)
    quiet(run)
    batch = next(iter(run.train_loader))
    apart = copy.deepcopy(run.task.network)
    real = batch.mels.mean(dim=1)
    fake = apart.generator(batch.token_ids)
    loss = (apart.disc(fake.detach())[0] ** 2).mean() + ((1 - apart.disc(real)[0]) ** 2).mean()
    wanted_disc = torch.autograd.grad(loss, list(apart.disc.parameters()))
    score, features = apart.disc(fake)
    loss = (fake - real).abs().mean() + ((1 - score) ** 2).mean()
    loss = loss + (features - apart.disc(real)[1].detach()).abs().mean()
    wanted_gen = torch.autograd.grad(loss, list(apart.generator.parameters()))
    before = [*apart.disc.parameters(), *apart.generator.parameters()]

    run.stepper.step(1, [batch])

    after = [*run.task.network.disc.parameters(), *run.task.network.generator.parameters()]
    for old, new, gradient in zip(before, after, [*wanted_disc, *wanted_gen], strict=True):
        torch.testing.assert_close(old - new, gradient)


def test_accumulated_batches_are_one_large_batch_for_both_parts(make_gan_run):
    options = {"clips": 16, "optimizer": "SGD", "lr_gen": 0.5, "lr_disc": 0.5, "eval_clips": None}
    gathered = make_gan_run("gathered", settings={"grad_accum_steps": 4}, batch_size=4, **options)
    large = make_gan_run("large", batch_size=16, **options)
    quiet(gathered), quiet(large)
    whole = next(iter(large.train_loader))
    items = gathered.train_loader.dataset
    # Frames are averaged, so padding would count: all clips of one batch get the padding of the large one.
    parts = []
    for start in range(0, 16, 4):
        rows = [whole.names.index(items[index].name) for index in range(start, start + 4)]
        parts.append(
            type(whole)(
                token_ids=whole.token_ids[rows], token_lengths=whole.token_lengths[rows], mels=whole.mels[rows],
                mel_lengths=whole.mel_lengths[rows], names=[whole.names[row] for row in rows], texts=[],
            )
        )  # fmt: skip

    for step in (1, 2):
        gathered.stepper.step(step, parts)
        large.stepper.step(step, [whole])

    assert gathered.task.network.generator.runs == 8
    for name, weight in large.task.network.state_dict().items():
        torch.testing.assert_close(gathered.task.network.state_dict()[name], weight, msg=name)


def test_a_step_of_which_one_part_is_not_finite_moves_neither_and_is_named_once(make_gan_run, caplog):
    run = make_gan_run(names=["poison"], clips=4, eval_clips=None, settings={"max_steps": 1})
    before = weights(run.task.network)
    run.stepper.step(1, [next(iter(run.train_loader))])

    # The discriminator's loss alone is spoilt: the generator's does not look at the score of the recording.
    assert unchanged(run.task.network, before)
    assert run.stepper.guard.skipped == 1
    assert caplog.text.count("is left out") == 1
    assert "poison" in caplog.text


@pytest.mark.parametrize("part", ["generator", "disc"])
def test_an_overflow_of_the_loss_scale_in_one_part_moves_neither_and_lowers_the_scale(make_gan_run, part):
    run = make_gan_run()
    run.stepper.scaler = torch.GradScaler("cpu", init_scale=8.0)
    before = weights(run.task.network)
    (weight, *_) = getattr(run.task.network, part).parameters()
    spoilt = weight.register_hook(lambda gradient: gradient * math.inf)
    batch = next(iter(run.train_loader))

    run.stepper.step(1, [batch])
    assert unchanged(run.task.network, before)
    assert (run.stepper.scaler.get_scale(), run.stepper.guard.skipped) == (4.0, 0)

    spoilt.remove()
    run.stepper.step(2, [batch])
    assert not unchanged(run.task.network.generator, {name.partition(".")[2]: t for name, t in before.items()
                                                      if name.startswith("generator")})  # fmt: skip
    assert not unchanged(run.task.network.disc, {name.partition(".")[2]: t for name, t in before.items()
                                                 if name.startswith("disc")})  # fmt: skip


def test_parts_that_stay_not_finite_end_the_run(make_gan_run):
    run = make_gan_run(names=["poison"] * 22, epochs=3)
    with pytest.raises(NonFiniteLoss, match="5 steps in a row"):
        run.fit()


@pytest.mark.parametrize("stop_at", [2, 5, 7])
def test_a_run_that_goes_on_equals_one_that_never_stopped_in_the_warm_up_and_after_it(make_gan_run, stop_at):
    settings = {"discriminator_warm_up": 4}
    options = {"epochs": 2, "lr_scheduler_gen": "ExponentialLR", "lr_scheduler_gen_params": {"gamma": 0.5}}
    straight = make_gan_run("straight", settings=settings, **options)
    straight.fit()
    make_gan_run("stopped", settings={"max_steps": stop_at, **settings}, **options).fit()
    checkpoint = read_checkpoint(newest_checkpoint(straight.output_path.parent / "stopped"))
    again = make_gan_run("stopped", resume=checkpoint, settings=settings, **options)
    again.fit()

    assert unchanged(again.task.network, weights(straight.task.network))
    wanted = [(entry.step, entry.losses, entry.rate) for entry in read_history(straight.output_path)]
    found = [(entry.step, entry.losses, entry.rate) for entry in read_history(again.output_path)]
    assert [entry for entry in found if entry in wanted] == wanted


def test_in_the_warm_up_the_discriminator_alone_moves_and_then_both(make_gan_run):
    run = make_gan_run(settings={"discriminator_warm_up": 2})
    batch = next(iter(run.train_loader))
    generator = weights(run.task.network.generator)
    for step in (1, 2):
        disc = weights(run.task.network.disc)
        run.stepper.step(step, [batch])
        assert unchanged(run.task.network.generator, generator)
        assert not unchanged(run.task.network.disc, disc)
    run.stepper.step(3, [batch])
    assert not unchanged(run.task.network.generator, generator)


def test_a_warm_up_of_the_discriminator_does_not_end_a_run_that_is_to_stop_early(make_gan_run):
    settings = {"discriminator_warm_up": 12, "early_stop_patience": 1}
    run = make_gan_run(settings=settings, epochs=3, lr_gen=0.0)
    run.fit()
    # The generator's part of the run begins in the third epoch, whose loss is the first that counts.
    assert run.total_steps_done == 18
    assert run.early_stopping.waited == 0


def test_the_generator_learns_alone_until_the_discriminator_starts(make_gan_run):
    run = make_gan_run(steps_to_start_discriminator=2, settings={"discriminator_warm_up": 1})
    assert [run.task.parts_at(step, warm_up=1) for step in (1, 2, 3, 4)] == [
        (GENERATOR,), (GENERATOR,), (DISCRIMINATOR,), (DISCRIMINATOR, GENERATOR),
    ]  # fmt: skip
    disc = weights(run.task.network.disc)
    run.stepper.step(1, [next(iter(run.train_loader))])

    assert run.task.network.disc.looks == 0
    assert unchanged(run.task.network.disc, disc)


def test_the_best_model_is_the_one_that_sounds_best_and_not_the_one_that_fools_its_judge(make_gan_run):
    run = make_gan_run(epochs=3, target_loss="loss_0", settings={"discriminator_warm_up": 3})
    run.fit()

    held_out = [entry.losses for entry in read_history(run.output_path) if entry.split == "eval"]
    assert run.best_loss["eval_loss"] == min(losses["l1"] for losses in held_out)
    assert {"loss_0", "loss_1", "l1", "loss_gen", "loss_feat", "loss_disc"} <= set(held_out[0])


def test_the_loss_that_a_person_names_decides(make_gan_run):
    run = make_gan_run(epochs=1, target_loss="loss_feat", settings={"chosen": frozenset({"target_loss"})})
    run.fit()
    assert run.best_loss["eval_loss"] == run.eval_losses["loss_feat"]

    wrong = make_gan_run(epochs=1, target_loss="typo", settings={"chosen": frozenset({"target_loss"})})
    with pytest.raises(UserError, match="target_loss typo"):
        wrong.fit()


def test_rates_and_schedules_are_those_of_the_parts(make_gan_run):
    run = make_gan_run(
        epochs=1, lr_scheduler_gen="ExponentialLR", lr_scheduler_gen_params={"gamma": 0.5}, scheduler_after_epoch=False
    )
    run.fit()

    assert run.stepper.next_rates() == pytest.approx([0.02, 0.01 * 0.5**6])
    rates = [entry.rate for entry in read_history(run.output_path) if entry.split == "train"]
    assert rates == pytest.approx([0.01 * 0.5**step for step in range(6)])  # the generator's is shown
    with pytest.raises(UserError, match="lr_scheduler_disc_params"):
        make_gan_run(lr_scheduler_disc="ExponentialLR", lr_scheduler_disc_params={"nonsense": 1})


def test_a_rate_for_going_on_moves_the_part_that_it_names(make_gan_run):
    make_gan_run(epochs=1).fit()
    checkpoint = read_checkpoint(newest_checkpoint(make_gan_run().output_path))
    settings = {"changed": frozenset({"lr_gen"})}
    run = make_gan_run(resume=checkpoint, lr_gen=0.004, lr_disc=0.5, settings=settings)
    assert run.stepper.next_rates() == pytest.approx([0.02, 0.004])


def test_lr_sets_both_rates_unless_they_are_set(tiny_config):
    config = tiny_config(lr=0.5, lr_gen=0.1, lr_disc=0.2)
    assert spread_rate(config, frozenset({"batch_size"})) == []
    apply_changes(config, spread_rate(config, frozenset({"lr", "lr_disc"})))
    assert (config.lr_gen, config.lr_disc) == (0.5, 0.2)
    config.lr = [0.3, 0.4]
    apply_changes(config, spread_rate(config, frozenset({"lr"})))
    assert (config.lr_disc, config.lr_gen) == (0.3, 0.4)
    config.lr = [0.3]
    with pytest.raises(UserError, match="discriminator and the generator"):
        spread_rate(config, frozenset({"lr"}))
    plain = tiny_config(lr=0.5)
    assert spread_rate(plain, frozenset({"lr"})) == []


def test_both_gradients_are_cut_to_their_norms(make_gan_run):
    run = make_gan_run(optimizer="SGD", lr_gen=1.0, lr_disc=1.0, grad_clip=[1e-3, 1e-4])
    before = weights(run.task.network)
    run.stepper.step(1, [next(iter(run.train_loader))])

    for prefix, norm in (("disc", 1e-3), ("generator", 1e-4)):
        moved = [
            (tensor - before[name]).norm()
            for name, tensor in run.task.network.state_dict().items()
            if name.startswith(prefix)
        ]
        assert torch.stack(moved).norm().item() == pytest.approx(norm, rel=1e-2)


def test_bfloat16_trains_both_parts(make_gan_run):
    from finetune_tts.machine.precision import Precision

    run = make_gan_run(epochs=1)
    object.__setattr__(run.settings, "precision", Precision("cpu", torch.bfloat16, "test"))
    before = weights(run.task.network)
    run.fit()

    assert not unchanged(run.task.network.generator, {n.partition(".")[2]: t for n, t in before.items() if n[0] == "g"})
    assert all(math.isfinite(value) for entry in read_history(run.output_path) for value in entry.losses.values())


def test_frozen_weights_stay(make_gan_run, monkeypatch):
    parameters = AdversarialTask.generator_parameters

    def with_frozen(self):
        self.network.generator.emb.requires_grad_(False)
        return parameters(self)

    monkeypatch.setattr(AdversarialTask, "generator_parameters", with_frozen)
    run = make_gan_run()
    before = run.task.network.generator.emb.weight.clone()
    run.stepper.step(1, [next(iter(run.train_loader))])
    assert torch.equal(run.task.network.generator.emb.weight, before)


def test_the_warm_up_is_a_tenth_of_a_run_and_no_more_than_a_thousand_steps():
    assert [warm_up_for(steps) for steps in (2, 100, 5000, 90000)] == [0, 10, 500, 1000]


def test_a_discriminator_is_absent_only_if_not_one_tensor_of_it_is_there():
    network = ToyGAN()
    names = list(network.state_dict())
    assert absent_modules(network, [name for name in names if name.startswith("gen")], ("disc",)) == ("disc",)
    assert absent_modules(network, [name for name in names if name != "disc.score.bias"], ("disc",)) == ()
    assert absent_modules(network.generator, [], ("disc",)) == ()


def test_checkpoints_hold_the_states_in_the_order_of_the_field(make_gan_run):
    run = make_gan_run(epochs=1)
    run.fit()
    states = torch.load(run.output_path / "checkpoint_6.pth", weights_only=True)["optimizer"]
    assert [state["param_groups"][0]["lr"] for state in states] == [0.02, 0.01]  # discriminator, generator


def test_a_run_says_who_learns_alone_and_both_rates_and_goes_on_with_the_same_warm_up(tmp_path, monkeypatch, caplog):
    tiny = runpy.run_path(str(Path(__file__).with_name("tiny_run.py")))
    monkeypatch.setattr(run_module, "make_task", ToyTask)
    fields = {"lr_gen": 0.01, "lr_disc": 0.02, "lr_scheduler_gen": None, "lr_scheduler_disc": None}
    fields |= {"lr_scheduler_gen_params": {}, "lr_scheduler_disc_params": {}}
    config = tiny["tiny_config"](tmp_path, epochs=5, grad_clip=0.0, **fields)  # 20 steps
    job = replace(tiny["tiny_job"](config), network=ToyGAN(tiny["MELS"]), restored=True, fresh_discriminator=True)
    before = weights(job.network.generator)
    result = fit(replace(job, limits=RunLimits(max_steps=10)))  # the first of which is the warm-up

    assert "Learning rate of step 1, discriminator: 0.02" in caplog.text
    assert "Learning rate of step 1, generator: 0.01" in caplog.text
    assert (
        "Steps 1 to 1: the discriminator, which is fresh and would mislead the generator, learns alone" in caplog.text
    )
    assert not unchanged(job.network.generator, before)

    stopped = open_run(result.folder)
    for name, value in fields.items():
        setattr(stopped.config, name, value)
    assert RunState.of(stopped.checkpoint).discriminator_warm_up == 1
    again = replace(
        job, network=ToyGAN(tiny["MELS"]), config=stopped.config, resumes=stopped, limits=RunLimits(max_steps=12)
    )
    caplog.clear()
    assert fit(again).steps == 12
    assert "learns alone" not in caplog.text

    caplog.clear()
    fit(replace(job, network=ToyGAN(tiny["MELS"]), limits=RunLimits(discriminator_warm_up=0, max_steps=1)))
    assert "learns alone" not in caplog.text

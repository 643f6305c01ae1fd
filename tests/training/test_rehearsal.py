"""The pass before the first step: when it is made, what it tells, and that nothing of it remains."""

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from finetune_tts.errors import UserError
from finetune_tts.tasks.adversarial import DISCRIMINATOR, GENERATOR, AdversarialTask
from finetune_tts.training import run as run_module
from finetune_tts.training.rehearsal import room_for_moments
from finetune_tts.training.run import fit, open_run

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_run.py")))
FIELDS: dict[str, Any] = {
    "lr_gen": 0.01, "lr_disc": 0.02, "lr_scheduler_gen": None, "lr_scheduler_disc": None, "grad_clip": 0.0,
    "lr_scheduler_gen_params": {}, "lr_scheduler_disc_params": {}, "steps_to_start_discriminator": 0,
}  # fmt: skip


class Network(nn.Module):
    """Dropout draws random numbers, batch normalisation keeps running means: both are to be as they were."""

    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(TINY["SYMBOLS"], 6)
        self.norm = nn.BatchNorm1d(6)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(6, TINY["MELS"])
        self.disc = nn.Linear(TINY["MELS"], 1)


class Task(AdversarialTask):
    network: Network
    best_loss_name = "l1"
    passes: list[tuple[tuple[int, ...], int]]

    def __init__(self, network: nn.Module, config: Any, speak: Any = None) -> None:
        super().__init__(network, config, speak)
        self.passes = []

    @property
    def discriminator(self) -> nn.Module:
        return self.network.disc

    def part_losses(self, batch: Any, parts: Any) -> Any:
        self.passes.append((tuple(parts), int(batch.mel_lengths.max())))
        return super().part_losses(batch, parts)

    def run_network(self, batch: Any) -> Tensor:
        network = self.network
        return network.out(network.drop(network.norm(network.emb(batch.token_ids).mean(dim=1))))

    def judge(self, outputs: Tensor, batch: Any) -> tuple[Tensor, Tensor]:
        return self.network.disc(outputs), self.network.disc(batch.mels.mean(dim=1))

    def discriminator_losses(self, judgement: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        fake, real = judgement
        return {"loss": (fake**2).mean() + ((1 - real) ** 2).mean()}

    def generator_losses(self, outputs: Tensor, batch: Any, judgement: Any) -> dict[str, Tensor]:
        l1 = (outputs - batch.mels.mean(dim=1)).abs().mean()
        return {"loss": l1 if judgement is None else l1 + ((1 - judgement[0]) ** 2).mean(), "l1": l1}

    def seconds(self, batch: Any) -> float:
        return 9.5


@pytest.fixture
def run_job(tmp_path, monkeypatch):
    """Fits a job of the task, with limits, a run to resume, and config fields; gives the task and the result."""

    def run(job_fields: dict[str, Any], task: type[Task] = Task, **fields: Any) -> tuple[Task, Any]:
        made: list[Task] = []
        monkeypatch.setattr(run_module, "make_task", lambda *given: made.append(task(*given)) or made[0])
        config = TINY["tiny_config"](tmp_path, **{"epochs": 2, **FIELDS, **fields})
        torch.manual_seed(5)
        job = TINY["tiny_job"](config, restored=True)
        limits = {name: value for name, value in job_fields.items() if name != "resumes"}
        resumes = job_fields.get("resumes")
        result = fit(replace(job, network=Network(), resumes=resumes, limits=replace(job.limits, **limits)))
        return made[0], result

    return run


BOTH, LONGEST = (DISCRIMINATOR, GENERATOR), 24


def test_while_the_discriminator_learns_alone_all_parts_are_tried_over_the_longest_clips(run_job, caplog):
    task, result = run_job({"discriminator_warm_up": 3})
    assert task.passes[:2] == [(BOTH, LONGEST), ((DISCRIMINATOR,), LONGEST)]
    assert result.steps == 8
    assert "all parts learn over the 4 longest clips" in caplog.text


def test_a_run_whose_first_step_is_the_greatest_needs_no_trial(run_job):
    task, _ = run_job({}, run_eval=False)
    assert [parts for parts, _ in task.passes] == [BOTH] * 8


def test_a_generator_that_learns_alone_at_first_is_tried_with_its_discriminator(run_job):
    task, _ = run_job({}, steps_to_start_discriminator=4, run_eval=False)
    assert [parts for parts, _ in task.passes] == [BOTH, *[(GENERATOR,)] * 4, *[BOTH] * 4]


def test_batches_that_add_up_are_tried_with_the_gradients_of_those_before(run_job):
    task, _ = run_job({"discriminator_warm_up": 1, "grad_accum_steps": 4})
    assert [parts for parts, _ in task.passes[:3]] == [BOTH, BOTH, (DISCRIMINATOR,)]


def test_drawn_clips_are_tried_as_the_longest_may_come_at_any_time(run_job):
    task, _ = run_job({}, use_length_weighted_sampler=True, run_eval=False)
    assert len(task.passes) == 9
    assert task.passes[0] == (BOTH, LONGEST)


def test_nothing_of_it_remains(run_job, monkeypatch):
    tried, result = run_job({"discriminator_warm_up": 3})
    monkeypatch.setattr(run_module, "rehearse_if_needed", lambda run: None)
    untried, plain = run_job({"discriminator_warm_up": 3})

    assert len(tried.passes) == len(untried.passes) + 1
    for name, tensor in untried.state_dict().items():
        assert torch.equal(tensor, tried.state_dict()[name]), name
    assert result.eval_losses == plain.eval_losses


def test_memory_that_does_not_suffice_for_a_later_step_is_told_before_the_first(run_job):
    class Hungry(Task):
        def run_network(self, batch: Any) -> Tensor:
            if torch.is_grad_enabled():
                raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
            return super().run_network(batch)

    with pytest.raises(UserError, match=r"Before step 1: .*4 clips of up to 9\.5 s.*--coqpit\.batch_size"):
        run_job({"discriminator_warm_up": 3}, Hungry)


@pytest.mark.parametrize(
    ("optimizer", "options", "moments"),
    [("RAdam", {}, 2), ("AdamW", {}, 2), ("SGD", {"momentum": 0.9}, 1), ("SGD", {}, 0)],
)
def test_room_is_taken_for_the_moments_that_an_optimizer_will_keep(optimizer, options, moments):
    weights = [torch.nn.Parameter(torch.ones(2, 3)), torch.nn.Parameter(torch.ones(4))]
    made = getattr(torch.optim, optimizer)(weights, lr=0.1, **options)
    assert sum(tensor.numel() for tensor in room_for_moments([made])) == moments * 10
    weights[0].grad = torch.ones(2, 3)
    made.step()
    assert sum(tensor.numel() for tensor in room_for_moments([made])) == moments * 4


def test_a_run_that_is_resumed_while_the_discriminator_learns_alone_is_tried_again(run_job):
    _, result = run_job({"discriminator_warm_up": 5, "max_steps": 2})
    task, _ = run_job({"discriminator_warm_up": 5, "resumes": open_run(result.folder), "max_steps": 4})
    assert [parts for parts, _ in task.passes[:3]] == [BOTH, (DISCRIMINATOR,), (DISCRIMINATOR,)]

    at_its_end, _ = run_job({"discriminator_warm_up": 5, "resumes": open_run(result.folder), "max_steps": 4})
    assert at_its_end.passes == []

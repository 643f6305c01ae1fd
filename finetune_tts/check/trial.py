"""A few steps before the run: do they work, does the longest batch fit into memory, how long will the run take?"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from finetune_tts.check.memory_plans import PlannedMemory
from finetune_tts.checkpoints.writing import estimate_run_bytes
from finetune_tts.data.segments import SegmentDataset
from finetune_tts.data.training_data import TrainingData
from finetune_tts.errors import UserError
from finetune_tts.families.building import make_task
from finetune_tts.files import expanded
from finetune_tts.machine.distributed import World
from finetune_tts.machine.memory import available_memory, bounded_memory, is_out_of_memory, peak_memory
from finetune_tts.machine.precision import allow_fast_matrix_products
from finetune_tts.machine.seeds import seed_everything
from finetune_tts.tasks.adversarial import AdversarialTask
from finetune_tts.training.loop import TrainingLoop
from finetune_tts.training.rehearsal import room_for_moments
from finetune_tts.training.run import TrainingJob, checkpoints_kept, loader_of, settings_of

logger = logging.getLogger(__name__)

Plan = Callable[[Any, int], tuple[PlannedMemory, ...]]
"""``(the longest batch, batches of a step) → what ways to train it take of memory``."""
MEASURED_STEPS = 3
LONG_STEP = 20.0
"""Seconds: where the longest batch takes more, it is the only one that is tried."""


@dataclass(frozen=True)
class Trial:
    """What a few steps told.

    Attributes:
        steps, epochs: of the whole run.
        step_seconds: of one step on average, from ``measured_steps`` steps.
        measured_steps: 0 where none worked.
        run_seconds: of the whole run, with its evaluations.
        asked_batch_size: clips of the longest batch of the run.
        batch_size: how many of them fit into memory; 0 where not even one does.
        longest_seconds: of the longest clip.
        peak_bytes: of memory in the longest batch; None where it cannot be told.
        memory_bytes: that there were for it; None where it cannot be told.
        checkpoint_bytes: of disk that the run's weights take at most.
        feature_bytes: of disk that the features of all recordings take.
        losses: of the steps.
        non_finite: steps that had no finite loss or gradient.
        auto_batch: the run itself finds how many fit.
        fault: why no step worked, apart from memory.
        plans: what other ways to train would take of memory, where a family offers such.
    """

    steps: int
    epochs: int
    step_seconds: float
    measured_steps: int
    run_seconds: float
    asked_batch_size: int
    batch_size: int
    longest_seconds: float
    peak_bytes: int | None
    memory_bytes: int | None
    checkpoint_bytes: int
    feature_bytes: int
    losses: dict[str, float]
    non_finite: int
    auto_batch: bool = False
    fault: str = ""
    plans: tuple[PlannedMemory, ...] = ()


def try_steps(
    job: TrainingJob, durations: Mapping[Path, float], long_step: float = LONG_STEP, plan: Plan | None = None
) -> Trial:
    """Make some steps of a run, without its folder. The weights of ``job`` are not those of before afterwards.

    The longest batch comes first, as in the run; where it does not fit, half of it is tried, and so on. Memory is taken
    up in it that later steps have less: for what the optimizer keeps, and, where several batches make a step, for their
    gradients. Then batches of small, middle and great length are timed.

    Args:
        job: of the run.
        durations: of the recordings, in seconds.
        long_step: where the longest batch takes more seconds than that, no other is tried.
        plan: tells what other ways to train would take.

    Raises:
        UserError: a recording cannot be read, or a setting does not fit.
    """
    trial = _Trial(job, durations)
    with bounded_memory(job.device):
        try:
            trial.run(long_step)
        except UserError:
            raise
        except (RuntimeError, ValueError) as error:
            trial.fault = (str(error).strip() or type(error).__name__).splitlines()[0]
    plans = () if plan is None or trial.fault else trial.planned(plan)
    return replace(trial.result(), plans=plans)


class _Trial:
    def __init__(self, job: TrainingJob, durations: Mapping[Path, float]) -> None:
        config: Any = job.config
        # The steps of one process tell enough; the others are not there to average with.
        settings = replace(settings_of(job), world=World())
        allow_fast_matrix_products(config, settings.chosen)
        seed_everything(config.training_seed)
        self.job = job
        seconds = item_seconds(job.train_data, durations, config)
        eval_seconds = item_seconds(job.eval_data, durations, config) if job.eval_data is not None else []
        self.seconds = np.asarray(seconds)
        self.eval_seconds = np.asarray(eval_seconds)
        samples = [*job.train_data.samples, *(job.eval_data.samples if job.eval_data is not None else ())]
        self.all_seconds = sum(durations[sample.audio_file] for sample in samples)
        self.task = make_task(job.network.to(job.device), config)
        self.loader = loader_of(job, job.train_data, training=True, lengths=_in_frames(seconds, config))
        held_out = None
        if job.eval_data is not None:
            held_out = loader_of(job, job.eval_data, training=False, lengths=_in_frames(eval_seconds, config))
        self.held_out = held_out
        folder = expanded(config.output_path)
        self.loop = TrainingLoop(self.task, config, folder, self.loader, held_out, settings)
        self.batches = self.loader.batch_sampler.batches(0)
        self.memory = available_memory(job.device)
        self.peak: int | None = None
        self.batch_size = 0
        self.step_times: list[float] = []
        self.eval_time = 0.0
        self.fault = ""
        self.bytes, self.bytes_of = 0, 0.0
        # A step in which all parts learn takes longest.
        self.number = self.task.steps_before_discriminator() if isinstance(self.task, AdversarialTask) else 0

    def run(self, long_step: float) -> None:
        longest = self.batches[0]
        logger.info("Trying a step over the %d longest clips on %s.", len(longest), self.job.device)
        if not self.job.restored and self.job.resumes is None:
            batch = self._batch(self.job.train_data, longest).to(self.job.device)
            self.task.prepare_fresh_network(iter([batch]))
        time_of_longest = self._try_longest(longest)
        if time_of_longest is None:
            return
        self.peak = peak_memory(self.job.device)
        if time_of_longest > long_step:
            # A bound from above: no batch of the run takes longer.
            self.step_times = [time_of_longest]
            return
        logger.info("It took %.2g s. Timing %d steps more.", time_of_longest, MEASURED_STEPS)
        for batch in self._typical(self.batches, self.seconds)[:MEASURED_STEPS]:
            self.step_times.append(self._step(batch[: self.batch_size]))
        if self.held_out is not None and self.job.eval_data is not None and self.loop.eval_loader is not None:
            batches = self.held_out.batch_sampler.batches(0)
            self.eval_time = self._evaluate(self._typical(batches, self.eval_seconds)[0])

    def _try_longest(self, longest: list[int]) -> float | None:
        """Seconds of the step over the longest batch, or over the part of it that fits."""
        size = len(longest)
        while size >= 1:
            try:
                with self._later_memory():
                    taken = self._step(longest[:size], self.passes)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            else:
                self.batch_size = size
                return taken
            self.task.zero_grad(set_to_none=True)
            if self.job.device.type == "cuda":
                torch.cuda.empty_cache()
            size //= 2
        return None

    @property
    def passes(self) -> int:
        """Batches of a step, as far as they matter for memory."""
        return min(self.loop.settings.grad_accum_steps, 2)

    @contextmanager
    def _later_memory(self) -> Iterator[None]:
        """Take up the memory, until the optimizers step, of what they are going to keep from there on."""
        room = room_for_moments(self.loop.optimizers)
        for tensor in room:  # memory that nobody writes to is none
            tensor.zero_()
        hooks = [optimizer.register_step_pre_hook(lambda *_: room.clear()) for optimizer in self.loop.optimizers]
        try:
            yield
        finally:
            room.clear()
            for hook in hooks:
                hook.remove()

    def _step(self, indices: list[int], passes: int = 1) -> float:
        """Seconds of a step, for each of its batches."""
        batch = self.loop.format_batch(self._batch(self.job.train_data, indices))
        with _timed(self.job.device) as timing:
            self.number += 1
            self.loop.stepper.step(self.number, [batch] * passes)
        return timing[0] / passes

    def planned(self, plan: Plan) -> tuple[PlannedMemory, ...]:
        """What ways to train take of memory, over the longest batch, or as much of it as fits."""
        clips = self.batches[0][: max(1, self.batch_size)]
        return plan(self._batch(self.job.train_data, clips), self.passes)

    @torch.no_grad()
    def _evaluate(self, indices: list[int]) -> float:
        assert self.job.eval_data is not None
        batch = self.loop.format_batch(self._batch(self.job.eval_data, indices))
        self.task.eval()
        with _timed(self.job.device) as timing, self.loop.settings.precision.autocast():
            self.task.held_out_losses(batch)
        self.task.train()
        return timing[0]

    def _batch(self, data: TrainingData, indices: Sequence[int]) -> Any:
        items = [data[index] for index in indices]
        self.bytes += sum(map(_array_bytes, items))
        lengths = self.seconds if data is self.job.train_data else self.eval_seconds
        self.bytes_of += float(lengths[list(indices)].sum())
        return data.collate(items)

    @staticmethod
    def _typical(batches: Sequence[list[int]], seconds: np.ndarray) -> list[list[int]]:
        """Batches of middle, small and great length, each standing for a third of all."""
        ordered = sorted(batches, key=lambda batch: float(seconds[batch].max()))
        return [ordered[int(len(ordered) * share)] for share in (3 / 6, 1 / 6, 5 / 6)]

    def result(self) -> Trial:
        run = self.loop
        run.meter.collect()
        run.stepper.guard.report()
        step = float(np.mean(self.step_times)) * run.settings.grad_accum_steps if self.step_times else 0.0
        limit = self.job.limits.time_limit or math.inf
        every = self.job.config.run_eval_steps or run.steps_per_epoch
        looks = max(1, run.total_steps // max(every, 1))
        eval_batches = len(self.held_out) if self.held_out is not None else 0
        rate = self.bytes / self.bytes_of if self.bytes_of else 0.0
        return Trial(
            steps=run.total_steps,
            epochs=math.ceil(run.total_steps / max(run.steps_per_epoch, 1)),
            step_seconds=step,
            measured_steps=len(self.step_times),
            run_seconds=min(step * run.total_steps + self.eval_time * eval_batches * looks, limit),
            asked_batch_size=len(self.batches[0]),
            batch_size=self.batch_size,
            longest_seconds=float(self.seconds.max()),
            peak_bytes=self.peak,
            memory_bytes=self.memory,
            checkpoint_bytes=estimate_run_bytes(self.task.network, kept=checkpoints_kept(run)),
            feature_bytes=round(rate * self.all_seconds),
            losses=run.meter.since_print.means(),
            non_finite=run.stepper.guard.skipped,
            auto_batch=self.job.limits.auto_batch,
            fault=self.fault,
        )


def item_seconds(data: TrainingData, durations: Mapping[Path, float], config: Any) -> list[float]:
    """Length of each item in seconds, about, without computing any feature.

    Args:
        data: whole recordings, or segments of them.
        durations: of the recordings.
        config: with the hop and the rate of the spectrograms.
    """
    if isinstance(data, SegmentDataset):  # which are all of one length
        return [frames * config.audio.hop_length / config.audio.sample_rate for frames in data.mel_lengths()]
    return [durations[sample.audio_file] for sample in data.samples]


def _in_frames(seconds: Sequence[float], config: Any) -> list[int]:
    rate = config.audio.sample_rate / config.audio.hop_length
    return [max(1, round(rate * length)) for length in seconds]


def _array_bytes(item: Any) -> int:
    arrays = (getattr(item, field.name) for field in fields(item))
    return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))


@contextmanager
def _timed(device: torch.device) -> Iterator[list[float]]:
    """Time what is done, on the device to its end."""
    taken: list[float] = []
    _wait(device)
    start = time.perf_counter()
    yield taken
    _wait(device)
    taken.append(time.perf_counter() - start)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()

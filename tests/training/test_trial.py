"""Steps that are tried before a run tell whether it works, fits, and how long it takes."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from finetune_tts.check import trial
from finetune_tts.check.trial import try_steps
from finetune_tts.data.sample import Sample
from finetune_tts.families.family import Family, Implementation
from finetune_tts.families.registry import ENTRIES, FINE_TUNE, Entry
from finetune_tts.machine.distributed import World
from finetune_tts.machine.memory import available_memory, bounded_memory, peak_memory
from finetune_tts.training.run import TrainingJob
from finetune_tts.training.settings import RunLimits

CPU = torch.device("cpu")


@pytest.fixture
def make_job(tiny_config, tiny_task, tiny_data, tiny_network, monkeypatch, tmp_path) -> Callable[..., TrainingJob]:
    def make(task=tiny_task, clips=22, eval_clips=6, restored=True, **fields) -> TrainingJob:
        config = tiny_config(output_path=str(tmp_path / "output"), **fields)
        family = Family("tiny", type(config), lambda: Implementation(task=task))
        monkeypatch.setitem(ENTRIES, "tiny", Entry(FINE_TUNE, lambda: family))
        eval_data = tiny_data(eval_clips) if eval_clips else None
        return TrainingJob(config, tiny_network(), tiny_data(clips), eval_data, CPU, restored)

    return make


def tried(job: TrainingJob, **options: float) -> trial.Trial:
    """Try steps of clips that last as many seconds as they have frames."""
    durations = {}
    for which, data in (("train", job.train_data), ("eval", job.eval_data)):
        if data is not None:
            data.samples = [Sample("", Path(which, item.name), "", "", item.name) for item in data.items]
            durations |= dict(zip((s.audio_file for s in data.samples), map(float, data.mel_lengths()), strict=True))
    return try_steps(job, durations, **options)


def test_the_whole_run_is_estimated_from_three_steps(make_job, tmp_path):
    found = tried(make_job(epochs=5))
    assert found.measured_steps == 3
    assert (found.steps, found.epochs) == (5 * 6, 5)  # 22 clips in batches of 4
    assert found.run_seconds >= found.steps * found.step_seconds > 0
    assert found.asked_batch_size == found.batch_size == 4
    assert found.longest_seconds == 19
    assert found.non_finite == 0
    assert {"loss", "error"} <= found.losses.keys()
    assert found.checkpoint_bytes > 0
    assert found.feature_bytes > 0
    assert not (tmp_path / "output").exists()


def test_the_longest_clips_come_first(make_job, tiny_task):
    lengths = []

    class Watching(tiny_task):
        def run_network(self, batch):
            lengths.append(int(batch.mel_lengths.max()))
            return super().run_network(batch)

    job = make_job(Watching)
    tried(job)
    assert lengths[0] == max(job.train_data.mel_lengths())
    assert lengths[2] < lengths[1] <= lengths[3]


@pytest.mark.parametrize("limit", [2, 3])
def test_a_batch_that_does_not_fit_is_halved_until_it_does(make_job, tiny_task, limit):
    class Hungry(tiny_task):
        def run_network(self, batch):
            if len(batch) > limit:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 10 bytes.")
            return super().run_network(batch)

    found = tried(make_job(Hungry, eval_clips=None))
    assert found.asked_batch_size == 4
    assert found.batch_size == 2
    assert found.measured_steps == 3


def test_a_model_that_fits_with_no_batch_is_told(make_job, tiny_task):
    class Huge(tiny_task):
        def run_network(self, batch):
            raise MemoryError

    found = tried(make_job(Huge))
    assert (found.batch_size, found.measured_steps, found.fault) == (0, 0, "")


def test_a_step_that_fails_is_told_in_its_own_words(make_job, tiny_task):
    class Broken(tiny_task):
        def run_network(self, batch):
            raise RuntimeError("no kernel image is available\nfor this device")

    found = tried(make_job(Broken))
    assert found.fault == "no kernel image is available"


def test_a_loss_that_is_no_number_is_told(make_job, tiny_task):
    class Poisoned(tiny_task):
        def losses(self, outputs, batch):
            return {name: loss * float("nan") for name, loss in super().losses(outputs, batch).items()}

    assert tried(make_job(Poisoned)).non_finite == 4


def test_very_slow_steps_are_not_repeated(make_job):
    assert tried(make_job(), long_step=0.0).measured_steps == 1


def test_a_fresh_network_is_prepared(make_job, tiny_task):
    prepared = []

    class Fresh(tiny_task):
        def prepare_fresh_network(self, batches):
            prepared.extend(len(batch) for batch in batches)

    tried(make_job(Fresh, restored=False))
    assert prepared == [4]


def test_two_clips_are_enough(make_job):
    found = tried(make_job(clips=2, eval_clips=None))
    assert (found.steps, found.batch_size, found.measured_steps) == (3, 2, 3)


def test_a_network_that_cannot_take_the_batch_says_so(make_job):
    assert "more than 1 value per channel" in tried(make_job(clips=1, eval_clips=None)).fault


def test_memory_can_be_told_and_bounded():
    assert peak_memory(CPU) > 2**20
    available = available_memory(CPU)
    assert available > 0
    if sys.platform != "linux":
        pytest.skip("no other system ends a process that asks for too much")
    with bounded_memory(CPU), pytest.raises(RuntimeError, match="allocate memory"):
        torch.empty(available + 2**33, dtype=torch.uint8)
    assert torch.zeros(2**20, dtype=torch.uint8).sum() == 0


def test_under_a_launcher_one_process_tells_for_all(make_job):
    found = tried(replace(make_job(epochs=2), world=World(rank=0, size=2, local_rank=0)))
    assert (found.steps, found.measured_steps, found.batch_size) == (2 * 3, 3, 4)


def test_a_run_takes_no_longer_than_its_limit(make_job):
    assert tried(replace(make_job(epochs=10**6), limits=RunLimits(time_limit=60.0))).run_seconds == 60


def test_the_memory_of_a_gpu_is_what_is_free_and_what_torch_holds_without_using_it(monkeypatch):
    gpu = torch.device("cuda", 0)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 5000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 300)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 100)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: 400)
    assert available_memory(gpu) == 1200
    assert peak_memory(gpu) == 400
    with bounded_memory(gpu):
        pass


def test_a_container_leaves_what_it_does_not_use(monkeypatch, tmp_path):
    values = {"memory.max": "1000000", "memory.current": "600000", "memory.stat": "anon 1\ninactive_file 100000\n"}
    for name, value in values.items():
        (tmp_path / name).write_text(value)
    monkeypatch.setattr("finetune_tts.machine.memory._CONTROL_GROUP", tmp_path)
    monkeypatch.setattr("finetune_tts.machine.memory._SPARE", 0)
    assert available_memory(CPU) == 500_000
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory(CPU) > 500_000

"""A tiny run in several processes, for tests: ``python several_processes.py COUNT WHAT FOLDER``.

The processes are forked, so that torch is imported once. ``FOLDER/<rank>.out`` and ``.err`` take what each says, and
standard output the exit statuses by rank. WHAT is ``train``, ``resume``, ``gradients`` (see gradient_cases.py), or
something that goes wrong in one of them.
"""

import errno
import itertools
import json
import os
import runpy
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from finetune_tts.assembly.assembly import assemble
from finetune_tts.assembly.request import Request
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.cli.program import run_program
from finetune_tts.families.family import Sizes
from finetune_tts.families.glow_tts.task import GlowTTSTask
from finetune_tts.families.loading import config_from_dict
from finetune_tts.families.xtts.building import DecoderSizes, build_xtts
from finetune_tts.machine.distributed import world_from_environment
from finetune_tts.machine.gradients import own_part
from finetune_tts.runs.history import History
from finetune_tts.training.run import TrainingJob, fit, open_run
from finetune_tts.training.settings import RunLimits
from finetune_tts.training.step import Stepper

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_run.py")))
CASES = runpy.run_path(str(Path(__file__).with_name("gradient_cases.py"))) if "gradients" in sys.argv else {}
PATIENCE = 100.0
"""Seconds after which a process that has not ended counts as one that never will."""


def at_step(number: int, rank: int, action: Callable[[], None]) -> None:
    """Do something in one process when it is about to make a step."""
    step = Stepper.step

    def watched(self: Stepper, at: int, batches: list[Any]) -> None:
        if at == number and os.environ["RANK"] == str(rank):
            action()
        step(self, at, batches)

    Stepper.step = watched


def disk_runs_full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "history.jsonl")


def memory_runs_out() -> None:
    raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def something_odd() -> None:
    raise TypeError("something odd")


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def be_stopped() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def drift(by: float) -> None:
    """Let what this process loses rise or fall from step to step, without a change of any gradient."""
    losses, calls = GlowTTSTask.losses, itertools.count()

    def drifting(self: GlowTTSTask, outputs: Any, batch: Any) -> dict[str, torch.Tensor]:
        found = losses(self, outputs, batch)
        return {**found, "loss": found["loss"] + by * next(calls)}

    GlowTTSTask.losses = drifting


def assemble_and_train(folder: Path) -> None:
    """The whole way from recordings on, with the recordings counted that this process decodes."""
    decoded = []
    load = SpectrogramExtractor.load
    SpectrogramExtractor.load = lambda self, path: (decoded.append(path), load(self, path))[1]
    audio = {"sample_rate": 8000, "fft_size": 256, "win_length": 256, "hop_length": 64, "num_mels": TINY["MELS"],
             "mel_fmax": 4000.0, "do_trim_silence": False}  # fmt: skip
    config = TINY["tiny_config"](folder / "output", epochs=1, mixed_precision=False)
    config = config_from_dict({
        **config.to_dict(), "audio": audio, "characters": {"pad": "_", "characters": "abcdefgh", "punctuations": " ."},
        "datasets": [{"formatter": "auto", "path": str(folder / "recordings")}],
    })  # fmt: skip
    result = fit(assemble(Request(config)).job)
    print(f"decoded {len(decoded)} best {result.best_loss}", flush=True)


class SpokenClips(TINY["Clips"]):
    """Clips with a waveform and its codes."""

    def __init__(self, clips: int, seed: int = 0) -> None:
        super().__init__(clips, seed)
        random = np.random.default_rng(seed)
        for place, item in enumerate(self.items):
            count = int(random.integers(4, 9))
            codes, waveform = random.integers(0, 64, size=count), random.normal(size=1024 * count)
            mel = np.zeros((0, 4 * count), np.float32)
            self.items[place] = replace(item, codes=codes, waveform=waveform.astype(np.float32), mel=mel)


def train_xtts(what: str, folder: Path) -> None:
    """Train a tiny XTTS: ``xtts-WORD-WORD``, where ``shard`` shares it out and ``resume`` resumes it."""
    values = json.loads((Path(__file__).parents[1] / "families" / "tiny" / "xtts.json").read_text())
    values |= {"output_path": str(folder / "output"), "epochs": 4, "save_step": 2, "print_step": 1, "lr": 0.01,
               "grad_clip": 1.0, "optimizer_params": {"eps": 1e-3}, "shard": "shard" in what,
               "batch_size": 2 if "accumulate" in what else 4,
               "test_sentences": [["a bad egg.", None, None, "en"]]}  # fmt: skip
    values["model_args"] |= {"gpt_layers": 2}
    config: Any = config_from_dict(values, quiet=True)
    resumes = None
    if "resume" in what:
        (log,) = (folder / "output").glob("*/trainer_0_log.txt")
        resumes = open_run(log.parent)
        config = resumes.config
    torch.manual_seed(1)
    small = DecoderSizes(channels=16, encoder_layers=(1, 1, 1, 1), encoder_filters=(8, 8, 8, 8))
    network = build_xtts(config, Sizes(44), for_training=True, decoder_sizes=small)
    spoken: list[float] = []

    def speak(heard: torch.nn.Module, sentence: Any) -> Any:
        assert not heard.training
        spoken.append(sum(float(weight.double().sum()) for weight in heard.parameters()))
        raise ValueError("that is all")

    if "killed" in what:
        at_step(2, 1, be_killed)
    job = TrainingJob(
        config=config, network=network, train_data=SpokenClips(8), eval_data=SpokenClips(4, 1), speak=speak,
        device=torch.device("cpu"), restored=False, world=world_from_environment(), resumes=resumes,
        limits=RunLimits(grad_accum_steps=2 if "accumulate" in what else None),
    )  # fmt: skip
    result = fit(job)
    numbers = sum(own_part(weight).numel() for weight in network.parameters())
    print(f"numbers {numbers} loss {result.best_loss} spoken {spoken}", flush=True)


def train(what: str, folder: Path) -> None:
    if what == "assemble":
        assemble_and_train(folder)
        return
    if what == "gradients":
        print(json.dumps(CASES["facts"](world_from_environment())), flush=True)
        return
    if what.startswith("xtts"):
        train_xtts(what, folder)
        return
    rank = int(os.environ["RANK"])
    fields: dict[str, Any] = {"epochs": 4}
    if what == "disk":
        History.add = lambda self, entry: disk_runs_full()  # the main process alone has a history
    elif what == "memory":
        at_step(3, 1, memory_runs_out)
    elif what == "odd":
        at_step(3, 1, something_odd)
    elif what == "killed":
        at_step(3, 1, be_killed)
    elif what in ("stopped", "one_stopped"):
        at_step(3, rank if what == "stopped" else 1, be_stopped)
    elif what == "no_eval":
        fields["run_eval"] = False
        drift(-10.0 if rank == 0 else 9.0)
    config, resumes = TINY["tiny_config"](folder / "output", **fields), None
    if what == "resume":
        (log,) = (folder / "output").glob("*/trainer_0_log.txt")
        resumes = open_run(log.parent)
        config = resumes.config
    job = TINY["tiny_job"](config, world=world_from_environment(), resumes=resumes)
    if what == "nan" and rank == 1:
        for item in job.train_data.items:
            if item.name == "clip0_2":
                item.mel[:] = np.nan
    result = fit(job)
    print(f"digest {TINY['digest'](job.network)} best {result.best_loss}", flush=True)


def main() -> int:
    count, what, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    torch.set_num_threads(1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    children = {}
    for rank in range(count):
        child = os.fork()
        if child:
            children[child] = rank
            continue
        for descriptor, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(folder / f"{rank}.{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
        os.environ |= {
            "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count),
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
        }  # fmt: skip
        os._exit(run_program(lambda words: train(what, folder), []))
    deadline = time.monotonic() + PATIENCE
    statuses: dict[int, int] = {}
    while children:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child:
            statuses[children.pop(child)] = os.waitstatus_to_exitcode(status)
        elif time.monotonic() > deadline:
            for left in children:
                os.kill(left, signal.SIGKILL)
            deadline += PATIENCE
        else:
            time.sleep(0.02)
    print(*(statuses[rank] for rank in range(count)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

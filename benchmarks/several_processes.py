"""How fast are two processes on the CPUs of one machine, and what does it cost to average their gradients?

python benchmarks/several_processes.py                 # Glow-TTS and VITS, very small and of the usual size
python benchmarks/several_processes.py --models glow_tts --steps 10

Each process computes with one thread on batches of the same size, so that two of them see twice as many clips in a
step. Their gradients are averaged by gloo in two ways: while the backward pass computes them, as a run does
(DistributedDataParallel, one for each part), and after it in rows of up to 16 million numbers, as runs did before. All
three take turns, so that they meet the same machine; the table shows the median step, by the clock and in CPU time of
one process, which does not count what other programs do meanwhile, nor waiting.
"""

import argparse
import json
import multiprocessing
import os
import socket
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from result import Column, Result, add_save_argument, finish
from torch import Tensor, nn

import finetune_tts.training.step as stepping
from finetune_tts.data.batch import Batch
from finetune_tts.families.building import build_model, make_task
from finetune_tts.families.loading import config_from_dict
from finetune_tts.machine.distributed import World, connect
from finetune_tts.machine.gradients import back_from_row, in_rows
from finetune_tts.machine.precision import Precision
from finetune_tts.training.loss_meter import LossMeter
from finetune_tts.training.settings import TrainerSettings
from finetune_tts.training.step import Stepper, clip_norms

TINY = Path(__file__).parents[1] / "tests" / "families" / "tiny"
SYMBOLS, HOP = 12, 256
CPU = torch.device("cpu")
ALONE, DURING, AFTER = "one process", "two, averaged during the backward pass", "two, averaged after it"


class RowsAfterwards:
    """Gradients averaged when all of them are there, in the place of ``SharedGradients``."""

    def __init__(self, weights: Sequence[nn.Parameter], world: World, *, searches: bool) -> None:
        self._weights, self._world = [weight for weight in weights if weight.requires_grad], world
        self._own: list[Tensor] = []

    def backward(self, loss: Tensor, *, last: bool, alone: bool, retain_graph: bool = False) -> None:
        """Add the gradients of ``loss`` to what stands."""
        loss.backward(inputs=self._weights if alone else None, retain_graph=retain_graph)

    def take_own(self) -> Tensor:
        """Average them; a scalar that is finite if this process's own were."""
        for weight in self._weights:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        pending, own = [], []
        for row, gradients in in_rows([weight.grad for weight in self._weights if weight.grad is not None]):
            own.append(row.sum())
            pending.append((row, gradients, dist.all_reduce(row, async_op=True)))
        for row, gradients, work in pending:
            work.wait()
            back_from_row(row / self._world.size, gradients)
        return torch.stack(own).sum()


def batch(model: str, mels: int, clips: int, frames: int) -> Batch:
    """Clips of one length, a token for six frames."""
    random = torch.Generator().manual_seed(0)
    tokens = torch.randint(1, SYMBOLS, (clips, frames // 6), generator=random)
    lengths = torch.full((clips,), frames)
    waveforms = 0.1 * torch.randn(clips, 1, frames * HOP, generator=random) if model == "vits" else None
    return Batch(
        token_ids=tokens,
        token_lengths=torch.full((clips,), tokens.shape[1]),
        mels=torch.randn(clips, frames, mels, generator=random),
        mel_lengths=lengths,
        names=["clip"] * clips,
        texts=[""] * clips,
        waveforms=waveforms,
        waveform_lengths=lengths * HOP if waveforms is not None else None,
    )


def stepper_of(model: str, size: str, world: World) -> tuple[Stepper, nn.Module, Any]:
    """What makes steps, the network, and the config."""
    values = json.loads((TINY / f"{model}.json").read_text()) if size == "very small" else {"model": model}
    config: Any = config_from_dict({**values, "mixed_precision": False}, quiet=True)
    torch.manual_seed(0)
    task = make_task(build_model(config, SYMBOLS), config)
    task.train()
    found = task.get_optimizer()
    optimizers = found if isinstance(found, list) else [found]
    schedules = task.make_schedules(optimizers, restored=True, chosen=frozenset())
    settings = TrainerSettings(device=CPU, precision=Precision("cpu", torch.float32, ""), world=world)
    clips = task.gradient_clips(clip_norms(config.grad_clip, len(optimizers)))
    return Stepper(task, optimizers, schedules, clips, settings, LossMeter(CPU)), task.network, config


def measure(rank: int, size: int, port: int, args: argparse.Namespace, case: tuple[str, str, str], told: Any) -> None:
    """Seconds of each step in one process, by the clock and of the CPU; the first tells them."""
    model, extent, how = case
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    world = World(rank, rank, size, size)
    connect(world, CPU)
    if how == AFTER:
        stepping.SharedGradients = RowsAfterwards  # type: ignore[misc,assignment]
    stepper, network, config = stepper_of(model, extent, world)
    data = batch(model, config.audio.num_mels, args.clips, args.frames)
    seconds: list[tuple[float, float]] = []
    for number in range(1, args.warm_up + args.steps + 1):
        world.wait()
        began = time.perf_counter(), time.process_time()
        stepper.step(number, [data])
        seconds.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    world.wait()
    if rank == 0:
        weights = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
        told.put((weights, seconds[args.warm_up :]))
    world.wait()


def run(args: argparse.Namespace, case: tuple[str, str, str]) -> tuple[int, list[tuple[float, float]]]:
    """Weights that learn, and seconds of each step."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    told, size = context.Queue(), 1 if case[2] == ALONE else 2
    processes = [context.Process(target=measure, args=(rank, size, port, args, case, told)) for rank in range(size)]
    for process in processes:
        process.start()
    found: tuple[int, list[tuple[float, float]]] = told.get()
    for process in processes:
        process.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["glow_tts", "vits"])
    parser.add_argument("--sizes", nargs="+", default=["very small", "usual"])
    parser.add_argument("--clips", type=int, default=2)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warm_up", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    add_save_argument(parser)
    args = parser.parse_args()
    rows: list[list[Any]] = []
    for model in args.models:
        for size in args.sizes:
            times: dict[str, list[tuple[float, float]]] = {how: [] for how in (ALONE, DURING, AFTER)}
            weights = 0
            for _ in range(args.rounds):
                for how in times:
                    weights, seconds = run(args, (model, size, how))
                    times[how] += seconds
            medians = [[1e3 * statistics.median(of) for of in zip(*seconds, strict=True)] for seconds in times.values()]
            clock, cpu = zip(*medians, strict=True)
            rows.append([f"{model}, {size}", weights / 1e6, *clock, *cpu])
            print(rows[-1], flush=True)
    columns = [
        Column("network"), Column("weights", ".2f", "M"), Column(ALONE, ".0f", "ms"), Column(DURING, ".0f", "ms"),
        Column(AFTER, ".0f", "ms"), Column("CPU time: one", ".0f", "ms"), Column("during", ".0f", "ms"),
        Column("after", ".0f", "ms"),
    ]  # fmt: skip
    about = (
        "A step of one process and of two on the CPUs of one machine (gloo, a thread each), over "
        f"{args.clips} clips of {args.frames} frames in each process. The gradients are averaged while the backward "
        "pass computes them, as a run does, or after it, as runs did before. CPU time is that of one process."
    )
    finish(Result("Several processes", about, columns, rows), args.save)


if __name__ == "__main__":
    main()

"""The same training steps here and in coqui-tts, alternately: what the benchmarks against it have in common.

Each side runs in a process of its own, so that both meet the same machine and neither the other's packages; coqui-tts
is never imported here. A benchmark gives a function for each side, which makes network and optimizer as that side's
training does and returns them with a function that computes the loss of a batch; forward pass, loss, backward pass,
gradient clipping and the optimizer's step are timed, by the clock and in CPU time, which does not count what other
programs do meanwhile.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from result import Column, Result, add_save_argument, finish

CLIP = 5.0  # norm that gradients are cut to
STEP_COLUMNS = ("median step", "fastest", "slowest", "median CPU time")

#: arguments → network, its optimizer, and a function that computes the loss of the batch; or a function that makes a
#: whole step.
Side = Callable[[argparse.Namespace], tuple[Any, Any, Callable[[], Any]] | Callable[[], None]]


def make_parser(
    description: str | None, *, frames: int = 400, steps: int = 4, turns: int = 3
) -> argparse.ArgumentParser:
    """Return a parser of what all of these benchmarks take."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coqui_python", type=Path, help="Python of an environment that has coqui-tts")
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--frames", type=int, default=frames)
    parser.add_argument("--steps", type=int, default=steps, help="timed steps of a turn")
    parser.add_argument("--turns", type=int, default=turns)
    parser.add_argument("--threads", type=int, default=2)
    add_save_argument(parser)
    parser.add_argument("--side", choices=("ours", "coqui"), help=argparse.SUPPRESS)
    return parser


def run(
    parser: argparse.ArgumentParser,
    script: str,
    ours: Side,
    coqui: Side,
    *,
    title: str,
    about: str,
    words: Sequence[str] = (),
) -> None:
    """Run both sides alternately and finish with the table; or, in a process of one side, print its times.

    Args:
        parser: of :func:`make_parser`.
        script: file of the benchmark.
        ours, coqui: the sides.
        title: of the result.
        about: what a step is; the sizes of the batch are added.
        words: names of further arguments that a side has to know.
    """
    arguments = parser.parse_args()
    if arguments.side:
        measure(arguments, coqui if arguments.side == "coqui" else ours)
        return
    if not arguments.coqui_python:
        parser.error("--coqui_python is missing")
    names = ("batch_size", "frames", "steps", "threads", *words)
    shared = [f"--{name}={getattr(arguments, name)}" for name in names]
    # The other environment must not see this one's packages.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    seconds: dict[str, list[tuple[float, ...]]] = {"ours": [], "coqui": []}
    for _ in range(arguments.turns):
        for side, python, environment in (
            ("ours", sys.executable, dict(os.environ)),
            ("coqui", str(arguments.coqui_python), clean),
        ):
            command = [python, script, f"--side={side}", *shared]
            result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
            lines = [line.split() for line in result.stdout.splitlines() if line.startswith("step ")]
            seconds[side] += [tuple(map(float, words[1:])) for words in lines]
    rows: list[list[Any]] = []
    for side, name in (("ours", "finetune-tts"), ("coqui", "coqui-tts")):
        clock, cpu = zip(*seconds[side], strict=True)
        rows.append([name, statistics.median(clock), min(clock), max(clock), statistics.median(cpu)])
    ratios = [f"{theirs / ours:.2f}" for ours, theirs in ((rows[0][place], rows[1][place]) for place in (1, 4))]
    rows.append(["ratio", ratios[0], None, None, ratios[1]])
    columns = [Column(""), *(Column(name, ".2f", "s") for name in STEP_COLUMNS)]
    sizes = (
        f"Batches of {arguments.batch_size} clips of {arguments.frames} frames, float32, {arguments.threads} threads, "
        "both alternately, each in a process of its own."
    )
    finish(Result(title, f"{about} {sizes}", columns, rows), arguments.save)


def measure(arguments: argparse.Namespace, side: Side) -> None:
    """Print the seconds of each step, one a line."""
    import torch

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    if arguments.side == "ours":
        from finetune_tts.machine.malloc import keep_freed_memory

        keep_freed_memory()  # as every run on a CPU does
    made = side(arguments)
    step = plain_step(*made) if isinstance(made, tuple) else made
    for number in range(arguments.steps + 1):
        started, began = time.perf_counter(), time.process_time()
        step()
        if number:  # the first one sets things up
            print("step", time.perf_counter() - started, time.process_time() - began, flush=True)


def plain_step(network: Any, optimizer: Any, loss: Callable[[], Any]) -> Callable[[], None]:
    """Return what makes a step of a network with one optimizer."""
    import torch

    network.train()

    def step() -> None:
        value = loss()
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()

    return step


def adversarial_step(task: Any, batch: Any) -> Callable[[], None]:
    """Return what makes a step of a task with a generator and a discriminator, as a run makes it."""
    import torch

    from finetune_tts.tasks.adversarial import DISCRIMINATOR, GENERATOR

    task.train()
    optimizers = task.get_optimizer()
    weights = [[weight for group in optimizer.param_groups for weight in group["params"]] for optimizer in optimizers]

    def step() -> None:
        _, losses = task.part_losses(batch, (DISCRIMINATOR, GENERATOR))
        for part in (DISCRIMINATOR, GENERATOR):
            torch.autograd.backward(losses[part]["loss"], inputs=weights[part], retain_graph=part == DISCRIMINATOR)
        for optimizer, own in zip(optimizers, weights, strict=True):
            torch.nn.utils.clip_grad_norm_(own, CLIP)
            optimizer.step()
            optimizer.zero_grad()

    return step

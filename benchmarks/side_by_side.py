"""The same training steps here and in coqui-tts, by turns: what the benchmarks against it have in common.

Each side runs in a process of its own, so that both meet the same machine and neither the other's packages; coqui-tts
is never imported here. A benchmark gives a function for each side, which makes network and optimizer as that side's
training does and returns them with a function that computes the loss of a batch; forward pass, loss, backward pass,
gradient clipping and the optimizer's step are timed, by the clock and in time of the processor, which does not count
what other programs do meanwhile.
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

CLIP = 5.0  # norm that gradients are cut to

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
    parser.add_argument("--side", choices=("ours", "coqui"), help=argparse.SUPPRESS)
    return parser


def run(parser: argparse.ArgumentParser, script: str, ours: Side, coqui: Side, words: Sequence[str] = ()) -> None:
    """Run both sides by turns and print the table; or, in a process of one side, its times.

    Args:
        parser: of :func:`make_parser`.
        script: file of the benchmark.
        ours, coqui: the sides.
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
    print(f"{'':<14}{'median step':>12}{'fastest':>10}{'slowest':>10}{'median of the processor':>26}")
    medians = {}
    for side, times in seconds.items():
        clock, processor = zip(*times, strict=True)
        medians[side] = statistics.median(clock), statistics.median(processor)
        low, high = min(clock), max(clock)
        print(f"{side:<14}{medians[side][0]:>10.2f} s{low:>8.2f} s{high:>8.2f} s{medians[side][1]:>24.2f} s")
    ratios = [coqui_time / our_time for our_time, coqui_time in zip(*medians.values(), strict=True)]
    print(f"ratio coqui / ours: {ratios[0]:.2f} by the clock, {ratios[1]:.2f} in time of the processor")


def measure(arguments: argparse.Namespace, side: Side) -> None:
    """Print the seconds of each step, one a line."""
    import torch

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    if arguments.side == "ours":
        from finetune_tts.machine.malloc import keep_freed_memory

        keep_freed_memory()  # as every run on a processor does
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

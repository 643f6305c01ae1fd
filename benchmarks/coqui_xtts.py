"""XTTS here and in coqui-tts: does each read what the other writes, and how fast do they speak and learn?

    python benchmarks/coqui_xtts.py --coqui_python /path/to/an/environment/with/coqui-tts/bin/python
    python benchmarks/coqui_xtts.py --coqui_python ... --parts speaks --turns 5 --json results.json

Three parts, each of which can be left out:

- ``loads``: a small model with random weights (the decoder has its full size, as coqui-tts builds no other) is
  fine-tuned here for two steps, as a whole and by adapters, and coqui-tts speaks with the run folders; coqui-tts's
  trainer writes the model in its own form, with and without a pickled config, and we speak with that. Token ids and
  greedy codes have to be equal. The table shows ‖ours − theirs‖ / ‖theirs‖; the exit status is 1 where that is large.
- ``speaks``: codes a second at the size of the release (30 layers, 1,024 wide, random weights) on two threads, with the
  makers' sampling, in float32, and here with matrices of int8 too; and the seconds from codes to the waveform.
- ``learns``: seconds of a training step of two clips of 6 s at that size, and the most memory that the process took.

Each measurement has a process of its own, one at a time, in turn, so that all meet the same machine; medians are
shown, by the clock and in time of the processor, which does not count what other programs do meanwhile.
coqui-tts is never imported here.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import xtts_loading
import xtts_speed
from result import Column, Result, add_save_argument, finish

SPEAKERS = {
    "coqui-tts": ("coqui", {"kind": "float32"}),
    "ours, float32": ("ours", {"kind": "float32"}),
    "ours, int8": ("ours", {"kind": "int8"}),
}
LEARNERS = {
    "coqui-tts": ("coqui", {}),
    "ours, float32": ("ours", {"mixed_precision": False}),
    "ours, bf16": ("ours", {"mixed_precision": True}),
    "ours, bf16, adapters of rank 16": ("ours", {"mixed_precision": True, "lora_rank": 16}),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coqui_python", help="Python of an environment that has coqui-tts")
    parser.add_argument("--parts", default="loads,speaks,learns", help="of these, with commas between them")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--codes", type=int, default=150, help="that are written in each turn")
    parser.add_argument("--steps", type=int, default=3, help="that are made in each turn")
    parser.add_argument("--threads", type=int, default=2)
    add_save_argument(parser)
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        print("RESULT", json.dumps(JOBS[arguments.job["side"], arguments.job["part"]](arguments.job)))
        return 0
    if not arguments.coqui_python:
        parser.error("--coqui_python is missing")
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        for part in arguments.parts.split(","):
            result, wrong = PARTS[part](arguments, Path(folder))
            finish(result, f"{arguments.save}_{part}" if arguments.save else None)
            faults += wrong
    return 1 if faults else 0


def run_job(arguments: argparse.Namespace, side: str, **job: Any) -> dict[str, Any]:
    """Do something in a process of one side; gives what it found."""
    job = {"side": side, "threads": arguments.threads, "codes": arguments.codes, "steps": arguments.steps, **job}
    ours = side == "ours"
    # The other environment must not see this one's packages.
    environment = {key: value for key, value in os.environ.items() if ours or not key.startswith("PYTHON")}
    environment.pop("OMP_NUM_THREADS", None)
    command = [sys.executable if ours else arguments.coqui_python, __file__, "--job", json.dumps(job)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("RESULT ")]
    found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    return found


def loads(arguments: argparse.Namespace, folder: Path) -> tuple[Result, int]:
    """What each side makes of the models of the other, and how many numbers are too large."""
    run_job(arguments, "ours", part="write", folder=str(folder))
    run_job(arguments, "coqui", part="write", folder=str(folder))
    found = run_job(arguments, "ours", part="compare", folder=str(folder))
    names = tuple(xtts_loading.TOLERANCES)
    columns = [Column("model"), *(Column(name, ".1e") for name in names), Column("spoken", ".1f", "s")]
    rows = [[name, *(numbers[column] for column in names), numbers["seconds"]] for name, numbers in found.items()]
    faults = sum(not numbers[name] <= xtts_loading.TOLERANCES[name] for numbers in found.values() for name in names)
    faults += sum(not numbers["seconds"] > 0 for numbers in found.values())
    return Result("XTTS", "‖ours − theirs‖ / ‖theirs‖ for models that either program wrote.", columns, rows), faults


def measure(
    arguments: argparse.Namespace, part: str, kinds: dict[str, tuple[str, dict[str, Any]]], folder: Path
) -> dict[str, dict[str, list[float]]]:
    """Measure all kinds alternately: kind → name of a number → its values."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in kinds}
    for turn in range(arguments.turns):
        for name, (side, job) in kinds.items():
            for number, values in run_job(arguments, side, part=part, folder=str(folder), **job).items():
                found[name].setdefault(number, []).extend(values)
            print(f"turn {turn + 1}, {name}", found[name], file=sys.stderr, flush=True)
    return found


def speaks(arguments: argparse.Namespace, folder: Path) -> tuple[Result, int]:
    """How fast each side speaks."""
    found = measure(arguments, "speaks", SPEAKERS, folder)
    columns = [Column(""), Column("codes/s", ".1f"), Column("slowest", ".1f"), Column("fastest", ".1f")]
    columns += [Column("codes/s of CPU time", ".1f"), Column("first code", ".2f", "s")]
    columns += [Column("from codes to waveform", ".2f", "s")]
    rows = []
    for name, values in found.items():
        median = {number: statistics.median(numbers) for number, numbers in values.items()}
        rates = values["codes_a_second"]
        shown = ("codes_a_processor_second", "first_code_seconds", "waveform_seconds")
        rows.append([name, median["codes_a_second"], min(rates), max(rates), *(median[number] for number in shown)])
    about = "Speaking at the size of the release; 21.5 codes are a second of speech."
    return Result("XTTS: speaking", about, columns, rows), 0


def learns(arguments: argparse.Namespace, folder: Path) -> tuple[Result, int]:
    """How long a step takes on each side, and how much memory."""
    found = measure(arguments, "learns", LEARNERS, folder)
    columns = [Column(""), *(Column(name, ".2f", "s") for name in ("median step", "fastest", "slowest"))]
    columns += [Column("median CPU time", ".2f", "s"), Column("most memory", ".1f", "GB")]
    rows = []
    for name, values in found.items():
        times, processor = values["step_seconds"], statistics.median(values["step_processor_seconds"])
        rows.append([name, statistics.median(times), min(times), max(times), processor, max(values["peak_gigabytes"])])
    return Result("XTTS: a training step", "Two clips of 6 s, at the size of the release.", columns, rows), 0


PARTS = {"loads": loads, "speaks": speaks, "learns": learns}
JOBS = {
    ("ours", "write"): xtts_loading.write_ours,
    ("coqui", "write"): xtts_loading.coqui_side,
    ("ours", "compare"): xtts_loading.compare,
    ("ours", "speaks"): xtts_speed.our_speech,
    ("coqui", "speaks"): xtts_speed.coqui_speech,
    ("ours", "learns"): xtts_speed.our_steps,
    ("coqui", "learns"): xtts_speed.coqui_steps,
}

if __name__ == "__main__":
    sys.exit(main())

"""How long a run takes to begin: python benchmarks/launch.py [--rounds N] [--save]

The demo's model and recordings, their features computed before: from the command to its first step, and to the end of
a run of one step, each in a process of its own. CPU time does not count what other programs do meanwhile.
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from result import Column, Result, add_save_argument, finish

DEMO = Path(__file__).parents[1] / "finetune_tts" / "assets" / "demo"
FIRST_STEP = re.compile(r"step 1/")


def launched(folder: Path) -> tuple[float, float, float]:
    """Seconds to the first step and to the end of a run, and the CPU time of all of it."""
    command = [sys.executable, "-m", "finetune_tts.cli.finetune", "--restore_path", str(DEMO / "base")]
    command += ["--dataset_path", str(DEMO / "recordings"), "--output_path", str(folder)]
    command += ["--max_steps", "1", "--no_report", "--coqpit.print_step", "1", "--coqpit.batch_size", "8"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    first = 0.0
    for line in process.stderr:
        if FIRST_STEP.search(line) and not first:
            first = time.perf_counter() - begun
    if process.wait() != 0 or not first:
        raise SystemExit("the run failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return first, time.perf_counter() - begun, cpu


def importing(modules: str) -> float:
    """CPU time of a process that imports some modules."""
    code = f"import time; start = time.process_time(); import {modules}; print(time.process_time() - start)"
    return float(subprocess.check_output([sys.executable, "-c", code], text=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    add_save_argument(parser)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
    with tempfile.TemporaryDirectory() as name:
        launched(Path(name))
        rounds = [launched(Path(name)) for _ in range(arguments.rounds)]
    first, whole, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
    imports = [statistics.median(importing(what) for _ in range(3)) for what in ("torch", "torch, torch._dynamo")]
    rows: list[list[str | float | None]] = [
        ["to the first step", first, None],
        ["to the end of a run of one step", whole, cpu],
        ["of it: loading torch", None, imports[0]],
        ["of it: loading torch's compiler, which its optimizers import", None, imports[1] - imports[0]],
    ]
    columns = [Column("from the command"), Column("clock", ".2f", "s"), Column("CPU time", ".2f", "s")]
    about = (
        "The demo's Glow-TTS, restored, with its recordings, whose features are in the cache: check, restoring, a "
        f"step, held-out loss, test sentences, checkpoint. Medians of {arguments.rounds} runs."
    )
    finish(Result("From the command to the first step", about, columns, rows), arguments.save)


if __name__ == "__main__":
    main()

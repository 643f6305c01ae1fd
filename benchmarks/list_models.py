"""How long ``--list_models`` takes, process start included.

python benchmarks/list_models.py
python benchmarks/list_models.py --runs 20 -- tts --list_models
"""

import argparse
import statistics
import subprocess
import sys
import time

from result import Column, Result, add_save_argument, finish

DEFAULT_COMMAND = [sys.executable, "-m", "finetune_tts", "--list_models"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("command", nargs="*", default=DEFAULT_COMMAND, help="what to time, after --")
    add_save_argument(parser)
    arguments = parser.parse_args()
    seconds = [run(arguments.command) for _ in range(arguments.runs)]
    columns = [Column("runs"), *(Column(name, ".3f", "s") for name in ("fastest", "median", "slowest"))]
    rows = [[arguments.runs, min(seconds), statistics.median(seconds), max(seconds)]]
    words = ["python", *DEFAULT_COMMAND[1:]] if arguments.command == DEFAULT_COMMAND else arguments.command
    about = f"`{' '.join(words)}`, process start included."
    finish(Result("How long a list of the catalog takes", about, columns, rows), arguments.save)


def run(command: list[str]) -> float:
    """Run the command once and return its wall-clock seconds; a command that fails ends the benchmark."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

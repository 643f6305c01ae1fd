"""How long ``--list_models`` takes, process start included.

python benchmarks/list_models.py
python benchmarks/list_models.py --runs 20 -- tts --list_models
"""

import argparse
import platform
import statistics
import subprocess
import sys
import time

DEFAULT_COMMAND = [sys.executable, "-m", "finetune_tts", "--list_models"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("command", nargs="*", default=DEFAULT_COMMAND, help="what to time, after --")
    arguments = parser.parse_args()
    seconds = [run(arguments.command) for _ in range(arguments.runs)]
    print(" ".join(arguments.command))
    print(f"{platform.machine()}, Python {platform.python_version()}")
    print("| runs | fastest | median | slowest |\n| --- | --- | --- | --- |")
    figures = (min(seconds), statistics.median(seconds), max(seconds))
    print(f"| {arguments.runs} | " + " | ".join(f"{value:.3f} s" for value in figures) + " |")


def run(command: list[str]) -> float:
    """Run the command once and return its wall-clock seconds; a command that fails ends the benchmark."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

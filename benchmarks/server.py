"""Does ``tts --server`` answer everybody, how fast, and in how much memory?

    python benchmarks/server.py --requests 1000 --clients 16

The program serves the bundled model in a process of its own. Clients ask for short sentences, each the next one as soon
as it has its answer, so that as many requests wait as there are clients. An answer counts if it is a whole WAV file.
"""

import argparse
import io
import statistics
import subprocess
import sys
import time
import urllib.request
import wave
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import psutil
from result import Column, Result, add_save_argument, finish

MODEL = "tts_models/en/demo/glow-tts"
SENTENCES = ("Now it is my turn.", "Nobody came.", "The soup is hot.", "Read it again.", "It rains.", "Where is she?")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=16)
    add_save_argument(parser)
    arguments = parser.parse_args()
    words = [sys.executable, "-m", "finetune_tts.cli.speak", "--model_name", MODEL, "--server", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
        assert program.stdout is not None
        try:
            line = next(line for line in program.stdout if line.startswith("serving: "))
            rows = measure(line.split()[1], psutil.Process(program.pid), arguments.requests, arguments.clients)
        finally:
            program.terminate()
    columns = [
        Column("requests"),
        Column("answered", ",d"),
        Column("speech", ".0f", "s"),
        Column("time", ".0f", "s"),
        Column("median latency", ".2f", "s"),
        Column("95th percentile", ".2f", "s"),
        Column("memory after", ".0f", "MB"),
    ]
    about = (
        f"`tts --server` with the bundled model and {arguments.clients} clients, each of which asks for a short "
        "sentence as soon as it has the one before. Requests are worked on one after the other, so that each waits for "
        "those of all other clients."
    )
    finish(Result("A server under load", about, columns, rows), arguments.save)


def measure(address: str, process: psutil.Process, requests: int, clients: int) -> list[list[str | float | int]]:
    """A row for the first fifth of the requests, and one for the others."""
    rows: list[list[str | float | int]] = []
    first = requests // 5
    with ThreadPoolExecutor(clients) as pool:
        for start, end in ((0, first), (first, requests)):
            began = time.perf_counter()
            answers = list(pool.map(lambda number: ask(address, number), range(start, end)))
            spent = time.perf_counter() - began
            latencies = sorted(seconds for seconds, _ in answers)
            spoken = [length for _, length in answers if length]
            late = latencies[int(0.95 * len(latencies))]
            memory = process.memory_info().rss / 1e6
            name = f"{start + 1:,} to {end:,}"
            rows.append([name, len(spoken), sum(spoken), spent, statistics.median(latencies), late, memory])
    return rows


def ask(address: str, number: int) -> tuple[float, float]:
    """Seconds until the answer was there, and how long it lasts; 0 for one that is no speech."""
    started = time.perf_counter()
    text = quote(SENTENCES[number % len(SENTENCES)])
    try:
        with urllib.request.urlopen(f"{address}api/tts?text={text}", timeout=600) as answer:
            content = answer.read()
        with wave.open(io.BytesIO(content)) as file:
            length = file.getnframes() / file.getframerate()
    except (OSError, EOFError, wave.Error):
        length = 0.0
    return time.perf_counter() - started, length


if __name__ == "__main__":
    main()

"""How fast does a full-size VITS speak on this machine?

    python benchmarks/vits_speech.py --threads 2

A network of the defaults of VitsConfig (fresh weights; how long speaking takes does not depend on them) speaks 150
symbols of given durations, five seconds in all, as a loaded voice does: in float32 on the CPU, with its weight norms
folded. The table shows the median of some sentences and its real-time factor (below 1 is faster than listening), and
the CPU time, all cores together, which does not count what other programs do meanwhile.
"""

import argparse
import statistics
import time

import torch
from result import Column, Result, add_save_argument, finish

from finetune_tts.families.building import build_model
from finetune_tts.families.vits.config import VitsConfig

SYMBOLS, TOKENS, SECONDS = 100, 150, 5.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sentences", type=int, default=5)
    add_save_argument(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    config = VitsConfig()
    network = build_model(config, SYMBOLS, for_training=False).eval()
    frames = round(SECONDS * config.audio.sample_rate / config.audio.hop_length)
    durations = torch.full((1, TOKENS), float(frames // TOKENS))
    durations[:, : frames % TOKENS] += 1
    ids = torch.randint(0, SYMBOLS, (1, TOKENS))
    rows = []
    for kind in ("weight norms as trained", "weight norms folded"):
        if kind == "weight norms folded":
            network.prepare_for_inference()
        seconds = []
        for number in range(arguments.sentences + 1):
            started, began = time.perf_counter(), time.process_time()
            with torch.inference_mode():
                network.inference(ids, torch.tensor([TOKENS]), durations=durations)
            if number:  # the first one sets things up
                seconds.append((time.perf_counter() - started, time.process_time() - began))
        clock, cpu = (statistics.median(times) for times in zip(*seconds, strict=True))
        rows.append([kind, clock, clock / SECONDS, cpu])
    columns = [
        Column(""),
        Column(f"{SECONDS:g} s of speech", ".2f", "s"),
        Column("real-time factor", ".2f"),
        Column("CPU time", ".2f", "s"),
    ]
    about = (
        f"A network of full size, float32, {arguments.threads} threads; the median of {arguments.sentences} sentences."
    )
    finish(Result("How fast VITS synthesises", about, columns, rows), arguments.save)


if __name__ == "__main__":
    main()

"""How fast vocoders generate: python benchmarks/vocoder_speed.py [--seconds 5] [--threads 2] [NAME ...]

Networks of the released shapes with fresh weights, which take as long as trained ones. Prints the elapsed and the CPU
time for a second of speech at 22,050 Hz.
"""

import argparse
import time

import numpy as np
import torch
from result import Column, Result, add_save_argument, finish

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import vocoder_config_from_dict
from finetune_tts.synthesis.vocoder import Vocoder

V2 = {
    "upsample_factors": [8, 8, 2, 2], "upsample_kernel_sizes": [16, 16, 4, 4], "upsample_initial_channel": 128,
    "resblock_kernel_sizes": [3, 7, 11], "resblock_dilation_sizes": [[1, 3, 5]] * 3, "resblock_type": "1",
}  # fmt: skip
SHAPES = {
    "multiband_melgan": {"model": "multiband_melgan"},
    "hifigan_v2": {"model": "hifigan", "generator_model_params": V2},
    "hifigan_v1": {"model": "hifigan"},
    "fullband_melgan": {"model": "fullband_melgan"},
    "parallel_wavegan": {"model": "parallel_wavegan"},
    "univnet": {"model": "univnet"},
    "wavegrad": {"model": "wavegrad"},
}


def measure(name: str, seconds: float) -> tuple[float, float, int]:
    """Elapsed and CPU time of a second of speech, and the number of weights."""
    config = vocoder_config_from_dict(SHAPES[name], quiet=True)
    network = build_model(config, for_training=False).eval()
    network.prepare_for_inference()
    extractor = SpectrogramExtractor(config.audio)
    vocoder = Vocoder(network, config, extractor)
    frames = int(seconds * extractor.sample_rate / extractor.hop_length)
    mel = np.random.default_rng(0).normal(size=(config.audio.num_mels, frames)).astype(np.float32)
    vocoder.vocode(mel[:, :40])
    elapsed, cpu = time.perf_counter(), time.process_time()
    spoken = len(vocoder.vocode(mel)) / extractor.sample_rate
    elapsed, cpu = time.perf_counter() - elapsed, time.process_time() - cpu
    return elapsed / spoken, cpu / spoken, sum(parameter.numel() for parameter in network.parameters())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(SHAPES), metavar="NAME", help=", ".join(SHAPES))
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--threads", type=int, default=2)
    add_save_argument(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    for name in arguments.names:
        elapsed, cpu, weights = measure(name, arguments.seconds)
        rows.append([name, weights / 1e6, elapsed, cpu])
        print(f"{name}: {elapsed:.3f} s", flush=True)
    columns = [
        Column("vocoder"),
        Column("weights", ".1f", "million"),
        Column("elapsed", ".2f", "s"),
        Column("CPU time", ".2f", "s"),
    ]
    about = f"For a second of speech at 22,050 Hz; networks of the released shapes, {arguments.threads} threads."
    finish(Result("How fast vocoders generate", about, columns, rows), arguments.save)


if __name__ == "__main__":
    main()

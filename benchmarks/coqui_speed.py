"""How long does a training step of Glow-TTS take here, and in coqui-tts?

    python benchmarks/coqui_speed.py --coqui_python /path/to/an/environment/with/coqui-tts/bin/python

Forward pass with alignment, loss, backward pass, gradient clipping and optimizer step of the same network (the defaults
of GlowTTSConfig, 28 million parameters) on the same batches, in float32 on the CPU. Each side runs in a process of its
own, by turns, so that both meet the same machine; the table shows the median step of each and their ratio.
coqui-tts is never imported here.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

CLIP = 5.0  # norm that gradients are cut to


def batch(size: int, frames: int) -> tuple[np.ndarray, ...]:
    """Token ids ``[B, T_text]``, their lengths, mels ``[B, T_mel, 80]``, their lengths: clips of similar length."""
    random = np.random.default_rng(0)
    mel_lengths = np.sort(random.integers(frames - 40, frames + 1, size))[::-1].copy()
    mel_lengths[0] = frames
    text_lengths = mel_lengths // 6
    tokens = random.integers(1, 60, (size, int(text_lengths.max())))
    return tokens, text_lengths, random.normal(size=(size, frames, 80)).astype(np.float32), mel_lengths


def our_step(arguments: argparse.Namespace):
    """A function that makes one step with this project's network."""
    import torch

    from finetune_tts.config.glow_tts import GlowTTSConfig
    from finetune_tts.models.building import build_model
    from finetune_tts.models.glow_tts_loss import glow_tts_loss

    network = build_model(GlowTTSConfig(), 60)
    tensors = [torch.from_numpy(array) for array in batch(arguments.batch_size, arguments.frames)]
    network.initialise_actnorm(tensors[2], tensors[3])

    def loss():
        output = network(*tensors)
        return glow_tts_loss(output, tensors[1], tensors[3]).total

    return torch, network, loss


def coqui_step(arguments: argparse.Namespace):
    """A function that makes one step with coqui-tts's network."""
    import torch
    from TTS.tts.configs.glow_tts_config import GlowTTSConfig
    from TTS.tts.models.glow_tts import GlowTTS

    network = GlowTTS(GlowTTSConfig(num_chars=60, data_dep_init_steps=0))
    tokens, text_lengths, mels, mel_lengths = map(torch.from_numpy, batch(arguments.batch_size, arguments.frames))
    criterion = network.get_criterion()
    names = {"text_input": tokens, "text_lengths": text_lengths, "mel_input": mels, "mel_lengths": mel_lengths}
    names |= {"d_vectors": None, "speaker_ids": None}
    network.train()

    def loss():
        return network.train_step(names, criterion)[1]["loss"]

    return torch, network, loss


def measure(arguments: argparse.Namespace) -> None:
    """Print the seconds of each step, one a line."""
    import time

    torch, network, loss = (coqui_step if arguments.side == "coqui" else our_step)(arguments)
    torch.set_num_threads(arguments.threads)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4)
    for number in range(arguments.steps + 1):
        started = time.perf_counter()
        value = loss()
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        if number:  # the first one sets things up
            print(time.perf_counter() - started, flush=True)


def main() -> None:
    """Run both sides by turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coqui_python", type=Path)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--steps", type=int, default=4, help="timed steps of a turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--side", choices=("ours", "coqui"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        measure(arguments)
        return
    if not arguments.coqui_python:
        parser.error("--coqui_python is missing")
    seconds: dict[str, list[float]] = {"ours": [], "coqui": []}
    words = [f"--{name}={getattr(arguments, name)}" for name in ("batch_size", "frames", "steps", "threads")]
    for _ in range(arguments.turns):
        for side, python in (("ours", sys.executable), ("coqui", str(arguments.coqui_python))):
            command = [python, __file__, f"--side={side}", *words]
            run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            seconds[side] += [float(line) for line in run.stdout.split()]
    medians = {side: statistics.median(times) for side, times in seconds.items()}
    print(f"{'':<14}{'median step':>12}{'fastest':>10}{'slowest':>10}")
    for side, times in seconds.items():
        print(f"{side:<14}{medians[side]:>10.2f} s{min(times):>8.2f} s{max(times):>8.2f} s")
    print(f"ratio coqui / ours: {medians['coqui'] / medians['ours']:.2f}")


if __name__ == "__main__":
    main()

"""What does each layer that is written by hand bring a training step?

    OMP_NUM_THREADS=1 python benchmarks/layers.py
    OMP_NUM_THREADS=1 python benchmarks/layers.py --networks "Glow-TTS" --rounds 9

Whole training steps of full-size networks, in float32 on the CPU: forward pass, losses, backward pass, clipping, and
the step of the optimizer. In each round a step is made with all layers by hand, then one with each layer left to torch
(``finetune_tts.layers.torch_layers``), then one with all of them left to torch; so a machine that is busy with other
work is as busy for each. Time is CPU time, which does not count what other programs do meanwhile; the table shows the
median of the rounds.
"""

import argparse
import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import coqui_speed
import tacotron_speed
import torch
import vits_speed
import wavernn_speed
from result import Column, Result, add_save_argument, finish
from side_by_side import adversarial_step, plain_step

from finetune_tts.data.segments import SegmentBatch
from finetune_tts.families.building import build_model, make_task
from finetune_tts.families.loading import vocoder_config_from_dict
from finetune_tts.families.vits.config import VitsConfig
from finetune_tts.layers.torch_layers import torch_layers
from finetune_tts.machine.malloc import keep_freed_memory

Step = Callable[[], None]
ALL = "all of them"


def tacotron2() -> Step:
    """Tacotron 2 with double decoder consistency, r = 2."""
    sizes = Namespace(batch_size=8, frames=200, attention="original", ddc=1)
    return plain_step(*tacotron_speed.our_side(sizes))


def glow_tts() -> Step:
    """Glow-TTS."""
    return plain_step(*coqui_speed.our_side(Namespace(batch_size=8, frames=200)))


def vits() -> Step:
    """VITS with its discriminator."""
    return vits_speed.our_side(Namespace(batch_size=2, frames=150))


def wavernn() -> Step:
    """WaveRNN."""
    return plain_step(*wavernn_speed.our_side(Namespace(batch_size=8, frames=5)))


def hifigan() -> Step:
    """HiFi-GAN v1: generator and discriminator."""
    config = vocoder_config_from_dict({"model": "hifigan"}, quiet=True)
    waveforms = 0.1 * torch.randn(2, 1, 8192)
    batch = SegmentBatch(mels=torch.randn(2, 80, 8192 // 256), waveforms=waveforms, names=[""] * 2)
    return adversarial_step(make_task(build_model(config), config), batch)


def hifigan_synthesis() -> Step:
    """HiFi-GAN v1 generates a second of speech."""
    network: Any = build_model(vocoder_config_from_dict({"model": "hifigan"}, quiet=True), for_training=False).eval()
    network.prepare_for_inference()
    mel = torch.randn(1, 80, 86)

    def step() -> None:
        with torch.inference_mode():
            network.inference(mel)

    return step


def vits_synthesis() -> Step:
    """VITS synthesises a sentence of 120 symbols."""
    network: Any = build_model(VitsConfig(), 60, for_training=False).eval()
    network.prepare_for_inference()
    token_ids = torch.randint(1, 60, (1, 120))

    def step() -> None:
        torch.manual_seed(0)
        with torch.inference_mode():
            network.inference(token_ids, torch.tensor([120]))

    return step


#: network → what makes its step, how its batch is described, and the layers by hand that it has.
NETWORKS: dict[str, tuple[Callable[[], Step], str, tuple[str, ...]]] = {
    "Tacotron 2": (
        tacotron2,
        "8 clips of 200 frames",
        ("lstm", "attention_energies", "product", "ssim_window", "dropout"),
    ),
    "Glow-TTS": (glow_tts, "8 clips of 200 frames", ("wavenet", "flow", "dropout")),
    "HiFi-GAN v1": (hifigan, "2 segments of 8,192 samples", ("channels_last",)),
    "HiFi-GAN v1, synthesis": (hifigan_synthesis, "1 s of speech", ("channels_last",)),
    "VITS": (vits, "2 clips of 150 frames", ("wavenet", "channels_last", "dropout")),
    "WaveRNN": (wavernn, "8 segments of 1,280 samples", ("gru", "stretch")),
    "VITS, synthesis": (vits_synthesis, "120 symbols", ("channels_last",)),
}


def seconds(step: Step, layers: tuple[str, ...] | None) -> float:
    """CPU time of a step with these layers left to torch; None for none."""
    with nullcontext() if layers is None else torch_layers(*layers):
        began = time.process_time()
        step()
        return time.process_time() - began


def measure(network: str, rounds: int) -> list[list[str | float | int | None]]:
    """Rows of the table for a network."""
    make, batch, layers = NETWORKS[network]
    torch.manual_seed(0)
    step = make()
    ways: dict[str, tuple[str, ...] | None] = {"": None} | {layer: (layer,) for layer in layers}
    if len(layers) > 1:
        ways[ALL] = layers
    times: dict[str, list[float]] = {way: [] for way in ways}
    order = list(ways)
    for number in range(rounds + 1):
        for way in order:
            taken = seconds(step, ways[way])
            if number:  # the first round sets things up
                times[way].append(taken)
        order = order[1:] + order[:1]  # so that none always follows the same other
    medians = {way: statistics.median(values) for way, values in times.items()}
    by_hand = medians.pop("")
    return [[f"{network}, {batch}", way, by_hand, torchs, 1 - by_hand / torchs] for way, torchs in medians.items()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), metavar="NETWORK")
    parser.add_argument("--rounds", type=int, default=5)
    add_save_argument(parser)
    arguments = parser.parse_args()
    keep_freed_memory()  # as every run on a CPU does
    rows = []
    for network in arguments.networks:
        rows += measure(network, arguments.rounds)
        print(f"{network}: done", file=sys.stderr, flush=True)
    columns = [
        Column("network and batch"),
        Column("layer"),
        Column("all by hand", ".2f", "s"),
        Column("this one by torch", ".2f", "s"),
        Column("saved", ".1%"),
    ]
    about = (
        "CPU time of a whole training step, or of a second of speech where synthesis is named, on one thread, with all "
        "layers by hand and with one of them left to torch; "
        "the median of "
        f"{arguments.rounds} rounds in which both take turns. `TTS_TORCH_LAYERS=1` leaves all of them to torch."
    )
    finish(Result("What the layers written by hand bring", about, columns, rows), arguments.save)


if __name__ == "__main__":
    main()

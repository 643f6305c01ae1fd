"""What a training step takes of memory and time, with all weights, with adapters, and with parts that are frozen.

    python benchmarks/adapters.py --save

Glow-TTS and VITS of their usual sizes. Counted are the weights with gradients and two moments of those that learn, in
float32, and what the forward pass keeps for the backward pass: tensors, each once, without the weights. CPU time does
not count what other programs do meanwhile; it is the median of some steps, the ways to train taking turns.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from result import Column, Result, add_save_argument, finish
from side_by_side import adversarial_step
from vits_speed import HOP
from vits_speed import batch as vits_batch

from finetune_tts.data.batch import Batch
from finetune_tts.families.building import build_model, make_task
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.vits.config import VitsConfig
from finetune_tts.tasks.task import TTSTask

SYMBOLS, MELS = 60, 80
WAYS: dict[str, dict[str, dict[str, Any]]] = {
    "Glow-TTS": {
        "all weights": {},
        "all weights, activations computed again": {"recompute_activations": True},
        "adapters of rank 16": {"lora_rank": 16},
        "adapters of rank 16, activations computed again": {"lora_rank": 16, "recompute_activations": True},
        "adapters of rank 16 in the encoder": {"lora_rank": 16, "lora_targets": "encoder"},
        "encoder frozen": {"freeze": "encoder"},
    },
    "VITS": {
        "all weights": {},
        "all weights, activations computed again": {"recompute_activations": True},
        "adapters of rank 16": {"lora_rank": 16},
        "all but the waveform decoder frozen": {
            "freeze": "text_encoder,posterior_encoder,flow,duration_predictor",
        },
    },
}


@dataclass
class Way:
    """A way to train: its step, and what was measured of it."""

    task: TTSTask
    step: Callable[[], None]
    kept: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def learning(self) -> list[torch.nn.Parameter]:
        """Weights that learn."""
        return [weight for weight in self.task.network.parameters() if weight.requires_grad]

    @property
    def standing(self) -> int:
        """Bytes of weights, gradients and moments."""
        weights = sum(weight.numel() for weight in self.task.network.parameters())
        return 4 * (weights + 3 * sum(weight.numel() for weight in self.learning))

    def measure_kept(self) -> None:
        """Count what the forward pass keeps, in a step that is not timed."""
        weights = {weight.untyped_storage().data_ptr() for weight in self.task.network.parameters()}
        storages: dict[int, int] = {}
        held: list[torch.Tensor] = []  # so that no address is used twice

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                storages[storage.data_ptr()] = storage.nbytes()
                held.append(tensor.detach())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            self.step()
        self.kept = sum(storages.values())


def glow_tts(fields: dict[str, Any]) -> Way:
    """Glow-TTS on 8 clips of 200 frames."""
    config = GlowTTSConfig()
    return _way(config, fields, _glow_batch(), lambda task, data: _plain_step(task, data))


def vits(fields: dict[str, Any]) -> Way:
    """VITS on 2 clips of 150 frames."""
    tokens, text_lengths, waveforms, lengths = map(torch.from_numpy, vits_batch(2, 150))
    data = Batch(
        token_ids=tokens, token_lengths=text_lengths, mels=torch.zeros(2, 1, MELS), mel_lengths=lengths // HOP,
        names=[""] * 2, texts=[""] * 2, waveforms=waveforms, waveform_lengths=lengths,
    )  # fmt: skip
    return _way(VitsConfig(), fields, data, adversarial_step)


def _way(config: Any, fields: dict[str, Any], data: Batch, step_of: Callable[[Any, Batch], Callable[[], None]]) -> Way:
    for name, value in fields.items():
        setattr(config, name, value)
    torch.manual_seed(0)
    task = make_task(build_model(config, SYMBOLS), config)
    task.train()
    return Way(task, step_of(task, data))


def _glow_batch() -> Batch:
    random = np.random.default_rng(0)
    return Batch(
        token_ids=torch.from_numpy(random.integers(1, SYMBOLS, (8, 35))),
        token_lengths=torch.full((8,), 35),
        mels=torch.from_numpy(random.normal(size=(8, 200, MELS)).astype(np.float32)),
        mel_lengths=torch.full((8,), 200),
        names=[""] * 8,
        texts=[""] * 8,
    )


def _plain_step(task: TTSTask, data: Batch) -> Callable[[], None]:
    optimizer = task.get_optimizer()
    assert isinstance(optimizer, torch.optim.Optimizer)

    def step() -> None:
        _, found = task.part_losses(data, (0,))
        found[0]["loss"].backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    add_save_argument(parser)
    arguments = parser.parse_args()
    rows: list[list[str | float | int | None]] = []
    for network, make in {"Glow-TTS": glow_tts, "VITS": vits}.items():
        ways = {name: make(fields) for name, fields in WAYS[network].items()}
        for way in ways.values():
            way.measure_kept()
        for _ in range(arguments.rounds):
            for way in ways.values():
                began = time.process_time()
                way.step()
                way.seconds.append(time.process_time() - began)
        for name, way in ways.items():
            learning = sum(weight.numel() for weight in way.learning) / 1e6
            rows.append(
                [f"{network}, {name}", learning, way.standing / 1e6, way.kept / 1e6, statistics.median(way.seconds)]
            )
    columns = [
        Column(""),
        Column("weights that learn", ".1f", "million"),
        Column("weights, gradients, moments", ".0f", "MB"),
        Column("kept for the backward pass", ".0f", "MB"),
        Column("CPU time of a step", ".2f", "s"),
    ]
    about = (
        "A step of Glow-TTS on 8 clips of 200 frames and of VITS with its discriminator on 2 clips of 150 frames, in "
        f"float32: the median of {arguments.rounds} steps, the ways to train taking turns."
    )
    finish(Result("Whole weights, adapters and frozen parts", about, columns, rows), arguments.save)


if __name__ == "__main__":
    main()

"""Did anything change at all? How far the weights of a fine-tuned model are from those of its base, part by part."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.checkpoints.vocoders import vocoder_weights
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.families.adapters import plain
from finetune_tts.families.building import read_weights

_MOST_PARTS = 12
_FEWEST_PARTS = 3
_DEEPEST = 4


@dataclass(frozen=True)
class PartChange:
    """How far a part of a network has moved.

    Attributes:
        name: of the part, as its weights' names begin.
        weights: in it.
        change: norm of the difference, divided by the norm that the part had in the base.
    """

    name: str
    weights: int
    change: float


@dataclass(frozen=True)
class WeightChange:
    """How far a network has moved.

    Attributes:
        whole: all of it.
        parts: the largest ones, in the order of the network.
        other: tensors that only one of both has, or that have another shape.
    """

    whole: PartChange
    parts: tuple[PartChange, ...]
    other: int


def weight_change(base: Path, tuned: Path, config: Any) -> WeightChange | None:
    """Compare the weights of two checkpoints of one architecture; None where they have none in common.

    Raises:
        UserError: one of them cannot be read.
    """
    return compared(_weights(base, config), _weights(tuned, config))


def compared(base: Mapping[str, Tensor], tuned: Mapping[str, Tensor]) -> WeightChange | None:
    """Compare two networks' weights by name; None where they have none in common."""
    shared = [
        name
        for name, weight in base.items()
        if name in tuned and weight.is_floating_point() and tuned[name].shape == weight.shape and weight.numel()
    ]
    if not shared:
        return None
    other = sum(weight.is_floating_point() for name, weight in {**base, **tuned}.items() if name not in shared)
    squares = {name: _squares(base[name], tuned[name]) for name in shared}
    parts: dict[str, list[str]] = {}
    for depth in range(1, _DEEPEST + 1):  # some networks stand as a whole below one name
        parts = {}
        for name in shared:
            parts.setdefault(".".join(name.split(".")[:-1][:depth]) or name, []).append(name)
        if len(parts) >= _FEWEST_PARTS:
            break
    changes = [_change(part, names, base, squares) for part, names in parts.items()]
    largest = sorted(changes, key=lambda change: change.weights, reverse=True)[:_MOST_PARTS]
    return WeightChange(
        _change("all", shared, base, squares), tuple(change for change in changes if change in largest), other
    )


def _weights(path: Path, config: Any) -> dict[str, Tensor]:
    if isinstance(config, VocoderConfig):
        return dict(vocoder_weights(read_checkpoint(path)).generator)
    return plain(read_weights(path, config).model)


def _squares(base: Tensor, tuned: Tensor) -> tuple[float, float]:
    """Sums of the squares of the difference and of the base."""
    before = base.to(torch.float64)
    return float((tuned.to(torch.float64) - before).square().sum()), float(before.square().sum())


def _change(
    part: str, names: list[str], base: Mapping[str, Tensor], squares: Mapping[str, tuple[float, float]]
) -> PartChange:
    moved, size = (sum(values) for values in zip(*(squares[name] for name in names), strict=True))
    ratio = math.sqrt(moved / size) if size else (math.inf if moved else 0.0)
    return PartChange(part, sum(base[name].numel() for name in names), ratio)

"""Runs that train low-rank adapters: which layers get them, what their folders hold, and the model in the end.

A checkpoint of such a run holds what is trained. The rest stands once in the folder, as the run found it.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.checkpoints.writing import write_checkpoint
from finetune_tts.config.adaptation import AdaptationConfig, patterns_of
from finetune_tts.errors import UserError
from finetune_tts.layers.low_rank import add_adapters, can_adapt, is_adapted, merged
from finetune_tts.runs.folder import BASE_NAME, MERGED_NAME
from finetune_tts.tasks.patterns import is_named, nearest

logger = logging.getLogger(__name__)


def adapt(
    network: nn.Module, config: AdaptationConfig, *, usual: Sequence[str], never: Sequence[str], whole: Sequence[str]
) -> None:
    """Put adapters beside layers, and let only these learn, and some weights as they are.

    Args:
        network: is changed.
        config: names rank and layers.
        usual: patterns of the layers that get adapters where the config names none.
        never: patterns of layers that cannot have any.
        whole: patterns of weights that learn as they are; those that there are not do not count.

    Raises:
        UserError: a pattern names no layer that can have an adapter of the rank.
    """
    rank = config.lora_rank
    asked = patterns_of(config.lora_targets)
    able = [
        name
        for name, layer in network.named_modules()
        if can_adapt(layer, rank) and not any(is_named(name, pattern) for pattern in (*never, *whole))
    ]
    for pattern in asked:
        if not any(is_named(name, pattern) for name in able):
            raise UserError(
                f"--coqpit.lora_targets {pattern}: names no layer that adapters of rank {rank} can stand beside: "
                f"linear layers and convolutions over time that are wider than the rank. {nearest(pattern, able)}"
            )
    targets = {name for name in able for pattern in asked or usual if is_named(name, pattern)}
    if not targets:
        raise UserError(f"--coqpit.lora_rank {rank}: no layer of the network is wider. Take a lower rank.")
    add_adapters(network, targets.__contains__, rank=rank, alpha=config.lora_alpha, dropout=config.lora_dropout)
    for name, weight in network.named_parameters():
        if any(is_named(name, pattern) for pattern in whole):
            weight.requires_grad_(True)


def _as_it_is(weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return weights


def completed(
    weights: Mapping[str, Tensor],
    folder: Path,
    translated: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = _as_it_is,
) -> dict[str, Tensor]:
    """All weights of a checkpoint that holds adapters, with the base model's in its folder.

    Args:
        weights: of the checkpoint.
        folder: of the checkpoint.
        translated: brings tensor names of the base model to those of the network.

    Raises:
        UserError: the base model is not there, or cannot be read.
    """
    if not is_adapted(weights):
        return dict(weights)
    if not (folder / BASE_NAME).exists():
        raise UserError(
            f"{folder}: holds adapters, and {BASE_NAME} is missing, the weights that they belong to. Put it back, or "
            f"use {MERGED_NAME}, which has both."
        )
    return {**translated(read_checkpoint(folder / BASE_NAME).model), **weights}


def plain(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights whose adapters are added to the layers that they stand beside, if there are any.

    Raises:
        UserError: an adapter is not whole.
    """
    try:
        return merged(weights)
    except ValueError as error:
        raise UserError(str(error)) from error


def write_merged(best: Path | None, config: AdaptationConfig) -> None:
    """Write the best model of a run with adapters as one without, for coqui-tts and to give away.

    Args:
        best: model of the run; None where it has none.
        config: of the run.

    Raises:
        UserError: the disk is full, or the base model is missing.
    """
    if best is None or not config.lora_rank:
        return
    checkpoint = read_checkpoint(best)
    payload: dict[str, Any] = {
        "model": plain(completed(checkpoint.model, best.parent)),
        "config": checkpoint.config,
        "step": checkpoint.step,
    }
    path = best.parent / MERGED_NAME
    write_checkpoint(path, payload)
    logger.info("Model with its adapters merged, here and in coqui-tts: %s", path)

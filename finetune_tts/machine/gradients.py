"""Many gradients handled as few long rows of numbers: a launch for each row, not for each weight."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

ROW_ELEMENTS = 16_000_000  # 64 MB of float32: long enough to fill a link or a GPU, short enough to stay unnoticed


def is_shared_out(value: Any) -> bool:
    """Whether a process has only a part of a tensor: a DTensor, whose class costs an import that few runs need."""
    return isinstance(value, Tensor) and hasattr(value, "full_tensor")


def own_part(tensor: Tensor) -> Tensor:
    """The part of a tensor that this process has: all of it, unless it is shared out."""
    part: Tensor = tensor.to_local() if is_shared_out(tensor) else tensor  # type: ignore[attr-defined]
    return part


def in_rows(gradients: Sequence[Tensor], most_elements: int = ROW_ELEMENTS) -> Iterator[tuple[Tensor, list[Tensor]]]:
    """Copy gradients into rows ``[elements]``, each with the gradients that it holds, in order.

    A row is longer than ``most_elements`` only where one gradient is.
    """
    group: list[Tensor] = []
    elements = 0
    for gradient in gradients:
        if group and elements + gradient.numel() > most_elements:
            yield torch.cat([member.reshape(-1) for member in group]), group
            group, elements = [], 0
        group.append(gradient)
        elements += gradient.numel()
    if group:
        yield torch.cat([member.reshape(-1) for member in group]), group


def back_from_row(row: Tensor, gradients: Sequence[Tensor]) -> None:
    """Copy a row back into the gradients that it was made of."""
    parts = row.split([gradient.numel() for gradient in gradients])
    shaped = [part.view_as(gradient) for part, gradient in zip(parts, gradients, strict=True)]
    torch._foreach_copy_(list(gradients), shaped)


def zero_unless(sound: Tensor, gradients: Sequence[Tensor]) -> None:
    """Make all gradients zero unless ``sound``, a truth value that stays on the device."""
    for row, group in in_rows(gradients):
        back_from_row(torch.where(sound, row, 0.0), group)

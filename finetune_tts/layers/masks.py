"""Masks over padded sequences."""

import torch
from torch import Tensor


def sequence_mask(lengths: Tensor, max_length: int | None = None) -> Tensor:
    """Return a mask that is true inside each sequence.

    Args:
        lengths: ``[B]`` lengths in steps.
        max_length: the padded length; the longest of ``lengths`` where None.

    Returns:
        ``[B, max_length]`` booleans.
    """
    if max_length is None:
        max_length = int(lengths.max())
    return torch.arange(max_length, device=lengths.device)[None, :] < lengths[:, None]

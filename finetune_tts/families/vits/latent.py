"""What VITS does with its latent frames between the networks: likelihoods, and slices.

Dimensions: B batch, H channels of the latent, T_text symbols, T_spec frames, S frames of a slice.
"""

import math

import torch
from torch import Tensor


def log_likelihood(z: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Log-density of each frame under each symbol's Gaussian.

    ``(z - mean)^2`` is multiplied out, so that two matrix products do the work of a ``[B, T_text, T_spec, H]``
    difference.

    Args:
        z: ``[B, H, T_spec]``.
        mean, log_scale: ``[B, H, T_text]``.

    Returns:
        ``[B, T_text, T_spec]``.
    """
    precision = torch.exp(-2 * log_scale)  # [B, H, T_text]
    constant = (-0.5 * math.log(2 * math.pi) - log_scale - 0.5 * mean.square() * precision).sum(dim=1).unsqueeze(-1)
    squared = precision.transpose(1, 2) @ (-0.5 * z.square())
    linear = (mean * precision).transpose(1, 2) @ z
    return constant + squared + linear


def random_starts(lengths: Tensor, frames: int) -> Tensor:
    """Draw where slices of so many frames begin, ``[B]``; 0 where a sequence of ``lengths [B]`` is not longer."""
    places = (lengths - frames).clamp(min=0) + 1
    return (torch.rand(lengths.shape[0], device=lengths.device) * places).long()


def slices(x: Tensor, starts: Tensor, length: int) -> Tensor:
    """Cut a slice out of each sequence; what lies beyond the end is 0.

    Args:
        x: ``[B, C, T]``.
        starts: ``[B]``.
        length: of the slices.

    Returns:
        ``[B, C, length]``.
    """
    if x.shape[2] < length:
        x = torch.nn.functional.pad(x, (0, length - x.shape[2]))
    places = starts.unsqueeze(1) + torch.arange(length, device=x.device)  # [B, length]
    return x.gather(2, places.unsqueeze(1).expand(-1, x.shape[1], -1))

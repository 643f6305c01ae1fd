"""Structural similarity of spectrograms (Wang et al. 2004, "Image quality assessment"), as a loss.

Legend: B batch, T frames, C channels.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from finetune_tts.layers.masks import sequence_mask
from finetune_tts.layers.torch_layers import by_hand

_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2
_HEIGHTS = [math.exp(-((place - _WINDOW // 2) ** 2) / (2 * _SIGMA**2)) for place in range(_WINDOW)]
_WEIGHTS = [height / sum(_HEIGHTS) for height in _HEIGHTS]


def similarity_loss(predicted: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
    """Return one minus the structural similarity, between 0 and 1.

    Both spectrograms are brought to 0…1 clip by clip first. Outside of 0…1 the loss is a constant without a gradient.

    Args:
        predicted, target: ``[B, T, C]``.
        lengths: ``[B]`` frames that count.
    """
    mask = sequence_mask(lengths, target.shape[1]).unsqueeze(2)
    first, second = (_unit_range(values, mask) for values in (target, predicted))
    shrink = max(1, round(min(first.shape[1:]) / 256))
    if shrink > 1:
        first, second = (F.avg_pool2d(image.unsqueeze(1), shrink).squeeze(1) for image in (first, second))
    # A clip shorter than the window is filled up to it.
    missing = [max(0, _WINDOW - size) for size in (first.shape[2], first.shape[1])]
    if any(missing):
        first, second = (F.pad(image, (0, missing[0], 0, missing[1])) for image in (first, second))
    return (1 - _similarity(first, second)).clamp(0.0, 1.0)


def _unit_range(values: Tensor, mask: Tensor) -> Tensor:
    """Each clip's values in 0…1, padding zero. Padding counts as zero for the maximum, as in 🐸TTS."""
    high = values.masked_fill(~mask, 0.0).amax(dim=(1, 2), keepdim=True)
    low = values.masked_fill(~mask, torch.inf).amin(dim=(1, 2), keepdim=True)
    return (values - low) / (high - low + 1e-8) * mask


def _similarity(first: Tensor, second: Tensor) -> Tensor:
    """The mean similarity of images ``[B, T, C]``."""
    mean_1, square_1 = _blurred(first, first * first)
    mean_2, square_2, product = _blurred(second, second * second, first * second)
    variance_1, variance_2 = square_1 - mean_1**2, square_2 - mean_2**2
    covariance = product - mean_1 * mean_2
    contrast = (2 * covariance + _C2) / (variance_1 + variance_2 + _C2)
    luminance = (2 * mean_1 * mean_2 + _C1) / (mean_1**2 + mean_2**2 + _C1)
    return (luminance * contrast).mean()


def _blurred(*maps: Tensor) -> list[Tensor]:
    """Maps ``[B, T, C]`` under a Gaussian window: one along each axis, where the window fits in."""
    blurred = torch.stack(maps)
    if by_hand("ssim_window"):
        for axis in (2, 3):
            blurred = _Blur.apply(blurred, axis)
    else:
        window = blurred.new_tensor(_WEIGHTS)
        for shape in ((1, 1, -1, 1), (1, 1, 1, -1)):
            blurred = F.conv2d(blurred.flatten(0, 1).unsqueeze(1), window.view(shape)).squeeze(1)
            blurred = blurred.unflatten(0, (len(maps), -1))
    return list(blurred.unbind(0))


class _Blur(torch.autograd.Function):
    """A Gaussian window along one axis: eleven shifted sums, several times as fast as a convolution of one channel."""

    @staticmethod
    def forward(context: Any, values: Tensor, axis: int) -> Tensor:
        context.axis = axis
        return _shifted_sum(values, axis)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        # The window is symmetric: its transpose is itself, over a gradient with room at both ends.
        padding = [0, 0] * (gradients[0].dim() - 1 - context.axis) + [_WINDOW - 1, _WINDOW - 1]
        return _shifted_sum(F.pad(gradients[0], padding), context.axis), None


def _shifted_sum(values: Tensor, axis: int) -> Tensor:
    size = values.shape[axis] - _WINDOW + 1
    total = values.narrow(axis, 0, size) * _WEIGHTS[0]
    for place in range(1, _WINDOW):
        total.add_(values.narrow(axis, place, size), alpha=_WEIGHTS[place])
    return total

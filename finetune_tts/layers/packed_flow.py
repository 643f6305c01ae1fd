"""The affine step of a coupling over packed frames, with a backward pass of its own.

Legend: N rows of :class:`~finetune_tts.layers.packed_frames.PackedFrames`, F channels.
"""

from typing import Any

import torch
from torch import Tensor

from finetune_tts.layers.packed_frames import PackedFrames


def couple(x: Tensor, coupled: Tensor, frames: PackedFrames) -> tuple[Tensor, Tensor]:
    """Scale and shift the second half of the channels.

    Args:
        x: ``[N, F]``.
        coupled: ``[N, F]``, shifts and then logarithms of scales.
        frames: whose rows these are.

    Returns:
        ``[N, F]``, and the sum of the logarithms of the scales of each row, ``[N]``; both are zero in blank rows.
    """
    result: tuple[Tensor, Tensor] = _Couple.apply(x, coupled, frames)
    return result


class _Couple(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, coupled: Tensor, frames: PackedFrames) -> tuple[Tensor, Tensor]:
        half = x.shape[1] // 2
        shift, log_scale = coupled.split(half, dim=1)
        scale = torch.exp(log_scale)
        result = torch.empty_like(x)
        result[:, :half] = x[:, :half]
        torch.addcmul(shift, scale, x[:, half:], out=result[:, half:])
        context.frames = frames
        context.save_for_backward(x, scale)
        return frames.clear_(result), frames.clear_(log_scale.sum(dim=1))

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        x, scale = context.saved_tensors
        half = x.shape[1] // 2
        of_result, of_sum = gradients
        of_x, of_coupled = context.frames.clear_(of_result.clone()), torch.empty_like(x)
        of_coupled[:, :half] = of_x[:, half:]
        of_x[:, half:] *= scale
        torch.addcmul(
            (of_sum * context.frames.inside).unsqueeze(1), of_x[:, half:], x[:, half:], out=of_coupled[:, half:]
        )
        return of_x, of_coupled, None

"""Convolutions with kernels of five that take two fifths of the multiplications.

Four neighbouring outputs of a filter with five taps are the product of two polynomials, but for the order. Both are
evaluated at eight points, multiplied there, and the coefficients of the result follow from its eight values: 8
multiplications in place of 20 (Winograd 1980, "Arithmetic Complexity of Computations"; Lavin and Gray 2016, "Fast
Algorithms for Convolutional Neural Networks", https://arxiv.org/abs/1509.09308). The points are 0, ±1, ±2, ±1/2 and
infinity; for many channels each multiplication is a product of matrices. In float32 the result differs from the exact
one by about 1e-6 of its size, five times as much as that of torch's kernels.

Signals are rows of :class:`~finetune_tts.layers.packed_frames.PackedFrames`, whose blank rows are zero.

Legend: C channels in, O channels out, N rows, n tiles of four outputs, P = 8 points.
"""

from functools import lru_cache

import torch
from torch import Tensor

from finetune_tts.layers.packed_frames import PLANES

KERNEL = 5
_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)  # and infinity
_INPUT = (
    (1.0, 0.0, -5.25, 0.0, 5.25, 0.0, -1.0, 0.0),
    (0.0, 1.0, 1.0, -4.25, -4.25, 1.0, 1.0, 0.0),
    (0.0, -1.0, 1.0, 4.25, -4.25, -1.0, 1.0, 0.0),
    (0.0, 0.5, 0.25, -2.5, -1.25, 2.0, 1.0, 0.0),
    (0.0, -0.5, 0.25, 2.5, -1.25, -2.0, 1.0, 0.0),
    (0.0, 2.0, 4.0, -2.5, -5.0, 0.5, 1.0, 0.0),
    (0.0, -2.0, 4.0, 2.5, -5.0, -0.5, 1.0, 0.0),
    (0.0, -1.0, 0.0, 5.25, 0.0, -5.25, 0.0, 1.0),
)
"""For each point the coefficients of the product of ``x - q`` over all others, ``q``; for 0, with the sign changed."""
_FACTORS = (1.0, -2 / 9, -2 / 9, 1 / 90, 1 / 90, 32 / 45, 32 / 45)
"""One over what that product is at the point itself."""


class _Matrices:
    """From eight inputs, five taps and eight products to what stands at the points, and back to four outputs."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.inputs = torch.tensor(_INPUT, dtype=dtype)  # [P, 8]
        taps = [[factor * point**k for k in range(KERNEL)] for point, factor in zip(_POINTS, _FACTORS, strict=True)]
        self.taps = torch.tensor([*taps, [0.0] * (KERNEL - 1) + [1.0]], dtype=dtype)  # [P, 5]
        outputs = [[point**k for point in _POINTS] + [float(k == PLANES - 1)] for k in range(PLANES)]
        self.outputs = torch.tensor(outputs, dtype=dtype)  # [4, P]


_matrices = lru_cache(_Matrices)


def inputs_at_points(rows: Tensor) -> Tensor:
    """``rows [N, C]`` to their values at the points, ``[P, n, C]``."""
    matrix = _matrices(rows.dtype).inputs
    channels = rows.shape[1]
    planes = rows.view(PLANES, -1)
    width = planes.shape[1] - 2 * channels  # n * C
    # A tile looks at the last two of the four rows before it, at its own, and at the first two of those behind it.
    values = matrix[:, 2:6] @ planes[:, channels : channels + width]
    values.addmm_(matrix[:, :2], planes[2:, :width])
    values.addmm_(matrix[:, 6:], planes[:2, 2 * channels :])
    return values.view(len(matrix), -1, channels)


def gradient_of_inputs(values: Tensor) -> Tensor:
    """The transpose of :func:`inputs_at_points`: ``[P, n, C]`` to ``[N, C]``."""
    matrix = _matrices(values.dtype).inputs
    _, tiles, channels = values.shape
    flat, width = values.view(len(matrix), -1), tiles * channels
    planes = values.new_empty(PLANES, width + 2 * channels)
    planes[:, :channels] = 0.0
    planes[:, -channels:] = 0.0
    torch.mm(matrix[:, 2:6].t(), flat, out=planes[:, channels : channels + width])
    planes[2:, :width].addmm_(matrix[:, :2].t(), flat)
    planes[:2, 2 * channels :].addmm_(matrix[:, 6:].t(), flat)
    return planes.view(-1, channels)


def weight_at_points(weight: Tensor) -> Tensor:
    """``weight [O, C, 5]`` to its values at the points, ``[P, O, C]``."""
    out_channels, channels, _ = weight.shape
    return (_matrices(weight.dtype).taps @ weight.reshape(-1, KERNEL).t()).view(-1, out_channels, channels)


def gradient_of_weight(values: Tensor) -> Tensor:
    """The transpose of :func:`weight_at_points`: ``[P, O, C]`` to ``[O, C, 5]``."""
    _, out_channels, channels = values.shape
    flat = values.reshape(values.shape[0], -1)
    return (flat.t() @ _matrices(values.dtype).taps).view(out_channels, channels, KERNEL)


def outputs(products: Tensor, bias: Tensor | None) -> Tensor:
    """``products [P, n, O]``, which are changed, to rows ``[N, O]``; the first and the last of a plane are zero."""
    matrix = _matrices(products.dtype).outputs
    _, tiles, channels = products.shape
    if bias is not None:
        products[1] += bias  # the powers of this point are all 1, so that each output gets it once
    planes = products.new_empty(PLANES, (tiles + 2) * channels)
    planes[:, :channels] = 0.0
    planes[:, -channels:] = 0.0
    torch.mm(matrix, products.view(matrix.shape[1], -1), out=planes[:, channels:-channels])
    return planes.view(-1, channels)


def gradient_of_products(rows: Tensor) -> Tensor:
    """The transpose of :func:`outputs`: ``[N, O]`` to ``[P, n, O]``."""
    matrix = _matrices(rows.dtype).outputs
    channels = rows.shape[1]
    planes = rows.view(PLANES, -1)[:, channels:-channels]
    return (matrix.t() @ planes).view(matrix.shape[1], -1, channels)

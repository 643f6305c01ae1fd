"""Convolutions with fewer multiplications are convolutions: outputs and gradients, in every row, at any length."""

import pytest
import torch
from torch.nn import functional as F

from finetune_tts.layers import quick_convolution
from finetune_tts.layers.masks import sequence_mask
from finetune_tts.layers.packed_frames import PackedFrames


def masked(lengths, dtype=torch.float64):
    return sequence_mask(torch.tensor(lengths)).unsqueeze(1).to(dtype)


def convolved(frames, x, weight, bias):
    values, taps = quick_convolution.inputs_at_points(frames.packed(x)), quick_convolution.weight_at_points(weight)
    return quick_convolution.outputs(torch.bmm(values, taps.transpose(1, 2)), bias)


@pytest.mark.parametrize("lengths", [[1], [3, 3], [4], [5, 1, 2], [17, 16, 15, 14]])
def test_outputs_are_those_of_a_convolution(lengths):
    torch.manual_seed(0)
    mask = masked(lengths)
    frames = PackedFrames(mask)
    x = torch.randn(len(lengths), 3, max(lengths), dtype=torch.float64) * mask
    weight, bias = torch.randn(4, 3, 5, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    found = frames.unpacked(convolved(frames, x, weight, bias))
    torch.testing.assert_close(found, F.conv1d(x, weight, bias, padding=2) * mask, rtol=1e-11, atol=1e-11)


def test_gradients_are_transposes():
    torch.manual_seed(0)
    frames = PackedFrames(masked([9, 4]))
    pairs = [
        (quick_convolution.inputs_at_points, quick_convolution.gradient_of_inputs, (frames.count, 3)),
        (quick_convolution.weight_at_points, quick_convolution.gradient_of_weight, (4, 3, 5)),
        (lambda x: quick_convolution.outputs(x.clone(), None), quick_convolution.gradient_of_products, (8, 4, 3)),
    ]
    for forward, transpose, shape in pairs:
        x = torch.randn(shape, dtype=torch.float64)
        y = forward(x)
        gradient = torch.randn_like(y)
        torch.testing.assert_close((y * gradient).sum(), (transpose(gradient) * x).sum())


def test_float32_rounds_little_more_than_a_convolution_does():
    torch.manual_seed(0)
    mask = masked([160])
    frames = PackedFrames(mask)
    x, weight = torch.randn(1, 64, 160, dtype=torch.float64), torch.randn(32, 64, 5, dtype=torch.float64)
    exact = F.conv1d(x, weight, padding=2)
    frames = PackedFrames(mask.float())
    found = frames.unpacked(convolved(frames, x.float(), weight.float(), None)).double()
    assert (found - exact).norm() < 5e-6 * exact.norm()

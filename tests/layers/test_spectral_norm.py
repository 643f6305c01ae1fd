"""Spectral norm under released names: torch's own numbers, and gradients after several passes."""

import pytest
import torch
from torch.nn import functional as F

from finetune_tts.layers.spectral_norm import SpectralNormConv1d, SpectralNormConv2d

X1 = torch.linspace(-1, 1, 40).reshape(1, 4, 10)
X2 = torch.linspace(-1, 1, 160).reshape(1, 4, 10, 4)


def pair(kind):
    torch.manual_seed(0)
    if kind == 1:
        ours = SpectralNormConv1d(4, 6, 3, stride=2, padding=1, groups=2)
        return ours, torch.nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), X1
    ours = SpectralNormConv2d(4, 6, (3, 1), stride=(2, 1), padding=(1, 0))
    return ours, torch.nn.Conv2d(4, 6, (3, 1), stride=(2, 1), padding=(1, 0)), X2


@pytest.mark.parametrize("kind", [1, 2])
def test_the_weight_is_divided_by_its_largest_singular_value(kind):
    ours, plain, x = pair(kind)
    assert set(ours.state_dict()) == {"bias", "weight_orig", "weight_u", "weight_v"}
    for _ in range(200):
        ours(x)
    ours.eval()
    plain.load_state_dict({"bias": ours.bias, "weight": ours.weight_orig.detach()})
    largest = torch.linalg.matrix_norm(ours.weight_orig.flatten(1), 2)
    expected = (plain(x) - plain.bias.reshape(1, -1, *[1] * kind)) / largest + plain.bias.reshape(1, -1, *[1] * kind)
    torch.testing.assert_close(ours(x), expected)


def test_two_passes_before_one_backward_pass():
    ours, _, x = pair(1)
    (F.relu(ours(x)).sum() - ours(-x).sum()).backward()
    assert ours.weight_orig.grad.norm() > 0


def test_evaluation_leaves_the_vectors_alone():
    ours, _, x = pair(1)
    before = ours.weight_u.clone()
    ours.eval()(x)
    assert torch.equal(ours.weight_u, before)

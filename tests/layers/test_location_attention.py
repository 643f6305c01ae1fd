"""The comparison of location-sensitive attention is what autograd makes of its formula, gradients included."""

import pytest
import torch
from torch.nn import functional as F

from finetune_tts.layers.location_attention import Comparison

B, S, A, T, K = 2, 9, 4, 3, 5


def plain(keys, v, kernel, query, weights, read):
    compared = keys + query.unsqueeze(1)
    if kernel is not None:
        places = torch.stack([weights, read], dim=1)
        compared = compared + F.conv1d(places, kernel, padding=K // 2).transpose(1, 2)
    return torch.tanh(compared) @ v.squeeze(0)


@pytest.mark.parametrize("located", [True, False])
def test_energies_and_gradients_over_several_steps(located):
    torch.manual_seed(0)
    keys, v = torch.randn(B, S, A, requires_grad=True), torch.randn(1, A, requires_grad=True)
    kernel = torch.randn(A, 2, K, requires_grad=True) if located else None
    queries = torch.randn(T, B, A, requires_grad=True)
    leaves = [leaf for leaf in (keys, v, kernel, queries) if leaf is not None]

    def run(by_hand):
        comparison = Comparison(keys, v, kernel, queries)
        weights = read = torch.zeros(B, S)
        total = torch.zeros(())
        for step in range(T):
            if by_hand:
                energies = comparison(comparison.offsets[step], weights, read)
            else:
                energies = plain(keys, v, kernel, queries[step], weights, read)
            weights = torch.softmax(energies, dim=1)
            read = read + weights
            total = total + (energies * torch.arange(S)).mean() + weights.square().sum()
        return total, torch.autograd.grad(total, leaves)

    (ours, our_gradients), (expected, expected_gradients) = run(True), run(False)
    torch.testing.assert_close(ours, expected)
    for found, wanted in zip(our_gradients, expected_gradients, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_nothing_is_recorded_without_gradients():
    with torch.no_grad():
        comparison = Comparison(torch.randn(B, S, A), torch.randn(1, A), torch.randn(A, 2, K), None)
        energies = comparison(torch.randn(B, A), torch.zeros(B, S), torch.zeros(B, S))
    assert energies.shape == (B, S)
    assert not energies.requires_grad

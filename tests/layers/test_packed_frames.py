"""Sequences laid end to end: what is packed comes back, and nothing of the padding takes part."""

import torch

from finetune_tts.layers.masks import sequence_mask
from finetune_tts.layers.packed_frames import PackedFrames

LENGTHS = torch.tensor([7, 1, 4])


def frames():
    return PackedFrames(sequence_mask(LENGTHS).unsqueeze(1).double())


def test_what_is_packed_comes_back_without_its_padding():
    x = torch.randn(3, 5, 7, dtype=torch.float64)
    packed = frames()
    rows = packed.pack(x)
    assert rows.shape == (packed.count, 5)
    assert (rows.abs().sum(dim=1) > 0).sum() == LENGTHS.sum()
    inside = sequence_mask(LENGTHS).unsqueeze(1)
    assert torch.equal(packed.unpack(rows), torch.where(inside, x, 0.0))


def test_blank_rows_may_hold_anything_when_unpacked():
    packed = frames()
    rows = torch.full((packed.count, 2), float("nan"), dtype=torch.float64)
    rows[packed.inside > 0] = 1.0
    assert torch.equal(packed.unpack(rows)[:, 0], sequence_mask(LENGTHS).double())


def test_totals_are_those_of_each_sequence():
    x = torch.randn(3, 5, 7, dtype=torch.float64)
    packed = frames()
    expected = (x * sequence_mask(LENGTHS).unsqueeze(1)).sum(dim=2)
    torch.testing.assert_close(packed.total(packed.pack(x)), expected)


def test_a_linear_layer_has_gradients_of_frames_alone():
    packed = frames()
    x, weight = torch.randn(3, 5, 7, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
    leaves = [x.requires_grad_(), weight.requires_grad_(), torch.randn(4, dtype=torch.float64).requires_grad_()]
    rows = packed.linear(packed.pack(leaves[0]), *leaves[1:])
    assert (rows[packed.blank] == 0).all()
    found = torch.autograd.grad(rows.square().sum() + rows.sum(), leaves)
    plain = (torch.einsum("bct,oc->bot", *leaves[:2]) + leaves[2].view(1, -1, 1)) * sequence_mask(LENGTHS).unsqueeze(1)
    expected = torch.autograd.grad(plain.square().sum() + plain.sum(), leaves)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)

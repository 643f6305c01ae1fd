"""A WaveNet that trains on a CPU goes over packed frames; all else, such as synthesis, sees torch's numbers."""

import pytest
import torch

from finetune_tts.layers.low_rank import add_adapters
from finetune_tts.layers.masks import sequence_mask
from finetune_tts.layers.torch_layers import torch_layers
from finetune_tts.layers.wavenet import WaveNet

MASK = sequence_mask(torch.tensor([30, 11])).unsqueeze(1).float()


def network(kernel_size=5, **options):
    torch.manual_seed(0)
    return WaveNet(8, kernel_size, num_layers=2, **options)


def x():
    torch.manual_seed(1)
    return torch.randn(2, 8, 30) * MASK


def test_only_training_is_packed():
    wavenet = network()
    assert wavenet.packs(x())
    with torch.no_grad():
        assert not wavenet.packs(x())
    assert not wavenet.eval().packs(x())


def test_other_kernels_dilations_and_precisions_are_left_to_torch():
    assert not network(kernel_size=3).packs(x())
    assert not network(dilation_rate=2).packs(x())
    assert not network().packs(x().to("meta"))
    with torch.autocast("cpu", torch.bfloat16):
        assert not network().packs(x())


def test_adapters_and_hooks_are_not_passed_over():
    wavenet = network()
    calls = []
    handle = wavenet.in_layers[1].register_forward_hook(lambda *_: calls.append(1))
    wavenet(x(), MASK)
    assert calls
    handle.remove()
    assert wavenet.packs(x())
    add_adapters(wavenet, lambda name: True, rank=2)
    for weight in wavenet.parameters():
        torch.nn.init.normal_(weight)
    with torch_layers():
        expected = wavenet(x(), MASK)
    torch.testing.assert_close(wavenet(x(), MASK), expected)


def test_dropout_follows_the_seed():
    wavenet, source = network(dropout=0.5), x()
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(wavenet(source, MASK))
    assert torch.equal(found[0], found[1])
    assert not torch.allclose(found[0], found[2])


def test_dropout_drops_what_goes_into_the_gates():
    wavenet = WaveNet(16, 5, num_layers=1, dropout=0.9)
    with torch.no_grad():
        wavenet.in_layers[0].weight_g.zero_()
        wavenet.in_layers[0].bias.fill_(1.0)
        wavenet.res_skip_layers[0].weight_v.copy_(torch.eye(16).unsqueeze(2))
        wavenet.res_skip_layers[0].weight_g.fill_(1.0)
        wavenet.res_skip_layers[0].bias.zero_()
    torch.manual_seed(0)
    gates = wavenet(torch.zeros(1, 16, 4000), torch.ones(1, 1, 4000))
    # tanh(10 or 0) · sigmoid(10 or 0): zero where the first is dropped, a half where only the second is.
    assert (gates == 0).float().mean() == pytest.approx(0.9, abs=0.01)
    assert ((gates - 0.5).abs() < 1e-3).float().mean() == pytest.approx(0.09, abs=0.01)


def test_frozen_weights_get_no_gradient_and_the_rest_the_same():
    found = []
    for frozen in (False, True):
        wavenet = network()
        wavenet.in_layers.requires_grad_(not frozen)
        source = x().requires_grad_()
        wavenet(source, MASK).square().sum().backward()
        assert (wavenet.in_layers[0].weight_v.grad is None) == frozen
        found.append([source.grad, *(weight.grad for weight in wavenet.res_skip_layers.parameters())])
    for ours, theirs in zip(*found, strict=True):
        assert torch.equal(ours, theirs)

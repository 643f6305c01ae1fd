"""Keeping less in memory: the same outputs and gradients, fewer tensors kept."""

import pytest
import torch
from torch import nn

from finetune_tts.families.feed_forward.stacks import FeedForwardTransformer
from finetune_tts.layers.flow_decoder import FlowDecoder
from finetune_tts.layers.recomputing import Recomputing, let_recompute
from finetune_tts.layers.waveform_generator import WaveformGenerator
from finetune_tts.layers.wavenet import WaveNet


def flow_decoder(kernel_size=3):
    return FlowDecoder(
        8, hidden_channels=12, kernel_size=kernel_size, dilation_rate=1, num_flow_blocks=3, num_coupling_layers=2,
        dropout=0.2, num_splits=4, num_squeeze=2, sigmoid_scale=False, condition_channels=0,
    )  # fmt: skip


def wavenet():
    return WaveNet(8, 3, dilation_rate=2, num_layers=4, dropout=0.2)


def packed_flow_decoder():
    return flow_decoder(kernel_size=5)


def packed_wavenet():
    return WaveNet(8, 5, num_layers=4, dropout=0.2)


def generator():
    return WaveformGenerator(
        in_channels=8, out_channels=1, resblock_type="1", resblock_kernel_sizes=[3, 5],
        resblock_dilation_sizes=[[1, 3], [1, 3]],
        upsample_factors=[2, 2], upsample_kernel_sizes=[4, 4], upsample_initial_channel=16,
    )  # fmt: skip


def transformer():
    return FeedForwardTransformer(8, num_heads=2, hidden_channels_ffn=16, num_layers=3, dropout_p=0.2)


def with_mask(module, x):
    return module(x, torch.ones(2, 1, x.shape[2]))


def alone(module, x):
    return module(x)


KINDS = [
    (flow_decoder, with_mask),
    (packed_flow_decoder, with_mask),
    (wavenet, with_mask),
    (packed_wavenet, with_mask),
    (generator, alone),
    (transformer, with_mask),
]


def trained(make, run, recompute):
    """Output, gradients and the bytes that were kept for the way back."""
    torch.manual_seed(3)
    module = nn.ModuleDict({"inner": make()})
    for weight in module.parameters():
        if not weight.any():  # behind which nothing would learn
            nn.init.normal_(weight, std=0.2)
    let_recompute(module, recompute)
    x = torch.randn(2, 8, 16)
    kept = 0

    def note(tensor):
        nonlocal kept
        kept += tensor.numel() if tensor.requires_grad else 0
        return tensor

    torch.manual_seed(4)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        outputs = run(module["inner"], x)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    (outputs[0] ** 2).mean().backward()
    return [output.detach() for output in outputs], [weight.grad for weight in module.parameters()], kept


@pytest.mark.parametrize(("make", "run"), KINDS)
def test_gradients_are_the_same_and_less_is_kept(make, run):
    plain, recomputed = trained(make, run, False), trained(make, run, True)
    for one, other in zip((*plain[0], *plain[1]), (*recomputed[0], *recomputed[1]), strict=True):
        assert (one is None) == (other is None)
        assert one is None or torch.equal(one, other)
    assert recomputed[2] < 0.6 * plain[2]


def test_of_parts_inside_each_other_the_outer_one_recomputes():
    decoder = flow_decoder()
    let_recompute(decoder, True)
    inside = [module for module in decoder.modules() if isinstance(module, Recomputing) and module is not decoder]
    assert decoder.recompute
    assert inside
    assert not any(module.recompute for module in inside)


def test_a_network_that_speaks_computes_nothing_twice():
    class Counting(Recomputing):
        calls = 0

        def layer(self, x):
            self.calls += 1
            return x**2

        def forward(self, x):
            return self.through(self.layer, x)

    module = Counting()
    let_recompute(module, True)
    module.eval()(torch.ones(1, requires_grad=True)).backward()
    assert module.calls == 1
    module.train()(torch.ones(1, requires_grad=True)).backward()
    assert module.calls == 3

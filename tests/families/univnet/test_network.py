"""The UnivNet generator: golden waveforms, and convolution with a kernel for each frame."""

import pytest
import torch
from torch.nn import functional as F

from finetune_tts.families.univnet.network import UnivnetGenerator, location_variable_convolution

SMALL = {
    "in_channels": 3,
    "hidden_channels": 4,
    "cond_channels": 5,
    "upsample_factors": [4, 3],
    "lvc_layers_each_block": 2,
    "lvc_kernel_size": 5,
    "kpnet_hidden_channels": 6,
}


def test_waveforms(chirp, with_rule_weights, assert_golden):
    generator = with_rule_weights(UnivnetGenerator(**SMALL), seed=7)
    torch.manual_seed(0)
    assert_golden(generator(chirp(45, batch=2).reshape(2, 5, 9)), -7.36336, 1.77705)
    assert generator.inference(chirp(45).reshape(1, 5, 9)).shape == (1, 1, 9 * 12)


def test_folding_keeps_the_output(chirp):
    torch.manual_seed(0)
    generator = UnivnetGenerator(**SMALL)
    mel, noise = chirp(45).reshape(1, 5, 9), torch.randn(1, 3, 9)
    before = generator(mel, noise)
    generator.prepare_for_inference()
    torch.testing.assert_close(generator(mel, noise), before)


def test_equal_kernels_make_a_plain_convolution():
    torch.manual_seed(0)
    x, kernel, bias = torch.randn(2, 3, 12), torch.randn(4, 3, 5), torch.randn(4)
    kernels = kernel.transpose(0, 1)[None, ..., None].expand(2, 3, 4, 5, 6)
    ours = location_variable_convolution(x, kernels, bias[None, :, None].expand(2, 4, 6), 2)
    torch.testing.assert_close(ours, F.conv1d(x, kernel, bias, padding=2))


@pytest.mark.parametrize("argument", ["lvc_kernel_size", "kpnet_conv_size"])
def test_an_even_kernel_is_named(argument):
    with pytest.raises(ValueError, match=argument):
        UnivnetGenerator(**{**SMALL, argument: 4})

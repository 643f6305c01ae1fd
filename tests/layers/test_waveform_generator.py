"""The HiFi-GAN generator: its variants, its length, and arguments that contradict each other."""

import pytest
import torch

from finetune_tts.layers.waveform_generator import WaveformGenerator

SMALL = {
    "in_channels": 6,
    "resblock_type": "2",
    "resblock_kernel_sizes": [3, 5],
    "resblock_dilation_sizes": [[1, 2], [2, 6]],
    "upsample_factors": [4, 3],
    "upsample_kernel_sizes": [8, 5],
    "upsample_initial_channel": 16,
}
FOR_VITS = {"cond_channels": 5, "conv_pre_weight_norm": False, "conv_post_weight_norm": False, "conv_post_bias": False}


def test_second_block_type_and_condition(chirp, with_rule_weights, assert_golden):
    generator = with_rule_weights(WaveformGenerator(**SMALL, **FOR_VITS), seed=7)
    output = generator(chirp(60).reshape(1, 6, 10), chirp(5).reshape(1, 5, 1))
    assert output.shape == (1, 1, 120)
    assert_golden(output, 7.31719, 1.36805)


@pytest.mark.parametrize("block", ["1", "2"])
def test_folding_keeps_the_output(block, chirp):
    torch.manual_seed(0)
    generator = WaveformGenerator(**{**SMALL, "resblock_type": block})
    mel = chirp(60).reshape(1, 6, 10)
    before = generator(mel)
    generator.prepare_for_inference()
    assert not any(name.endswith(("weight_g", "weight_v")) for name in generator.state_dict())
    torch.testing.assert_close(generator(mel), before)


def test_inference_repeats_the_frames_at_the_ends():
    generator = WaveformGenerator(**SMALL, inference_padding=2)
    assert generator.inference(torch.zeros(1, 6, 1)).shape == (1, 1, 5 * 12)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("resblock_type", "3"),
        ("resblock_kernel_sizes", [3]),
        ("resblock_kernel_sizes", []),
        ("upsample_factors", [4, 3, 2]),
        ("upsample_kernel_sizes", [8, 2]),
        ("upsample_initial_channel", 3),
    ],
)
def test_contradictions_name_the_argument(argument, value):
    with pytest.raises(ValueError, match=argument):
        WaveformGenerator(**{**SMALL, argument: value})

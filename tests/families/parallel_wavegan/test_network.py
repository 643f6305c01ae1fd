"""The Parallel WaveGAN generator: golden waveforms, given noise, and arguments that make no network."""

import pytest
import torch

from finetune_tts.families.parallel_wavegan.network import ParallelWaveganGenerator

SMALL = {
    "kernel_size": 5,
    "num_res_blocks": 4,
    "stacks": 2,
    "res_channels": 6,
    "gate_channels": 10,
    "skip_channels": 7,
    "upsample_factors": (3, 4),
}


def test_waveforms(chirp, with_rule_weights, assert_golden):
    generator = with_rule_weights(ParallelWaveganGenerator(**SMALL), seed=7)
    torch.manual_seed(0)
    assert_golden(generator(chirp(720, batch=2).reshape(2, 80, 9)), 87.0253, 8.97827)
    torch.manual_seed(0)
    assert_golden(generator.inference(chirp(720).reshape(1, 80, 9)), 60.5387, 7.77385)


def test_given_noise_counts_and_folding_keeps_the_output(chirp):
    torch.manual_seed(0)
    generator = ParallelWaveganGenerator(**SMALL, aux_channels=5)
    mel, noise = chirp(45).reshape(1, 5, 9), torch.randn(1, 1, 9 * 12)
    before = generator(mel, noise)
    generator.prepare_for_inference()
    torch.testing.assert_close(generator(mel, noise), before)
    assert not torch.allclose(generator(mel, -noise), before)


@pytest.mark.parametrize(("argument", "value"), [("kernel_size", 4), ("stacks", 3)])
def test_contradictions_are_named(argument, value):
    with pytest.raises(ValueError, match=argument):
        ParallelWaveganGenerator(**{**SMALL, argument: value})

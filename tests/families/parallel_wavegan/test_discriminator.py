"""Parallel WaveGAN's discriminators: golden scores of every build."""

import pytest

from finetune_tts.families.parallel_wavegan.discriminator import (
    ParallelWaveganDiscriminator,
    ResidualParallelWaveganDiscriminator,
)


@pytest.mark.parametrize(
    ("discriminator", "total", "norm"),
    [
        (ParallelWaveganDiscriminator(num_layers=4, conv_channels=6), -0.223425, 1.2706),
        (
            ParallelWaveganDiscriminator(num_layers=4, conv_channels=6, dilation_factor=2, kernel_size=5),
            21.9435,
            3.23552,
        ),
        (
            ResidualParallelWaveganDiscriminator(
                num_layers=4, stacks=2, res_channels=6, gate_channels=10, skip_channels=7
            ),
            2.25471,
            0.21181,
        ),
    ],
)
def test_scores(discriminator, total, norm, chirp, with_rule_weights, assert_golden):
    judgement = with_rule_weights(discriminator, seed=7)(chirp(100, batch=2))
    (score,) = judgement.scores
    assert score.shape == (2, 1, 100)
    assert_golden(score, total, norm)
    assert judgement.features == []


def test_activation_by_name():
    assert ParallelWaveganDiscriminator(nonlinear_activation="ReLU").conv_layers[1].__class__.__name__ == "ReLU"
    with pytest.raises(ValueError, match="nonlinear_activation 'Sinc' is not one of LeakyReLU"):
        ParallelWaveganDiscriminator(nonlinear_activation="Sinc")

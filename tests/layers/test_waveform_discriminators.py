"""HiFi-GAN's discriminators: scores, features, and training with spectral norm."""

import pytest
import torch

from finetune_tts.layers.waveform_discriminators import (
    MultiPeriodDiscriminator,
    MultiScaleDiscriminator,
    PeriodDiscriminator,
    ScaleDiscriminator,
)


@pytest.mark.parametrize(
    ("kind", "spectral", "score", "feature"),
    [
        (PeriodDiscriminator, False, (10.4365, 2.71107), (3334.38, 48.9561)),
        (PeriodDiscriminator, True, (0.780569, 0.235784), (1055.41, 13.4743)),
        (ScaleDiscriminator, False, (9.7906, 2.66202), (10578.3, 94.4776)),
        (ScaleDiscriminator, True, (0.679479, 0.188153), (2863.4, 22.2394)),
    ],
)
def test_scores_and_features(kind, spectral, score, feature, chirp, with_rule_weights, assert_golden):
    arguments = [3] if kind is PeriodDiscriminator else []
    discriminator = with_rule_weights(kind(*arguments, use_spectral_norm=spectral), seed=7)
    discriminator.train(spectral)  # the first step of the power iteration is in the numbers
    found, features = discriminator(chirp(500, batch=2))
    assert_golden(found, *score)
    assert_golden(features[2], *feature)
    assert torch.equal(features[-1].flatten(1), found)


def test_each_period_and_each_scale_gives_a_score_and_features(chirp):
    torch.manual_seed(0)
    wave = chirp(300, batch=2)
    periods = MultiPeriodDiscriminator(periods=[2, 7])(wave)
    assert [score.shape[0] for score in periods.scores] == [2, 2]
    assert [len(features) for features in periods.features] == [6, 6]
    scales = MultiScaleDiscriminator()(wave)
    assert [score.shape[1] for score in scales.scores] == [5, 3, 2]
    assert [len(features) for features in scales.features] == [8, 8, 8]

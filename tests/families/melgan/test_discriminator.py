"""MelGAN's discriminators: golden scores and features, and arguments that make no network."""

import pytest
import torch

from finetune_tts.families.melgan.discriminator import MelganDiscriminator, MelganMultiscaleDiscriminator


def test_scores_and_features_of_two_scales(chirp, with_rule_weights, assert_golden):
    discriminator = MelganMultiscaleDiscriminator(
        base_channels=8,
        max_channels=64,
        downsample_factors=[2, 4],
        num_scales=2,
        kernel_sizes=[3, 5],
        groups_denominator=2,
    )
    judgement = with_rule_weights(discriminator, seed=7)(chirp(400, batch=2))
    assert_golden(judgement.scores[0], -188.44, 22.1946)
    assert_golden(judgement.scores[1], -78.28, 11.4073)
    assert_golden(judgement.features[1][2], 463.638, 19.766)
    assert [len(features) for features in judgement.features] == [5, 5]
    assert torch.equal(judgement.features[0][-1], judgement.scores[0])


@pytest.mark.parametrize("kernels", [[5], [5, 4], [3, 3, 3]])
def test_kernels_that_do_not_fit_are_named(kernels):
    with pytest.raises(ValueError, match="kernel_sizes"):
        MelganDiscriminator(kernel_sizes=kernels)

"""UnivNet's spectrogram discriminators: golden scores and features."""

from finetune_tts.families.univnet.discriminator import MultiResolutionDiscriminator


def test_scores_and_features(chirp, with_rule_weights, assert_golden):
    discriminator = MultiResolutionDiscriminator()
    windows = {name: tensor for name, tensor in discriminator.state_dict().items() if name.endswith("window")}
    with_rule_weights(discriminator, buffers=windows, seed=7).train()
    judgement = discriminator(chirp(3000, batch=2))
    assert_golden(judgement.scores[0], 391.979, 19.1316)
    assert_golden(judgement.scores[1], 17.0075, 12.9986)
    assert_golden(judgement.scores[2], 627.582, 14.1742)
    assert_golden(judgement.features[1][2], 80178.3, 697.347)
    assert [len(features) for features in judgement.features] == [6, 6, 6]

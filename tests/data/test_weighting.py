import numpy as np

from finetune_tts.data.weighting import sampling_weights


def test_no_criterion_no_weights(make_samples):
    assert sampling_weights(make_samples(anna=2), [1, 2]) is None


def test_rare_speakers_are_drawn_as_often_as_frequent_ones(make_samples):
    samples = make_samples(anna=90, bert=10)
    weights = sampling_weights(samples, [1] * 100, speaker_alpha=1.0)
    np.testing.assert_allclose([weights[:90].sum(), weights[90:].sum()], [0.5, 0.5])
    np.testing.assert_allclose(weights.sum(), 1.0)


def test_criteria_add_up_by_their_alphas(make_samples):
    samples = make_samples(anna=6, bert=2)
    lengths = [100, 100, 100, 100, 100, 900, 100, 100]
    speaker = np.array([1 / 6] * 6 + [1 / 2] * 2)
    length = np.array([1 / 7] * 5 + [1.0] + [1 / 7] * 2)
    expected = 2.0 * speaker / np.linalg.norm(speaker) + 0.5 * length / np.linalg.norm(length)
    found = sampling_weights(samples, lengths, speaker_alpha=2.0, length_alpha=0.5)
    np.testing.assert_allclose(found, expected / expected.sum())


def test_equal_lengths_and_one_language_weigh_the_same(make_samples):
    weights = sampling_weights(make_samples(anna=4), [7] * 4, length_alpha=1.0, language_alpha=1.0)
    np.testing.assert_allclose(weights, 0.25)

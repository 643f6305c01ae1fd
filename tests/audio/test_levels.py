import numpy as np
import pytest

from finetune_tts.audio.levels import Decibels, MeanVarianceNormalisation, NoNormalisation, RangeNormalisation


@pytest.mark.parametrize("decibels", [Decibels(natural=True, gain=1.0), Decibels(natural=False, gain=20)])
def test_decibels_are_undone(decibels: Decibels) -> None:
    amplitudes = np.array([1e-8, 1e-3, 0.5, 1.0, 300.0], dtype=np.float32)
    np.testing.assert_allclose(decibels.to_amplitude(decibels.from_amplitude(amplitudes)), amplitudes, rtol=1e-4)


def test_decibels_of_known_amplitudes() -> None:
    amplitudes = np.array([0.0, 1e-12, 0.1, 10.0], dtype=np.float32)
    np.testing.assert_allclose(Decibels(natural=False, gain=20).from_amplitude(amplitudes), [-160, -160, -20, 20])


@pytest.mark.parametrize("natural", [True, False])
def test_absurd_decibels_do_not_overflow(natural: bool) -> None:
    amplitudes = Decibels(natural=natural, gain=1.0).to_amplitude(np.array([1e30, -1e30], dtype=np.float32))
    np.testing.assert_allclose(amplitudes, [1e6, 0.0], rtol=1e-3)


@pytest.mark.parametrize(("lowest", "highest"), [(-4.0, 4.0), (0.0, 1.0)])
def test_range_is_filled_and_undone(lowest: float, highest: float) -> None:
    span = RangeNormalisation(ref_level_db=20, min_level_db=-100, lowest=lowest, highest=highest, clip=True)
    decibels = np.array([[-80.0, -30.0, 20.0]], dtype=np.float32)
    features = span.normalise(decibels)
    np.testing.assert_allclose(features, [[lowest, (lowest + highest) / 2, highest]], atol=1e-6)
    np.testing.assert_allclose(span.denormalise(features), decibels, atol=1e-4)


def test_clipping_follows_the_config() -> None:
    outside = np.array([[-500.0, 500.0]], dtype=np.float32)
    clipped = RangeNormalisation(20, -100, -4.0, 4.0, clip=True)
    free = RangeNormalisation(20, -100, -4.0, 4.0, clip=False)
    np.testing.assert_array_equal(clipped.normalise(outside), [[-4.0, 4.0]])
    np.testing.assert_allclose(clipped.denormalise(outside), [[-80.0, 20.0]], atol=1e-4)
    np.testing.assert_allclose(free.denormalise(free.normalise(outside)), outside, rtol=1e-5)


def test_statistics_make_unit_variance_and_are_undone() -> None:
    decibels = np.random.RandomState(0).standard_normal((3, 500)).astype(np.float32) * [[1], [5], [9]] - 40
    scale = MeanVarianceNormalisation(decibels.mean(axis=1), decibels.std(axis=1))
    features = scale.normalise(decibels)
    np.testing.assert_allclose(features.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(features.std(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(scale.denormalise(features), decibels, atol=1e-4)
    assert NoNormalisation().denormalise(NoNormalisation().normalise(decibels)) is decibels

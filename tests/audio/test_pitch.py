import numpy as np
import pytest

from finetune_tts.audio.pitch import fundamental_frequency

RATE = 16000


def voice(hertz, seconds=1.0, harmonics=8):
    """A voice of a pitch that may be a curve ``[T]``."""
    phase = np.cumsum(np.full(int(RATE * seconds), 1.0) * hertz) / RATE
    return (0.1 * sum(np.sin(2 * np.pi * k * phase) / k for k in range(1, harmonics))).astype(np.float32)


def centres(wav):
    return np.arange(0, len(wav), RATE // 100)


@pytest.mark.parametrize("hertz", [75, 110, 220, 440])
def test_the_pitch_of_a_steady_voice_is_found(hertz):
    wav = voice(hertz)
    pitch = fundamental_frequency(wav, RATE, centres(wav))[5:-5]
    assert pitch == pytest.approx(hertz, rel=0.003)


def test_a_rising_voice_is_followed():
    curve = np.linspace(100, 200, RATE)
    wav = voice(curve)
    at = centres(wav)
    pitch = fundamental_frequency(wav, RATE, at)[10:-10]
    assert pitch == pytest.approx(curve[at][10:-10], rel=0.02)


def test_noise_and_silence_have_no_pitch():
    noise = (0.1 * np.random.default_rng(0).normal(size=RATE)).astype(np.float32)
    assert not fundamental_frequency(noise, RATE, centres(noise)).any()
    assert not fundamental_frequency(np.zeros(RATE, np.float32), RATE, centres(noise)).any()


def test_a_pause_has_none_and_the_voice_around_it_does():
    wav = np.concatenate([voice(150), np.zeros(RATE, np.float32), voice(150)])
    pitch = fundamental_frequency(wav, RATE, centres(wav))
    assert (pitch[110:190] == 0).all()
    assert (pitch[10:90] > 0).all()
    assert (pitch[210:290] > 0).all()


def test_no_frames_have_no_pitch():
    assert fundamental_frequency(np.zeros(0, np.float32), RATE, np.zeros(0, int)).shape == (0,)

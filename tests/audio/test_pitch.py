import numpy as np
import pytest

from finetune_tts.audio.pitch import fundamental_frequency, voice_pitch

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


def test_a_higher_end_of_the_range_finds_a_higher_voice():
    wav = voice(600)
    at = centres(wav)
    assert fundamental_frequency(wav, RATE, at, 60.0, 640.0)[5:-5] == pytest.approx(600, rel=0.01)


def test_what_is_far_from_the_voice_of_a_recording_is_none():
    pitch = np.array([0.0, 100, 110, 105, 620, 100, 30])
    assert voice_pitch(pitch).tolist() == [0.0, 100, 110, 105, 0, 100, 0]
    assert voice_pitch(np.zeros(3)).tolist() == [0, 0, 0]


def test_the_pitch_is_that_of_librosas_pyin():
    import librosa

    curve = 140 + 40 * np.sin(np.arange(2 * RATE) / RATE * 5)
    wav = np.concatenate([voice(curve, 2.0), np.zeros(RATE // 2, np.float32)])
    wav += 1e-3 * np.random.default_rng(0).normal(size=len(wav)).astype(np.float32)
    theirs, voiced, _ = librosa.pyin(wav, fmin=60, fmax=640, sr=RATE, frame_length=1024, hop_length=256)
    at = np.arange(len(theirs)) * 256
    ours = fundamental_frequency(wav, RATE, at, 60.0, 640.0)
    both = voiced & (ours > 0)
    assert np.mean(voiced == (ours > 0)) > 0.85
    assert np.median(np.abs(np.log2(ours[both] / theirs[both]))) * 1200 < 15

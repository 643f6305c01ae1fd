"""Each metric against sounds of which the right value is known."""

import numpy as np
import pytest
from scipy.signal import firwin2, lfilter

from finetune_tts.audio.reading import resample
from finetune_tts.hearing.comparison import analyse, cepstral_distortion, compare, pitch_errors

RATE = 16000


def voice(hertz=120.0, seconds=1.2, seed=0):
    """Syllables of a voice: harmonics under moving formants, with pauses, on a soft noise."""
    random = np.random.default_rng(seed)
    time = np.arange(int(RATE * seconds)) / RATE
    phase = np.cumsum(hertz * (1 + 0.15 * np.sin(2 * np.pi * 1.5 * time))) / RATE
    wav = np.zeros(len(time))
    for harmonic in range(1, 20):
        formant = 700 + 500 * np.sin(2 * np.pi * 2.3 * time)
        weight = np.exp(-(((harmonic * hertz - formant) / 400) ** 2)) + 0.05
        wav += weight * np.sin(2 * np.pi * harmonic * phase)
    syllables = 0.55 + 0.45 * np.sign(np.sin(2 * np.pi * 2 * time + 0.3))
    return (0.1 * wav * syllables + 0.0005 * random.normal(size=len(time))).astype(np.float32)


def test_a_sound_is_no_distance_from_itself():
    wav = voice()
    assert compare(wav, RATE, wav, RATE) == pytest.approx(
        {"mcd": 0, "duration": 1, "energy": 0, "vuv": 0, "f0": 0, "f0_hz": 0, "f0_correlation": 1, "babble": 0},
        abs=1e-9,
    )


def test_loudness_is_no_difference():
    wav = voice()
    assert compare(wav, RATE, 0.3 * wav, RATE) == pytest.approx(compare(wav, RATE, wav, RATE), abs=1e-3)


def test_silence_at_the_ends_is_no_difference():
    wav = voice()
    padded = np.pad(wav, (RATE // 2, RATE))
    values = compare(wav, RATE, padded, RATE)
    assert values["duration"] == pytest.approx(1.0, abs=0.03)
    assert values["mcd"] < 0.5


@pytest.mark.parametrize("cents", [-300, 200, 700])
def test_a_voice_that_is_shifted_has_that_pitch_error(cents):
    ratio = 2 ** (cents / 1200)
    values = compare(voice(120), RATE, voice(120 * ratio), RATE)
    assert values["f0"] == pytest.approx(abs(cents), rel=0.1)
    assert values["f0_hz"] == pytest.approx(abs(120 * (ratio - 1)), rel=0.15)
    assert values["f0_correlation"] > 0.7


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_sound_that_is_stretched_has_that_duration(factor):
    wav = voice(seconds=2.0)
    stretched = resample(wav, RATE, round(RATE * factor))
    assert compare(wav, RATE, stretched, RATE)["duration"] == pytest.approx(factor, rel=0.03)


def test_warping_undoes_another_pace():
    slow, quick = voice(seconds=2.0), voice(seconds=2.0)
    middle = slow[RATE // 2 : RATE // 2 + RATE // 4]
    slower = np.concatenate([slow[: RATE // 2 + RATE // 4], middle[::-1], slow[RATE // 2 + RATE // 4 :]])
    assert compare(quick, RATE, slower, RATE)["mcd"] < 0.35 * compare(quick, RATE, voice(200, 2.0, 1), RATE)["mcd"]


def test_cepstra_one_apart_in_one_coefficient_are_6_dB_apart():
    first = np.zeros((5, 13))
    second = first.copy()
    second[:, 3] = 1.0
    assert cepstral_distortion(first, second) == pytest.approx(10 / np.log(10) * np.sqrt(2))


def test_the_distortion_of_a_filter_is_its_ripple_in_decibels():
    """A ripple of 6 dB amplitude over the mel scale is one cepstral coefficient: 6 / sqrt(2) dB."""
    from finetune_tts.audio.mel_filters import mel_filter_bank

    bands = mel_filter_bank(RATE, 1024, 80, 0, RATE / 2)
    hertz = np.linspace(0, RATE / 2, bands.shape[1])
    centre = (bands @ hertz) / bands.sum(axis=1)
    ripple = 6.0 * np.cos(np.pi * 3 * (np.arange(80) + 0.5) / 80)
    gain = 10 ** (np.interp(hertz, centre, ripple) / 20)
    noise = (0.1 * np.random.default_rng(0).normal(size=2 * RATE)).astype(np.float32)
    delay = 512
    filtered = lfilter(firwin2(2 * delay + 1, hertz / hertz[-1], gain), 1.0, np.pad(noise, (0, delay)))[delay:]
    same, other = analyse(noise, RATE), analyse(filtered.astype(np.float32), RATE)
    assert cepstral_distortion(same.cepstra, other.cepstra) == pytest.approx(6 / np.sqrt(2), rel=0.1)


def test_voicing_errors_are_counted_over_the_path():
    first = np.array([100.0] * 6 + [0.0] * 4)
    second = np.array([0.0] * 2 + [100.0] * 6 + [0.0] * 2)
    values = pitch_errors(first, second)
    assert values["vuv"] == pytest.approx(0.4)
    assert "f0" not in values  # four frames are too few to tell


def test_the_melody_counts_in_the_correlation_and_not_its_height():
    melody = np.linspace(100, 200, 50)
    assert pitch_errors(melody, 1.5 * melody)["f0_correlation"] == pytest.approx(1.0)
    assert pitch_errors(melody, melody[::-1])["f0_correlation"] < -0.9
    assert "f0_correlation" not in pitch_errors(melody, np.full(50, 100.0))


def test_energy_counts_how_loudness_moves():
    wav = voice(seconds=2.0)
    fading = wav * np.linspace(1.0, 0.1, len(wav), dtype=np.float32)  # 20 dB, evenly: 5.8 dB about its mean
    assert 3.0 < compare(wav, RATE, fading, RATE)["energy"] < 7.0


def test_sample_rates_may_differ():
    wav = voice()
    assert compare(resample(wav, RATE, 22050), 22050, wav, RATE)["mcd"] < 0.6


@pytest.mark.parametrize("wav", [np.zeros(8000), np.zeros(10), np.full(3, 0.5), np.ones(1)])
def test_silence_and_clicks_can_be_compared(wav):
    values = compare(voice(), RATE, wav.astype(np.float32), RATE)
    assert np.isfinite(list(values.values())).all()


@pytest.mark.parametrize(("before", "behind"), [(0.0, 0.0), (0.5, 0.0), (0.2, 1.3)])
def test_silence_at_the_ends_is_told(before, behind):
    time = np.arange(RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
    quiet = [np.zeros(round(length * RATE), np.float32) for length in (before, behind)]
    found = analyse(np.concatenate([quiet[0], tone, quiet[1]]), RATE)
    assert found.silence == pytest.approx(before + behind, abs=0.06)


def test_speech_that_goes_on_after_its_text_is_told_in_seconds():
    wav = voice()
    assert compare(wav, RATE, np.tile(wav, 3), RATE)["babble"] == pytest.approx(1.5 * len(wav) / RATE, abs=0.05)
    assert compare(wav, RATE, np.tile(wav, 1), RATE)["babble"] == 0

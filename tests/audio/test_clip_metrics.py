"""What is measured of a recording is what was done to it."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from finetune_tts.audio import clip_metrics
from finetune_tts.audio.clip_metrics import QUIETEST, measure, measure_file
from finetune_tts.audio.reading import read_original, resample
from finetune_tts.errors import UserError

VOICE = Path(clip_metrics.__file__).parents[1] / "assets" / "demo" / "recordings" / "wavs"
FILES = [VOICE / f"voice_{number:04d}.flac" for number in (1, 20, 40, 60, 80)]
RATE = 16000


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def voice(request):
    return read_original(request.param).waveform


def noise_for(wav, decibels):
    level = 10 ** (decibels / 20)
    return level * np.random.default_rng(1).standard_normal(len(wav)).astype(np.float32)


def test_a_clean_recording_has_nothing_wrong(voice):
    found = measure(voice, RATE)
    assert found.seconds == len(voice) / RATE
    assert found.clipped == 0
    assert found.snr > 40
    assert -25 < found.loudness < -15
    assert found.leading < 0.3
    assert found.trailing < 0.3
    assert found.bandwidth > 7000
    assert found.speech_seconds == pytest.approx(found.seconds, abs=0.6)


def test_a_recording_at_full_scale_is_not_clipped(voice):
    assert measure(voice / np.abs(voice).max(), RATE).clipped < 1e-4


@pytest.mark.parametrize("level", [1.0, 0.5])
def test_flat_tops_are_counted_also_where_the_level_was_turned_down(voice, level):
    clipped = np.clip(2 * voice / np.abs(voice).max(), -1, 1) * level
    stored = np.rint(clipped * 32767).astype(np.float32) / 32767
    assert measure(stored, RATE).clipped == pytest.approx(np.mean(np.abs(clipped) >= level), rel=0.5)


def test_floats_beyond_full_scale_are_not_clipped_but_those_with_flat_tops_are(voice, tmp_path):
    loud = 2.5 * voice / np.abs(voice).max()
    found = {}
    for name, wav in (("whole", loud), ("cut", np.clip(loud, -1.5, 1.5)), ("at_full_scale", np.clip(loud, -1, 1))):
        soundfile.write(tmp_path / f"{name}.wav", wav, RATE, subtype="FLOAT")
        found[name] = measure_file(tmp_path / f"{name}.wav")
    assert found["whole"].peak == pytest.approx(2.5, rel=1e-3)
    assert found["whole"].clipped < 1e-4
    for name, level in (("cut", 1.5), ("at_full_scale", 1.0)):
        assert found[name].clipped == pytest.approx(np.mean(np.abs(loud) >= level), rel=0.5)


@pytest.mark.parametrize("snr", [5, 10, 20, 30])
def test_the_signal_to_noise_ratio_is_that_of_the_noise_that_was_added(voice, snr):
    loudness = measure(voice, RATE).loudness
    assert measure(voice + noise_for(voice, loudness - snr), RATE).snr == pytest.approx(snr, abs=2)


def test_digital_silence_does_not_hide_noise(voice):
    noisy = voice + noise_for(voice, measure(voice, RATE).loudness - 10)
    assert measure(np.pad(noisy, RATE), RATE).snr == pytest.approx(measure(noisy, RATE).snr, abs=2)


def test_loudness_does_not_count_pauses(voice):
    assert measure(np.pad(voice, 3 * RATE), RATE).loudness == pytest.approx(measure(voice, RATE).loudness, abs=0.3)
    assert measure(0.1 * voice, RATE).loudness == pytest.approx(measure(voice, RATE).loudness - 20, abs=0.3)


@pytest.mark.parametrize("floor", [-np.inf, -65])
def test_silence_at_the_ends_is_measured_also_under_a_little_noise(voice, floor):
    padded = np.pad(voice, (RATE, 2 * RATE))
    found, before = measure(padded + noise_for(padded, floor), RATE), measure(voice + noise_for(voice, floor), RATE)
    assert found.leading == pytest.approx(before.leading + 1, abs=0.1)
    assert found.trailing == pytest.approx(before.trailing + 2, abs=0.1)


def test_a_click_does_not_end_the_silence(voice):
    padded = np.pad(voice, RATE)
    padded[RATE // 2] = 0.9
    assert measure(padded, RATE).leading > 0.9


@pytest.mark.parametrize("lower", [8000, 11025])
def test_what_was_upsampled_has_the_bandwidth_of_before(voice, lower):
    for rate in (16000, 22050, 44100):
        upsampled = resample(resample(voice, RATE, lower), lower, rate)
        assert measure(upsampled, rate).bandwidth == pytest.approx(lower / 2, rel=0.1)


def test_white_noise_reaches_half_the_sample_rate():
    assert measure(noise_for(np.zeros(RATE), -20), RATE).bandwidth == RATE / 2


def test_silence_has_measures_too():
    for silence in (np.zeros(RATE, np.float32), np.zeros(3, np.float32)):
        found = measure(silence, RATE)
        assert (found.peak, found.clipped, found.loudness) == (0, 0, QUIETEST)
        assert found.leading + found.trailing == found.seconds
        assert found.speech_seconds == 0


@pytest.mark.parametrize("length", [1, 2, 100, 161, 4000])
def test_recordings_of_any_length_can_be_measured(length):
    found = measure(noise_for(np.zeros(length), -20), RATE)
    assert np.isfinite([found.loudness, found.snr, found.bandwidth]).all()


def test_the_same_sound_in_another_file_has_the_same_fingerprint(tmp_path):
    wav, rate = soundfile.read(FILES[0], dtype="int16")
    soundfile.write(tmp_path / "same.wav", wav, rate)
    soundfile.write(tmp_path / "stereo.wav", np.stack([wav, wav], axis=1), rate)
    soundfile.write(tmp_path / "other.wav", wav[:-1], rate)
    original = measure_file(FILES[0])
    assert measure_file(tmp_path / "same.wav") == original
    assert measure_file(tmp_path / "stereo.wav").fingerprint == original.fingerprint
    assert measure_file(tmp_path / "stereo.wav").channels == 2
    assert measure_file(tmp_path / "other.wav").fingerprint != original.fingerprint


def test_a_file_that_is_no_audio_is_named(tmp_path):
    path = tmp_path / "no.wav"
    path.write_text("no audio")
    with pytest.raises(UserError, match="no.wav"):
        measure_file(path)


def test_of_a_recording_of_hours_the_beginning_is_decoded(tmp_path):
    path = tmp_path / "long.wav"
    wav = np.tile(noise_for(np.zeros(2 * RATE), -20), 100)
    wav[100 * RATE :] = 0.95
    soundfile.write(path, wav, RATE)
    found = measure_file(path, at_most=2.0)
    assert found.seconds == 200
    assert found.peak < 0.9
    assert 2 * RATE <= len(read_original(path, at_most=2.0).waveform) < 100 * RATE


def harmonics(pitch, seconds=2.0):
    time = np.arange(int(RATE * seconds)) / RATE
    return sum(0.2 / n * np.sin(2 * np.pi * pitch * n * time) for n in range(1, 30)).astype(np.float32)


@pytest.mark.parametrize("pitch", [110, 200, 440])
def test_a_note_that_is_held_is_no_noise(pitch):
    note = harmonics(pitch)
    assert measure(note + noise_for(note, -60), RATE).snr > 25
    loudness = measure(note, RATE).loudness
    assert measure(note + noise_for(note, loudness - 5), RATE).snr == pytest.approx(5, abs=2)


@pytest.mark.parametrize("pitch", [110, 440])
def test_a_tone_at_full_scale_is_not_clipped(pitch):
    tone = np.sin(2 * np.pi * pitch * np.arange(RATE) / RATE)
    assert measure((np.rint(tone * 32767) / 32768).astype(np.float32), RATE).clipped == 0


def test_where_noise_is_heard_the_bandwidth_does_not_end():
    note = harmonics(100)  # up to 2.9 kHz
    assert measure(note + noise_for(note, -50), RATE).bandwidth == RATE / 2
    rounded = np.rint(note * 32767) / 32768
    assert measure(rounded.astype(np.float32), RATE).bandwidth == pytest.approx(3000, rel=0.1)

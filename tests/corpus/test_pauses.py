"""Silences of a recording: found whatever the noise, and told from music."""

import numpy as np
import pytest

from finetune_tts.audio.reading import write_waveform
from finetune_tts.corpus.hearing import SAMPLE_RATE, hear
from finetune_tts.corpus.pauses import find_silences


@pytest.mark.parametrize("noise", [0.0, 1e-3, 1e-2])
def test_each_pause_between_sentences_is_found(recording_in_noise, tmp_path, noise):
    recording = recording_in_noise(noise)
    (heard,) = hear([recording.path], tmp_path / "cache")
    silences = find_silences(heard)
    for before, after in zip(recording.said, recording.said[1:], strict=False):
        found = [pause for pause in silences.pauses if before.end <= pause.quietest <= after.start]
        assert len(found) == 1
    for said in recording.said:
        assert silences.speech_between(said.start, said.end) > 0.5
    assert silences.other_seconds == 0


def test_what_was_heard_in_parts_is_what_is_heard_at_once(recording, tmp_path, monkeypatch):
    (whole,) = hear([recording.path], tmp_path / "whole")
    monkeypatch.setattr("finetune_tts.corpus.hearing._PART_SECONDS", 9.6)
    (parts,) = hear([recording.path], tmp_path / "parts")
    assert parts.seconds == pytest.approx(whole.seconds)
    np.testing.assert_allclose(parts.levels, whole.levels, rtol=0.05, atol=1e-6)
    assert len(parts.spectra) == len(whole.spectra)
    assert np.mean((parts.speech > 0.5) == (whole.speech > 0.5)) > 0.98


def test_what_was_heard_is_not_heard_again(recording, tmp_path, monkeypatch):
    (first,) = hear([recording.path], tmp_path)
    monkeypatch.setattr("finetune_tts.corpus.hearing.read_part", None)
    (again,) = hear([recording.path], tmp_path)
    np.testing.assert_array_equal(first.spectra, again.spectra)


def test_a_spoiled_cache_is_heard_anew(recording, tmp_path):
    (first,) = hear([recording.path], tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:1000])
    (again,) = hear([recording.path], tmp_path)
    np.testing.assert_array_equal(first.speech, again.speech)


def test_music_is_sound_but_no_speech(tmp_path):
    time = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
    chord = sum(0.1 * np.sin(2 * np.pi * hertz * time) for hertz in (262, 330, 392))
    played = (chord * np.exp(-3 * (time % 2.0))).astype(np.float32)  # struck every two seconds
    write_waveform(tmp_path / "music.wav", played, SAMPLE_RATE)
    (heard,) = hear([tmp_path / "music.wav"], tmp_path / "cache")
    silences = find_silences(heard)
    assert silences.speech_seconds < 0.5
    assert silences.other_seconds > 5


def test_silence_has_no_speech_and_ends_with_pauses(tmp_path):
    path = tmp_path / "silence.wav"
    write_waveform(path, np.zeros(3 * SAMPLE_RATE), SAMPLE_RATE)
    (heard,) = hear([path], tmp_path / "cache")
    silences = find_silences(heard)
    assert silences.speech_seconds == 0
    assert len(silences.ends_with_pauses()) == 2

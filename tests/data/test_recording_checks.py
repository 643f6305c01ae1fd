"""A broken recording of each kind is found, and the clean ones are not."""

from dataclasses import replace

import numpy as np
import pytest

from finetune_tts.audio.clip_metrics import measure
from finetune_tts.audio.reading import read_original, resample
from finetune_tts.check.finding import Severity, worst
from finetune_tts.check.measuring import Measured, measure_samples
from finetune_tts.check.recording_checks import check_pace, check_recordings
from finetune_tts.data.sample import Sample

RATE = 16000


@pytest.fixture(scope="session")
def voices(voice_lines):
    """Clean clips: sample and waveform."""
    return [
        (Sample(text, path, "slt", "en", path.stem, "demo"), read_original(path).waveform)
        for path, text in list(voice_lines.items())[:30]
    ]


def clipped(wav):
    return np.rint(0.5 * np.clip(2 * wav / np.abs(wav).max(), -1, 1) * 32767) / 32767


def silent(wav):
    return wav * 10 ** (-45 / 20)


def noisy(wav):
    return wav + 0.05 * np.random.default_rng(0).standard_normal(len(wav)).astype(np.float32)


def silence_before(wav):
    return np.pad(wav, (2 * RATE, 0))


def silence_after(wav):
    return np.pad(wav, (0, 2 * RATE))


def cut_off(wav):
    return wav[: len(wav) // 4]


def with_another_sentence(wav):
    return np.concatenate([wav, wav[::-1], wav])


def upsampled(wav):
    return resample(resample(wav, RATE, 8000), 8000, RATE)


def louder(wav):
    return wav * 1.6


def beyond_full_scale(wav):
    return 1.5 * wav / np.abs(wav).max()


def softer(wav):
    return wav * 0.1


def findings_of(voices, changes=(), **options):
    """Findings, with ``changes`` (place → function) done to the waveforms."""
    changes = dict(changes)
    samples = [sample for sample, _ in voices]
    clips = {
        sample.audio_file: measure(changes.get(place, lambda wav: wav)(wav).astype(np.float32), RATE)
        for place, (sample, wav) in enumerate(voices)
    }
    measured = Measured(clips, {})
    symbols = [sum(letter.isalpha() for letter in sample.text) for sample in samples]
    options = {"trims": False, "levels": False, "highest": 8000.0, **options}
    found = [*check_recordings(samples, measured, **options), check_pace(samples, symbols, measured)]
    assert len({finding.id for finding in found}) == len(found)
    return {finding.id: finding for finding in found}


def test_clean_recordings_are_clean(voices):
    assert {finding.severity for finding in findings_of(voices).values()} == {Severity.FINE}


@pytest.mark.parametrize(
    ("change", "id"),
    [
        (clipped, "clipped"),
        (silent, "silent"),
        (noisy, "noisy"),
        (silence_before, "end_silence"),
        (silence_after, "end_silence"),
        (cut_off, "pace"),
        (with_another_sentence, "pace"),
        (upsampled, "narrow"),
        (softer, "loudness"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_broken_recording_is_found_and_no_other(voices, change, id):
    for place in (3, 17):
        found = findings_of(voices, {place: change})
        assert found[id].severity is Severity.ADVISES
        assert [clip.name for clip in found[id].clips] == [voices[place][0].name]
        assert found[id].count == 1
        assert found[id].advice
        others = [finding for finding in found.values() if finding.id != id]
        assert worst(others) is Severity.FINE, others


def test_broken_recordings_are_found_in_the_smallest_data_set(voices):
    for change, id in ((clipped, "clipped"), (silent, "silent"), (noisy, "noisy"), (upsampled, "narrow")):
        found = findings_of(voices[:1], {0: change})
        assert found[id].count == 1
        assert worst([finding for finding in found.values() if finding.id != id]) is Severity.FINE
    assert worst(list(findings_of(voices[:1]).values())) is Severity.FINE
    assert worst(list(findings_of(voices[:2]).values())) is Severity.FINE


def test_recordings_that_are_all_silent_stop_the_run(voices):
    found = findings_of(voices, dict.fromkeys(range(len(voices)), silent))
    assert found["silent"].severity is Severity.STOPS
    assert found["silent"].count == len(voices)
    one_is_heard = findings_of(voices, dict.fromkeys(range(1, len(voices)), silent))
    assert one_is_heard["silent"].severity is Severity.ADVISES


def test_floats_beyond_full_scale_are_told_and_are_fine_where_they_are_levelled(voices):
    (sample, wav), other = voices[:2]
    loud = [(sample, beyond_full_scale(wav)), other]
    found = findings_of(loud)
    assert [clip.note for clip in found["beyond_full_scale"].clips] == ["peaks at +3.5 dBFS"]
    assert "do_sound_norm" in found["beyond_full_scale"].advice
    assert not found["beyond_full_scale"].spoils
    assert findings_of(loud, levels=True)["beyond_full_scale"].severity is Severity.FINE


def test_no_recordings_at_all_make_no_fault():
    assert {finding.severity for finding in findings_of([]).values()} == {Severity.FINE}


def test_a_text_that_nobody_can_speak_in_the_time_is_found_in_the_smallest_data_set(voices):
    (sample, wav), *_ = voices
    long = replace(sample, text="word " * 300)
    assert findings_of([(long, wav)])["pace"].count == 1
    assert findings_of([(replace(sample, text="I"), wav)])["pace"].count == 1


def test_the_worst_clips_come_first(voices):
    found = findings_of(voices, {2: lambda wav: noisy(noisy(wav)), 5: noisy, 9: lambda wav: noisy(noisy(noisy(wav)))})
    assert [clip.name for clip in found["noisy"].clips] == [voices[place][0].name for place in (9, 2, 5)]
    assert "SNR" in found["noisy"].clips[0].note


def test_a_recording_that_stands_there_twice_is_found(voices):
    copy = replace(voices[0][0], audio_file=voices[0][0].audio_file.with_name("copy.wav"), name="copy", text="Other.")
    found = findings_of([*voices, (copy, voices[0][1])])["duplicate_audio"]
    assert [clip.name for clip in found.clips] == ["copy"]
    assert voices[0][0].name in found.clips[0].note


def test_uneven_loudness_is_found_and_nothing_to_be_done_where_the_model_evens_it(voices):
    changes = {place: (louder, lambda wav: wav * 0.4)[place % 2] for place in range(len(voices))}
    found = findings_of(voices, changes)["loudness"]
    assert found.severity is Severity.ADVISES
    assert "do_rms_norm true" in found.advice
    assert not found.spoils
    assert findings_of(voices, changes, levels=True)["loudness"].severity is Severity.FINE


def test_silence_that_the_model_trims_is_no_fault(voices):
    found = findings_of(voices, {3: silence_before}, trims=True)["end_silence"]
    assert found.severity is Severity.FINE
    assert found.count == 1


def test_all_upsampled_is_a_matter_of_the_model_and_not_of_leaving_out(voices):
    found = findings_of(voices, dict.fromkeys(range(len(voices)), upsampled))["narrow"]
    assert found.count == len(voices)
    assert not found.spoils
    # A model of such a rate hears no more than they have.
    assert findings_of(voices, dict.fromkeys(range(len(voices)), upsampled), highest=4000.0)["narrow"].count == 0


def test_a_recording_that_cannot_be_read_stops_the_run(recorded, tmp_path):
    samples = recorded(3)
    samples[1].audio_file.write_bytes(b"no audio")
    measured = measure_samples(samples, tmp_path / "cache")
    findings = check_recordings(samples, measured, trims=False, levels=False, highest=4000.0)
    found = next(finding for finding in findings if finding.id == "unreadable")
    assert found.severity is Severity.STOPS
    assert [clip.file for clip in found.clips] == [samples[1].audio_file]


def test_speakers_are_compared_with_themselves(voices):
    """One who speaks half as fast as the other is no outlier; one clip of the first at that pace is."""
    slow = [(replace(sample, speaker="slow", name=f"slow {sample.name}"), wav) for sample, wav in voices]
    samples = [sample for sample, _ in voices] + [sample for sample, _ in slow]
    symbols = [40] * len(samples)
    files = [sample.audio_file.with_name(f"{place}.wav") for place, sample in enumerate(samples)]
    samples = [replace(sample, audio_file=file) for sample, file in zip(samples, files, strict=True)]
    clip = measure(voices[0][1], RATE)
    seconds = [2.4 + 0.01 * place for place in range(30)] + [6.0 + 0.01 * place for place in range(30)]
    seconds[7] = 6.5
    clips = {
        file: replace(clip, seconds=length, leading=0.0, trailing=0.0)
        for file, length in zip(files, seconds, strict=True)
    }
    assert [clip.file for clip in check_pace(samples, symbols, Measured(clips, {})).clips] == [files[7]]

"""Recordings are decoded once, whatever is done with them later."""

import dataclasses
import os
import shutil

import pytest

from finetune_tts.audio.clip_metrics import ClipMetrics
from finetune_tts.check import measuring
from finetune_tts.check.measuring import measure_samples
from finetune_tts.errors import UserError


@pytest.fixture
def decoded(monkeypatch):
    """The recordings that were decoded in this process."""
    files = []
    before = measuring.measure_file

    def measure_file(path):
        files.append(path)
        return before(path)

    monkeypatch.setattr(measuring, "measure_file", measure_file)
    return files


def test_a_second_check_decodes_nothing(recorded, tmp_path, decoded):
    samples = recorded(5)
    first = measure_samples(samples, tmp_path / "cache", workers=0)
    assert len(decoded) == 5
    assert measure_samples(samples, tmp_path / "cache", workers=0) == first
    assert len(decoded) == 5
    assert list(first.clips) == [sample.audio_file for sample in samples]


def test_a_recording_is_known_by_its_content(recorded, tmp_path, decoded):
    samples = recorded(3)
    measure_samples(samples, tmp_path / "cache", workers=0)
    moved = shutil.move(samples[0].audio_file, tmp_path / "moved.wav")
    shutil.copyfile(samples[1].audio_file, samples[2].audio_file)  # another content under a known path
    os.utime(samples[2].audio_file, (1, 1))
    decoded.clear()
    again = [dataclasses.replace(samples[0], audio_file=moved), *samples[1:]]
    found = measure_samples(again, tmp_path / "cache", workers=0)
    assert decoded == []
    assert found.clips[samples[2].audio_file] == found.clips[samples[1].audio_file]


def test_several_processes_find_the_same(recorded, tmp_path):
    samples = recorded(40)
    alone = measure_samples(samples, tmp_path / "one", workers=0)
    together = measure_samples(samples, tmp_path / "two", workers=2)
    assert together == alone
    assert list(together.clips) == list(alone.clips)


def test_what_several_processes_found_is_remembered(recorded, tmp_path, decoded):
    samples = recorded(40)
    measure_samples(samples, tmp_path / "cache", workers=2)
    measure_samples(samples, tmp_path / "cache", workers=0)
    assert decoded == []


def test_recordings_that_cannot_be_read_are_named_and_the_others_measured(recorded, tmp_path):
    samples = recorded(4)
    samples[1].audio_file.write_bytes(b"no audio")
    samples[2].audio_file.unlink()
    found = measure_samples(samples, tmp_path / "cache")
    assert set(found.faults) == {samples[1].audio_file, samples[2].audio_file}
    assert "not audio" in found.faults[samples[1].audio_file]
    assert len(found.clips) == 2


def test_a_sample_of_many_recordings_is_spread_over_them(recorded, tmp_path):
    samples = recorded(10)
    found = measure_samples(samples, tmp_path / "cache", at_most=5)
    assert list(found.clips) == [sample.audio_file for sample in samples[::2]]
    # What is known already costs nothing, and counts.
    assert len(measure_samples(samples, tmp_path / "cache", at_most=2).clips) == 7


def test_a_spoiled_line_of_the_cache_is_measured_anew(recorded, tmp_path, decoded):
    samples = recorded(1)
    found = measure_samples(samples, tmp_path / "cache", workers=0)
    (index,) = (tmp_path / "cache").glob("metrics-*.jsonl")
    index.write_text(index.read_text().replace("[1", "[[1", 1).replace('", [', '", [0, '))
    assert measure_samples(samples, tmp_path / "cache", workers=0) == found
    assert len(decoded) == 2
    assert isinstance(found.clips[samples[0].audio_file], ClipMetrics)


def test_a_cache_that_cannot_be_made_is_named(recorded, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="file"):
        measure_samples(recorded(1), tmp_path / "file" / "cache")

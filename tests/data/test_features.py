import logging
import multiprocessing
import os
import shutil

import numpy as np
import pytest
import soundfile

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.data import features
from finetune_tts.data.features import FeatureCache, aligned
from finetune_tts.errors import UserError


@pytest.fixture
def cache_at(tmp_path, extractor):
    def make(**options):
        return FeatureCache(tmp_path / "cache", extractor, **options)

    return make


def feature_files(tmp_path):
    return sorted(path for path in (tmp_path / "cache").rglob("*.npy"))


def test_features_are_those_of_the_extractor(cache_at, recorded, extractor):
    (sample,) = recorded(1)
    cache = cache_at(linear=True)
    wav = extractor.load(sample.audio_file)
    for _ in range(2):
        np.testing.assert_array_equal(cache.mel(sample), extractor.mel(wav))
        np.testing.assert_array_equal(cache.linear(sample), extractor.linear(wav))
    assert cache.mel(sample).dtype == np.float32
    assert cache.length(sample) == extractor.num_frames(len(wav))


def test_frames_are_counted_as_trimmed_and_without_spectrograms(tmp_path, recorded, audio):
    (sample, *_) = samples = recorded(3)
    wav, rate = soundfile.read(sample.audio_file)
    soundfile.write(sample.audio_file, np.pad(wav, rate), rate)
    settings = audio()
    settings.do_trim_silence = True
    cache = FeatureCache(tmp_path / "cache", SpectrogramExtractor(settings))
    counts = cache.frame_counts(samples)
    assert not feature_files(tmp_path)
    assert counts == {sample.audio_file: cache.mel(sample).shape[1] for sample in samples}
    assert counts[sample.audio_file] < rate / settings.hop_length
    again = FeatureCache(tmp_path / "cache", SpectrogramExtractor(settings))
    assert again.frame_counts(samples) == counts


def test_frames_are_counted_once(cache_at, recorded, extractor):
    samples = recorded(3)
    counts = cache_at().frame_counts(samples, workers=0)
    assert extractor.loads == 3
    assert cache_at().frame_counts(samples) == counts
    assert extractor.loads == 3


def test_a_recording_that_cannot_be_counted_is_named(cache_at, recorded):
    samples = recorded(3)
    samples[1].audio_file.write_bytes(b"no audio")
    with pytest.raises(UserError, match=r"anna1.wav: not audio"):
        cache_at().frame_counts(samples)


def test_no_recording_is_decoded_twice(cache_at, recorded, extractor):
    samples = recorded(3)
    cache_at(linear=True).precompute(samples)
    assert extractor.loads == 3
    later = cache_at(linear=True)
    later.precompute(samples)
    assert [later.mel(sample).shape[1] for sample in samples] == [later.length(sample) for sample in samples]
    later.linear(samples[0])
    assert extractor.loads == 3


def test_feature_files_can_be_opened_with_numpy(cache_at, recorded, tmp_path):
    samples = recorded(1)
    cache = cache_at()
    cache.precompute(samples)
    (file,) = feature_files(tmp_path)
    np.testing.assert_array_equal(np.load(file), cache.mel(samples[0]))


def test_a_known_file_is_not_even_read_to_hash_it(cache_at, recorded, extractor):
    (sample,) = recorded(1)
    cache_at().precompute([sample])
    status = os.stat(sample.audio_file)
    sample.audio_file.write_bytes(b"x" * status.st_size)
    os.utime(sample.audio_file, ns=(status.st_atime_ns, status.st_mtime_ns))
    cache_at().mel(sample)
    assert extractor.loads == 1


def test_a_changed_recording_is_computed_anew(cache_at, recorded, extractor, write_wav):
    (sample,) = recorded(1)
    before = cache_at().mel(sample)
    write_wav(sample.audio_file, seconds=0.3)
    assert cache_at().mel(sample).shape[1] > before.shape[1]
    assert extractor.loads == 2


def test_many_recordings_are_looked_for_by_folder(cache_at, recorded, extractor, monkeypatch, tmp_path):
    monkeypatch.setattr(features, "_MANY", 2)
    samples = recorded(5)
    cache_at(waveforms=True).precompute(samples)
    next((tmp_path / "cache").rglob("*.wav.npy")).unlink()
    next((tmp_path / "cache").rglob("*.mel.npy")).with_suffix(".tmp").touch()
    extractor.loads = 0
    cache_at(waveforms=True).precompute(samples)
    assert extractor.loads == 1


def test_another_setting_meets_no_stale_feature(cache_at, recorded, other_extractor, tmp_path):
    (sample,) = recorded(1)
    first = cache_at().mel(sample)
    second = FeatureCache(tmp_path / "cache", other_extractor).mel(sample)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(cache_at().mel(sample), first)


def test_moved_and_copied_recordings_are_found_by_content(cache_at, recorded, extractor, tmp_path):
    samples = recorded(2)
    cache_at().precompute(samples)
    shutil.copy(samples[0].audio_file, samples[1].audio_file)
    cache_at().precompute(samples)
    assert extractor.loads == 2


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "garbage"])
def test_damaged_files_are_computed_again(cache_at, recorded, tmp_path, caplog, damage):
    (sample,) = recorded(1)
    cache = cache_at()
    expected = cache.mel(sample)
    (file,) = feature_files(tmp_path)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    changed = {"cut": content[:-9], "empty": b"", "flipped": content, "garbage": b"\x93NUMPY\x01\x00garbage"}[damage]
    file.write_bytes(changed)
    np.testing.assert_array_equal(cache.mel(sample), expected)
    assert f"{file} is damaged and is computed again" in caplog.text
    np.testing.assert_array_equal(np.load(file), expected)


def test_a_deleted_file_is_computed_again(cache_at, recorded, tmp_path, extractor):
    samples = recorded(2)
    cache_at().precompute(samples)
    feature_files(tmp_path)[0].unlink()
    cache_at().precompute(samples)
    assert len(feature_files(tmp_path)) == 2
    assert extractor.loads == 3


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"[1\n{}\nnull\n[1, 2]\n", b'\n["a", 1'])
def test_a_damaged_index_costs_hashes_but_no_decoding(cache_at, recorded, tmp_path, extractor, caplog, content):
    samples = recorded(2)
    cache_at().precompute(samples)
    for index in (tmp_path / "cache").rglob("*.jsonl"):
        index.write_bytes(content)
    cache_at().precompute(samples)
    assert extractor.loads == 2
    with caplog.at_level(logging.INFO):
        cache_at().precompute(samples)
    assert caplog.messages == []  # nothing is left to be done


def test_linear_spectrograms_are_added_when_they_are_wanted(cache_at, recorded, extractor):
    samples = recorded(1)
    cache_at().precompute(samples)
    cache_at(linear=True).precompute(samples)
    assert extractor.loads == 2
    assert cache_at(linear=True).linear(samples[0]).shape == (129, cache_at().length(samples[0]))


def test_processes_compute_the_same(cache_at, recorded, tmp_path, extractor, caplog):
    samples = recorded(5)
    cache = cache_at()
    with caplog.at_level(logging.INFO):
        cache.precompute(samples, workers=2)
    assert "Computing the features of 5 recordings (0 are in the cache)" in caplog.text
    assert extractor.loads == 0  # the processes did it
    assert len(feature_files(tmp_path)) == 5
    for sample in samples:
        np.testing.assert_array_equal(cache.mel(sample), extractor.mel(extractor.load(sample.audio_file)))
    extractor.loads = 0
    cache_at().precompute(samples)
    assert extractor.loads == 0


def test_a_team_computes_each_feature_once_and_all_of_them_know_it(cache_at, recorded, extractor, as_team):
    samples = recorded(7)
    cache_at().precompute(samples[:2])
    extractor.loads = 0
    caches = [cache_at() for _ in range(3)]
    assert as_team(3, lambda team: caches[team.rank].precompute(samples, team=team)) == [None] * 3

    assert extractor.loads == 5
    for cache in caches:
        assert [cache.length(sample) for sample in samples] == [cache_at().length(sample) for sample in samples]
    assert extractor.loads == 5


def test_each_machine_computes_what_its_own_file_system_lacks(recorded, extractor, as_team, tmp_path):
    samples = recorded(7)
    folders = [tmp_path / "one", tmp_path / "one", tmp_path / "two"]  # three processes, of which two see the same files
    FeatureCache(folders[0], extractor).precompute(samples)
    extractor.loads = 0
    caches = [FeatureCache(folder, extractor) for folder in folders]
    assert as_team(3, lambda team: caches[team.rank].precompute(samples, team=team)) == [None] * 3

    assert extractor.loads == 7  # by the one that is alone; nobody else had anything to do
    for sample in samples:
        np.testing.assert_array_equal(caches[2].mel(sample), caches[0].mel(sample))
    assert extractor.loads == 7
    assert not list(tmp_path.rglob(".seen-by-*"))


def test_what_one_of_a_team_cannot_read_all_of_them_name(cache_at, recorded, as_team):
    samples = recorded(4)
    samples[1].audio_file.write_bytes(b"")
    samples[2].audio_file.write_bytes(b"no audio at all")
    for error in as_team(2, lambda team: cache_at().precompute(samples, team=team)):
        assert isinstance(error, UserError)
        assert "2 recordings cannot be used" in str(error)
        assert str(samples[1].audio_file) in str(error)


def test_cpus_are_used_unless_told_otherwise(cache_at, recorded, extractor, monkeypatch):
    samples = recorded(3)
    monkeypatch.setattr("finetune_tts.data.processes._FEW", 2)
    monkeypatch.setattr("finetune_tts.data.processes.usable_cpus", lambda: 2)
    cache_at().precompute(samples)
    assert extractor.loads == 0  # other processes did it
    cache_at(linear=True).precompute(samples, workers=1)
    assert extractor.loads == 3


def test_several_runs_may_use_one_folder_at_once(cache_at, recorded, tmp_path, extractor):
    samples = recorded(6)
    context = multiprocessing.get_context("fork")
    runs = [context.Process(target=cache_at().precompute, args=(part,)) for part in (samples, samples[::-1])]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0, 0]
    cache_at().precompute(samples)
    assert extractor.loads == 0
    assert len(feature_files(tmp_path)) == 6
    assert not list((tmp_path / "cache").rglob("*.part"))


@pytest.mark.parametrize("workers", [0, 2])
def test_recordings_that_cannot_be_read_are_all_named(cache_at, recorded, workers):
    samples = recorded(4)
    samples[1].audio_file.write_bytes(b"")
    samples[2].audio_file.write_bytes(b"no audio at all")
    with pytest.raises(UserError) as caught:
        cache_at().precompute(samples, workers=workers)
    assert "2 recordings cannot be used" in str(caught.value)
    assert str(samples[1].audio_file) in str(caught.value)
    assert str(samples[2].audio_file) in str(caught.value)


def test_a_recording_that_vanished_is_named(cache_at, recorded):
    (sample,) = recorded(1)
    sample.audio_file.unlink()
    with pytest.raises(UserError, match="anna0.wav: cannot be read"):
        cache_at().mel(sample)


def test_a_folder_that_cannot_be_made_is_named(tmp_path, extractor):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file: the feature cache cannot be made there"):
        FeatureCache(tmp_path / "file", extractor)


def test_a_full_disk_leaves_no_partial_file(cache_at, recorded, tmp_path, monkeypatch):
    cache = cache_at()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="cannot be written .No space left on device.. Make room"):
        cache.mel(recorded(1)[0])
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".jsonl"] == []


def test_waveforms_are_kept_where_they_are_asked_for_and_fit_the_frames(cache_at, recorded, extractor, tmp_path):
    samples = recorded(2)
    cache_at().precompute(samples)
    assert not [path for path in feature_files(tmp_path) if path.name.endswith(".wav.npy")]
    cache = cache_at(waveforms=True)
    cache.precompute(samples)
    loads = extractor.loads
    for sample in samples:
        waveform = cache.waveform(sample)
        wav = extractor.load(sample.audio_file)
        assert waveform.dtype == np.float32
        assert len(waveform) == cache.length(sample) * extractor.hop_length
        np.testing.assert_array_equal(waveform[: len(wav)], wav)  # a recording of 16 bits, to the last bit
        np.testing.assert_array_equal(waveform[len(wav) :], wav[-1])
    assert extractor.loads == loads + 2  # the two of this test


def test_waveforms_take_two_bytes_a_sample_unless_they_go_beyond_full_scale(
    cache_at, recorded, extractor, tmp_path, monkeypatch
):
    (sample,) = recorded(1)
    load = extractor.load
    quiet = cache_at(waveforms=True)
    quiet.precompute([sample])
    (file,) = [path for path in feature_files(tmp_path) if path.name.endswith(".wav.npy")]
    assert np.load(file).dtype == np.int16

    file.unlink()
    monkeypatch.setattr(extractor, "load", lambda path: 3 * load(path))
    loud = cache_at(waveforms=True)
    wav = loud.waveform(sample)
    assert np.load(file).dtype == np.float32
    np.testing.assert_array_equal(wav[: len(load(sample.audio_file))], 3 * load(sample.audio_file))


def test_a_damaged_waveform_is_made_again(cache_at, recorded, tmp_path):
    (sample,) = recorded(1)
    cache = cache_at(waveforms=True)
    before = cache.waveform(sample)
    (file,) = [path for path in feature_files(tmp_path) if path.name.endswith(".wav.npy")]
    file.write_bytes(file.read_bytes()[:-40])
    np.testing.assert_array_equal(cache.waveform(sample), before)


def test_a_waveform_is_cut_or_filled_to_its_frames():
    wav = np.float32([1, 2, 3])
    assert aligned(wav, 2, 2).tolist() == [1, 2, 3, 3]
    assert aligned(wav, 1, 2).tolist() == [1, 2]

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.data import features, shard_file, shards
from finetune_tts.data.features import FeatureCache, wants_shards
from finetune_tts.data.shard_file import ShardReader, kind_number
from finetune_tts.data.shards import FeatureShards
from finetune_tts.errors import UserError

ROOT = Path(__file__).parents[2]
KINDS = ("mel", "wav")
FORK = multiprocessing.get_context("fork")


def digest(number):
    return f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128:032x}"


def arrays(number):
    random = np.random.default_rng(number)
    frames = 3 + number % 5
    wav = random.integers(-99, 99, 7 * frames, dtype=np.int16)
    return {"mel": random.standard_normal((4, frames), dtype=np.float32), "wav": wav}


def write(store, numbers):
    for number in numbers:
        store.write(digest(number), arrays(number))


def assert_holds(store, numbers):
    for number in numbers:
        for kind, feature in arrays(number).items():
            found = store.read(digest(number), kind)
            assert found is not None, (number, kind)
            assert found.dtype == feature.dtype
            np.testing.assert_array_equal(found, feature)


def files(folder):
    return sorted(folder.rglob("*.shard"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "shards"


@pytest.fixture
def one_shard(folder):
    """A sealed shard of ten recordings."""
    store = FeatureShards(folder)
    write(store, range(10))
    store.seal()
    (file,) = files(folder)
    return file


@pytest.fixture
def cache_at(tmp_path, extractor):
    def make(shards=True, **options):
        return FeatureCache(tmp_path / "cache", extractor, shards=shards, **options)

    return make


# What a folder of shards is.


def test_what_was_written_is_read_by_who_wrote_it_and_by_others(folder):
    store = FeatureShards(folder)
    write(store, range(20))
    assert_holds(store, range(20))
    assert_holds(FeatureShards(folder), range(20))  # which finds no index yet
    store.seal()
    write(store, range(20, 30))
    for one in (store, FeatureShards(folder)):
        assert_holds(one, range(30))
        assert len(one) == 60
        assert one.frames(digest(7), "mel") == arrays(7)["mel"].shape[1]
        assert not one.has(digest(30), "mel")
        assert not one.has(digest(3), "linear")
        assert one.read(digest(30), "mel") is None
    assert len(files(folder)) == 2


def test_an_index_is_read_in_place_of_all_headers(one_shard, folder, monkeypatch):
    monkeypatch.setattr(ShardReader, "_scan", None)
    assert_holds(FeatureShards(folder), range(10))


def test_recordings_of_which_all_is_there_are_found_with_their_lengths(folder):
    store = FeatureShards(folder)
    assert store.complete(KINDS) == {}
    write(store, range(9))
    store.write(digest(9), {"mel": arrays(9)["mel"]})
    store.write(digest(10), {"wav": arrays(10)["wav"]})
    store.refresh()
    lengths = {digest(number): arrays(number)["mel"].shape[1] for number in range(10)}
    assert store.complete(["mel"]) == lengths
    assert store.complete(KINDS) == {key: lengths[key] for key in map(digest, range(9))}
    assert store.complete(["linear", "mel"]) == {}


def test_features_that_share_a_place_in_the_index_are_told_apart(folder):
    mel, wav = (kind_number(kind) for kind in KINDS)
    one = "a" * 16 + "0" * 16
    # Halves that, mixed with their kinds, are the same; and two that differ in the second half alone.
    other = f"{int(one[:16], 16) ^ mel ^ wav:016x}" + "0" * 16
    third = "a" * 16 + "1" * 16
    store = FeatureShards(folder)
    for number, key in enumerate((one, other, third)):
        store.write(key, arrays(number))
    store.refresh()
    for number, key in enumerate((one, other, third)):
        for kind, feature in arrays(number).items():
            np.testing.assert_array_equal(store.read(key, kind), feature)
    assert store.complete(KINDS).keys() <= {one, other, third}  # it may leave them to has()
    assert store.complete(["mel"]).keys() == {one, other, third}


def test_a_shard_that_is_large_enough_is_followed_by_another(folder, monkeypatch):
    monkeypatch.setattr(shards, "LARGEST", 1500)
    store = FeatureShards(folder)
    write(store, range(20))
    store.seal()
    assert len(files(folder)) > 3
    assert_holds(FeatureShards(folder), range(20))


def test_few_files_stay_open(folder, monkeypatch):
    monkeypatch.setattr(shards, "LARGEST", 1)
    monkeypatch.setattr(shards, "MOST_OPEN", 3)
    store = FeatureShards(folder)
    write(store, range(20))
    reader = FeatureShards(folder)
    before = len(os.listdir("/proc/self/fd"))
    assert_holds(reader, range(20))
    assert len(reader._open) == 3
    assert len(os.listdir("/proc/self/fd")) <= before
    assert len(files(folder)) == 20


def test_a_process_that_is_started_anew_gets_the_index(one_shard, folder):
    store = FeatureShards(folder)
    write(store, [10])
    other = pickle.loads(pickle.dumps(store))
    assert_holds(other, range(11))
    write(other, [11])
    write(store, [12])
    store.refresh()
    assert_holds(store, range(13))
    assert len(files(folder)) == 3


def test_a_process_that_is_forked_has_a_shard_of_its_own(folder):
    store = FeatureShards(folder)
    write(store, range(3))
    children = [FORK.Process(target=write, args=(store, range(start, start + 40))) for start in (10, 50)]
    for child in children:
        child.start()
    write(store, range(3, 6))
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    assert not store.has(digest(10), "mel")
    store.refresh()
    store.seal()
    assert len(files(folder)) == 3
    for one in (store, FeatureShards(folder)):
        assert_holds(one, [*range(6), *range(10, 90)])


def test_a_process_that_ends_seals_its_shard(folder, monkeypatch):
    child = FORK.Process(target=write, args=(FeatureShards(folder), range(5)))
    child.start()
    child.join()
    monkeypatch.setattr(ShardReader, "_scan", None)
    assert_holds(FeatureShards(folder), range(5))


def test_a_shard_in_work_is_read_as_far_as_it_has_come(folder):
    writer, reader = FeatureShards(folder), FeatureShards(folder)
    for number in range(6):
        write(writer, [number])
        assert not reader.has(digest(number), "mel")
        reader.refresh()
        assert_holds(reader, range(number + 1))
    writer.seal()
    reader.refresh()
    assert_holds(reader, range(6))
    assert len(reader) == 12  # each once


@pytest.mark.parametrize("of", ["in work", "sealed"])
def test_a_shard_that_was_cut_off_anywhere_gives_what_is_whole(folder, of):
    store = FeatureShards(folder)
    ends = []
    for number in range(3):
        write(store, [number])
        ends.append(store._writer.size)
    if of == "sealed":
        store.seal()
    (file,) = files(folder)
    content = file.read_bytes()
    for length in sorted({*range(0, len(content), 23), *(end + aside for end in ends for aside in (-1, 0, 1))}):
        file.write_bytes(content[:length])
        cut = FeatureShards(folder)
        assert_holds(cut, [number for number, end in enumerate(ends) if end <= length])
        assert not any(cut.has(digest(number), "wav") for number, end in enumerate(ends) if end > length)


def test_a_machine_that_went_down_may_have_kept_a_length_without_its_bytes(folder):
    store = FeatureShards(folder)
    write(store, range(4))
    whole = store._writer.size
    write(store, range(4, 6))
    (file,) = files(folder)
    for kept in (whole, whole + 10, whole + 60):
        content = bytearray(file.read_bytes())
        content[kept:] = bytes(len(content) - kept)
        file.write_bytes(content)
        found = FeatureShards(folder)
        assert_holds(found, range(4))
        assert len(found) == 8


def test_what_was_found_from_record_to_record_is_kept_beside_the_shard(folder, monkeypatch):
    monkeypatch.setattr(shard_file, "KEPT_FROM", 4)
    writer = FeatureShards(folder)
    write(writer, [0])
    assert_holds(FeatureShards(folder), [0])
    assert not list(folder.glob("*.index"))  # a few are found again
    write(writer, range(1, 5))
    assert_holds(FeatureShards(folder), range(5))
    (beside,) = folder.glob("*.index")
    write(writer, [5])
    looked_at, scan = [], ShardReader._scan
    monkeypatch.setattr(
        ShardReader, "_scan", lambda self, start, end: looked_at.append(start) or scan(self, start, end)
    )
    for content in (beside.read_bytes(), beside.read_bytes()[:-1], b""):
        beside.write_bytes(content)
        assert_holds(FeatureShards(folder), range(6))
    assert looked_at[0] > 500
    assert looked_at[1:] == [8, 8]  # from the beginning

    assert_holds(FeatureShards(folder), range(6))  # once more from what is kept
    (file,) = files(folder)
    file.write_bytes(file.read_bytes()[:460])
    assert_holds(FeatureShards(folder), [0])
    assert len(FeatureShards(folder)) < 6
    writer.seal()


def test_what_is_damaged_counts_as_none_with_a_warning(one_shard, folder, caplog):
    store = FeatureShards(folder)
    whole = bytearray(one_shard.read_bytes())
    place = whole.find(arrays(3)["mel"].tobytes())
    whole[place + 5] ^= 1
    one_shard.write_bytes(whole)
    for one in (store, FeatureShards(folder)):
        caplog.clear()
        assert one.read(digest(3), "mel") is None
        assert f"{one_shard}: a feature (mel, at byte " in caplog.text
        assert "is damaged and is computed again" in caplog.text
    assert_holds(store, [0, 1, 2, 4, 5, 6, 7, 8, 9])


def test_what_is_damaged_here_and_intact_there_is_read_there(one_shard, folder, caplog):
    reader, writer = FeatureShards(folder), FeatureShards(folder)
    one_shard.write_bytes(one_shard.read_bytes()[:100])
    write(writer, range(10))
    assert_holds(reader, range(10))  # which did not know of the second shard before
    assert_holds(FeatureShards(folder), range(10))
    assert caplog.messages == []


@pytest.mark.parametrize("content", [b"", b"\x89TTS", b"no shard", b"\x89TTSFT9\n" + bytes(1000)])
def test_files_that_are_no_shards_are_passed_over(one_shard, folder, content, caplog):
    (folder / "0.shard").write_bytes(content)
    assert_holds(FeatureShards(folder), range(10))
    assert ("0.shard: is damaged at its beginning" in caplog.text) == (len(content) >= 8)


def test_shards_that_were_deleted_are_missed_without_an_error(one_shard, folder, caplog):
    store = pickle.loads(pickle.dumps(FeatureShards(folder)))  # nothing is open
    one_shard.unlink()
    folder.rmdir()
    assert store.read(digest(1), "mel") is None
    write(store, [1])
    assert_holds(store, [1])


def test_a_full_disk_ends_a_shard_with_the_recording_before(folder, monkeypatch):
    store = FeatureShards(folder)
    write(store, range(3))
    real = os.write

    def full(descriptor, content):
        if len(content) < 100:
            raise OSError(28, "No space left on device")
        return real(descriptor, content[: len(content) - 50])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(UserError, match=r"shards: .* cannot be written .No space left on device.. Make room"):
            write(store, [3])
    assert not store.has(digest(3), "mel")
    write(store, [4])  # somebody has made room
    store.seal()
    assert_holds(FeatureShards(folder), [0, 1, 2, 4])
    assert len(FeatureShards(folder)) == 8


# The cache with shards.


def test_shards_are_chosen_by_the_config_or_for_many_clips():
    assert [wants_shards(setting, 10) for setting in (True, False, None)] == [True, False, False]
    assert [wants_shards(setting, features.MANY_CLIPS) for setting in (True, False, None)] == [True, False, True]


def test_features_from_shards_are_those_of_files(cache_at, recorded, tmp_path, extractor):
    samples = recorded(5)
    options = {"linear": True, "waveforms": True, "contours": ("pitch", "energy")}
    in_files = FeatureCache(tmp_path / "files", extractor, **options)
    in_files.precompute(samples)
    for workers in (0, 2):
        cache_at(**options).precompute(samples, workers)
    cache, loads = cache_at(**options), extractor.loads
    for sample in samples:
        for kind in ("mel", "linear", "waveform", "length"):
            np.testing.assert_array_equal(getattr(cache, kind)(sample), getattr(in_files, kind)(sample))
        for name in options["contours"]:
            np.testing.assert_array_equal(cache.contour(sample, name), in_files.contour(sample, name))
    for found, expected in zip(cache.pack(samples), in_files.pack(samples), strict=True):
        assert found == expected
        np.testing.assert_array_equal(cache.mel(found), in_files.mel(expected))
    assert extractor.loads == loads
    assert not list((tmp_path / "cache").rglob("*.npy"))
    assert len(files(tmp_path)) == 1  # of the first process; the two workers had nothing to do


def test_no_recording_is_decoded_twice_whatever_index_is_left(cache_at, recorded, extractor, tmp_path, monkeypatch):
    samples = recorded(6)
    cache_at(waveforms=True).precompute(samples)
    for many in (1000, 2):
        monkeypatch.setattr(features, "_MANY", many)
        cache_at(waveforms=True).precompute(samples)
        for index in (tmp_path / "cache").rglob("*.jsonl"):
            index.unlink()
    cache = cache_at(waveforms=True)
    assert extractor.loads == 6
    assert list(cache.frame_counts(samples).values()) == [cache.mel(sample).shape[1] for sample in samples]


def test_what_lies_in_files_is_used_and_what_lies_in_shards_too(cache_at, recorded, extractor, tmp_path, monkeypatch):
    samples = recorded(6)
    cache_at(shards=False).precompute(samples[:3])
    cache_at(shards=True).precompute(samples[:5])
    cache_at(shards=False).precompute(samples)
    assert extractor.loads == 6
    assert len(list(tmp_path.rglob("*.mel.npy"))) == 4
    for many in (1000, 2):
        monkeypatch.setattr(features, "_MANY", many)
        for shards_too in (True, False):
            cache = cache_at(shards=shards_too)
            cache.precompute(samples)
            assert [cache.mel(sample).shape[1] for sample in samples] == list(map(cache.length, samples))
    assert extractor.loads == 6


def test_an_edited_recording_and_another_setting_meet_no_stale_feature(
    cache_at, recorded, extractor, other_extractor, write_wav, tmp_path
):
    (sample, *_) = samples = recorded(2)
    cache_at().precompute(samples)
    before = cache_at().mel(sample)
    assert not np.array_equal(FeatureCache(tmp_path / "cache", other_extractor, shards=True).mel(sample), before)
    write_wav(sample.audio_file, seconds=0.3)
    cache_at().precompute(samples)
    assert cache_at().mel(sample).shape[1] > before.shape[1]
    assert extractor.loads == 3


def test_a_damaged_feature_is_computed_again_and_found_from_then_on(cache_at, recorded, extractor, tmp_path, caplog):
    samples = recorded(3)
    cache = cache_at()
    cache.precompute(samples)
    expected = cache.mel(samples[1])
    (file,) = files(tmp_path)
    content = file.read_bytes()
    file.write_bytes(content.replace(expected.tobytes(), bytes(expected.nbytes)))
    np.testing.assert_array_equal(cache.mel(samples[1]), expected)
    assert f"{file}: a feature (mel, at byte" in caplog.text
    assert extractor.loads == 4
    caplog.clear()
    for again in (cache, cache_at()):
        np.testing.assert_array_equal(again.mel(samples[1]), expected)
    assert extractor.loads == 4
    assert caplog.messages == []


def test_a_team_and_its_workers_know_what_all_of_them_wrote(cache_at, recorded, extractor, as_team, tmp_path):
    samples = recorded(8)
    caches = [cache_at() for _ in range(3)]

    def work(team):
        caches[team.rank].precompute(samples, 0, team)
        return [caches[team.rank].mel(sample).shape[1] for sample in samples]

    lengths = as_team(3, work)
    assert extractor.loads == 8
    assert lengths == [list(map(cache_at().length, samples))] * 3
    assert len(files(tmp_path)) == 3


def test_what_a_file_system_does_not_list_yet_is_found_by_its_name(cache_at, recorded, extractor, as_team, monkeypatch):
    samples = recorded(8)
    caches = [cache_at() for _ in range(2)]
    monkeypatch.setattr(shards.os, "listdir", lambda folder: [])
    as_team(2, lambda team: caches[team.rank].precompute(samples, 0, team))
    for cache in caches:
        for sample in samples:
            cache.mel(sample)
    assert extractor.loads == 8


def test_several_runs_may_write_at_once(cache_at, recorded, extractor, tmp_path):
    samples = recorded(6)
    caches = [cache_at(), cache_at()]
    runs = [
        FORK.Process(target=cache.precompute, args=(part, workers))
        for cache, part, workers in zip(caches, (samples, samples[::-1]), (0, 2), strict=True)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0, 0]
    cache = cache_at()
    cache.precompute(samples)
    for sample in samples:
        np.testing.assert_array_equal(cache.mel(sample), extractor.mel(extractor.load(sample.audio_file)))
    assert extractor.loads == 6  # those of this test


def test_codes_lie_in_shards(cache_at, recorded, extractor, as_team, tmp_path):
    class Codec:
        made = 0

        def fingerprint(self):
            return "f" * 32

        def codes(self, wav):
            self.made += 1
            return np.arange(len(wav) // 100)

        def close(self):
            pass

    samples, codec = recorded(6), Codec()
    caches = [cache_at() for _ in range(2)]
    assert as_team(2, lambda team: caches[team.rank].add_codes(codec, samples, team)) == [None, None]
    assert codec.made == 6
    for cache in (*caches, cache_at()):
        cache.add_codes(codec, samples)
        for sample in samples:
            np.testing.assert_array_equal(cache.codes(sample), np.arange(len(extractor.load(sample.audio_file)) // 100))
    assert codec.made == 6
    assert not list(tmp_path.rglob("*.npy"))


RUN = """
import os, signal, sys
from pathlib import Path
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.audio import AudioConfig
from finetune_tts.data import shards
from finetune_tts.data.features import FeatureCache
from finetune_tts.data.sample import Sample

folder, moment = Path(sys.argv[1]), int(sys.argv[2])
audio = AudioConfig(sample_rate=8000, fft_size=256, win_length=256, hop_length=64, num_mels=20, do_trim_silence=False)
files = sorted((folder / "wavs").glob("*.wav"))
samples = [Sample("", file, "", "", str(file)) for file in files]
writes, write = 0, os.write

def killed(descriptor, content):
    # Writes the mark, recordings and the index; half of that at which it is killed.
    global writes
    is_shard = os.readlink(f"/proc/self/fd/{descriptor}").endswith(".shard")
    writes += is_shard
    if is_shard and writes == moment:
        write(descriptor, content[: len(content) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    return write(descriptor, content)

shards.os.write = killed
cache = FeatureCache(folder / "cache", SpectrogramExtractor(audio), waveforms=True, shards=True)
cache.precompute(samples, int(sys.argv[3]))
"""


@pytest.mark.parametrize(("moment", "lost"), [(1, 6), (2, 6), (4, 4), (7, 1), (8, 0)])
def test_a_run_that_is_killed_loses_the_recording_in_work(moment, lost, recorded, extractor, tmp_path, cache_at):
    samples = recorded(6)
    run = subprocess.run([sys.executable, "-c", RUN, str(tmp_path), str(moment), "0"], cwd=ROOT)
    assert run.returncode == -signal.SIGKILL
    cache = cache_at(waveforms=True)
    cache.precompute(samples)
    assert extractor.loads == lost
    assert_features_are_right(cache, samples, extractor)


@pytest.mark.slow
def test_a_run_whose_workers_are_killed_too_keeps_what_they_had_written(recorded, extractor, tmp_path, cache_at):
    samples = recorded(40)
    run = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path), "-1", "2"], cwd=ROOT, start_new_session=True)
    while run.poll() is None and sum(file.stat().st_size for file in files(tmp_path)) < 100_000:
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    cache = cache_at(waveforms=True)
    known = len(cache._shards.complete(KINDS))
    assert known > 2
    cache.precompute(samples, 0)
    assert extractor.loads == 40 - known
    assert_features_are_right(cache, samples, extractor)


def assert_features_are_right(cache, samples, extractor):
    plain = SpectrogramExtractor(extractor.audio)
    for sample in samples:
        wav = plain.load(sample.audio_file)
        np.testing.assert_array_equal(cache.mel(sample), plain.mel(wav))
        np.testing.assert_array_equal(cache.waveform(sample)[: len(wav)], wav)

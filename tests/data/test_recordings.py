import json
import logging

import numpy as np
import pytest

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.content import Digests
from finetune_tts.data.forced_features import FeatureWriter, ForcedFeatures, feature_file
from finetune_tts.data.recordings import prepare_recordings
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError


@pytest.fixture
def folder(tmp_path, write_wav):
    for number in range(6):
        write_wav(tmp_path / "voice" / "part" / f"{number}.wav", seconds=0.4)
    (tmp_path / "voice" / "notes.txt").write_text("no transcript")
    return tmp_path / "voice"


@pytest.fixture
def prepare(tmp_path, extractor):
    def make(*datasets, **options):
        fields = {"sample_rate": 8000, "cache_folder": tmp_path / "cache", **options}
        return prepare_recordings(datasets, extractor, **fields)

    return make


@pytest.fixture
def digests(tmp_path):
    (tmp_path / "cache").mkdir(exist_ok=True)
    return Digests(tmp_path / "cache")


@pytest.fixture
def writer(tmp_path, extractor, digests):
    """Writes features to ``mels``."""

    def make(settings=extractor.audio):
        return FeatureWriter(tmp_path / "mels", settings, digests)

    return make


def save_mel(folder, sample, mel):
    """A feature as another program leaves it, which does not say of which recording it is."""
    path = folder / feature_file(sample)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, mel)
    return path


def test_a_folder_of_recordings_needs_no_transcript(prepare, folder):
    data = prepare(DatasetConfig(path=str(folder), formatter="auto"))
    assert len(data.split.train) == 5
    assert len(data.split.eval) == 1
    assert data.split.train[0].name.startswith("#part/")
    assert data.seconds == pytest.approx(6 * 0.4)
    assert len(data.cache.waveform(data.split.eval[0])) == data.cache.length(data.split.eval[0]) * 64


def test_a_layout_with_transcripts_gives_the_recordings_that_it_names(prepare, folder, write_wav):
    for name in ("a", "b", "c"):
        write_wav(folder / "wavs" / f"{name}.wav", seconds=0.3)
    (folder / "metadata.csv").write_text("a|Text.|Text.\nb|Text.|Text.\n")
    data = prepare(DatasetConfig(path=str(folder), formatter="ljspeech"), eval_split_size=1)
    assert sorted(sample.name for sample in data.split.train + data.split.eval) == ["#wavs/a", "#wavs/b"]


def test_features_of_a_model_replace_the_recordings_own(prepare, folder, tmp_path, caplog):
    plain = prepare(DatasetConfig(path=str(folder)))
    samples = [*plain.split.train, *plain.split.eval]
    for sample in samples[:4]:
        save_mel(tmp_path / "mels", sample, plain.cache.mel(sample) + 1)
    with caplog.at_level(logging.INFO):
        data = prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "mels")
    assert len(data.split.train) + len(data.split.eval) == 4
    assert len(data.dropped["no features in feature_path"]) == 2
    kept = data.split.train[0]
    np.testing.assert_allclose(data.forced.mel(kept), plain.cache.mel(kept) + 1, rtol=1e-6)


def test_features_that_stand_elsewhere_under_the_recordings_name_are_found(
    prepare, folder, tmp_path, extractor, digests
):
    plain = prepare(DatasetConfig(path=str(folder)))
    sample = plain.split.train[0]
    place = tmp_path / "coqui" / "mel" / f"{sample.audio_file.stem}.npy"
    place.parent.mkdir(parents=True)
    np.save(place, plain.cache.mel(sample))
    forced = ForcedFeatures(tmp_path / "coqui", extractor)
    assert forced.with_features(plain.split.train, digests) == [sample]
    np.testing.assert_array_equal(forced.mel(sample), plain.cache.mel(sample))
    (tmp_path / "coqui" / "other").mkdir()
    np.save(tmp_path / "coqui" / "other" / place.name, plain.cache.mel(sample))
    with pytest.raises(UserError, match="any of"):
        ForcedFeatures(tmp_path / "coqui", extractor).with_features([sample], digests)


@pytest.fixture
def two_sets(tmp_path, write_wav):
    """Two data sets of two recordings with the same names, 0.3 s and more than 0.5 s long, as samples of one run."""

    def name(number, place):
        file = tmp_path / place / "wavs" / f"{number}.wav"
        write_wav(file, seconds=0.3 + 0.05 * number + (0.2 if place == "b" else 0))
        return Sample("", file, "anna", "", f"{place}#wavs/{number}")

    return [name(number, place) for place in ("a", "b") for number in range(2)]


def test_two_data_sets_with_the_same_file_names_have_features_for_each_recording(
    two_sets, writer, tmp_path, extractor, digests
):
    mels = {sample.audio_file: extractor.mel(extractor.load(sample.audio_file)) for sample in two_sets}
    first, second = two_sets[:2], two_sets[2:]
    for part in (first, second):  # the second time adds to the folder of the first
        features = writer()
        paths = [features.write(sample, mels[sample.audio_file]) for sample in part]
    assert len(list((tmp_path / "mels").rglob("*.npy"))) == 4
    assert [writer().write(sample, mels[sample.audio_file]) for sample in second] == paths
    for run in (two_sets, first, second, second[:1]):
        forced = ForcedFeatures(tmp_path / "mels", extractor)
        assert forced.with_features(run, digests) == run
        for sample in run:
            np.testing.assert_allclose(forced.mel(sample), mels[sample.audio_file], atol=1e-5)


def test_the_features_of_one_recording_are_not_those_of_another_of_its_name(
    two_sets, writer, tmp_path, extractor, digests
):
    first, second = two_sets[0], two_sets[2]
    writer().write(first, np.zeros((20, 5)))
    forced = ForcedFeatures(tmp_path / "mels", extractor)
    assert forced.with_features([second, first], digests) == [first]
    (tmp_path / "mels" / "recordings.jsonl").unlink()  # as in a folder of another program
    with pytest.raises(UserError, match=r"may be the features of .*b/wavs/0.wav or of .*a/wavs/0.wav"):
        ForcedFeatures(tmp_path / "mels", extractor).with_features([second, first], digests)


@pytest.mark.parametrize(
    "name",
    ["#../../elsewhere/wavs/1", "set#../1", "#/elsewhere/1", "#//elsewhere/1", "#..", "#a/../../../b", "#../..//../c"],
)
def test_features_stay_in_their_folder_wherever_the_recordings_are(two_sets, writer, tmp_path, name):
    before = set(tmp_path.rglob("*.npy"))
    sample = Sample("", two_sets[0].audio_file, "anna", "", name)
    path = writer().write(sample, np.zeros((20, 5)))
    assert set(tmp_path.rglob("*.npy")) - before == {path}
    assert path.resolve().is_relative_to(tmp_path / "mels")


def test_an_index_that_leads_elsewhere_is_not_followed(two_sets, writer, tmp_path, extractor, digests):
    path = writer().write(two_sets[0], np.zeros((20, 5)))
    index = tmp_path / "mels" / "recordings.jsonl"
    digest = digests.of(two_sets[2].audio_file)
    with index.open("a") as file:
        file.write(f'\n["../outside.npy", "{digest}"]\n["{tmp_path}/outside.npy", "{digest}"]\n["x.npy", ["x"]]\n')
    np.save(tmp_path / "outside.npy", np.ones((20, 5)))
    assert writer().write(two_sets[2], np.zeros((20, 6))).parent == path.parent
    assert np.load(tmp_path / "outside.npy").shape == (20, 5)


def test_features_of_other_audio_settings_are_not_mixed(two_sets, writer, audio):
    writer().write(two_sets[0], np.zeros((20, 5)))
    with pytest.raises(UserError, match="mels: holds spectrograms of a model with other audio settings"):
        writer(audio(mel_fmax=2000.0))
    writer()


def test_features_that_do_not_belong_to_the_recordings_are_refused(prepare, folder, tmp_path):
    plain = prepare(DatasetConfig(path=str(folder)))
    sample = plain.split.train[0]
    with pytest.raises(UserError, match="no such folder.*--extract_features"):
        prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "nowhere")
    (tmp_path / "mels").mkdir()
    with pytest.raises(UserError, match=r"no \.npy files"):
        prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "mels")
    path = save_mel(tmp_path / "mels", sample, np.zeros((20, 9), np.float32))
    for dry in (False, True):
        with pytest.raises(UserError, match="9 frames, its recording has"):
            prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "mels", dry=dry)
    save_mel(tmp_path / "mels", sample, np.zeros((80, 51), np.float32))
    with pytest.raises(UserError, match=r"\[80, 51\]; \[20, frames\]"):
        prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "mels")
    path.write_bytes(b"\x93NUMPY junk")
    with pytest.raises(UserError, match="cannot be read as an array"):
        prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "mels")
    np.save(path, np.zeros((20, 51), np.complex64))
    with pytest.raises(UserError, match="is no array of real numbers"):
        prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "mels")
    (tmp_path / "others").mkdir()
    np.save(tmp_path / "others" / "other.npy", np.zeros((20, 3)))
    with pytest.raises(UserError, match="none of the 6 recordings has features"):
        prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "others")


def test_a_feature_that_claims_more_than_it_holds_or_is_an_archive_is_refused(
    prepare, folder, tmp_path, extractor, digests
):
    sample = prepare(DatasetConfig(path=str(folder))).split.train[0]
    path = save_mel(tmp_path / "mels", sample, np.zeros((20, 51), np.float32))
    forced = ForcedFeatures(tmp_path / "mels", extractor)
    forced.with_features([sample], digests)
    # 10^10 frames in place of 51, and the header as long as it was.
    path.write_bytes(path.read_bytes().replace(b"(20, 51), }" + b" " * 9, b"(20, 10000000000), }"))
    with pytest.raises(UserError, match="cannot be read as an array"):
        forced.mel(sample)
    with path.open("wb") as file:
        np.savez(file, mel=np.zeros((20, 51)))
    with pytest.raises(UserError, match="cannot be read as an array"):
        forced.mel(sample)


@pytest.mark.parametrize(
    ("audio", "told"),
    [
        ({"fft_size": 2**40}, "audio.fft_size = 1099511627776: must be"),
        ({"hop_length": 0}, "audio.hop_length = 0: must be at least 1"),
        ({"num_mels": "many"}, 'audio.num_mels = "many": expected a whole number'),
        ({"stats_path": "a\0b", "signal_norm": True}, r"a\?b: the statistics cannot be read"),
        (["x"], "audio is no object of fields"),
    ],
)
def test_settings_beside_features_that_no_spectrogram_has_are_refused(tmp_path, extractor, audio, told):
    (tmp_path / "mels").mkdir()
    (tmp_path / "mels" / "features.json").write_text(json.dumps({"audio": audio}))
    with pytest.raises(UserError, match=told):
        ForcedFeatures(tmp_path / "mels", extractor)


def test_features_of_another_normalisation_are_brought_to_the_vocoders(
    prepare, folder, writer, tmp_path, extractor, audio, digests
):
    """The model's spectrograms go from 0 to 1, the vocoder's from -4 to 4."""
    model = SpectrogramExtractor(audio(symmetric_norm=False, max_norm=1.0))
    plain = prepare(DatasetConfig(path=str(folder)))
    sample = plain.split.train[0]
    writer(model.audio).write(sample, model.mel(model.load(sample.audio_file)))
    forced = ForcedFeatures(tmp_path / "mels", extractor)
    forced.with_features([sample], digests)
    np.testing.assert_allclose(forced.mel(sample), plain.cache.mel(sample), atol=1e-3)

    (tmp_path / "mels" / "recordings.jsonl").unlink()
    writer(audio(mel_fmax=2000.0))
    with pytest.raises(UserError, match="from 0 to 2000 Hz.*Make them with a model"):
        ForcedFeatures(tmp_path / "mels", extractor)


def test_features_of_recordings_go_into_shards_where_that_is_asked_for(prepare, folder, tmp_path):
    prepare(DatasetConfig(path=str(folder)), feature_shards=True, dry=True)
    assert not list(tmp_path.rglob("*.shard"))
    data = prepare(DatasetConfig(path=str(folder)), feature_shards=True)
    assert len(list(tmp_path.rglob("*.shard"))) == 1
    assert not list(tmp_path.rglob("*.npy"))
    assert len(data.cache.waveform(data.split.train[0])) > 0

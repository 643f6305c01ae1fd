import logging

import numpy as np
import pytest

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.forced_features import ForcedFeatures, feature_file, write_feature, write_settings
from finetune_tts.data.recordings import prepare_recordings
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
        write_feature(tmp_path / "mels", sample, plain.cache.mel(sample) + 1)
    with caplog.at_level(logging.INFO):
        data = prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "mels")
    assert len(data.split.train) + len(data.split.eval) == 4
    assert len(data.dropped["no features in feature_path"]) == 2
    kept = data.split.train[0]
    np.testing.assert_allclose(data.forced.mel(kept), plain.cache.mel(kept) + 1, rtol=1e-6)


def test_features_that_stand_elsewhere_under_the_recordings_name_are_found(prepare, folder, tmp_path, extractor):
    plain = prepare(DatasetConfig(path=str(folder)))
    sample = plain.split.train[0]
    place = tmp_path / "coqui" / "mel" / f"{sample.audio_file.stem}.npy"
    place.parent.mkdir(parents=True)
    np.save(place, plain.cache.mel(sample))
    assert ForcedFeatures(tmp_path / "coqui", extractor).find(sample) == place
    (tmp_path / "coqui" / "other").mkdir()
    np.save(tmp_path / "coqui" / "other" / place.name, plain.cache.mel(sample))
    with pytest.raises(UserError, match="any of"):
        ForcedFeatures(tmp_path / "coqui", extractor).find(sample)


def test_features_that_do_not_belong_to_the_recordings_are_refused(prepare, folder, tmp_path):
    plain = prepare(DatasetConfig(path=str(folder)))
    sample = plain.split.train[0]
    with pytest.raises(UserError, match="no such folder.*--extract_features"):
        prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "nowhere")
    (tmp_path / "mels").mkdir()
    with pytest.raises(UserError, match=r"no \.npy files"):
        prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "mels")
    write_feature(tmp_path / "mels", sample, np.zeros((20, 9), np.float32))
    with pytest.raises(UserError, match="9 frames, its recording has"):
        prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "mels")
    write_feature(tmp_path / "mels", sample, np.zeros((80, 51), np.float32))
    with pytest.raises(UserError, match=r"\[80, 51\]; \[20, frames\]"):
        prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "mels")
    feature_file(tmp_path / "mels", sample).write_bytes(b"\x93NUMPY junk")
    with pytest.raises(UserError, match="cannot be read as an array"):
        prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "mels")
    (tmp_path / "others").mkdir()
    np.save(tmp_path / "others" / "other.npy", np.zeros((20, 3)))
    with pytest.raises(UserError, match="none of the 6 recordings has features"):
        prepare(DatasetConfig(path=str(folder)), feature_path=tmp_path / "others")


def test_features_of_another_normalisation_are_brought_to_the_vocoders(prepare, folder, tmp_path, extractor, audio):
    """The model's spectrograms go from 0 to 1, the vocoder's from -4 to 4."""
    model = SpectrogramExtractor(audio(symmetric_norm=False, max_norm=1.0))
    plain = prepare(DatasetConfig(path=str(folder)))
    sample = plain.split.train[0]
    write_settings(tmp_path / "mels", model.audio)
    write_feature(tmp_path / "mels", sample, model.mel(model.load(sample.audio_file)))
    forced = ForcedFeatures(tmp_path / "mels", extractor)
    np.testing.assert_allclose(forced.mel(sample), plain.cache.mel(sample), atol=1e-3)

    write_settings(tmp_path / "mels", audio(mel_fmax=2000.0))
    with pytest.raises(UserError, match="from 0 to 2000 Hz.*Make them with a model"):
        ForcedFeatures(tmp_path / "mels", extractor)

"""A speaker encoder with its files: found, loaded, refused; vectors of recordings."""

import json
import shutil

import numpy as np
import pytest
import soundfile
import torch

from finetune_tts.errors import UserError
from finetune_tts.speaker_encoder.encoder import (
    EncoderFiles,
    cosine_similarity,
    encoder_files,
    encoder_of_model,
    load_speaker_encoder,
)


@pytest.fixture
def files(make_encoder, tmp_path):
    return EncoderFiles(*make_encoder(tmp_path / "encoder"))


@pytest.fixture
def record(tmp_path):
    """Write noise of one colour, a stand-in for a voice."""

    def write(name, seconds=1.0, rate=8000, colour=0.9, seed=0):
        noise = np.random.default_rng(seed).normal(size=int(seconds * rate))
        for index in range(1, len(noise)):
            noise[index] += colour * noise[index - 1]
        soundfile.write(tmp_path / name, 0.3 * noise / np.abs(noise).max(initial=1), rate)
        return tmp_path / name

    return write


@pytest.mark.parametrize(("network", "waveforms"), [("resnet", True), ("lstm", True), ("lstm", False)])
def test_a_recording_is_most_alike_to_itself(make_encoder, record, tmp_path, network, waveforms):
    files = EncoderFiles(*make_encoder(tmp_path / "encoder", network=network, use_torch_spec=waveforms))
    encoder = load_speaker_encoder(files)
    one, other = record("a.wav"), record("b.wav", colour=-0.9, seed=2)
    assert encoder.similarity(one, one) == pytest.approx(1)
    assert encoder.similarity(one, other) == pytest.approx(encoder.similarity(other, one))
    assert encoder.similarity(one, other) < 0.9999


def test_several_recordings_have_the_mean_of_their_vectors(files, record):
    encoder = load_speaker_encoder(files)
    paths = [record("a.wav"), record("b.wav", seconds=0.4, colour=-0.5)]
    vectors = [encoder.vector_of_files([path]) for path in paths]
    np.testing.assert_allclose(encoder.vector_of_files(paths), np.mean(vectors, axis=0), atol=1e-6)
    np.testing.assert_allclose(encoder.vectors([encoder.load(path) for path in paths]), vectors, atol=1e-5)


def test_a_waveform_at_another_rate_is_resampled(files, record):
    encoder = load_speaker_encoder(files)
    path = record("a.wav", rate=16000, colour=0.95)
    wav, rate = soundfile.read(path, dtype="float32")
    np.testing.assert_allclose(encoder.vector_of_waveform(wav, rate), encoder.vector_of_files([path]), atol=1e-5)


def test_what_is_too_short_or_no_recording_is_named(files, record, tmp_path):
    encoder = load_speaker_encoder(files)
    with pytest.raises(UserError, match=r"short.wav: 0.005 s of sound are too short .* 0.008 s at least"):
        encoder.vector_of_files([record("short.wav", seconds=0.005)])
    with pytest.raises(UserError, match=r"the waveform: 0.001 s"):
        encoder.vector_of_waveform(np.zeros(10, dtype=np.float32), 8000)
    (tmp_path / "text.wav").write_text("no audio")
    with pytest.raises(UserError, match=r"text.wav: not audio"):
        encoder.vector_of_files([tmp_path / "text.wav"])
    with pytest.raises(UserError, match="No recording"):
        encoder.vector_of_files([])


def test_the_fingerprint_changes_with_weights_and_settings(make_encoder, tmp_path):
    one = load_speaker_encoder(EncoderFiles(*make_encoder(tmp_path / "one")))
    same = load_speaker_encoder(EncoderFiles(*make_encoder(tmp_path / "same")))
    weights = load_speaker_encoder(EncoderFiles(*make_encoder(tmp_path / "weights", seed=5)))
    settings = load_speaker_encoder(EncoderFiles(*make_encoder(tmp_path / "settings", log_input=False)))
    assert one.fingerprint() == same.fingerprint()
    assert len({encoder.fingerprint() for encoder in (one, weights, settings)}) == 3


def test_the_frozen_encoder_gives_the_vectors_of_the_network(files):
    encoder = load_speaker_encoder(files)
    wav = torch.randn(2, 2000, requires_grad=True)
    vectors = encoder.frozen(8000)(wav)
    vectors.sum().backward()
    assert wav.grad.abs().sum() > 0
    with torch.no_grad():
        torch.testing.assert_close(vectors, encoder.network(wav))


def test_an_encoder_of_spectrograms_is_no_judge(make_encoder, tmp_path):
    encoder = load_speaker_encoder(EncoderFiles(*make_encoder(tmp_path, network="lstm", use_torch_spec=False)))
    with pytest.raises(UserError, match=r"model_se.pth: this speaker encoder takes spectrograms"):
        encoder.frozen(8000)


def test_similarity_of_opposite_and_of_empty_vectors():
    assert cosine_similarity(np.float32([1, 0]), np.float32([-2, 0])) == pytest.approx(-1)
    assert cosine_similarity(np.zeros(2), np.ones(2)) == 0


def test_files_are_found_by_folder_or_beside_the_weights(files, tmp_path):
    assert encoder_files(files.model) == files
    assert encoder_files(str(files.model), "") == files
    assert encoder_files(files.model.parent) == files
    moved = shutil.copy(files.config, tmp_path / "other.json")
    assert encoder_files(files.model, moved).config == moved
    files.config.rename(files.config.with_name("config.json"))
    assert encoder_files(files.model).config.name == "config.json"
    (files.model.parent / "config.json").unlink()
    with pytest.raises(UserError, match=r"no config_se.json beside .*--encoder_config_path"):
        encoder_files(files.model)
    with pytest.raises(UserError, match=r"none.json: no such file"):
        encoder_files(files.model, "none.json")
    with pytest.raises(UserError, match="none.pth"):
        encoder_files("none.pth")


def test_a_model_brings_its_encoder(files, tmp_path):
    assert encoder_of_model({}, tmp_path) is None
    named = {"speaker_encoder_model_path": str(files.model), "speaker_encoder_config_path": str(files.config)}
    assert encoder_of_model(named, tmp_path) == files
    assert encoder_of_model({"model_args": named}, tmp_path) == files
    gone = dict.fromkeys(named, "/home/someone/else.pth")
    assert encoder_of_model(gone | {"model_args": None}, files.model.parent) == files
    assert encoder_of_model(gone, tmp_path) is None


def test_a_config_that_is_not_the_encoders_is_refused(files):
    values = json.loads(files.config.read_text())
    values["model_params"]["proj_dim"] = 5
    files.config.write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"model_se.pth: 2 tensors do not fit the speaker encoder of the config"):
        load_speaker_encoder(files)

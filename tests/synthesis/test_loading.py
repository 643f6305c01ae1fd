import json
import shutil

import numpy as np
import pytest
import torch

from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.registry import is_vocoder
from finetune_tts.families.vits.config import VitsArgs, VitsConfig
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.loading import config_beside, find_config, load_located_config, load_voice
from finetune_tts.synthesis.vocoder import load_vocoder


@pytest.fixture
def release(tmp_path, make_config, make_network):
    """Write a release and return its folder."""

    def write(speakers=0, **fields):
        folder = tmp_path / "release"
        folder.mkdir()
        config = make_config(use_speaker_embedding=speakers > 0, **fields)
        network = make_network(config, speakers)
        torch.save({"model": network.state_dict()}, folder / "model_file.pth")
        (folder / "config.json").write_text(json.dumps(config.to_dict()))
        return folder

    return write


def test_a_folder_its_weights_and_a_named_config_give_the_same_voice(release, tmp_path):
    folder = release()
    moved = shutil.copy(folder / "model_file.pth", tmp_path / "elsewhere.pth")
    voices = [load_voice(folder), load_voice(folder / "model_file.pth"), load_voice(moved, folder / "config.json")]
    waveforms = [voice.speak("a bad egg").waveform for voice in voices]
    assert np.array_equal(waveforms[0], waveforms[1])
    assert np.array_equal(waveforms[0], waveforms[2])
    assert not voices[0].network.training


def test_half_precision_weights_speak(release):
    folder = release()
    path = folder / "model_file.pth"
    state = torch.load(path, weights_only=True)["model"]
    torch.save({"model": {name: tensor.half() for name, tensor in state.items()}}, path)
    assert load_voice(folder).speak("egg").waveform.dtype == np.float32


def test_speakers_come_from_the_file_beside_the_config(release):
    folder = release(2, speakers_file="speakers.json")
    (folder / "speakers.json").write_text('{"ann": 0, "bob": 1}')
    assert load_voice(folder).speaker_names == ("ann", "bob")


def test_speakers_without_a_file_are_numbered(release, caplog):
    assert load_voice(release(2)).speaker_names == ("speaker_0", "speaker_1")
    assert "names no speakers_file" in caplog.text


def test_weights_of_another_network_are_refused(release, make_config):
    folder = release()
    (folder / "config.json").write_text(json.dumps(make_config(hidden_channels_dec=16).to_dict()))
    with pytest.raises(UserError, match="do not fit this model"):
        load_voice(folder)


def test_a_config_is_looked_for_beside_the_weights(release, tmp_path):
    folder = release()
    assert find_config(folder) == find_config(folder / "model_file.pth") == folder / "config.json"
    (folder / "config.json").unlink()
    assert config_beside(folder) == folder / "config.json"
    with pytest.raises(UserError, match="there is no config.json beside the checkpoint"):
        find_config(folder)
    with pytest.raises(UserError, match="does not exist"):
        find_config(tmp_path / "none.pth")


def test_paths_are_meant_from_the_config_if_they_lead_somewhere_from_there(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "speakers.json").write_text("{}")
    datasets = [{"path": "../recordings"}, {"path": "elsewhere"}]
    (tmp_path / "recordings").mkdir()
    values = {"model": "glow_tts", "speakers_file": "speakers.json", "output_path": "out", "datasets": datasets}
    (tmp_path / "run" / "config.json").write_text(json.dumps(values))
    config = load_located_config(tmp_path / "run" / "config.json")
    assert config.speakers_file == str(tmp_path / "run" / "speakers.json")
    assert config.output_path == "out"
    assert [dataset.path for dataset in config.datasets] == [str(tmp_path / "recordings"), "elsewhere"]


def test_speakers_that_the_weights_do_not_have_are_refused(release):
    folder = release(2, speakers_file="speakers.json")
    (folder / "speakers.json").write_text('{"ann": 0, "bob": 1, "cleo": 2}')
    with pytest.raises(UserError, match=r"speakers_file .*speakers.json names 3 speakers, .*pth has 2: they do not"):
        load_voice(folder)


def test_speakers_of_a_model_without_any_are_refused(release, make_config):
    folder = release()
    config = make_config(use_speaker_embedding=True, speakers_file="speakers.json")
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    (folder / "speakers.json").write_text('{"ann": 0}')
    with pytest.raises(UserError, match="names 1 speakers, .* has 0"):
        load_voice(folder)


def test_rows_that_no_name_has_are_numbered(release, caplog):
    folder = release(4, speakers_file="speakers.json")
    (folder / "speakers.json").write_text('{"ann": 1, "speaker_2": 3}')
    voice = load_voice(folder)
    assert dict(voice.speakers.ids) == {"ann": 1, "speaker_2": 3, "speaker_0": 0, "speaker_2_": 2}
    assert "names 2 of the 4 speakers; the others are called speaker_0 to speaker_2_" in caplog.text
    assert voice.speak("egg", Delivery(speaker="speaker_0")).seconds > 0


def test_d_vectors_of_another_size_are_refused(release):
    folder = release(use_d_vector_file=True, d_vector_dim=4, d_vector_file=["d_vectors.json"])
    (folder / "d_vectors.json").write_text('{"a": {"name": "ann", "embedding": [0.5, 0.5, 0.5]}}')
    with pytest.raises(UserError, match="has vectors of 3 numbers, d_vector_dim is 4"):
        load_voice(folder)


def test_languages_that_the_weights_do_not_have_are_refused(tmp_path):
    small = {"hidden_channels": 8, "num_layers_text_encoder": 1, "num_layers_posterior_encoder": 1}
    config = VitsConfig(model_args=VitsArgs(**small, use_language_embedding=True, language_ids_file="languages.json"))
    network = build_model(config, len(build_tokenizer(config).vocabulary), 0, 2, for_training=False)
    torch.save({"model": network.state_dict()}, tmp_path / "model_file.pth")
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    (tmp_path / "languages.json").write_text('{"de": 0, "en": 1, "pt": 2}')
    with pytest.raises(UserError, match="language_ids_file .* names 3 languages, .* has 2: they do not"):
        load_voice(tmp_path)
    (tmp_path / "languages.json").write_text('{"de": 1}')
    assert load_voice(tmp_path).languages == ("de", "language_0")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(release, value):
    folder = release()
    path = folder / "model_file.pth"
    state = torch.load(path, weights_only=True)["model"]
    state["encoder.proj_m.weight"][0, 0, 0] = value
    torch.save({"model": state}, path)
    with pytest.raises(UserError, match=r"model_file.pth: encoder.proj_m.weight holds NaN or infinity: such a model"):
        load_voice(folder)


@pytest.mark.parametrize(
    ("model", "fields", "told"),
    [
        ("glow_tts", {"num_flow_blocks_dec": 10**9}, "num_flow_blocks_dec = 1000000000: must be .*at most 256"),
        ("vits", {"model_args": {"hidden_channels": -2}}, "model_args.hidden_channels = -2: must be"),
        ("tacotron2", {"audio": {"fft_size": 2**40}}, "audio.fft_size = 1099511627776: must be"),
        ("wavegrad", {"test_noise_schedule": {}}, "test_noise_schedule: min_val = null"),
        ("wavernn", {"model_args": {"rnn_dims": -1}}, "model_args.rnn_dims = -1: must be"),
        ("hifigan", {"audio": {"hop_length": 0}}, "audio.hop_length = 0: must be at least 1"),
    ],
)
def test_what_no_network_can_have_is_refused_before_weights_are_read(tmp_path, model, fields, told):
    (tmp_path / "model_file.pth").write_bytes(b"no weights")
    (tmp_path / "config.json").write_text(json.dumps({"model": model, **fields}))
    with pytest.raises(UserError, match=f"(?s)config.json: .*{told}"):
        (load_vocoder if is_vocoder(model) else load_voice)(tmp_path)

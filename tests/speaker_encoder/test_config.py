"""Configs of speaker encoders, as releases have them and as they must not be."""

import json
import os
from pathlib import Path

import pytest

from finetune_tts.config.making import save_config, unknown_fields
from finetune_tts.errors import UserError
from finetune_tts.families.loading import load_config
from finetune_tts.speaker_encoder.config import load_encoder_config

REFERENCE = Path(os.environ.get("TTS_REFERENCE_DIR") or Path(__file__).parents[1] / "reference")
CASES = sorted(path.parent.name for path in REFERENCE.glob("speaker_encoder*/config.json"))
RESNET = {"model_name": "resnet", "input_dim": 64, "use_torch_spec": True, "log_input": True, "proj_dim": 512}
AUDIO = {"sample_rate": 16000, "fft_size": 512, "win_length": 400, "hop_length": 160, "num_mels": 64}


@pytest.fixture
def load(tmp_path):
    def write(text="", **fields):
        values = {"model": "speaker_encoder", "audio": AUDIO, "model_params": RESNET} | fields
        (tmp_path / "config_se.json").write_text(text or json.dumps(values))
        return load_encoder_config(tmp_path / "config_se.json")

    return write


def test_there_are_reference_configs():
    assert CASES


@pytest.mark.parametrize("case", CASES)
def test_reference_config_loads(case):
    config = load_encoder_config(REFERENCE / case / "config.json")
    assert config.model_params["proj_dim"] == config.proj_dim


def test_a_release_keeps_how_it_was_trained(load, tmp_path):
    config = load(
        loss="softmaxproto", num_speakers_in_batch=100, storage={"sample_from_storage_p": 0.66}, datasets=None
    )
    assert (config.network, config.takes_waveforms, config.proj_dim) == ("resnet", True, 512)
    assert unknown_fields(config)["num_speakers_in_batch"] == 100
    save_config(config, tmp_path / "copy.json")
    assert load_encoder_config(tmp_path / "copy.json").serialize() == config.serialize()


def test_the_form_of_2020_with_comments(load):
    config = load(
        """{
        // a comment of old times
        "audio": {"num_mels": 40, "num_freq": 1025, "sample_rate": 16000, "hop_length": null, "win_length": null,
                  "frame_length_ms": 50, "frame_shift_ms": 12.5},
        "model": {"input_dim": 40, "proj_dim": 256, "lstm_dim": 768, "num_lstm_layers": 3}
        }"""
    )
    assert (config.network, config.takes_waveforms, config.model_params["input_dim"]) == ("lstm", False, 40)
    assert config.audio.fft_size == 2048


def test_what_is_left_out_has_the_default(load):
    assert load(model_params={"model_name": "resnet"}).model_params == {
        "model_name": "resnet", "input_dim": 64, "proj_dim": 512,
    }  # fmt: skip
    assert load(model_params={}, audio={}).model_params["lstm_dim"] == 768


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model_params": None}, "has no model_params"),
        ({"model_params": RESNET | {"model_name": "ecapa"}}, 'model_name = "ecapa": must be one of lstm, resnet'),
        ({"model_params": RESNET | {"model_name": None}}, "model_name = null"),
        ({"model_params": RESNET | {"input_dim": 80}}, "input_dim = 80: must be audio.num_mels = 64"),
        ({"model_params": RESNET | {"proj_dim": "many"}}, 'proj_dim = "many": must be a whole number'),
        ({"model_params": RESNET | {"proj_dim": 0}}, "proj_dim = 0"),
        ({"model_params": RESNET | {"proj_dim": True}}, "proj_dim = true"),
        ({"model_params": RESNET | {"proj_dim": 1e9}}, "proj_dim"),
        (
            {"model_params": RESNET | {"layers": [3, 4, 1e6, 3]}},
            "layers.2 = 1000000.0: must be a whole number, 1 to 64",
        ),
        ({"model_params": RESNET | {"use_torch_spec": "yes"}}, "use_torch_spec"),
        ({"model_params": RESNET | {"layers": [1, 2]}}, "layers"),
        ({"model_params": RESNET | {"num_filters": [1, 2, 3, {}]}}, "num_filters.3"),
        ({"model_params": RESNET | {"input_dim": 60}, "audio": AUDIO | {"num_mels": 60}}, "must be a multiple of 8"),
        ({"audio": AUDIO | {"sample_rate": 1}}, "audio.sample_rate = 1"),
        ({"audio": AUDIO | {"win_length": 600}}, "audio.win_length = 600: must be at most audio.fft_size"),
        ({"audio": "loud"}, "audio"),
    ],
)
def test_a_config_that_no_encoder_has_is_refused_by_field(load, fields, message):
    with pytest.raises(UserError, match="config_se.json") as caught:
        load(**fields)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_config_of_a_model_is_not_that_of_an_encoder(load, tmp_path):
    with pytest.raises(UserError, match=r'not the config of a speaker encoder \(model = "glow_tts"\)'):
        load('{"model": "glow_tts"}')
    (tmp_path / "config.json").write_text(json.dumps({"model": "speaker_encoder", "model_params": RESNET}))
    with pytest.raises(UserError, match="--encoder_config_path"):
        load_config(tmp_path / "config.json")

"""Released configs load with nothing lost; wrong ones are refused by file, field and value."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from finetune_tts.config.making import save_config, unknown_fields
from finetune_tts.errors import UserError
from finetune_tts.families.checks import check_config
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.loading import config_from_dict, load_config

REFERENCE = Path(os.environ.get("TTS_REFERENCE_DIR") or Path(__file__).parents[1] / "reference")
CASES = sorted(path.parent.name for path in REFERENCE.glob("glow_tts*/config.json"))
EXAMPLES = sorted((Path(__file__).parents[2] / "configs").glob("glow_tts*.json"))


@pytest.mark.parametrize("case", CASES)
def test_reference_config_survives_loading_and_saving(case, tmp_path):
    original = REFERENCE / case / "config.json"
    config = load_config(original)
    save_config(config, tmp_path / "config.json")
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8")) == json.loads(original.read_text())
    assert unknown_fields(config) == {}
    assert check_config(config) == []


def test_there_are_reference_configs():
    assert "glow_tts" in CASES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_config_loads_and_states_only_differences(path):
    config = load_config(path)
    assert check_config(config) == []
    assert unknown_fields(config) == {}
    assert config != GlowTTSConfig()
    assert path.stat().st_size < 2000


def test_a_file_of_differences_leaves_the_defaults(config_file):
    config = load_config(config_file({"model": "glow_tts", "audio": {"sample_rate": 16000}}))
    assert config.audio.sample_rate == 16000
    assert config.audio.hop_length == 256
    assert config.lr == 0.001
    assert config.lr_scheduler_params == {"warmup_steps": 4000}


@pytest.mark.parametrize("spelling", ["Glow_TTS", "glow-tts", "GlowTTS", "GLOW_TTS"])
def test_any_spelling_of_the_architecture_is_known(config_file, spelling):
    config = load_config(config_file({"model": spelling}))
    assert isinstance(config, GlowTTSConfig)
    assert config.model == "glow_tts"


def test_unknown_fields_are_kept_listed_once_and_written_back(config_file, tmp_path, caplog):
    values = {
        "model": "glow_tts",
        "memory_size": -1,
        "gst": {"num_heads": 4},
        "audio": {"vocoder_gain": 2.5},
        "datasets": [{"formatter": "ljspeech", "path": "x", "path_for_attn": "y"}],
    }
    with caplog.at_level(logging.INFO):
        config = load_config(config_file(values))
    assert unknown_fields(config) == {
        "memory_size": -1,
        "gst": {"num_heads": 4},
        "audio.vocoder_gain": 2.5,
        "datasets.0.path_for_attn": "y",
    }
    [line] = [record.getMessage() for record in caplog.records]
    assert "audio.vocoder_gain" in line
    save_config(config, tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))
    assert again["memory_size"] == -1
    assert again["audio"]["vocoder_gain"] == 2.5
    assert again["datasets"][0]["path_for_attn"] == "y"


def test_copies_keep_the_unknown_fields():
    config = config_from_dict({"model": "glow_tts", "memory_size": -1})
    assert config.copy().to_dict()["memory_size"] == -1


def test_infinity_and_whole_numbers_stay_what_they_are(config_file, tmp_path):
    config = load_config(config_file('{"model": "glow_tts", "max_audio_len": 220500, "max_text_len": Infinity}'))
    assert config.max_text_len == float("inf")
    save_config(config, tmp_path / "again.json")
    text = (tmp_path / "again.json").read_text(encoding="utf-8")
    assert '"max_audio_len": 220500,' in text
    assert '"max_text_len": Infinity,' in text


def test_wrong_types_are_all_named_with_what_is_expected(config_file):
    path = config_file({"model": "glow_tts", "lr": "fast", "audio": {"sample_rate": 22050.5, "mel_fmax": "8000.0"}})
    with pytest.raises(UserError) as error:
        load_config(path)
    message = str(error.value)
    assert str(path) in message
    assert 'lr = "fast": expected a number or a list' in message
    assert "audio.sample_rate = 22050.5: expected a whole number" in message
    assert 'audio.mel_fmax = "8000.0": expected a number or null' in message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("batch_size", True),
        ("use_phonemes", "yes"),
        ("run_name", 3),
        ("audio", [1]),
        ("datasets", "LJSpeech"),
        ("test_sentences", "one"),
        ("characters", 7),
        ("epochs", float("inf")),
        ("encoder_params", [1]),
        pytest.param("batch_size", 10**400, id="huge whole number"),
        pytest.param("lr", 10**400, id="huge number"),
        ("lr", float("nan")),
    ],
)
def test_a_value_of_a_wrong_type_never_becomes_the_default(field, value):
    with pytest.raises(UserError, match=rf"^some\.json: {field}.* expected "):
        config_from_dict({"model": "glow_tts", field: value}, where="some.json")


def test_null_where_it_is_no_value_takes_the_default_and_is_said(caplog):
    with caplog.at_level(logging.INFO):
        config = config_from_dict({"model": "glow_tts", "d_vector_dim": None, "test_sentences_file": None})
    assert config.d_vector_dim == 0
    assert config.test_sentences_file == ""
    assert "test_sentences_file, d_vector_dim" in caplog.text


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "must name the architecture"),
        ({"model": 3}, "must name the architecture"),
        ({"model": "vits2"}, 'model = "vits2" has no config class'),
        ({"generator_model": "hifigan_generator"}, "a vocoder"),
    ],
)
def test_a_config_of_something_else_is_refused(values, expected):
    with pytest.raises(UserError, match=expected):
        config_from_dict(values)


def test_the_given_dictionary_stays_as_it_is():
    values = {"model": "Glow_TTS", "wd": 0.1, "datasets": [{"name": "ljspeech"}]}
    config_from_dict(values)
    assert values == {"model": "Glow_TTS", "wd": 0.1, "datasets": [{"name": "ljspeech"}]}


def test_saving_into_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(UserError, match="cannot be written"):
        save_config(GlowTTSConfig(), tmp_path / "missing" / "config.json")


def test_saved_text_is_readable_utf8(tmp_path):
    config = config_from_dict({"model": "glow_tts", "characters": {"phonemes": "ɹɐ"}})
    save_config(config, tmp_path / "config.json")
    assert "ɹɐ" in (tmp_path / "config.json").read_text(encoding="utf-8")


def test_config_classes_do_not_import_torch():
    code = (
        "import sys, finetune_tts.families.loading, finetune_tts.families.overrides, finetune_tts.config.checks;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'librosa', 'trainer')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0

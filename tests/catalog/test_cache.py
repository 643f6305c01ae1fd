"""Where models stand, and which of their files is which."""

import sys
from pathlib import Path

import pytest

from finetune_tts.catalog.cache import cache_root, complete_model, find_files
from finetune_tts.catalog.listing import load_catalog


def test_the_cache_is_where_coqui_tts_has_it(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "home" / "tts"
    monkeypatch.setenv("TTS_HOME", "")
    assert cache_root() == tmp_path / "xdg" / "tts"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_root() == tmp_path / ".local/share/tts"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_root() == tmp_path / "Library/Application Support/tts"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_root() == tmp_path / "local" / "tts"


@pytest.mark.parametrize(
    ("names", "model"),
    [
        (["model_file.pth.tar", "model_se.pth.tar", "speakers.pth"], "model_file.pth.tar"),
        (["best_model_9.pth", "best_model_10.pth", "checkpoint_99.pth"], "best_model_10.pth"),
        (["checkpoint_1500.pth", "checkpoint_900.pth"], "checkpoint_1500.pth"),
        (["G_100000.pth", "vocab.txt"], "G_100000.pth"),
        (["my_voice.pth", "speaker_ids.pth"], "my_voice.pth"),
        (["speakers_of_mine.pth", "voice.pth"], "voice.pth"),
        (["converter.safetensors"], "converter.safetensors"),
    ],
)
def test_the_model_file_is_found_among_others(tmp_path, names, model):
    for name in [*names, "config.json", ".finetune-tts.json"]:
        (tmp_path / name).write_bytes(b"x")
    files = find_files(tmp_path)
    assert files is not None
    assert files.model_file.name == model
    assert sorted(files.extras) == sorted(set(names) - {model})


@pytest.mark.parametrize("names", [["config.json"], ["model.pth"], ["config.json", "speakers.pth"], []])
def test_a_folder_without_model_or_config_holds_none(tmp_path, names):
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    assert find_files(tmp_path) is None


def test_a_list_of_files_must_be_there_as_coqui_tts_leaves_it(tmp_path: Path):
    catalog = load_catalog()
    xtts = catalog["tts_models/multilingual/multi-dataset/xtts_v1.1"]
    for name in ("model.pth", "config.json", "vocab.json"):
        (tmp_path / name).write_bytes(b"x")
    assert complete_model(tmp_path, xtts) is None
    (tmp_path / "hash.md5").write_bytes(b"x")
    assert complete_model(tmp_path, xtts) is not None
    # coqui-tts renames a single weight file.
    assert complete_model(tmp_path, catalog["tts_models/fa/custom/vits-female"]) is not None


def test_files_for_fine_tuning_are_never_the_model(tmp_path):
    (tmp_path / "my_voice.pth").write_bytes(b"x")
    (tmp_path / "codebook.pth").write_bytes(b"larger")
    (tmp_path / "config.json").write_text("{}")
    files = find_files(tmp_path, beside=["codebook.pth"])
    assert files is not None
    assert files.model_file.name == "my_voice.pth"
    assert list(files.extras) == ["codebook.pth"]

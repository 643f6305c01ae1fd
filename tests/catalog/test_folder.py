import json
from pathlib import Path

import pytest

from finetune_tts.catalog.cache import cache_root, model_folder
from finetune_tts.catalog.folder import Provenance, catalog_entry, provenance
from finetune_tts.catalog.listing import load_catalog


def test_a_folder_of_the_cache_is_known_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("TTS_HOME", str(tmp_path))
    for name in ("tts_models/en/ljspeech/glow-tts", "tts_models/swe/fairseq/vits", "tts_models/en/demo/glow-tts"):
        folder = cache_root() / name.replace("/", "--")
        if name in load_catalog():
            folder = model_folder(load_catalog()[name])
        assert catalog_entry(folder).name == name


def test_any_other_folder_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("TTS_HOME", str(tmp_path))
    for folder in (tmp_path, tmp_path / "tts_models--en--ljspeech--glow-tts", cache_root() / "own--voice", Path("/")):
        assert catalog_entry(folder) is None


def test_a_catalog_file_that_is_gone_is_no_failure(tmp_path, monkeypatch):
    monkeypatch.setenv("TTS_MODELS_FILE", str(tmp_path / "gone.json"))
    assert catalog_entry(tmp_path) is None


def test_a_folder_of_the_cache_tells_licence_and_terms(tmp_path, monkeypatch):
    monkeypatch.setenv("TTS_HOME", str(tmp_path))
    name = "tts_models/multilingual/multi-dataset/xtts_v2"
    folder = cache_root() / name.replace("/", "--")
    folder.mkdir(parents=True)
    assert provenance(folder) == Provenance(name, "CPML", "")
    (folder / "tos_agreed.txt").write_text("The terms were accepted on 2026-01-02 03:04:05.")
    assert provenance(folder) == Provenance(name, "CPML", "on 2026-01-02 03:04:05")


def test_a_file_of_that_name_means_nothing_where_there_are_no_terms(tmp_path, monkeypatch):
    monkeypatch.setenv("TTS_HOME", str(tmp_path))
    folder = cache_root() / "tts_models--en--ljspeech--glow-tts"
    folder.mkdir(parents=True)
    (folder / "tos_agreed.txt").write_text("accepted on 2026-01-02 03:04:05")
    assert provenance(folder).terms_accepted == ""


def test_a_copy_of_a_models_folder_is_known_by_what_the_download_left(tmp_path):
    assert provenance(tmp_path) is None
    (tmp_path / ".finetune-tts.json").write_text(json.dumps({"name": "a/b/c/d", "from": "x", "license": "MIT"}))
    assert provenance(tmp_path) == Provenance("a/b/c/d", "MIT", "")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "3", '{"name": 3, "license": "MIT"}', '{"name": "a/b/c/d"}'])
def test_what_the_download_left_may_be_damaged(tmp_path, content, caplog):
    (tmp_path / ".finetune-tts.json").write_text(content)
    assert provenance(tmp_path) is None
    assert ".finetune-tts.json" in caplog.text

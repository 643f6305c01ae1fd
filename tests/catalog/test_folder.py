from pathlib import Path

from finetune_tts.catalog.cache import cache_root, model_folder
from finetune_tts.catalog.folder import catalog_entry
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

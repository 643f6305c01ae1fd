import sys
from types import SimpleNamespace

import numpy as np
import pytest

from finetune_tts.errors import UserError
from finetune_tts.hearing import speech_recognition as recogniser
from finetune_tts.hearing.speech_recognition import find_recogniser


@pytest.fixture
def transformers(monkeypatch):
    """A stand-in for the package, with one model."""

    def pipeline(task, model):
        if model != "a-model":
            raise OSError("no such model")
        assert task == "automatic-speech-recognition"
        return lambda sound: {"text": f"{len(sound['raw'])} samples at {sound['sampling_rate']}"}

    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(pipeline=pipeline))


def test_pocketsphinx_writes_english_down():
    pytest.importorskip("pocketsphinx")
    found = find_recogniser(None, "en-us")
    assert found.name == "pocketsphinx"
    assert isinstance(found.transcript(np.zeros(22050, np.float32), 22050), str)


@pytest.mark.parametrize("language", ["de", "", "eng-fake", "zh-cn"])
def test_nothing_is_at_hand_for_other_languages(language):
    assert find_recogniser(None, language) is None


def test_without_pocketsphinx_nothing_is_at_hand(monkeypatch):
    monkeypatch.setattr(recogniser, "find_spec", lambda name: None)
    assert find_recogniser(None, "en") is None


def test_a_person_may_want_none():
    assert find_recogniser("none", "en") is None


def test_a_model_of_transformers_hears_at_its_rate(transformers):
    found = find_recogniser("a-model", "de")
    assert found.transcript(np.zeros(8000, np.float32), 8000) == "16000 samples at 16000"


def test_a_model_that_cannot_be_loaded_is_named(transformers):
    with pytest.raises(UserError, match="--recogniser another: transformers cannot load it"):
        find_recogniser("another", "de")


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(UserError, match="needs the package transformers"):
        find_recogniser("a-model", "de")
    with pytest.raises(UserError, match=r"pip install 'finetune-tts\[eval\]'"):
        find_recogniser("pocketsphinx", "en")

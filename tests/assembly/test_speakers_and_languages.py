"""Who speaks, and in which language."""

from pathlib import Path

import pytest
import torch

from finetune_tts.assembly.speaker_vectors import VectorSource
from finetune_tts.assembly.speakers_and_languages import conditions_of
from finetune_tts.data.sample import Sample
from finetune_tts.data.speakers import LanguageNames
from finetune_tts.errors import UserError
from finetune_tts.families.vits.config import VitsArgs, VitsConfig


@pytest.fixture
def languages_of(tmp_path):
    def find(*languages):
        LanguageNames({"en": 0, "fr": 1}).write(tmp_path / "language_ids.json")
        args = VitsArgs(use_language_embedding=True, language_ids_file=str(tmp_path / "language_ids.json"))
        samples = [Sample("a", Path("a.wav"), "ann", language, f"#{language}") for language in languages]
        source = VectorSource(None, tmp_path, torch.device("cpu"), True)
        return conditions_of(VitsConfig(model_args=args), samples, None, source).languages

    return find


def test_languages_grow_by_name(languages_of):
    assert languages_of("gl", "en", "de").names == ("en", "fr", "de", "gl")


def test_recordings_of_no_language_are_refused(languages_of):
    with pytest.raises(UserError, match=r"2 recordings do not say their language .*--coqpit.datasets.0.language"):
        languages_of("en", "", "")

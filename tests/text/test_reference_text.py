"""Cleaned text, vocabularies and token ids equal those of coqui-tts with the espeak-ng program 1.51."""

import json
import os
from pathlib import Path

import pytest

from finetune_tts.errors import UserError
from finetune_tts.text.building import tokenizer_from_fields
from finetune_tts.text.cleaners import CLEANERS
from finetune_tts.text.espeak import LIBRARY_VARIABLE, espeak_library
from finetune_tts.text.tokenizer import Tokenizer

REFERENCE = Path(os.environ.get("TTS_REFERENCE_DIR") or Path(__file__).parents[1] / "reference")
CASES_FILE = REFERENCE / "text" / "cases.json"
RELEASE_OF_THE_CASES = "1.51"
# What espeak-ng 1.52 (the one in the wheel) says otherwise than 1.51, by language: the vowel of "force" and the one
# of "north" are told apart no more. It is the only change in 14,808 English words; Spanish has none.
CHANGES = {"en-us": ("oːɹ", "ɔːɹ"), "es": ("", "")}
# The words of the cases in this repository that it changes: old and new phonemes.
CHANGED_WORDS = {("fˈoːɹ", "fˈɔːɹ"), ("mˈoːɹ", "mˈɔːɹ")}  # "four", "more"

if not CASES_FILE.exists():
    pytest.skip(f"no {CASES_FILE}", allow_module_level=True)
CASES = json.loads(CASES_FILE.read_text(encoding="utf-8"))
WITH_LETTERS = [name for name, case in CASES.items() if not case["config"]["use_phonemes"]]
WITH_PHONEMES = [name for name, case in CASES.items() if case["config"]["use_phonemes"]]


def has_the_same_release(library: str) -> bool:
    try:
        return espeak_library(library).version.startswith(RELEASE_OF_THE_CASES)
    except UserError:
        return False


def spelled(tokenizer: Tokenizer, ids: list[int]) -> str:
    """Spell ids without blanks."""
    blank = tokenizer.vocabulary.blank
    return "".join(symbol for symbol in map(tokenizer.vocabulary.symbols.__getitem__, ids) if symbol != blank)


@pytest.mark.parametrize("name", CASES)
def test_vocabulary_equals_reference(name: str) -> None:
    case = CASES[name]
    vocabulary = tokenizer_from_fields(case["config"]).vocabulary
    assert list(vocabulary.symbols) == case["vocab"]
    assert vocabulary.pad_id == case["pad_id"]
    assert len(vocabulary) == case["num_chars"]


@pytest.mark.parametrize("name", CASES)
def test_cleaned_text_equals_reference(name: str) -> None:
    case = CASES[name]
    cleaner = CLEANERS[case["config"]["text_cleaner"]]
    assert [cleaner(sentence["text"]) for sentence in case["cases"]] == [
        sentence["cleaned"] for sentence in case["cases"]
    ]


@pytest.mark.parametrize("name", WITH_LETTERS)
def test_ids_of_letters_equal_reference(name: str) -> None:
    case = CASES[name]
    tokenizer = tokenizer_from_fields(case["config"])
    assert [tokenizer.encode(sentence["text"]).ids for sentence in case["cases"]] == [
        sentence["ids"] for sentence in case["cases"]
    ]


@pytest.mark.parametrize("name", WITH_PHONEMES)
@pytest.mark.parametrize("library", ["bundled", "system"])
def test_ids_of_phonemes_equal_reference_with_the_same_espeak_release(
    name: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_the_same_release(library):
        pytest.skip(f"the {library} espeak-ng is not {RELEASE_OF_THE_CASES}")
    monkeypatch.setenv(LIBRARY_VARIABLE, library)
    case = CASES[name]
    tokenizer = tokenizer_from_fields(case["config"])
    assert [tokenizer.encode(sentence["text"]).ids for sentence in case["cases"]] == [
        sentence["ids"] for sentence in case["cases"]
    ]


@pytest.mark.parametrize("name", WITH_PHONEMES)
def test_phonemes_of_the_bundled_espeak_equal_reference_but_for_the_named_changes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIBRARY_VARIABLE, "bundled")
    case = CASES[name]
    tokenizer = tokenizer_from_fields(case["config"])
    old, new = CHANGES[case["config"]["phoneme_language"]]
    for sentence in case["cases"]:
        ids = tokenizer.encode(sentence["text"]).ids
        expected = spelled(tokenizer, sentence["ids"])
        if old and old in expected:
            assert spelled(tokenizer, ids).replace(old, new) == expected.replace(old, new), sentence["text"]
            assert len(ids) == len(sentence["ids"])
        else:
            assert ids == sentence["ids"], sentence["text"]


@pytest.mark.skipif(bool(os.environ.get("TTS_REFERENCE_DIR")), reason="the list is about this repository's cases")
@pytest.mark.skipif(has_the_same_release("bundled"), reason="the wheel has the release of the cases")
def test_words_that_the_bundled_espeak_changes_from_reference_are_those_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(LIBRARY_VARIABLE, "bundled")
    found = set()
    for name in WITH_PHONEMES:
        tokenizer = tokenizer_from_fields(CASES[name]["config"])
        for sentence in CASES[name]["cases"]:
            ours = spelled(tokenizer, tokenizer.encode(sentence["text"]).ids)
            theirs = spelled(tokenizer, sentence["ids"])
            for our_word, their_word in zip(words(ours), words(theirs), strict=True):
                if our_word != their_word:
                    found.add((their_word, our_word))
    assert found == CHANGED_WORDS


def words(phonemes: str) -> list[str]:
    for mark in "!'(),-.:;?":
        phonemes = phonemes.replace(mark, " ")
    return phonemes.split()

"""Phonemes clause by clause are those that Piper takes: each expectation is what piper-tts 1.8 makes of the text."""

import unicodedata

import pytest

from finetune_tts.text.clauses import ClausePhonemizer
from finetune_tts.text.phonemizer import EspeakPhonemizer

TEXTS = {
    "sentences stand without a space, clauses with one": (
        "en-us", "Hello, world! How are you?", "həlˈoʊ, wˈɜːld!hˈaʊ ɑːɹ juː?"),
    "each mark of a clause": ("en-us", "One: two; three", "wˌʌn: tˈuː; θɹˈiː"),
    "an ellipsis is no mark": ("en-us", "Wait... what", "wˈeɪtwˌʌt"),
    "brackets are none, and a dash is a semicolon": (
        "en-us", "(Hello) - there – now", "həlˈoʊ ðˈɛɹ; nˈaʊ"),
    "the first of several marks": ("en-us", "Eh?! Yes.", "ˈeɪ?jˈɛs."),
    "a mark behind quotes and brackets": ("en-us", 'he said "so.") Yes', "hiː sˈɛd sˈoʊ.jˈɛs"),
    "signs that only open are none": ("en-us", "¿Qué? ¡No!", "kwˈeɪ?nˈoʊ!"),
    "full stops of other scripts end a clause without a mark": ("en-us", "Hello。world、there", "həlˈoʊwˈɜːldðˈɛɹ"),
    "a line is no clause": ("en-us", "line one\nline two", "lˈaɪn wˈʌn lˈaɪn tˈuː"),
    "a point in a number is none": ("en-us", "3.5 and 1,000", "θɹˈiː pɔɪnt fˈaɪv ænd wˈʌn θˈaʊzənd"),
    "no flags of languages": ("de", "The Computer ist Software.", "ðə kɔmpjˈuːtɜ ɪst sˈɒftweə."),
    "nothing": ("en-us", "", ""),
    "spaces": ("en-us", " \n ", ""),
}  # fmt: skip


@pytest.mark.parametrize(("language", "text", "phonemes"), TEXTS.values(), ids=TEXTS)
def test_phonemes_are_those_that_piper_takes(language: str, text: str, phonemes: str) -> None:
    assert ClausePhonemizer(language).phonemize(text) == unicodedata.normalize("NFD", phonemes)


def test_signs_are_taken_apart() -> None:
    assert ClausePhonemizer("de").phonemize("ich") == "ɪc\u0327"
    assert ClausePhonemizer("pt").phonemize("não, olá") == "nˈɐ\u0303ʊ\u0303, ɔlˈa"


def test_phonemes_of_another_make_are_told_apart() -> None:
    ours = ClausePhonemizer("en-us")
    assert ours.fingerprint() == ClausePhonemizer("en-us").fingerprint()
    assert ours.fingerprint() != ClausePhonemizer("en-gb").fingerprint()
    assert ours.fingerprint() != EspeakPhonemizer("en-us").fingerprint()

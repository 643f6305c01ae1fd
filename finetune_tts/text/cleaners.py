"""The text cleaners of 🐸TTS, by the names that configs use.

Each takes the text and its language. The language decides which abbreviations are written out and how "&" and some
signs are read; ``None`` means that it is not known, and then neither is done.
"""

import re
import unicodedata
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial

from finetune_tts.errors import UserError
from finetune_tts.text import chinese_numbers, english_numbers
from finetune_tts.text.abbreviations import expand_abbreviations

_whitespace = re.compile(r"\s+")
_brackets = re.compile(r'[<>()\[\]"]+')
_AND = {"en": " and ", "fr": " et ", "it": " e ", "pt": " e ", "ca": " i "}


def find_cleaner(name: str) -> Callable[[str, str | None], str]:
    """Look up a cleaner by its name in 🐸TTS.

    The function takes the text and the language of the text, as ``"en"``, ``"en-us"`` or ``None``.

    Raises:
        UserError: there is none of that name; the nearest is named.
    """
    if name not in CLEANERS:
        near = get_close_matches(str(name), CLEANERS, n=3, cutoff=0.4) or list(CLEANERS)
        raise UserError(f"text_cleaner {name!r}: unknown. Did you mean {' or '.join(near)}?")
    return partial(_clean, name)


def basic_cleaners(text: str, language: str | None = None) -> str:
    """Lower case, single spaces."""
    return _single_spaces(_composed(text).lower())


def basic_turkish_cleaners(text: str, language: str | None = "tr") -> str:
    """Lower case with the Turkish dotless i."""
    return _single_spaces(_composed(text).replace("I", "ı").lower())


def english_cleaners(text: str, language: str | None = "en") -> str:
    """Lower case; times, numbers and abbreviations in words."""
    text = english_numbers.expand_times(_composed(text).lower())
    text = expand_abbreviations(english_numbers.expand_numbers(text), language)
    return _plain_punctuation(text, language)


def phoneme_cleaners(text: str, language: str | None = "en") -> str:
    """Numbers and abbreviations in English words; the case is kept for the phonemizer."""
    text = expand_abbreviations(english_numbers.expand_numbers(_composed(text)), language)
    return _plain_punctuation(text, language)


def multilingual_phoneme_cleaners(text: str, language: str | None = None) -> str:
    """Plain punctuation; numbers are left to the phonemizer."""
    return _plain_punctuation(_composed(text), language)


def multilingual_cleaners(text: str, language: str | None = None) -> str:
    """Lower case and plain punctuation."""
    return _plain_punctuation(_composed(text).lower(), language)


def french_cleaners(text: str, language: str | None = "fr") -> str:
    """Abbreviations in words, lower case."""
    return _plain_punctuation(expand_abbreviations(_composed(text), language).lower(), language)


def portuguese_cleaners(text: str, language: str | None = "pt") -> str:
    """Lower case and plain punctuation."""
    return _plain_punctuation(_composed(text).lower(), language)


def chinese_mandarin_cleaners(text: str, language: str | None = "zh") -> str:
    """Numbers in Chinese characters."""
    return chinese_numbers.expand_numbers(_composed(text))


def no_cleaners(text: str, language: str | None = None) -> str:
    """Take line ends out, nothing else."""
    return text.replace("\n", "")


CLEANERS: dict[str, Callable[[str, str | None], str]] = {
    "basic_cleaners": basic_cleaners,
    "transliteration_cleaners": basic_cleaners,  # 🐸TTS does not transliterate either
    "basic_german_cleaners": basic_cleaners,
    "basic_turkish_cleaners": basic_turkish_cleaners,
    "english_cleaners": english_cleaners,
    "phoneme_cleaners": phoneme_cleaners,
    "multilingual_cleaners": multilingual_cleaners,
    "multilingual_phoneme_cleaners": multilingual_phoneme_cleaners,
    "french_cleaners": french_cleaners,
    "portuguese_cleaners": portuguese_cleaners,
    "chinese_mandarin_cleaners": chinese_mandarin_cleaners,
    "no_cleaners": no_cleaners,
}


def _clean(name: str, text: str, language: str | None) -> str:
    return CLEANERS[name](text, _base_language(language))


def _base_language(language: str | None) -> str | None:
    return re.split("[-_]", language)[0].lower() if language else None


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _single_spaces(text: str) -> str:
    return _whitespace.sub(" ", text).strip()


def _plain_punctuation(text: str, language: str | None) -> str:
    """Make ``;`` and ``:`` commas and hyphens spaces, read "&", take brackets and quotation marks out."""
    if language != "el":  # the Greek question mark
        text = text.replace(";", ",")
    text = text.replace("-", "" if language == "ca" else " ").replace(":", ",")
    if language in _AND:
        text = text.replace("&", _AND[language])
    if language == "ca":
        text = text.replace("'", "")
    return _single_spaces(_brackets.sub("", text))

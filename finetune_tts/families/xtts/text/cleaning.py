"""Text as XTTS was trained to read it: lower case, numbers and signs in words, abbreviations in full.

One cleaner serves 16 languages, by tables; Japanese goes straight to Latin letters. It does what the makers' program
does, in its order, also where that is odd ("20€" in German becomes "zwanzig Euro" with a capital that no vocabulary
has), as the released models were trained on it. Two faults are mended: an amount that cannot be said no longer keeps
later ones from being said, and a number in Hindi is no error.
"""

import re
from functools import lru_cache

from finetune_tts.families.xtts.text.numbers import expand_numbers
from finetune_tts.families.xtts.text.romanising import romanise
from finetune_tts.families.xtts.text.tables import ABBREVIATIONS, HYPHENATED, SYMBOLS

#: languages that the makers' models read.
KNOWN = ("en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh", "hu", "ko", "ja", "hi")
_SPACES = re.compile(r"\s+")
_TURKISH = str.maketrans({"İ": "i", "Ö": "ö", "Ü": "ü"})


def clean(text: str, language: str) -> str:
    """Clean a text of one of the :data:`KNOWN` languages.

    Args:
        text: any text.
        language: with or without a region: ``zh-cn`` is ``zh``.

    Raises:
        UserError: a package for the language is not installed.
    """
    language = base_of(language)
    if language == "ja":
        return romanise(text, language)
    text = text.replace('"', "")
    if language == "tr":
        text = text.translate(_TURKISH)
    text = expand_numbers(text.lower(), language)
    text = _abbreviations(text, language)
    for sign, word in SYMBOLS.get(language, {}).items():
        text = text.replace(sign, f" {word} ").replace("  ", " ")
    return romanise(_SPACES.sub(" ", text).strip(), language)


def base_of(language: str) -> str:
    """A language without its region."""
    return language.partition("-")[0]


def _abbreviations(text: str, language: str) -> str:
    for written, said in HYPHENATED.get(language, {}).items():
        text = re.sub(rf"\b{written}\b", said, text)
    words = ABBREVIATIONS.get(language)
    return _pattern(language).sub(lambda match: words[match.group(1)], text) if words else text


@lru_cache
def _pattern(language: str) -> re.Pattern[str]:
    words = sorted(ABBREVIATIONS[language], key=len, reverse=True)
    return re.compile(rf"\b({'|'.join(words)})\.")

"""What XTTS reads of a text: lower case, with numbers, signs and abbreviations in words, and in Latin letters where the
released models learned Chinese, Japanese and Korean so.

Readings are those of coqui-tts 0.28, also where it writes German words for numbers with their capitals, leaves a space
before the mark behind a sign ("50 percent .") and reads years as plain numbers. Where it is plainly wrong this is not:
see ``numbers`` and ``chinese``, and besides,

- letters with a separate accent are composed first (not in Arabic and Hindi, whose order of marks it would change);
- typographic quotation marks are dropped as the plain one is, and € + = are read;
- "Sig.ra" is Signora, not "signorera";
- numbers and signs in Japanese are read; there they reach the model as digits and signs.
"""

import re
import unicodedata
from functools import cache

from finetune_tts.families.xtts.text.chinese import clean_chinese
from finetune_tts.families.xtts.text.languages import LANGUAGES, base_of
from finetune_tts.families.xtts.text.numbers import expand_numbers, mark_dotted_ordinals, plain_digits
from finetune_tts.families.xtts.text.packages import latin_of_hangul, pinyin_of, romaji_of
from finetune_tts.text.cleaners import find_cleaner

#: The cleaner of a language that XTTS was not released with, where the config names none.
DEFAULT_CLEANER = "basic_cleaners"

_QUOTES = dict.fromkeys(map(ord, '"“”„‟«»＂'))
_JAPANESE_QUOTES = dict.fromkeys(map(ord, '"“”„‟＂「」『』'))
_FULL_WIDTH = str.maketrans("％＄＃＆＠＋＝．，", "%$#&@+=.,")
# As coqui-tts: the other capital, I, becomes i as everywhere.
_TURKISH = str.maketrans("İÖÜ", "iöü")

_whitespace = re.compile(r"\s+")


def clean(text: str, language: str, text_cleaner: str | None = None) -> str:
    """Clean a text for the model.

    Args:
        text: any text.
        language: its code, with a region or without.
        text_cleaner: the cleaner of 🐸TTS for languages that XTTS was not released with.

    Raises:
        UserError: the cleaner is unknown, or a package that the language needs is missing.
    """
    base = base_of(language)
    if base not in LANGUAGES:
        return find_cleaner(text_cleaner or DEFAULT_CLEANER)(text, language)
    if base not in ("ar", "hi"):
        text = unicodedata.normalize("NFC", text)
    if base == "ja":
        return _clean_japanese(text)
    text = mark_dotted_ordinals(text.translate(_QUOTES), base)
    text = (text.translate(_TURKISH) if base == "tr" else text).lower()
    if base == "zh":
        return pinyin_of(_single_spaces(clean_chinese(text)))
    text = expand_numbers(text, base)
    text = _expand_symbols(_expand_abbreviations(text, base), base)
    text = _single_spaces(text)
    return latin_of_hangul(text) if base == "ko" else text


def _clean_japanese(text: str) -> str:
    text = text.translate(_JAPANESE_QUOTES).translate(_FULL_WIDTH)
    text = expand_numbers(plain_digits(text), "ja")
    symbols = LANGUAGES["ja"].symbols
    text = "".join(symbols.get(character, character) for character in text)
    return _single_spaces(romaji_of(text).lower())


def _expand_abbreviations(text: str, language: str) -> str:
    abbreviations = LANGUAGES[language].abbreviations
    if not abbreviations:
        return text
    return _abbreviation_pattern(language).sub(lambda match: abbreviations[match.group()], text)


def _expand_symbols(text: str, language: str) -> str:
    symbols = LANGUAGES[language].symbols
    text = text.replace("٪", "%")
    return "".join(f" {symbols[character]} " if character in symbols else character for character in text)


def _single_spaces(text: str) -> str:
    return _whitespace.sub(" ", text).strip()


@cache
def _abbreviation_pattern(language: str) -> re.Pattern[str]:
    # The longest first; one without a full stop ends with its word.
    longest_first = sorted(LANGUAGES[language].abbreviations, key=len, reverse=True)
    return re.compile(r"\b(?:" + "|".join(re.escape(a) + ("" if a[-1] == "." else r"\b") for a in longest_first) + ")")

"""The packages that only this text needs: loaded on first use, and named with the way to get them where they lack."""

from collections.abc import Callable
from functools import cache
from typing import Any

from finetune_tts.errors import UserError


def number_words() -> Callable[..., str]:
    """``num2words.num2words``."""
    try:
        from num2words import num2words
    except ImportError as error:
        raise _missing("Numbers in words need num2words", "xtts") from error
    return num2words


def tokenizer_class() -> Any:
    """``tokenizers.Tokenizer``."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise _missing("The vocabulary of an XTTS model needs the package tokenizers", "xtts") from error
    return Tokenizer


def pinyin_of(text: str) -> str:
    """Chinese characters as syllables with the tone's number behind them, 5 for the neutral one; others as they are."""
    try:
        from pypinyin import Style, lazy_pinyin
    except ImportError as error:
        raise _missing("Chinese text needs pypinyin", "xtts,xtts-zh") from error
    return "".join(lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True))


def latin_of_hangul(text: str) -> str:
    """Hangul in Latin letters by the academic rules; other characters as they are."""
    return str(_hangul().translit(text))


def romaji_of(text: str) -> str:
    """Japanese in Latin letters (Hepburn), with the English spelling of words that come from English."""
    return str(_cutlet().romaji(text))


@cache
def _hangul() -> Any:
    try:
        from hangul_romanize import Transliter
        from hangul_romanize.rule import academic
    except ImportError as error:
        raise _missing("Korean text needs hangul-romanize", "xtts,xtts-ko") from error
    return Transliter(academic)


@cache
def _cutlet() -> Any:
    try:
        from cutlet import Cutlet

        return Cutlet()
    except (ImportError, RuntimeError) as error:  # RuntimeError: its dictionary is missing
        raise _missing("Japanese text needs cutlet, fugashi and unidic-lite", "xtts,xtts-ja") from error


def _missing(what: str, extras: str) -> UserError:
    return UserError(f"{what}: pip install 'finetune-tts[{extras}]'")

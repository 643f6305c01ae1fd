"""Digits to words, in the languages of XTTS."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from finetune_tts.errors import UserError
from finetune_tts.families.xtts.text.tables import (
    BEFORE_CENTS,
    COMMA_THOUSANDS,
    HINDI_NUMBERS,
    HINDI_SCALES,
    ORDINALS,
)
from finetune_tts.text.chinese_numbers import expand_numbers as chinese_numbers

_CURRENCIES = {"GBP": "£", "USD": "$", "EUR": "€"}
_COMMA_GROUPS = re.compile(r"\b\d{1,3}(?:,\d{3})+(?=\D|$)")
_INDIAN_GROUPS = re.compile(r"\b\d{1,2}(?:,\d{2})*,\d{3}(?=\D|$)")  # lakhs and crores
_POINT_GROUPS = re.compile(r"\b\d{1,3}(?:\.\d{3})+(?=\D|$)")
_DECIMAL = re.compile(r"[0-9]+[.,][0-9]+")
_WHOLE = re.compile(r"[0-9]+")
_AMOUNTS = {
    name: re.compile(rf"{re.escape(sign)}\s?[0-9.,]*[0-9]+|[0-9.,]*[0-9]+\s?{re.escape(sign)}")
    for name, sign in _CURRENCIES.items()
}
_CHINESE_POINT = re.compile(r"([0-9]+)\.([0-9]+)")
_CHINESE_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s?[%％]")
_CHINESE_YEAR = re.compile(r"([0-9]{4})年")
_CHINESE_LONG = re.compile(r"[0-9]{8,}")
_CHINESE_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")
_MOST_DIGITS = 60  # of a number that is said as one


def expand_numbers(text: str, language: str) -> str:
    """Write the numbers of a text in words, amounts of money and ordinals among them.

    What num2words cannot say in a language is said digit by digit.

    Args:
        text: in lower case.
        language: of XTTS, ``zh`` for Chinese.

    Raises:
        UserError: the package num2words is not installed.
    """
    if language == "zh":
        return _chinese(text)
    if not any(character.isdigit() for character in text):
        return text
    groups, mark = (_COMMA_GROUPS, ",") if language in COMMA_THOUSANDS else (_POINT_GROUPS, ".")
    if language == "hi":
        groups = _INDIAN_GROUPS
    text = groups.sub(lambda match: match.group().replace(mark, ""), text)
    for currency, pattern in _AMOUNTS.items():
        text = pattern.sub(partial(_amount, language=language, currency=currency), text)
    if language != "tr":  # whose decimals num2words runs together
        text = _DECIMAL.sub(lambda match: _decimal(match.group(), language), text)
    if language in ORDINALS:
        text = ORDINALS[language].sub(lambda match: _said(match.group(1), language, to="ordinal"), text)
    return _WHOLE.sub(lambda match: _said(match.group(), language), text)


def _amount(match: re.Match[str], *, language: str, currency: str) -> str:
    """An amount of money; of a whole one nothing is said of cents."""
    written = match.group()
    digits = re.sub(r"[^\d.]", "", written.replace(",", "."))
    try:
        amount = float(digits)
        said: str = _num2words()(amount, to="currency", currency=currency, lang=_code(language))
    except (ValueError, NotImplementedError, KeyError, OverflowError, TypeError):
        return written
    if amount.is_integer() and language in BEFORE_CENTS:
        said = said[: said.rfind(BEFORE_CENTS[language])] if BEFORE_CENTS[language] in said else said
    return said


def _decimal(digits: str, language: str) -> str:
    whole, fraction = re.split("[.,]", digits)
    if language == "hi":
        return f"{_hindi(int(whole))} दशमलव {' '.join(HINDI_NUMBERS[int(digit)] for digit in fraction)}"
    try:
        said: str = _num2words()(float(f"{whole}.{fraction}"), lang=_code(language))
    except (NotImplementedError, OverflowError, KeyError, TypeError):
        return f"{_said(whole, language)} {_said(fraction, language)}"
    return said


def _said(digits: str, language: str, to: str = "cardinal") -> str:
    if len(digits) > _MOST_DIGITS:
        return " ".join(_said(digit, language) for digit in digits)
    if language == "hi":
        return _hindi(int(digits))
    try:
        said: str = _num2words()(int(digits), lang=_code(language), to=to)
    except (NotImplementedError, OverflowError, KeyError, TypeError):
        return digits if len(digits) == 1 else " ".join(_said(digit, language) for digit in digits)
    return said


def _code(language: str) -> str:
    return language.partition("-")[0]


def _num2words() -> Callable[..., Any]:
    try:
        from num2words import num2words
    except ImportError as error:
        raise UserError(
            "Numbers in the text: the package num2words is needed to say them. "
            "Install it with: pip install 'finetune-tts[xtts]'"
        ) from error
    found: Callable[..., Any] = num2words
    return found


def _hindi(number: int) -> str:
    """A whole number in Hindi: each number below a hundred has a word, and thousands are counted in hundreds."""
    if number < len(HINDI_NUMBERS):
        return HINDI_NUMBERS[number]
    words = []
    for size, name in HINDI_SCALES:
        count, number = divmod(number, size)
        if count:
            words += [_hindi(count), name]
    return " ".join([*words, HINDI_NUMBERS[number]] if number else words)


def _chinese(text: str) -> str:
    """Percentages before their number, years and long numbers digit by digit, decimals behind 点."""
    text = _CHINESE_PERCENT.sub(lambda match: f"百分之{match.group(1)}", text)
    text = _CHINESE_YEAR.sub(lambda match: f"{match.group(1).translate(_CHINESE_DIGITS)}年", text)
    text = _CHINESE_POINT.sub(
        lambda match: f"{chinese_numbers(match.group(1))}点{match.group(2).translate(_CHINESE_DIGITS)}", text
    )
    text = _CHINESE_LONG.sub(lambda match: match.group().translate(_CHINESE_DIGITS), text)
    return chinese_numbers(text)

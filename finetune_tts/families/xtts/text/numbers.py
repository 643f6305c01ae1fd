"""Numbers in the words of sixteen languages: amounts of money, decimals, ordinals, whole numbers.

Words are those of num2words, which the released models learned from. Where coqui-tts goes wrong this does not:

- it stops at a sum that num2words lacks in a language, and leaves all others of the text as digits; here such a sum is
  a number and the word of the sign. Sums in Arabic come out as Saudi riyals there, those in Hungarian in English.
- it takes ``21`` for ``twenty`` where "and" stands between the two words, as in a Portuguese sum (vinte e um).
- it knows no digits but 0 to 9, no groups of digits with a space ("1 000 000"), and takes the comma in Korean and Hindi
  for a decimal one ("1,000" is one).
- it reads a number with the full stop of a sentence as an ordinal in German, Czech, Turkish and Hungarian, so that the
  full stop is lost ("Es war 1990."), and decimals in Turkish and Arabic as other numbers (12.5 is twelve fifty).
- it fails on Czech ordinals, on Korean ones above 99, on Hindi numbers without an unreleased num2words, and on numbers
  too large for num2words; these are read digit by digit here.
- it takes ``번`` and ``차`` for ordinals ("5번", five times, is the fifth time), and 20°C in Italian for the 20th.
"""

import re
import unicodedata
from functools import cache, lru_cache

from finetune_tts.families.xtts.text import czech_ordinals, hindi_numbers
from finetune_tts.families.xtts.text.languages import LANGUAGES
from finetune_tts.families.xtts.text.packages import number_words

#: Longer numbers are read digit by digit.
MOST_DIGITS = 15
_MOST_FRACTION = 6
_CURRENCIES = {"$": "USD", "£": "GBP", "€": "EUR"}
# num2words writes other numbers than these for decimals in Turkish and Arabic, and knows no Hindi.
_OWN_DECIMALS = ("tr", "ar", "hi")
# What num2words raises for a number that it has no words for.
_FAILURES = (NotImplementedError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError)

_many_parts = re.compile(r"(?<![\d.,])\d+(?:[.,/]\d+){2,}(?![\d.,]*\d)")
_many_groups = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})+(?!\d)")
_grouped_decimal = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*(?=(?!\1)[.,]\d)")
_indian_groups = re.compile(r"(?<![\d.,])[1-9]\d?(?:,\d{2})*,\d{3}(?!\d)")
_amount = r"\d+(?:[.,]\d+)?"
# Numbers begin where no digit stands before: a long row of digits is tried once, not once for each digit.
_money = re.compile(rf"([$£€])\s?({_amount})|(?<!\d)({_amount})\s?([$£€])(?!\d)")
_decimal = re.compile(r"(?<!\d)(\d+)[.,](\d+)")
_dotted = re.compile(r"(?<![\d.,])(\d+)\.(?=\s+([^\W\d_]))")
_integer = re.compile(r"\d+")
_SPACES = " \u00a0\u202f"


def expand_numbers(text: str, language: str) -> str:
    """Write all numbers of a text in words.

    Args:
        text: of any case; German words for numbers keep their capitals, as in coqui-tts.
        language: a key of ``LANGUAGES`` but ``zh``.
    """
    facts = LANGUAGES[language]
    text = plain_digits(text)
    if not any(character.isdigit() for character in text):
        return text
    text = _ungrouped(text, language, facts.thousands)
    text = _many_parts.sub(lambda match: " ".join(re.split(r"[.,/]", match.group())), text)
    text = _money.sub(lambda match: _money_words(match, language), text)
    text = _decimal.sub(lambda match: decimal_words(match[1], match[2], language), text)
    if facts.ordinals or facts.dotted:
        text = _ordinal_pattern(language).sub(lambda match: ordinal_words(match[1], language), text)
    return _integer.sub(lambda match: cardinal_words(match.group(), language), text)


def plain_digits(text: str) -> str:
    """Write the decimal digits of all scripts, and the marks between Arabic ones, as ASCII."""
    if text.isascii():
        return text
    text = text.replace("٫", ".").replace("٬", ",")
    return "".join(
        str(unicodedata.decimal(character)) if character.isdecimal() and not character.isascii() else character
        for character in text
    )


def mark_dotted_ordinals(text: str, language: str) -> str:
    """Mark the numbers whose full stop makes them ordinals (``am 3. Mai``) by ``º`` in its place.

    Whether it is a full stop or ends the sentence shows in the letter behind it, so this comes before lower case.
    Numbers of three and more digits are ordinals only before a small letter, those of four (years) never.
    """
    rule = LANGUAGES[language].dotted
    if not rule:
        return text

    def marked(match: re.Match[str]) -> str:
        small = match[2].islower()
        digits = len(match[1])
        return f"{match[1]}º" if digits < 4 and (small or (rule == "any" and digits < 3)) else match.group()

    return _dotted.sub(marked, text)


@lru_cache(maxsize=10_000)
def cardinal_words(digits: str, language: str) -> str:
    """Write a whole number in words; one of more than 15 digits, and a Japanese one with zeros before it, by digits."""
    by_digits = len(digits) > MOST_DIGITS or (language == "ja" and len(digits) > 1 and digits[0] == "0")
    if by_digits:
        joiner = "" if language == "ja" else " "
        return joiner.join(cardinal_words(digit, language) for digit in digits)
    if language == "hi":
        return hindi_numbers.cardinal(int(digits))
    return number_words()(int(digits), lang=language).strip()


@lru_cache(maxsize=10_000)
def decimal_words(whole: str, fraction: str, language: str) -> str:
    """Write a decimal number in words, without the zeros at its end."""
    fraction = fraction.rstrip("0")
    if not fraction:
        return cardinal_words(whole, language)
    usual = len(whole) + len(fraction) <= MOST_DIGITS and len(fraction) <= _MOST_FRACTION
    if usual and language not in _OWN_DECIMALS and float(f"{whole}.{fraction}") >= 0.001:
        return number_words()(float(f"{whole}.{fraction}"), lang=language).strip()
    words = [cardinal_words(whole, language), LANGUAGES[language].point]
    return " ".join([*words, *(cardinal_words(digit, language) for digit in fraction)])


@lru_cache(maxsize=10_000)
def ordinal_words(digits: str, language: str) -> str:
    """Write an ordinal number in words; where a language has none for it, the whole number."""
    if len(digits) <= MOST_DIGITS:
        if language == "hi":
            return hindi_numbers.ordinal(int(digits))
        if language == "cs":
            return czech_ordinals.ordinal(int(digits)) or cardinal_words(digits, language)
        try:
            return number_words()(int(digits), lang=language, ordinal=True).strip()
        except _FAILURES:
            pass
    return cardinal_words(digits, language) + ("번째" if language == "ko" else "")


def _ungrouped(text: str, language: str, marks: str) -> str:
    def joined(match: re.Match[str]) -> str:
        return re.sub(r"\D", "", match.group())

    text = _grouped_decimal.sub(joined, _many_groups.sub(joined, text))
    if language == "hi":
        text = _indian_groups.sub(joined, text)
    return _groups(marks).sub(joined, text)


@cache
def _groups(marks: str) -> re.Pattern[str]:
    # The same mark has to stand between all groups; no-break spaces group digits everywhere.
    marks = (_SPACES if " " in marks else _SPACES[1:]) + marks.strip()
    return re.compile(rf"(?<![\d.,])[1-9]\d{{0,2}}([{re.escape(marks)}])\d{{3}}(?:\1\d{{3}})*(?!\d)")


@cache
def _ordinal_pattern(language: str) -> re.Pattern[str]:
    # º marks those that mark_dotted_ordinals found; degrees of a temperature are none.
    suffixes = f"{LANGUAGES[language].ordinals}|º".removeprefix("|")
    return re.compile(rf"(?<!\d)(\d+)(?:{suffixes})(?!\w)(?!\s?[cf]\b)", re.IGNORECASE)


def _money_words(match: re.Match[str], language: str) -> str:
    sign, amount = (match[1], match[2]) if match[1] else (match[4], match[3])
    whole, _, fraction = amount.replace(",", ".").partition(".")
    facts = LANGUAGES[language]
    if sign in facts.currencies and len(whole) <= MOST_DIGITS and len(fraction) <= 2:
        value = float(f"{whole}.{fraction or 0}")
        words = number_words()(value, to="currency", currency=_CURRENCIES[sign], lang=language)
        if not fraction.strip("0"):
            units, joiner, cents = words.rpartition(facts.cents)
            words = units if joiner and cents.startswith(cardinal_words("0", language)) else words
        return words.strip()
    joiner = "" if language == "ja" else " "
    return decimal_words(whole, fraction, language) + joiner + facts.symbols[sign]

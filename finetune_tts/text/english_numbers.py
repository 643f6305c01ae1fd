"""Numbers, money and clock times in English words, as 🐸TTS's cleaners write them out.

What a pre-trained model read in training it should read in fine-tuning, so the odd readings are kept too: 1995 is a
year, "10-20" is "tenminus twenty", "$3.5" is "three dollars five cents".
"""

import re

# fmt: off
_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_POWERS = (
    "thousand", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion", "septillion",
    "octillion", "nonillion", "decillion",
)
# fmt: on
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
# (one unit, several units, one hundredth, several hundredths)
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound sterling", "pounds sterling", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"),
}

_thousands = re.compile(r"[0-9][0-9,]+[0-9]")
_money = re.compile(r"([£$¥])([0-9,.]*[0-9])")
# The look-behind only saves time: a long row of digits is tried once, not once for each digit.
_decimal = re.compile(r"(?<![0-9])[0-9]+\.[0-9]+")
_ordinal = re.compile(r"(?<![0-9])([0-9]+)(?:st|nd|rd|th)")
_integer = re.compile(r"-?[0-9]+")
_clock = re.compile(r"\b(0?[0-9]|1[0-9]|2[0-3]):([0-5][0-9])\s*(am|pm)?\b", re.IGNORECASE)


def expand_numbers(text: str) -> str:
    """Write out money, decimals, ordinals and whole numbers."""
    text = _thousands.sub(lambda match: match.group().replace(",", ""), text)
    text = _money.sub(lambda match: _money_words(match.group(1), match.group(2)), text)
    text = _decimal.sub(lambda match: match.group().replace(".", " point "), text)
    text = _ordinal.sub(lambda match: ordinal_words(match.group(1)), text)
    return _integer.sub(lambda match: _integer_words(match.group()), text)


def expand_times(text: str) -> str:
    """Write out clock times: ``4:05pm`` becomes ``four oh five p m``; without am or pm the 24-hour clock decides."""
    return _clock.sub(_clock_words, text)


def cardinal_words(digits: str, joiner: str = "") -> str:
    """Write a whole number in words.

    Args:
        digits: ASCII digits; 36 and more of them (leading zeros aside) are read one by one.
        joiner: ``"and"`` for ``one hundred and five``, empty for ``one hundred five``.
    """
    digits = digits.lstrip("0") or "0"
    if len(digits) > 3 * (len(_POWERS) + 1):
        return " ".join(_SMALL[int(digit)] for digit in digits)
    joiner = f" {joiner} " if joiner else " "
    groups: list[str] = []
    padded = digits.zfill(-(-len(digits) // 3) * 3)
    count = len(padded) // 3
    for index in range(count):
        value = int(padded[3 * index : 3 * index + 3])
        power = count - 1 - index
        if value:
            groups.append(_below_thousand(value, joiner) + (f" {_POWERS[power - 1]}" if power else ""))
    if not groups:
        return _SMALL[0]
    # "one thousand five", but "one thousand, two hundred five".
    if len(groups) > 1 and " " not in groups[-1]:
        last = groups.pop()
        groups[-1] += joiner + last
    return ", ".join(groups)


def ordinal_words(digits: str) -> str:
    """Write an ordinal number in words: ``33`` becomes ``thirty-third``."""
    words = cardinal_words(digits, "and")
    head, last = re.fullmatch(r"(.*?)([a-z]+)", words).groups()  # type: ignore[union-attr]
    if last in _ORDINALS:
        return head + _ORDINALS[last]
    return head + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def _below_hundred(value: int) -> str:
    if value < 20:
        return _SMALL[value]
    return _TENS[value // 10 - 2] + (f"-{_SMALL[value % 10]}" if value % 10 else "")


def _below_thousand(value: int, joiner: str) -> str:
    hundreds, rest = divmod(value, 100)
    if not hundreds:
        return _below_hundred(rest)
    return f"{_SMALL[hundreds]} hundred" + (joiner + _below_hundred(rest) if rest else "")


def _integer_words(number: str) -> str:
    negative = number.startswith("-")
    digits = number.lstrip("-").lstrip("0") or "0"
    value = int(digits) if len(digits) == 4 else 0
    if 1000 < value < 3000 and not negative:
        return _year_words(value)
    words = cardinal_words(digits)
    return f"minus {words}" if negative and digits != "0" else words


def _year_words(value: int) -> str:
    if value == 2000:
        return "two thousand"
    if 2000 < value < 2010:
        return f"two thousand {_SMALL[value % 100]}"
    century, year = divmod(value, 100)
    if year == 0:
        return f"{_below_hundred(century)} hundred"
    return f"{_below_hundred(century)} {'oh ' if year < 10 else ''}{_below_hundred(year)}"


def _money_words(symbol: str, amount: str) -> str:
    one, several, one_part, several_parts = _CURRENCIES[symbol]
    parts = amount.replace(",", "").split(".")
    if len(parts) > 2:
        return f"{amount} {several}"
    whole = parts[0].lstrip("0")
    part = parts[1].lstrip("0") if len(parts) == 2 else ""
    words = []
    if whole:
        words.append(f"{whole} {one if whole == '1' else several}")
    if part:
        words.append(f"{part} {one_part if part == '1' else several_parts}")
    return " ".join(words) or f"zero {several}"


def _clock_words(match: re.Match[str]) -> str:
    hour, minute = int(match.group(1)), int(match.group(2))
    words = [_SMALL[(hour - 1) % 12 + 1]]
    if minute:
        words += ["oh"] * (minute < 10) + [_below_hundred(minute)]
    # 🐸TTS takes midnight for p m.
    words += list(match.group(3) or ("pm" if hour >= 12 or hour == 0 else "am"))
    return " ".join(words)

"""Numbers in Chinese characters."""

import re

_DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_MYRIADS = ("", *"万亿兆京垓秭穰沟涧正载")

_number = re.compile("[0-9]+")


def expand_numbers(text: str) -> str:
    """Write every run of ASCII digits in simplified Chinese: ``20`` becomes ``二十``."""
    return _number.sub(lambda match: number_characters(match.group()), text)


def number_characters(digits: str) -> str:
    """Write a whole number; one of more than 48 digits is read digit by digit."""
    digits = digits.lstrip("0") or "0"
    if len(digits) > 4 * len(_MYRIADS):
        return "".join(_DIGITS[int(digit)] for digit in digits)
    padded = digits.zfill(-(-len(digits) // 4) * 4)
    count = len(padded) // 4
    written = ""
    for index in range(count):
        group = _four_digits(padded[4 * index : 4 * index + 4])
        written += group + _MYRIADS[count - 1 - index] if group != "零" else group
    return re.sub("零+", "零", written).strip("零") or "零"


def _four_digits(group: str) -> str:
    written = ""
    for position, digit in enumerate(group):
        place = 3 - position
        if digit == "0":
            written += "零"
        elif place == 1 and digit == "1" and group[1] == "0":  # 十四 and 三千零十四, but 一百一十四
            written += "十"
        else:
            written += _DIGITS[int(digit)] + _PLACES[place]
    return re.sub("零+", "零", written.rstrip("零")) or "零"

"""Numbers in Chinese text as Chinese characters, and its marks as commas, in the way the released models learned.

Where coqui-tts goes wrong this does not: sums with the sign before or behind them ("$20"), times of the day, dates in
digits ("2024-05-01"), groups of digits ("1,000") and numbers below zero are read for what they are, two of a thing is
两 (两个), signs are read before they become commas, and quotation marks make no pause.
"""

import re
import unicodedata

from finetune_tts.families.xtts.text.languages import LANGUAGES
from finetune_tts.families.xtts.text.numbers import plain_digits

_DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_MYRIADS = ("", "万", "亿", "兆", "京", "垓", "秭", "穰")
_MOST_DIGITS = 4 * len(_MYRIADS)
# What is counted: a number of any length before it is a number, not a row of digits.
_COUNTED = (
    "(?:[多余几]?(?:亿|千万|百万|万|千|百|元|块|角|毛|分|[匹张座回场尾条个首阵网丘棵只支辆颗壳曲墙群客贯捆刀打手罗坡山岭江溪钟"
    "队单双对出口头脚板跳枝件贴针线管名位身堂课本页家户层丝毫厘钱两斤担寸尺丈里程米撮勺合升斗石盘碗碟叠桶笼盆盒杯锅篮罐瓶壶箩"
    "箱袋钵年月日季刻时周天秒旬纪岁世更夜春夏秋冬代辈丸泡粒幢堆根道面片人吨次倍度公克千毫]))"
)
# Two of these is 两, in speech and writing.
_TWO_OF = "个位名只条张件家次天周块元杯瓶辆台座间岁倍遍头匹颗棵把封双对套组种门节句段份千万亿"
_MONEY = {"$": "美元", "￥": "元", "¥": "元", "€": "欧元", "£": "英镑"}
_QUOTES = '"“”‘’「」『』＂'
_FULL_WIDTH = str.maketrans("％＄＃＆＠＋＝：／．－", "%$#&@+=:/.-")
_SIGNS = LANGUAGES["zh"].symbols

_N = r"\d+(?:\.\d+)?"
_groups = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?!\d)")
_date = re.compile(
    r"(?<!\d)((?:[089]\d|(?:19|20)\d{2})年)?(\d{1,2}月(?:\d{1,2}[日号])?)|(?<!\d)((?:[089]\d|(?:19|20)\d{2})年)"
)
_plain_date = re.compile(r"(?<![\d.])((?:19|20)\d{2})([-/.])(\d{1,2})\2(\d{1,2})(?![\d.])")
_money = re.compile(rf"([$€£¥￥])\s?({_N})|(?<!\d)({_N})\s?([$€£¥￥])(?!\d)")
_clock = re.compile(r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])")
_mobile = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1(?:[38]\d|5[0-35-9]|7[678]|9[89])\d{8}(?!\d)")
_telephone = re.compile(r"(?<!\d)0(?:10|2[1-3]|[3-9]\d{2})-?[1-9]\d{6,7}(?!\d)")
_fraction = re.compile(r"(?<![\d/])(\d+)/(\d+)(?![\d/])")
_percentage = re.compile(rf"(?<!\d)({_N})\s?%")
_negative = re.compile(r"(?<![a-z0-9-])-(?=\d)")
_two = re.compile(rf"(?<![\d.第])2(?=[多余几]?[{_TWO_OF}])")
_counted = re.compile(rf"(?<!\d)({_N})(?={_COUNTED})")
_row = re.compile(r"(?<![\d.])\d{4,}(?!\.?\d)")
_number = re.compile(_N)
_two_in_latin = re.compile(r"(?<=[a-z])2(?=[a-z])")
_apostrophe = re.compile(r"(?<=[a-z])['’](?=[a-z])")
_KEPT_TWO, _KEPT_APOSTROPHE = "\ue000", "\ue001"


def clean_chinese(text: str) -> str:
    """Write numbers and signs in Chinese characters and every other mark as ``,``.

    Args:
        text: in lower case.
    """
    text = plain_digits(text.replace(_KEPT_TWO, "").replace(_KEPT_APOSTROPHE, "").translate(_FULL_WIDTH))
    if any(character.isdigit() for character in text):
        text = _expand_numbers(text)
    text = _apostrophe.sub(_KEPT_APOSTROPHE, text.translate(dict.fromkeys(map(ord, _QUOTES.replace("’", "")))))
    text = "".join(_SIGNS.get(character, character) for character in text.replace("’", ""))
    text = "".join("," if unicodedata.category(character)[0] in "PS" else character for character in text)
    return text.replace(_KEPT_APOSTROPHE, "'").replace(_KEPT_TWO, "2")


def number_characters(number: str) -> str:
    """Write a number as it is counted: ``12000.5`` is 一万两千点五; one of more than 32 digits digit by digit."""
    whole, _, fraction = number.partition(".")
    zero = "零" if len(whole) > 1 and whole[0] == "0" else ""
    whole = whole.lstrip("0")
    written = _digits(whole) if len(whole) > _MOST_DIGITS else _counting(whole)
    return (zero + written or "零") + (f"点{_digits(fraction)}" if fraction else "")


def _expand_numbers(text: str) -> str:
    text = _two_in_latin.sub(_KEPT_TWO, text)
    text = _groups.sub(lambda match: match.group().replace(",", ""), text)
    text = _plain_date.sub(lambda match: f"{match[1]}年{int(match[3])}月{int(match[4])}日", text)
    text = _date.sub(_date_characters, text)
    text = _money.sub(_money_characters, text)
    text = _clock.sub(_clock_characters, text)
    text = _mobile.sub(lambda match: _digits(re.sub(r"\D", "", match.group())), text)
    text = _telephone.sub(lambda match: _digits(re.sub(r"\D", "", match.group())), text)
    text = _fraction.sub(lambda match: f"{number_characters(match[2])}分之{number_characters(match[1])}", text)
    text = _percentage.sub(lambda match: f"百分之{number_characters(match[1])}", text)
    text = _negative.sub("负", text)
    text = _two.sub("两", text)
    text = _counted.sub(lambda match: number_characters(match[1]), text)
    text = _row.sub(lambda match: _digits(match.group()), text)
    return _number.sub(lambda match: number_characters(match.group()), text)


def _digits(digits: str) -> str:
    return "".join(_DIGITS[int(digit)] for digit in digits)


def _counting(digits: str) -> str:
    written = ""
    groups = -(-len(digits) // 4)
    padded = digits.zfill(4 * groups)
    for index in range(groups):
        group = padded[4 * index : 4 * index + 4]
        places = "".join(
            "零" if digit == "0" else _DIGITS[int(digit)] + _PLACES[3 - place] for place, digit in enumerate(group)
        )
        written += places.rstrip("零") + _MYRIADS[groups - 1 - index] if places.strip("零") else "零"
    written = re.sub("零+", "零", written).strip("零")
    if written.startswith("一十"):
        written = written[1:]
    # Two hundred, two thousand and so on, at the beginning and behind a larger unit.
    return re.sub(r"(?<![零一二三四五六七八九十])二(?=[百千万亿兆京垓秭穰])", "两", written)


def _date_characters(match: re.Match[str]) -> str:
    year = match[1] or match[3] or ""
    days = _number.sub(lambda number: number_characters(number.group()), match[2] or "")
    return _number.sub(lambda number: _digits(number.group()), year) + days


def _money_characters(match: re.Match[str]) -> str:
    sign, amount = (match[1], match[2]) if match[1] else (match[4], match[3])
    return number_characters(amount) + _MONEY[sign]


def _clock_characters(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), match[2]
    spoken = "两" if hour == 2 else number_characters(str(hour))
    return f"{spoken}点" + (f"{number_characters(minute)}分" if minute != "00" else "")

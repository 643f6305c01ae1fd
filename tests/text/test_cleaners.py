"""Cleaners read what 🐸TTS's cleaners of the same names read."""

import time

import pytest

from finetune_tts.errors import UserError
from finetune_tts.text.cleaners import CLEANERS, find_cleaner

HOSTILE = [
    "",
    " ",
    "\n\t",
    "\0",
    "\ud800",
    "😀" * 50,
    "9" * 5000,
    "-" * 5000,
    "1" + ",1" * 3000,
    "(" * 5000,
    "٣٤",
    "²½",
]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("42", "forty two"),
        ("-7 and 0", "minus seven and zero"),
        ("1,234,567", "one million, two hundred thirty four thousand, five hundred sixty seven"),
        ("1,000,005", "one million five"),
        ("1066, 1900, 1905, 2000, 2007, 2010", "ten sixty six, nineteen hundred, nineteen oh five, two thousand, "
         "two thousand seven, twenty ten"),
        ("3.14", "three point fourteen"),
        ("007", "seven"),
        ("1st 2nd 3rd 5th 8th 9th 12th 20th 21st 101st 1000th 0th", "first second third fifth eighth ninth twelfth "
         "twentieth twenty first one hundred and first one thousandth zeroth"),
        ("$1 $2.01 £1.02 ¥5 $0 $0.50", "one dollar two dollars one cent one pound sterling two pence five yen "
         "zero dollars fifty cents"),
        ("$1,200", "twelve hundred dollars"),
        ("1.2.3", "one point two.three"),
        ("1" * 37, " ".join(["one"] * 37)),
        ("Mrs. Gray, Capt. Cook & Co.", "misess gray, captain cook and company"),
        ("3:00, 3:05 PM, 0:30, 15:45", "three a m, three oh five p m, twelve thirty p m, three forty five p m"),
        ("a-b; c: <d> [e] \"f\"", "a b, c, d e f"),
    ],
)  # fmt: skip
def test_english_is_written_out(text: str, cleaned: str) -> None:
    assert CLEANERS["english_cleaners"](text) == cleaned


def test_phoneme_cleaner_keeps_the_case_and_clock_times() -> None:
    assert CLEANERS["phoneme_cleaners"]("Dr. No at 3:30") == "doctor No at three,thirty"


def test_abbreviations_and_the_and_sign_follow_the_language() -> None:
    clean = find_cleaner("phoneme_cleaners")
    assert clean("Dr. X & Y", "en-us") == "doctor X and Y"
    assert clean("Dr. X & Y", "fr-fr") == "docteur X et Y"
    assert clean("Dr. X & Y", "pt_BR") == "Dr. X e Y"
    assert clean("Dr. X & Y", None) == "Dr. X & Y"


def test_french_titles() -> None:
    assert CLEANERS["french_cleaners"]("M. Dupont, Mlle Rose & Mme. Blanc, etc.") == (
        "monsieur dupont, mademoiselle rose et madame blanc, et cetera"
    )


def test_catalan_and_greek_signs() -> None:
    clean = find_cleaner("multilingual_cleaners")
    assert clean("si l'avi cau, diguem-ho", "ca") == "si lavi cau, diguemho"
    assert clean("Τι κάνεις;", "el") == "τι κάνεις;"


def test_turkish_dotless_i() -> None:
    assert CLEANERS["basic_turkish_cleaners"]("ILIK Işık") == "ılık ışık"


@pytest.mark.parametrize(
    ("number", "characters"),
    [
        ("0", "零"),
        ("000", "零"),
        ("10", "十"),
        ("14", "十四"),
        ("20", "二十"),
        ("110", "一百一十"),
        ("1014", "一千零十四"),
        ("10005", "一万零五"),
        ("100000", "十万"),
        ("12340000", "一千二百三十四万"),
        ("100000007", "一亿零七"),
        ("200000000", "二亿"),
        ("9" * 49, "九" * 49),
    ],
)
def test_chinese_numbers(number: str, characters: str) -> None:
    assert CLEANERS["chinese_mandarin_cleaners"](f"有{number}个") == f"有{characters}个"


def test_accents_are_composed() -> None:
    assert CLEANERS["basic_cleaners"]("CAFE\u0301") == "café"


def test_no_cleaners_takes_line_ends_only() -> None:
    assert CLEANERS["no_cleaners"](" A\nB ") == " AB "


@pytest.mark.parametrize("name", CLEANERS)
def test_any_text_is_cleaned_in_short_time(name: str) -> None:
    clean = find_cleaner(name)
    started = time.process_time()
    for text in HOSTILE:
        for language in ("en", "fr", "", None):
            clean(text, language)
    clean("word 12, " * 10_000, "en")
    assert time.process_time() - started < 5


def test_unknown_cleaner_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"text_cleaner 'english_cleaner': unknown\. Did you mean english_cleaners"):
        find_cleaner("english_cleaner")

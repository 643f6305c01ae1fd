"""Numbers and marks in Chinese."""

import pytest

from finetune_tts.families.xtts.text.chinese import clean_chinese, number_characters


@pytest.mark.parametrize(
    ("number", "characters"),
    [
        ("0", "零"), ("2", "二"), ("10", "十"), ("12", "十二"), ("101", "一百零一"), ("110", "一百一十"),
        ("200", "两百"), ("222", "两百二十二"), ("1010", "一千零一十"), ("10200", "一万零二百"), ("22000", "两万两千"),
        ("120000", "十二万"), ("100000007", "一亿零七"), ("05", "零五"), ("12.50", "十二点五零"), ("1" * 33, "一" * 33),
    ],
)  # fmt: skip
def test_numbers(number: str, characters: str) -> None:
    assert number_characters(number) == characters


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("今天是2024年5月1日。", "今天是二零二四年五月一日,"),
        ("2024-05-01", "二零二四年五月一日"),
        ("电话13800138000，固话010-12345678", "电话一三八零零一三八零零零,固话零一零一二三四五六七八"),
        ("增长3.5%，占1/3", "增长百分之三点五,占三分之一"),
        ("编号12345，1234.5元，1,200人", "编号一二三四五,一千两百三十四点五元,一千两百人"),
        ("$20、5€和￥3", "二十美元,五欧元和三元"),
        ("8:30到2:00，-5度", "八点三十分到两点,负五度"),
        ("2个，第2个，p2p", "两个,第二个,p2p"),
        ("１２％", "百分之十二"),
        ("“你好。”他@家", "你好,他在家"),
    ],
)
def test_text(text: str, cleaned: str) -> None:
    assert clean_chinese(text) == cleaned

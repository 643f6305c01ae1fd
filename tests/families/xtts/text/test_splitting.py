"""Long text is divided within a limit, and nothing of it is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_tts.errors import UserError
from finetune_tts.families.xtts.text.splitting import split_sentences


def test_sentences_stay_whole_and_together_where_they_fit() -> None:
    text = "One two. Three four! Five six seven eight nine? Ten."
    assert split_sentences(text, "en", 30) == ["One two. Three four!", "Five six seven eight nine?", "Ten."]
    assert split_sentences(text, "en") == [text]


def test_a_long_sentence_is_divided_at_its_comma_then_between_words_then_anywhere() -> None:
    assert split_sentences("one two three four, five six seven", "en", 25) == ["one two three four,", "five six seven"]
    assert split_sentences("one two three four five six", "en", 20) == ["one two three four", "five six"]
    assert split_sentences("ab " + "c" * 12, "en", 5) == ["ab", "ccccc", "ccccc", "cc"]


def test_scripts_without_spaces_get_none() -> None:
    assert split_sentences("今日は。明日は。" + "長" * 8 + "。", "ja", 10) == ["今日は。明日は。", "長" * 8 + "。"]


@pytest.mark.parametrize(("language", "limit"), [("en", 250), ("zh-cn", 82), ("ja", 71), ("pt_BR", 203), ("sv", 250)])
def test_each_language_has_its_limit(language: str, limit: int) -> None:
    assert [len(piece) for piece in split_sentences("x" * (limit + 1), language)] == [limit, 1]


def test_nothing_to_speak() -> None:
    assert split_sentences(" \n ", "en") == []
    with pytest.raises(UserError, match="limit is 0"):
        split_sentences("a", "en", 0)


@given(
    text=st.text(st.characters(codec="utf-8") | st.sampled_from("ab. ,;!?\n。、"), max_size=120),
    limit=st.integers(1, 40),
)
def test_fuzz_nothing_is_lost(text: str, limit: int) -> None:
    pieces = split_sentences(text, "en", limit)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(0 < len(piece) <= limit for piece in pieces)
    words = set(text.split())
    for piece in pieces[1:]:
        # Only a word (or a script without spaces) that is longer than a piece is divided.
        first = piece.split()[0]
        assert first in words or any(len(word) > limit or not word.isascii() for word in words if first in word)

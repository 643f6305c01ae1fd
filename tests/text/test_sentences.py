"""Long text comes apart at sentences, each within bounds."""

import time

import pytest

from finetune_tts.text.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Hello world. This is it! Really?", ["Hello world.", "This is it!", "Really?"]),
        ("Dr. Smith met J. R. Tolkien. He left.", ["Dr. Smith met J. R. Tolkien.", "He left."]),
        ("At 3.30 p.m. in the U.S. Army, e.g. here. Yes.", ["At 3.30 p.m. in the U.S. Army, e.g. here.", "Yes."]),
        ('"Really?" she said. "Yes." He went.', ['"Really?" she said.', '"Yes."', "He went."]),
        ("Am 3. Mai kam z.B. Hr. Maier. Er ging.", ["Am 3. Mai kam z.B. Hr. Maier.", "Er ging."]),
        ("It was 1999. Then came 2000.", ["It was 1999.", "Then came 2000."]),
        ("Wait... what? No… Yes.", ["Wait... what?", "No…", "Yes."]),
        ("你好。世界！真的？是", ["你好。", "世界！", "真的？", "是"]),
        ("नमस्ते दुनिया। आप कैसे हैं?", ["नमस्ते दुनिया।", "आप कैसे हैं?"]),
        ("¡Hola! ¿Qué tal? Bien.", ["¡Hola!", "¿Qué tal?", "Bien."]),
        ("a title\n\nand\na text", ["a title", "and a text"]),
        ("Hello. ... !", ["Hello. ... !"]),
        ("", []),
        ("...!? — 😀", []),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


def test_long_sentence_is_divided_at_commas_before_spaces() -> None:
    text = "one two three four, five six seven eight nine ten"
    assert split_sentences(text, max_chars=25) == ["one two three four,", "five six seven eight nine", "ten"]


def test_nothing_but_spaces_is_lost() -> None:
    text = "The quick brown fox, jumps over; the lazy dog: " * 50
    assert "".join(split_sentences(text, max_chars=30)).replace(" ", "") == text.replace(" ", "")


def test_combining_marks_stay_with_their_letter() -> None:
    parts = split_sentences("e\u0301" * 10, max_chars=5)
    assert all(part.startswith("e") for part in parts)


@pytest.mark.parametrize("pattern", ["word ", "x", "a, ", ".", " ", ". ", "A. ", '"', "\n", '."', ". \n", "你"])
def test_any_text_of_100_000_characters_is_split_in_short_time_and_within_bounds(pattern: str) -> None:
    started = time.process_time()
    parts = split_sentences((pattern * 100_000)[:100_000] + "x", max_chars=200)
    assert time.process_time() - started < 5
    assert parts
    assert all(0 < len(part) <= 200 for part in parts)


def test_bound_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="max_chars"):
        split_sentences("a", max_chars=0)

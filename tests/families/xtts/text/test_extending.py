"""A vocabulary grows by a language, and the old languages stay as they are."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from finetune_tts.errors import UserError
from finetune_tts.families.xtts.text.extending import extend_vocabulary
from finetune_tts.families.xtts.text.tokenizer import XttsTokenizer

OLD: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "reference/xtts_v2/vocab.json").read_text(encoding="utf-8")
)
UKRAINIAN = ["Привіт, як справи? Як ти?", "Як справи, друже?", "Добре, дякую. Справи йдуть."]


def test_mark_then_characters_then_pieces_behind_the_old_ids() -> None:
    extended, new_ids = extend_vocabulary(OLD, "uk", UKRAINIAN, 5)
    assert list(new_ids.values()) == list(range(262, 262 + len(new_ids)))
    pieces = list(new_ids)
    assert pieces[0] == "[uk]"
    assert [len(piece) for piece in pieces[1:-5]] == [1] * (len(pieces) - 6)
    assert all(len(piece) > 1 for piece in pieces[-5:])
    tokenizer = XttsTokenizer(extended)
    assert tokenizer.languages == ("en", "es", "de", "fr", "uk")
    assert tokenizer.size == 262 + len(new_ids)
    assert not tokenizer.count_unknown(UKRAINIAN, "uk").counter


def test_the_most_frequent_neighbours_become_one() -> None:
    _, new_ids = extend_vocabulary(OLD, "uk", ["жук жук жук", "жар"], 2)
    assert list(new_ids) == ["[uk]", "ж", "к", "у", "а", "р", "жу", "жук"]


def test_old_pieces_keep_ids_and_old_text_its_spelling() -> None:
    extended, _ = extend_vocabulary(OLD, "uk", UKRAINIAN, 50)
    old, new = XttsTokenizer(OLD), XttsTokenizer(extended)
    assert all(new.vocabulary.ids[piece] == index for piece, index in old.vocabulary.ids.items())
    for text in ("The quick brown fox", "El niño comió", "Müller & Söhne, 20€"):
        assert new.encode(text, "de") == old.encode(text, "de")


def test_new_merges_only_join_what_old_ones_left_apart() -> None:
    extended, new_ids = extend_vocabulary(OLD, "sv", ["ding ding dong", "sjung ding"], 20, anywhere=True)
    old, new = XttsTokenizer(OLD), XttsTokenizer(extended)
    assert "ng" in new_ids
    for word in ("singing", "king", "finger", "the"):
        spelling, boundaries = new.spell(word), boundaries_of(old.spell(word))
        assert "".join(spelling) == word
        assert boundaries_of(spelling) <= boundaries


def boundaries_of(pieces: list[str]) -> set[int]:
    return {sum(map(len, pieces[:count])) for count in range(1, len(pieces))}


def test_coqui_tts_reads_the_file_alike() -> None:
    extended, _ = extend_vocabulary(OLD, "uk", UKRAINIAN, 50)
    tokenizer, library = XttsTokenizer(extended), Tokenizer.from_str(json.dumps(extended))
    assert library.token_to_id("[START]") == 261
    for text in UKRAINIAN:
        marked = f"[uk]{tokenizer.clean(text, 'uk')}".replace(" ", "[SPACE]")
        assert library.encode(marked).ids == tokenizer.encode(text, "uk")


def test_the_order_of_transcripts_does_not_count_and_the_old_file_stays() -> None:
    before = json.dumps(OLD)
    assert extend_vocabulary(OLD, "uk", UKRAINIAN, 30) == extend_vocabulary(OLD, "uk", reversed(UKRAINIAN), 30)
    assert json.dumps(OLD) == before


def test_a_language_that_is_there_gets_pieces_only() -> None:
    extended, new_ids = extend_vocabulary(OLD, "EN", ["¡zing zing!"], 1, anywhere=True)
    assert list(new_ids) == ["¡", "in"]
    assert XttsTokenizer(extended).languages == ("en", "es", "de", "fr")


@pytest.mark.parametrize(("language", "mark"), [("uk-UA", "[uk]"), ("UK", "[uk]"), ("zh_TW", "[zh-cn]")])
def test_a_mark_has_no_region_but_that_of_chinese(language: str, mark: str) -> None:
    _, new_ids = extend_vocabulary(OLD, language, [], 0)
    assert list(new_ids) == [mark]


def test_it_can_be_extended_again_in_the_older_form_too() -> None:
    values = json.loads(json.dumps(OLD))
    values["model"]["merges"] = [" ".join(pair) for pair in values["model"]["merges"]]
    once, first = extend_vocabulary(values, "uk", UKRAINIAN, 10)
    twice, second = extend_vocabulary(once, "sv", ["åsen åsen"], 10)
    assert set(first) & set(second) == set()
    assert all(isinstance(merge, str) for merge in twice["model"]["merges"])
    assert XttsTokenizer(twice).languages == ("en", "es", "de", "fr", "uk", "sv")


def test_emoji_and_typographic_characters_are_not_learned() -> None:
    _, new_ids = extend_vocabulary(OLD, "sv", ["😀 “så” – 😀"], 10)
    assert list(new_ids) == ["[sv]", "å"]


@pytest.mark.parametrize(
    ("language", "transcripts", "pieces", "fault"),
    [
        ("Swedish", [], 1, "language 'Swedish' is no code"),
        ("", [], 1, "language '' is no code"),
        ("sv", [], -1, "pieces is -1; it must be 0 to 20,000"),
        ("sv", ["".join(map(chr, range(0x4E00, 0x5600)))], 1, "2,048 characters that vocab.json lacks, 2,000 at most"),
    ],
)
def test_faults_are_named(language: str, transcripts: list[str], pieces: int, fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        extend_vocabulary(OLD, language, transcripts, pieces)


@settings(max_examples=40)
@given(words=st.lists(st.text("abnñжук", min_size=1, max_size=8), max_size=12), pieces=st.integers(0, 12))
def test_fuzz_transcripts_are_covered(words: list[str], pieces: int) -> None:
    extended, new_ids = extend_vocabulary(OLD, "uk", [" ".join(words)], pieces)
    tokenizer = XttsTokenizer(extended)
    encoded = tokenizer.encoded(" ".join(words), "uk")
    assert not encoded.missing
    assert tokenizer.decode(encoded.ids) == " ".join(words)
    assert sum(len(piece) > 1 for piece in new_ids) <= pieces + 1


def test_words_of_old_characters_are_spelled_as_before_unless_it_is_asked_for() -> None:
    texts = ["åsen ding ding", "ding dong åsen", "ding"]
    extended, new_ids = extend_vocabulary(OLD, "sv", texts, 20)
    assert {piece for piece in new_ids if len(piece) > 1} - {"[sv]"}
    assert all("å" in piece for piece in list(new_ids)[1:])
    old, new = XttsTokenizer(OLD), XttsTokenizer(extended)
    assert new.encode("ding dong", "en") == old.encode("ding dong", "en")

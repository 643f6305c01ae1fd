"""Vocabularies in the id order of 🐸TTS's classes."""

import pytest

from finetune_tts.errors import UserError
from finetune_tts.text.characters import GRAPHEMES, IPA_PHONEMES, PUNCTUATIONS, Vocabulary, vocabulary

SPECIAL = {"pad": "_", "eos": "~", "bos": "^", "blank": "#"}


def test_symbols_stand_as_pad_eos_bos_blank_characters_punctuations() -> None:
    built = vocabulary({**SPECIAL, "characters": "cab", "punctuations": "?!", "is_unique": True, "is_sorted": True})
    assert built.symbols == ("_", "~", "^", "#", "a", "b", "c", "?", "!")
    assert built.pad_id == 0
    assert built.id("b") == 5


def test_unsorted_characters_keep_their_order() -> None:
    built = vocabulary({"pad": "_", "characters": "cabc", "punctuations": "", "is_unique": True, "is_sorted": False})
    assert built.symbols == ("_", "c", "a", "b")


def test_repeated_characters_keep_their_places_unless_unique() -> None:
    built = vocabulary({"pad": "_", "characters": "aba", "punctuations": "", "is_unique": False, "is_sorted": True})
    assert built.symbols == ("_", "a", "a", "b")
    assert built.id("a") == 2


def test_fields_that_are_missing_or_null_are_left_out_and_unique_and_sorted_are_on() -> None:
    built = vocabulary({"pad": "_", "eos": None, "characters": "ba", "punctuations": "!"})
    assert built.symbols == ("_", "a", "b", "!")
    assert built.eos is None


def test_null_gives_the_default_set_of_letters_or_phonemes() -> None:
    special = ("<PAD>", "<EOS>", "<BOS>", "<BLNK>")
    assert vocabulary(None).symbols == (*special, *sorted(GRAPHEMES), *PUNCTUATIONS)
    assert vocabulary(None, use_phonemes=True).symbols == (*special, *sorted(IPA_PHONEMES), *PUNCTUATIONS)
    assert len(vocabulary(None, use_phonemes=True)) == 132


def test_old_config_with_phonemes_and_no_class_uses_them_only_for_phonemes() -> None:
    fields = {"pad": "_", "characters": "abc", "phonemes": "əɪ", "punctuations": "!"}
    assert vocabulary(fields, use_phonemes=True).symbols == ("_", "ə", "ɪ", "!")
    assert vocabulary(fields, use_phonemes=False).symbols == ("_", "a", "b", "c", "!")


def test_class_is_told_by_the_last_part_of_its_path() -> None:
    fields = {**SPECIAL, "characters": "ab", "phonemes": "əɪ", "punctuations": "!?", "is_unique": True}
    fields["characters_class"] = "TTS.tts.models.vits.VitsCharacters"
    built = vocabulary(fields)
    assert built.symbols == ("_", "!", "?", "a", "b", "ə", "ɪ", "<BLNK>")
    assert built.blank == "<BLNK>"
    assert built.eos is None


def test_default_of_vits_holds_letters_and_phonemes() -> None:
    built = vocabulary(None, characters_class="VitsCharacters")
    assert built.symbols == ("<PAD>", *PUNCTUATIONS, *GRAPHEMES, *IPA_PHONEMES, "<BLNK>")


@pytest.mark.parametrize("listed", [["a", "b", "_", "#"], {"a": 0, "b": 1, "_": 2, "#": 3}])
def test_base_vocabulary_is_taken_as_listed(listed: object) -> None:
    fields = {"vocab_dict": listed, "pad": "_", "blank": "#", "characters_class": "x.BaseVocabulary"}
    built = vocabulary(fields)
    assert built.symbols == ("a", "b", "_", "#")
    assert built.pad_id == 2


def test_blank_stands_last_where_the_config_has_none() -> None:
    built = vocabulary({"pad": "_", "characters": "ab", "punctuations": ""}, add_blank=True)
    assert built.symbols == ("_", "a", "b", "<BLNK>")
    assert built.blank == "<BLNK>"


def test_padding_is_zero_without_a_pad_symbol() -> None:
    assert Vocabulary(("a", "b")).pad_id == 0


def test_unknown_class_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"characters_class 'my\.Grapheme': unknown\. Use Graphemes"):
        vocabulary({"characters_class": "my.Grapheme"})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"characters": 5}, "characters.characters must be text or null, not 5"),
        ({"characters": "ab", "punctuations": "b", "is_unique": True}, "'b' stand twice"),
        ({"characters_class": "BaseVocabulary"}, "vocab_dict"),
        ({"characters_class": "BaseVocabulary", "vocab_dict": [1, 2]}, "vocab_dict"),
        ({"characters_class": "BaseVocabulary", "vocab_dict": ["a"], "pad": "_"}, "characters.pad '_' is not in"),
    ],
)
def test_fields_that_make_no_vocabulary_are_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        vocabulary(fields)

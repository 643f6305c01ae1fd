import logging

import pytest

from finetune_tts.assembly.vocabulary import merged_tokenizer
from finetune_tts.config.changes import apply_changes
from finetune_tts.config.characters import CharactersConfig
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.text.tokenizer import Tokenizer


def config_of(*, use_phonemes: bool = False, **characters) -> GlowTTSConfig:
    config = GlowTTSConfig(use_phonemes=use_phonemes, phoneme_language="en-us" if use_phonemes else None)
    config.characters = CharactersConfig(**characters) if characters else None
    return config


def merged(config: GlowTTSConfig, old: tuple[str, ...] | None) -> Tokenizer:
    tokenizer, changes = merged_tokenizer(config, old)
    apply_changes(config, changes)
    return tokenizer


def symbols_of(config: GlowTTSConfig) -> tuple[str, ...]:
    return build_tokenizer(config).vocabulary.symbols


def test_without_a_pre_trained_alphabet_the_config_stays():
    config = config_of(characters="abc", punctuations=".")
    assert merged(config, None).vocabulary.symbols == ("<PAD>", "a", "b", "c", ".")
    assert config.characters.characters == "abc"


def test_the_same_alphabet_changes_nothing(caplog):
    config = config_of(characters="abc", punctuations=".")
    caplog.set_level(logging.INFO)
    assert merged(config, ("<PAD>", "a", "b", "c", ".")).vocabulary.symbols == symbols_of(config)
    assert config.characters.characters == "abc"
    assert not caplog.text


@pytest.mark.parametrize(
    ("fields", "old"),
    [
        ({"characters": "abz", "punctuations": "."}, ("_", "a", "b", "q", "ç", "?")),
        ({"characters_class": "TTS.x.IPAPhonemes", "characters": "abz", "punctuations": "."}, ("a", "q", "ɹ")),
        # Configs of 2020 hold the phonemes in a field of their own.
        ({"characters_class": "TTS.x.IPAPhonemes", "characters": "abz", "phonemes": "ab", "punctuations": "."}, ("ɹ",)),
        (
            {"characters_class": "TTS.x.VitsCharacters", "characters": "ab", "phonemes": "ɹ", "punctuations": "."},
            ("q",),
        ),
        # Letters that are not named are those of the class.
        ({"characters_class": "TTS.x.Graphemes", "punctuations": "."}, ("a", "ç")),
        ({"characters_class": "TTS.x.BaseVocabulary", "vocab_dict": ["a", "b"], "pad": None}, ("a", "ng", "q")),
        ({"characters_class": "TTS.x.BaseVocabulary", "vocab_dict": {"a": 0, "b": 1}, "pad": None}, ("a", "q")),
    ],
)
def test_no_symbol_is_lost(fields, old):
    config = config_of(**fields)
    before = symbols_of(config)
    symbols = merged(config, old).vocabulary.symbols
    assert set(symbols) == set(before) | set(old)
    # What the run's config says is what its tokenizer has.
    assert symbols_of(config) == symbols


@pytest.mark.parametrize("use_phonemes", [False, True])
def test_a_default_alphabet_is_spelled_out_to_keep_more(use_phonemes):
    config = config_of(use_phonemes=use_phonemes)
    before = symbols_of(config)
    symbols = merged(config, ("a", "ж")).vocabulary.symbols
    assert set(symbols) - set(before) == {"ж"}
    assert len(symbols) == len(before) + 1
    assert config.characters.characters.endswith("ж")


def test_new_symbols_of_a_listed_vocabulary_need_not_come_with_the_old_ones():
    old = ("|", "a", "b", " ")
    config = config_of(characters_class="TTS.x.BaseVocabulary", vocab_dict=["ä"], pad=" ", blank="|")
    vocabulary = merged(config, old).vocabulary
    assert set(vocabulary.symbols) == {"ä", *old}
    assert (vocabulary.pad, vocabulary.blank) == (" ", "|")
    assert symbols_of(config) == vocabulary.symbols


def test_names_of_special_symbols_are_no_letters():
    config = config_of(characters="ab", punctuations=".")
    assert "<BLNK>" not in merged(config, ("<PAD>", "<BLNK>", "a", "b")).vocabulary.symbols


def test_both_lists_are_shown(caplog):
    caplog.set_level(logging.INFO)
    merged(config_of(characters="abz", punctuations="."), ("<PAD>", "a", "b", "q", "."))
    assert "1 symbols are new (z), 1 are not asked for and stay (q)." in caplog.text

"""Configs as plain mappings become tokenizers."""

import pytest

from finetune_tts.errors import UserError
from finetune_tts.text.building import tokenizer_from_fields

PHONEMES = {"use_phonemes": True, "phonemizer": "espeak", "phoneme_language": "en-us", "text_cleaner": None}


def test_an_empty_config_reads_letters_as_they_are() -> None:
    tokenizer = tokenizer_from_fields({})
    assert tokenizer.decode(tokenizer.encode("Hello you").ids) == "Hello you"


def test_phonemes_with_the_default_set_and_blanks() -> None:
    tokenizer = tokenizer_from_fields({**PHONEMES, "phonemizer": None, "characters": None, "add_blank": True})
    ids = tokenizer.encode("hi").ids
    assert len(tokenizer.vocabulary) == 132
    assert tokenizer.decode(ids[1::2]) == "hˈaɪ"


def test_old_config_without_class_blank_and_phonemizer() -> None:
    tokenizer = tokenizer_from_fields(
        {
            "use_phonemes": True,
            "phoneme_language": "de",
            "text_cleaner": "phoneme_cleaners",
            "enable_eos_bos_chars": True,
            "characters": {
                "pad": "_", "eos": "~", "bos": "^", "characters": "abc", "punctuations": "!'(),-.:;? ",
                "phonemes": "ɡuːtənˈɑk",
            },
        }
    )  # fmt: skip
    assert tokenizer.decode(tokenizer.encode("Guten Tag!").ids) == "^ɡˈuːtən tˈɑːk!~"


def test_multilingual_config_takes_the_languages_of_its_data_sets() -> None:
    fields = {**PHONEMES, "phonemizer": "multi_phonemizer", "phoneme_language": None}
    fields["datasets"] = [{"language": "en-us", "phonemizer": "espeak"}, {"language": "de", "phonemizer": ""}]
    tokenizer = tokenizer_from_fields(fields)
    assert tokenizer.encode("Guten Tag", "de").spelled == "ɡˈuːtən tˈɑːk"
    with pytest.raises(UserError, match="phonemes for en-us, de"):
        tokenizer.encode("Guten Tag", "fr")


@pytest.mark.parametrize("name", ["gruut", "ja_jp_phonemizer", "zh_cn_phonemizer", "bn_phonemizer", "ko_kr_phonemizer"])
def test_other_phonemizers_are_named_with_the_way_on(name: str) -> None:
    with pytest.raises(UserError, match=f"trained with the phonemizer '{name}'.*--coqpit.phonemizer espeak"):
        tokenizer_from_fields({**PHONEMES, "phonemizer": name})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({**PHONEMES, "phoneme_language": None}, "phoneme_language is not set"),
        ({**PHONEMES, "phoneme_language": "xx-nowhere"}, "phoneme_language 'xx-nowhere'"),
        ({"text_cleaner": "german_cleaners"}, "text_cleaner 'german_cleaners': unknown.*basic_german_cleaners"),
        ({"characters": "abc"}, "characters must be an object or null"),
        ({**PHONEMES, "phonemizer": "multi_phonemizer"}, "names no datasets"),
        ({**PHONEMES, "phonemizer": "multi_phonemizer", "datasets": [{"language": ""}]}, r"datasets\.0\.language"),
        (
            {**PHONEMES, "phonemizer": "multi_phonemizer", "datasets": [{"language": "ja", "phonemizer": "gruut"}]},
            r"'gruut'.*--coqpit\.datasets\.0\.phonemizer espeak",
        ),
    ],
)
def test_mistakes_name_the_field(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        tokenizer_from_fields(fields)

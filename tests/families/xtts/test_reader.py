"""How a model's text is read: languages that it knows, and those that it is to learn."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from finetune_tts.errors import UserError
from finetune_tts.families.xtts.config import XttsConfig
from finetune_tts.families.xtts.faults import xtts_run_faults
from finetune_tts.families.xtts.reader import PieceReader, grown, tokenizer_of

REFERENCE = Path(__file__).parents[2] / "reference/xtts_v2"
CASES = json.loads((REFERENCE / "tokens.json").read_text(encoding="utf-8"))


@pytest.fixture
def config() -> XttsConfig:
    config = XttsConfig()
    config.model_args.tokenizer_file = str(REFERENCE / "vocab.json")
    return config


@pytest.fixture
def reader(config: XttsConfig) -> PieceReader:
    return tokenizer_of(config)


def samples(**texts: str) -> Any:
    return [SimpleNamespace(language=language.replace("0", "-"), text=text) for language, text in texts.items()]


@pytest.mark.parametrize("language", [None, "", " ", "sv", "xx"])
def test_a_language_without_a_mark_is_refused_with_those_there_are(reader: PieceReader, language: str | None) -> None:
    with pytest.raises(UserError, match=r"It reads en, es, de, fr: .*--language_idx.*--coqpit\.datasets\.0\.language"):
        reader.encode("a", language)


@pytest.mark.parametrize("language", ["en-US", "en_gb", "EN", " en "])
def test_a_region_is_no_other_language(reader: PieceReader, language: str) -> None:
    assert reader.encode("a", language).ids == reader.encode("a", "en").ids


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        ({"sv": "åt ål", "SV": "ål", "sv0SE": "åt"}, "sv"),
        ({"sv_FI": "åt ål ål åt"}, "sv"),
        ({"zh": "吗", "zh_CN": "吗", "zh0tw": "吗"}, "zh-cn"),
    ],
)
def test_a_new_language_has_one_mark_however_it_is_written(
    config: XttsConfig, reader: PieceReader, texts: dict[str, str], mark: str
) -> None:
    config.languages = ["en"]
    larger, changes = grown(config, reader, samples(**texts))
    assert larger.languages == (*reader.languages, mark)
    # coqui-tts looks languages up without their region.
    assert [change.value for change in changes] == [["en", mark]]
    for language, text in texts.items():
        encoded = larger.encode(text, language.replace("0", "-"))
        assert encoded.ids[0] == larger.vocabulary.id(f"[{mark}]")
        assert not encoded.missing


def test_a_name_that_is_no_code_is_shown_as_it_was_written(config: XttsConfig, reader: PieceReader) -> None:
    with pytest.raises(UserError, match=r"'Swedish' is no code .* knows en, es, de, fr; set --coqpit\.datasets\.0"):
        grown(config, reader, samples(Swedish="åt"))


def test_old_languages_are_read_as_before(config: XttsConfig, reader: PieceReader) -> None:
    larger, _ = grown(config, reader, samples(sv="åt ål ål åt, ett the quick"))
    for case in CASES:
        assert larger.encode(case["text"], case["language"]).ids == case["ids"]


def test_a_model_that_knows_the_languages_stays_as_it_is(config: XttsConfig, reader: PieceReader) -> None:
    assert grown(config, reader, samples(en="a", de_AT="ø", EN="b")) == (reader, [])


def test_more_pieces_than_can_be_learned_are_a_fault_of_their_field(config: XttsConfig) -> None:
    config.new_language_pieces = 20_001
    assert any("new_language_pieces = 20001" in fault for fault in xtts_run_faults(config))
    config.new_language_pieces = 20_000
    assert not any("new_language_pieces" in fault for fault in xtts_run_faults(config))

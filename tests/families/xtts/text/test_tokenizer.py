"""Ids of a text, what the vocabulary lacks, and vocabularies of strangers."""

import copy
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_tts.errors import UserError
from finetune_tts.families.xtts.text.tokenizer import XttsTokenizer

VOCABULARY = Path(__file__).parents[3] / "reference/xtts_v2/vocab.json"


@pytest.fixture(scope="module")
def tokenizer() -> XttsTokenizer:
    return XttsTokenizer.read(VOCABULARY)


def spelled(tokenizer: XttsTokenizer, text: str, language: str = "en") -> list[str]:
    return [tokenizer.pieces[index] for index in tokenizer.encode(text, language)]


def test_the_mark_comes_first_and_spaces_are_pieces(tokenizer: XttsTokenizer) -> None:
    assert spelled(tokenizer, "The fox") == ["[en]", "the", "[SPACE]", "fox"]
    assert tokenizer.encode("", "en") == [tokenizer.vocabulary.ids["[en]"]]


def test_text_that_looks_like_a_mark_is_text(tokenizer: XttsTokenizer) -> None:
    assert spelled(tokenizer, "[de] a") == ["[en]", "[UNK]", "de", "[UNK]", "[SPACE]", "a"]


def test_characters_that_lack_are_counted(tokenizer: XttsTokenizer) -> None:
    encoded = tokenizer.encoded("¡xø¡", "es")
    assert encoded.ids.count(1) == 3
    assert encoded.missing == {"¡": 2, "ø": 1}
    report = tokenizer.count_unknown(["¡ab", "¡¡c"], "es")
    assert (report.total_chars, report.counter) == (6, {"¡": 3})
    assert str(report) == "'¡' (U+00A1) 3×"


def test_typographic_characters_are_read_as_plain_ones(tokenizer: XttsTokenizer) -> None:
    assert tokenizer.clean("‘It’s’ – a «test»… a\u00adb", "en") == "'it's' - a test... ab"
    assert not tokenizer.encoded("It’s – a test…", "en").missing


def test_a_typographic_character_that_the_vocabulary_holds_stays(tokenizer: XttsTokenizer) -> None:
    values = copy.deepcopy(tokenizer.tokenizer_json)
    values["model"]["vocab"]["’"] = 262
    assert XttsTokenizer(values).encode("’", "en") == [3, 262]


def test_languages_are_those_of_the_vocabulary(tokenizer: XttsTokenizer) -> None:
    assert tokenizer.languages == ("en", "es", "de", "fr")
    assert tokenizer.find_language("EN_us") == "en"
    with pytest.raises(UserError, match=r"language 'zh': .*vocab.json has no mark for it, but for en, es, de, fr\."):
        tokenizer.encode("a", "zh")


def test_chinese_has_the_mark_of_its_region(tokenizer: XttsTokenizer) -> None:
    values = copy.deepcopy(tokenizer.tokenizer_json)
    values["model"]["vocab"] |= {"[zh-cn]": 262, "[pt-br]": 263}
    chinese = XttsTokenizer(values)
    assert [chinese.find_language(code) for code in ("zh", "zh-CN", "zh-hans", "pt_BR")] == ["zh-cn"] * 3 + ["pt-br"]
    assert chinese.encode("好", "zh")[0] == 262


def test_a_mark_with_a_region_serves_the_language(tokenizer: XttsTokenizer) -> None:
    values = copy.deepcopy(tokenizer.tokenizer_json)
    values["model"]["vocab"] |= {"[sv-se]": 262}
    assert [XttsTokenizer(values).find_language(code) for code in ("sv", "sv-FI", "sv_se")] == ["sv-se"] * 3


def test_decoding(tokenizer: XttsTokenizer) -> None:
    assert tokenizer.decode([261, *tokenizer.encode("The ¡fox!", "es"), 0]) == "the \ufffdfox!"
    with pytest.raises(IndexError, match="262"):
        tokenizer.decode([262])


def test_it_travels_to_loader_workers(tokenizer: XttsTokenizer) -> None:
    again = pickle.loads(pickle.dumps(tokenizer))
    assert again.encode("Hello you", "en") == tokenizer.encode("Hello you", "en")


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UserError, match=r"tokenizers: pip install 'finetune-tts\[xtts\]'"):
        XttsTokenizer.read(VOCABULARY)


@given(text=st.text(max_size=40))
def test_fuzz_known_text_comes_back(tokenizer: XttsTokenizer, text: str) -> None:
    encoded = tokenizer.encoded(text, "fr")
    assert len(encoded.ids) >= 1
    if not encoded.missing:
        assert tokenizer.decode(encoded.ids) == encoded.cleaned
    else:
        assert encoded.missing.total() == encoded.ids.count(1)


def broken(**parts: Any) -> dict[str, Any]:
    values = json.loads(VOCABULARY.read_text(encoding="utf-8"))
    for name, part in parts.items():
        *path, last = name.split("__")
        target = values
        for step in path:
            target = target[step]
        target[last] = part
    return values


SMALL = {"[UNK]": 0, "[SPACE]": 1, "[en]": 2, "a": 3}


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ([], "no byte-pair vocabulary"),
        ({"model": {"type": "Unigram"}}, "no byte-pair vocabulary"),
        (broken(model__vocab={}), "model.vocab is missing"),
        (broken(model__vocab=[1]), "model.vocab is missing"),
        (broken(model__dropout=0.5), "model.dropout is 0.5"),
        (broken(model__vocab=SMALL | {"b": -1}, added_tokens=[], model__merges=[]), "'b' has the id -1"),
        (broken(model__vocab=SMALL | {"b": True}, added_tokens=[], model__merges=[]), "'b' has the id True"),
        (broken(model__vocab=SMALL | {"b": 2**40}, added_tokens=[], model__merges=[]), "not one of 0 to 999,999"),
        (broken(model__vocab=SMALL | {"b": 3}, added_tokens=[], model__merges=[]), "'a' and 'b' have the same id 3"),
        (broken(model__vocab={"a": 0}, added_tokens=[], model__merges=[]), r"\[UNK\] and \[SPACE\] is missing"),
        (broken(model__vocab={"[UNK]": 0, "[SPACE]": 1}, added_tokens=[], model__merges=[]), "no mark of a language"),
        (broken(added_tokens=[{"id": 9, "content": "[en]"}]), "has two ids, 3 and 9"),
        (broken(added_tokens=[{"id": 300}]), "added_tokens holds"),
        (broken(added_tokens={"a": 1}), "added_tokens is no list"),
        (broken(model__merges=[["a", "b", "c"]]), r"merge 1 is \['a', 'b', 'c'\], not a pair"),
        (broken(model__merges=[["z", "z"]]), "merge 1 joins z and z, but 'zz' is no piece"),
        (broken(model__merges=None), "model.merges is no list"),
        (broken(model__unk_token="a"), "model.unk_token is 'a'"),
        (broken(pre_tokenizer={"type": "Split", "pattern": {"Regex": "(a+)+$"}}), "pre_tokenizer is 'Split'"),
        (broken(normalizer=3), "normalizer is 3"),
    ],
)
def test_a_hostile_vocabulary_is_refused_by_name(values: Any, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "their.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(UserError, match=fault) as error:
        XttsTokenizer.read(path)
    assert str(error.value).startswith(f"{path}: ")


def test_merges_in_the_older_form_are_read(tokenizer: XttsTokenizer) -> None:
    values = broken()
    values["model"]["merges"] = [" ".join(pair) for pair in values["model"]["merges"]]
    assert XttsTokenizer(values).encode("The quick fox", "en") == tokenizer.encode("The quick fox", "en")


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vocab.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"vocab.json, line 1"):
        XttsTokenizer.read(path)

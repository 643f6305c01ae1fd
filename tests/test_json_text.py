"""Whatever JSON strangers give, the answer is a value or an error that names the place, in linear time."""

import ast
import json
import logging
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_tts.config.commented_json import read_object
from finetune_tts.errors import UserError
from finetune_tts.json_text import MAX_DEPTH, NotJSON, describe, parse_json, read_json

PACKAGE = Path(__file__).parents[1] / "finetune_tts"
CONFIG = PACKAGE.parent / "configs" / "vits_vctk.json"
#: read what this program alone has written, line by line, and pass over what is damaged, or a file of the package.
OWN_FILES = {"json_text.py", "content.py", "download.py", "entry.py", "forced_features.py"}

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def complaint(text, **options):
    """What is said about a text, None where it is read."""
    try:
        parse_json(text, **options)
    except NotJSON as error:
        return describe(error, text, "here")
    return None


@given(VALUES)
def test_what_json_can_say_is_read_as_it_stands(value):
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value, ensure_ascii=False, indent=1), comments=True) == value


@given(VALUES, st.data())
def test_a_text_that_is_cut_off_or_changed_is_read_or_refused_with_a_place(value, data):
    text = json.dumps(value, indent=1)
    place = data.draw(st.integers(0, len(text)))
    put = data.draw(st.text(alphabet='[]{}",:\\/*\n\r\x00\x1b\u2028 1eN-', max_size=3))
    for spoiled in (text[:place], text[:place] + "\n", text[:place] + put + text[place:]):
        for comments in (False, True):
            message = complaint(spoiled, comments=comments)
            assert message is None or (message.startswith("here") and message.isprintable())


def test_a_config_that_was_cut_off_anywhere_is_refused(tmp_path):
    text = CONFIG.read_text(encoding="utf-8").rstrip()
    cut = tmp_path / "config.json"
    for length in range(1, len(text), 11):
        for end in ("", "\n"):
            cut.write_text(text[:length] + end, encoding="utf-8")
            with pytest.raises(UserError, match=r"config\.json(, line \d+, column \d+: not JSON|: is empty)"):
                read_object(cut)


@pytest.mark.parametrize("text", ["[\n", '{"a"\n', "{\n", '{"a": \n\n', "{\x0b", "[1,\x85\n"])
def test_a_text_that_ends_in_a_line_break_is_named_by_the_line_it_ends_in(text):
    with pytest.raises(NotJSON, match="the text ends here, was it cut off") as refused:
        parse_json(text)
    line = text.rstrip().count("\n") + 1
    assert f"x, line {line}, column " in describe(refused.value, text, "x")


def test_the_place_is_shown_in_a_line_of_a_million_characters():
    text = "[" + "1, " * 333_333 + "oops, " + "2, " * 1000 + "3]"
    with pytest.raises(NotJSON) as refused:
        parse_json(text)
    message = describe(refused.value, text, "x")
    assert "x, line 1, column 1000001: " in message
    assert "oops" in message
    assert len(message) < 200


def test_what_a_terminal_would_obey_is_not_printed():
    text = '{"a": \x1b[2J oops}'
    with pytest.raises(NotJSON) as refused:
        parse_json(text)
    assert "\x1b" not in describe(refused.value, text, "x")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[" * 10_000, "nested deeper than 64"),
        ("[" * 10_000 + "]" * 10_000, "nested deeper than 64"),
        ('{"a":' * 10_000, "nested deeper than 64"),
        ("9" * 5000, "a whole number of 5,000 digits"),
        ("[-" + "9" * 400 + "]", "a whole number of 401 digits"),
        ("[NaN]", "NaN is not a value"),
        ("[Infinity]", "Infinity is not a value"),
        ('{"a": 1, "b": 2, "a": 3}', "'a' stands there twice"),
        (r'["\ud83d"]', "half of a surrogate pair"),
    ],
)
def test_json_that_no_reader_can_use_is_refused(text, told):
    with pytest.raises(NotJSON, match=told):
        parse_json(text)


def test_brackets_in_texts_are_none(tmp_path):
    text = json.dumps({"a": "[" * 1000, "b": '"{' * 100})
    assert parse_json(text)["a"] == "[" * 1000
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)


def test_a_whole_surrogate_pair_is_a_character():
    assert parse_json(r'["\ud83d\ude00", "\\ud83d"]') == ["😀", "\\ud83d"]


def test_the_place_of_a_constant_is_not_that_of_a_text():
    with pytest.raises(NotJSON) as refused:
        parse_json('{"NaN": "NaN",\n "a": NaN}')
    assert "line 2, column 7" in describe(refused.value, '{"NaN": "NaN",\n "a": NaN}', "x")


def test_keys_that_stand_twice_are_said_once_and_briefly(tmp_path, caplog):
    path = tmp_path / "many.json"
    path.write_text("[" + ",".join(['{"a": 1, "a": 2, "b\\n": 1, "b\\n": 2}'] * 100) + "]")
    with caplog.at_level(logging.WARNING):
        assert read_json(path)[0] == {"a": 2, "b\n": 2}
    (record,) = caplog.records
    assert record.getMessage() == f"{path}: given more than once, the last one counts: a, b·"
    with pytest.raises(UserError, match="'a' stands there twice"):
        read_json(path, refuse_repeated=True)


def test_20000_repeated_keys_are_read_in_linear_time(tmp_path, caplog):
    path = tmp_path / "repeated.json"
    path.write_text("{" + ",".join(f'"k{number // 2}": 1' for number in range(40_000)) + "}")
    start = time.process_time()
    with caplog.at_level(logging.WARNING):
        read_json(path)
    assert time.process_time() - start < 2
    assert "and 19990 more" in caplog.text


def test_pipes_devices_folders_and_files_too_large_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(UserError, match="is not a regular file"):
            read_json(path)
    with pytest.raises(UserError, match="is a folder, not a catalog"):
        read_json(tmp_path, what="catalog")
    with pytest.raises(UserError, match="NUL"):
        read_json(f"{tmp_path}/a\0b")
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(2**20 + 1)
    with pytest.raises(UserError, match="has 1 MiB, a catalog has 1 MiB at most"):
        read_json(large, what="catalog", most_bytes=2**20)


def test_all_json_of_strangers_goes_through_the_one_reader():
    for path in PACKAGE.rglob("*.py"):
        calls = [
            node.func.attr
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "json"
        ]
        assert path.name in OWN_FILES or not {"load", "loads"} & set(calls), path

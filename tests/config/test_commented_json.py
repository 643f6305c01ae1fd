"""JSON as people write it is read; hostile files are refused quickly, with the place."""

import logging
import os
import time

import pytest

from finetune_tts.config.commented_json import MAX_BYTES, parse_object, read_object
from finetune_tts.errors import UserError


def test_comments_are_skipped_and_addresses_are_not():
    text = """// first
    {
        "url": "tcp://localhost:1", // "lr": 3,
        /* "b": 1,
           "c": 2, */
        "quoted": "a \\" // no comment",
        "slashes": "tcp:\\/\\/x"
    } // last"""
    assert parse_object(text, "x") == {
        "url": "tcp://localhost:1",
        "quoted": 'a " // no comment',
        "slashes": "tcp://x",
    }


def test_a_byte_order_mark_and_crlf_are_read(config_file):
    assert read_object(config_file(b'\xef\xbb\xbf{\r\n"a": 1 // x\r\n}\r\n')) == {"a": 1}


def test_a_fault_is_named_by_its_line_and_column_in_the_file(config_file):
    path = config_file('{ // comment\n/* two\nlines */\n  "a": 1,\n  "b" 2\n}')
    with pytest.raises(UserError, match=rf'{path}, line 5, column 7: not JSON .*: "b" 2'):
        read_object(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("// only a comment", "not JSON"),
        ("[1]", "holds a list"),
        ("3", "holds a int"),
        ('{"a": NaN}', "line 1, column 7: NaN"),
        ("not json", "line 1, column 1: not JSON"),
        ('{"a": 1,}', "not JSON"),
        ('{"a": "\\ud800"}', "surrogate"),
        ('{"a": "open}', "not JSON"),
        ('{"a": ' + "9" * 6000 + "}", "line 1, column 7: a whole number of 6,000 digits"),
        ("[" * 100_000, "nested deeper"),
        ('{"a":' * 100_000, "nested deeper"),
        ('{"a": "caf\xe9"}'.encode("latin-1"), "line 1: byte 0xe9 is not UTF-8"),
        (b"\x80\x04\x95" + b"\x00" * 50, "not UTF-8"),
        (b"PK\x03\x04" + bytes(50), "not JSON"),
    ],
)
def test_what_is_no_config_is_refused(config_file, content, expected):
    with pytest.raises(UserError, match=expected):
        read_object(config_file(content))


def test_nan_inside_a_text_is_a_text():
    assert parse_object('{"a": "NaN"}', "x") == {"a": "NaN"}


def test_a_gigabyte_is_refused_without_reading_it(tmp_path):
    path = tmp_path / "config.json"
    with path.open("wb") as file:
        file.truncate(2**30)
    start = time.process_time()
    with pytest.raises(UserError, match="has 1024 MiB"):
        read_object(path)
    assert time.process_time() - start < 0.5


def test_a_file_of_quotes_is_scanned_in_linear_time(config_file):
    start = time.process_time()
    with pytest.raises(UserError):
        read_object(config_file('{"a": ' + '"\\' * (MAX_BYTES // 64)))
    assert time.process_time() - start < 5


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_object(tmp_path / "missing.json")
    with pytest.raises(UserError, match="is a folder"):
        read_object(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="not a regular file"):
        read_object(tmp_path / "pipe")


def test_a_field_that_stands_twice_is_said(caplog):
    with caplog.at_level(logging.WARNING):
        assert parse_object('{"lr": 1, "lr": 2}', "x.json") == {"lr": 2}
    assert "x.json: given more than once, the last one counts: lr" in caplog.text

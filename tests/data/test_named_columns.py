from pathlib import Path

import pytest

from finetune_tts.data.formats import reader_for
from finetune_tts.data.named_columns import match_columns
from finetune_tts.errors import UserError


@pytest.mark.parametrize("audio", ["path", "file", "file_name", "audio_file", "wav", "Audio", "filename"])
@pytest.mark.parametrize("text", ["sentence", "transcript", "transcription", "text", "normalized_text"])
def test_common_names_are_known(audio, text):
    assert match_columns([text, "other", audio]) == {"audio": audio, "text": text}


def test_text_written_out_comes_before_raw_text():
    assert match_columns(["path", "text", "normalized_text"])["text"] == "normalized_text"


@pytest.mark.parametrize("delimiter", ["|", "\t", ",", ";"])
def test_any_separator(tmp_path, write_text, delimiter):
    header = delimiter.join(["file", "speaker", "text", "lang"])
    write_text(tmp_path / "metadata.csv", f"{header}\r\n" + delimiter.join(["a", "anna", '"He said ""no"""', "en"]))
    (row,) = reader_for("csv")(tmp_path, "")
    assert (row.text, row.speaker, row.language) == ('He said "no"', "anna", "en")


def test_byte_order_mark_and_blank_lines(tmp_path, write_text):
    write_text(tmp_path / "metadata.csv", "\ufeffpath|text\r\n\r\na|Yes\r\n\r\n")
    assert [row.text for row in reader_for("csv")(tmp_path, "")] == ["Yes"]


def test_a_lone_quotation_mark_is_text_with_bars(tmp_path, write_text):
    write_text(tmp_path / "metadata.csv", 'path|text\na|"Yes," he said\nb|5" wide\n')
    assert [row.text for row in reader_for("csv")(tmp_path, "")] == ['"Yes," he said', '5" wide']


def test_a_quoted_cell_may_hold_line_breaks_and_errors_name_the_first_line(tmp_path, write_text):
    write_text(tmp_path / "metadata.csv", 'path,text\na,"one\ntwo"\nb\n')
    with pytest.raises(UserError, match="metadata.csv, line 4: 1 column found where 2 are needed"):
        reader_for("csv")(tmp_path, "")


def test_an_open_quote_is_named(tmp_path, write_text):
    write_text(tmp_path / "metadata.csv", 'path,text\na,"one\nb,two\n')
    with pytest.raises(UserError, match="metadata.csv, line 2: the row cannot be read"):
        reader_for("csv")(tmp_path, "")


def test_a_missing_header_is_explained(tmp_path, write_text):
    write_text(tmp_path / "metadata.csv", "a|Yes\n")
    with pytest.raises(UserError, match=r"line 1: a header that names an audio column .* found 'a\|Yes'.*auto"):
        reader_for("csv")(tmp_path, "")
    with pytest.raises(UserError, match="line 1: the header has no column 'audio_file' and no 'text'"):
        reader_for("coqui")(tmp_path, "")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2, column 1: not JSON"),
        ('{"path": "a", "text": "x", "text": "y"}', "line 2: 'text' stands there twice"),
        ("[" * 10_000, "line 2, column 65: brackets are nested deeper"),
        ('{"path": "a", "text": "\\ud800"}', "line 2: .*surrogate"),
        ("[1]", "line 2: an object"),
        ('{"text": "Yes"}', "line 2: no audio field"),
        ('{"path": "a"}', "line 2: no text field"),
        ('{"path": "a", "text": null}', "line 2: 'text' is null, a text is expected"),
        ('{"path": ["a"], "text": "x"}', "line 2: 'path' is a list"),
        ('{"path": "a", "text": NaN}', "line 2: 'text' is NaN, a text is expected"),
        ('{"path": "a", "text": -Infinity}', "line 2: 'text' is -Infinity, a text is expected"),
        ('{"path": "a", "text": true}', "line 2: 'text' is true"),
        (r'{"path": "a", "text": "b\ud83d"}', "line 2: a string holds half of a surrogate pair"),
        (r'{"path": "\udc00", "text": "b"}', "line 2: a string holds half of a surrogate pair"),
        ('{"path": "a", "text": "x", "speaker": {}}', "line 2: 'speaker' is an object"),
        ("[" * 100_000, "line 2, column 65: brackets are nested deeper than 64"),
    ],
)
def test_broken_json_lines_are_named(tmp_path, write_text, line, message):
    write_text(tmp_path / "metadata.jsonl", '{"path": "a", "text": "x"}\n' + line + "\n")
    with pytest.raises(UserError, match=message):
        reader_for("jsonl")(tmp_path, "")


@pytest.mark.parametrize("number", ["5", "5.10", "1e999", "9" * 5000, "-0"])
def test_json_numbers_are_the_text_that_they_are_written_as(tmp_path, write_text, number):
    write_text(tmp_path / "metadata.jsonl", f'{{"audio": "a", "text": {number}, "length": NaN, "speaker": null}}\n')
    (row,) = reader_for("jsonl")(tmp_path, "")
    assert (row.text, row.speaker) == (number, "")


def test_json_lines_take_numbers_as_text_and_audio_objects(tmp_path, write_text):
    write_text(tmp_path / "metadata.jsonl", '{"audio": {"path": "a.wav"}, "text": 5}\n')
    (row,) = reader_for("jsonl")(tmp_path, "")
    assert row.text == "5"
    assert Path(row.audio[0]) == tmp_path / "a.wav"

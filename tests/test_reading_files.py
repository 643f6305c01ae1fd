import os
import shlex
import socket

import pytest

from finetune_tts.errors import UserError, excerpt
from finetune_tts.files import decoded, expanded, read_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_is_read_with_the_mark_that_it_has(tmp_path, encoding):
    path = tmp_path / "metadata.csv"
    path.write_bytes("1|Zażółć\r\n2|你好\r3|x\n".encode(encoding))
    assert read_text(path) == "1|Zażółć\n2|你好\n3|x\n"


@pytest.mark.parametrize(
    ("encoding", "text", "named"),
    [
        ("cp1252", "1|Grüße\n2|L’été, c’est tôt\n", "CP1252"),
        ("cp1250", "1|Zażółć gęślą jaźń\n", "CP1250"),
        ("cp1251", "1|Это длинное предложение\n", "CP1251"),
        ("koi8-r", "1|Это длинное предложение\n", "KOI8-R"),
        ("mac-roman", "1|Grüße aus München\n", "MACINTOSH"),
        ("shift_jis", "1|こんにちは、世界\n", "SHIFT_JIS"),
        ("euc_kr", "1|안녕하세요 세계\n", "EUC-KR"),
        ("gb18030", "1|今天天气很好，我们去公园\n", "GB18030"),
        ("utf-16-le", "1|Größe, one two three\n", "UTF-16LE"),
        ("utf-16-be", "1|Größe, one two three\n", "UTF-16BE"),
    ],
)
def test_another_encoding_is_named_with_the_command_that_converts_it(tmp_path, encoding, text, named):
    path = tmp_path / "metadata.csv"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(UserError, match=rf"metadata.csv, line 1: byte .*iconv -f {named} -t UTF-8"):
        read_text(path)


def test_the_command_takes_any_name_and_standard_input_is_piped(tmp_path):
    path = tmp_path / "it's mine.csv"
    path.write_bytes("1|né\n".encode("cp1252"))
    with pytest.raises(UserError) as caught:
        read_text(path)
    assert shlex.quote(str(path)) in str(caught.value)
    with pytest.raises(UserError, match="line 1: .* pipe it through iconv -f CP1252 -t UTF-8.$"):
        decoded("standard input", path.read_bytes())


def test_bytes_of_no_encoding_get_no_wrong_advice(tmp_path):
    path = tmp_path / "metadata.csv"
    path.write_bytes(b"1|Yes\n2|\xff\x9d\x81\xf0~\n")
    with pytest.raises(UserError, match="line 2: byte 0xff is not UTF-8 text. Save the file as UTF-8") as caught:
        read_text(path)
    assert "iconv" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"PK\x03\x04\x14\0\x06\0\x08\0" + b"\xff" * 40, r"\.xlsx"), (bytes(range(256)) * 4, "a binary file")],
)
def test_what_is_no_text_is_named_as_what_it_is(tmp_path, content, kind):
    path = tmp_path / "metadata.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"metadata.csv: is not UTF-8 text but .*{kind}"):
        read_text(path)


def test_utf_16_that_breaks_off_is_said(tmp_path):
    path = tmp_path / "metadata.csv"
    path.write_bytes("1|Yes".encode("utf-16")[:-1])
    with pytest.raises(UserError, match="begins as UTF-16 text but is none"):
        read_text(path)


def test_a_fallback_is_for_files_without_a_mark(tmp_path):
    path = tmp_path / "metadata.csv"
    path.write_bytes("Grüße".encode("latin-1"))
    assert read_text(path, fallback="latin-1") == "Grüße"
    path.write_bytes("Grüße".encode("utf-16"))
    assert read_text(path, fallback="latin-1") == "Grüße"


def test_devices_and_pipes_are_refused_before_they_are_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for path in ("/dev/zero", "pipe", "socket"):
            with pytest.raises(UserError, match=f"{path}: is a device or a pipe, not a file"):
                read_text(path)


def test_a_pipe_that_another_program_fills_is_read():
    reading, writing = os.pipe()
    os.write(writing, b"Yes")
    os.close(writing)
    assert read_text(f"/dev/fd/{reading}") == "Yes"
    os.close(reading)


@pytest.mark.parametrize("name", ["", ".", "x" * 5000, "a\0b", "missing"])
def test_a_name_that_no_file_has_is_an_error_that_says_so(name):
    with pytest.raises(UserError, match="cannot be read|no name that a file can have"):
        read_text(name)


def test_a_home_of_nobody_is_named():
    with pytest.raises(UserError, match="~nouser-here/x: ~nouser-here is no home folder"):
        expanded("~nouser-here/x")


def test_a_home_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/x") == tmp_path / "x"
    assert str(expanded("a/~/x")) == "a/~/x"


def test_an_excerpt_is_short_and_on_one_line():
    assert excerpt("a\n  b") == "a b"
    assert excerpt("x" * 61) == "x" * 59 + "…"
    assert len(excerpt("word " * 10_000, 80)) == 80
    assert len(excerpt(" " * 500 + "x")) <= 60

import os
from pathlib import Path

import pytest

from finetune_tts.watch.tail import LONGEST_LINE, Tail


class Reader:
    """All lines that came since the file was last another one."""

    def __init__(self, path: Path) -> None:
        self.lines: list[tuple[int, bytes]] = []
        self.tail = Tail(path, self.lines.clear)

    def read(self) -> list[tuple[int, bytes]]:
        self.lines.extend(self.tail.lines())
        return self.lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_lines_come_once_and_in_order_when_they_are_whole(path):
    reader = Reader(path)
    assert reader.read() == []
    path.write_bytes(b"one\ntw")
    assert reader.read() == [(1, b"one")]
    assert reader.read() == [(1, b"one")]
    path.write_bytes(b"one\ntwo\n\nfour\n")
    assert reader.read() == [(1, b"one"), (2, b"two"), (3, b""), (4, b"four")]


@pytest.mark.parametrize("content", [b"one\n", b"one\nTWO\nthree\nfour\nfive\n", b"", b"1"])
def test_a_file_that_was_cut_back_or_replaced_is_read_from_its_start(path, content):
    reader = Reader(path)
    path.write_bytes(b"one\ntwo\nthree\n")
    reader.read()
    path.write_bytes(content)
    assert [line for _, line in reader.read()] == content.split(b"\n")[:-1]


def test_a_copy_of_the_same_file_in_its_place_goes_on(path, tmp_path):
    reader = Reader(path)
    path.write_bytes(b"one\ntwo\n")
    reader.read()
    other = tmp_path / "other"
    other.write_bytes(b"one\ntwo\nthree\n")
    os.replace(other, path)
    assert list(reader.tail.lines()) == [(3, b"three")]


def test_a_file_that_is_gone_is_forgotten(path):
    reader = Reader(path)
    path.write_bytes(b"one\n")
    reader.read()
    path.unlink()
    assert reader.read() == []


def test_a_line_without_end_takes_no_memory_and_those_after_it_are_read(path):
    path.write_bytes(b"one\n" + b"x" * (3 * LONGEST_LINE) + b"\nthree\n")
    assert Reader(path).read() == [(1, b"one"), (2, b""), (3, b"three")]


def test_many_lines_of_any_length_are_the_lines_of_the_file(path):
    lines = [bytes([65 + number % 26]) * (number * 7919 % 5000) for number in range(2000)]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    reader = Reader(path)
    assert [line for _, line in reader.read()] == lines
    path.write_bytes(path.read_bytes() + b"last\n")
    assert list(reader.tail.lines()) == [(2001, b"last")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_is_not_waited_for(path):
    os.mkfifo(path)
    assert Reader(path).read() == []

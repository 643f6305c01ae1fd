"""What ``tts`` is to synthesise: a text, a list, subtitles, or lines of standard input as they come."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from finetune_tts.encodings import marked_encoding
from finetune_tts.errors import UserError
from finetune_tts.files import decoded, read_text

if TYPE_CHECKING:
    from finetune_tts.text.text_list import Entry

SUBTITLES = ".srt"
_STANDARD_INPUT = "standard input"


def is_subtitles(arguments: argparse.Namespace) -> bool:
    """Whether ``--text_file`` has times."""
    return bool(arguments.text_file) and arguments.text_file.suffix.lower() == SUBTITLES


def is_live(arguments: argparse.Namespace) -> bool:
    """Whether lines of standard input are synthesised as they come."""
    by_line = bool(arguments.stream or (arguments.out_dir and arguments.each in (None, "line")))
    return str(arguments.text_file) == "-" and by_line


def whole_text(arguments: argparse.Namespace) -> str | None:
    """What to say; None where only the model or its speakers were asked for.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    text: str | None = arguments.text
    if arguments.text_file:
        is_input = str(arguments.text_file) == "-"
        text = decoded(_STANDARD_INPUT, sys.stdin.buffer.read()) if is_input else read_text(arguments.text_file)
    if text is None:
        if arguments.model_name or arguments.list_speaker_idxs or arguments.server:
            return None
        raise UserError("--text is missing: what is the model to say?")
    if not text.strip():
        where = f"--text_file {arguments.text_file}" if arguments.text_file else "--text"
        raise UserError(f"{where} is empty: give the model something to say.")
    return text


def entries_of(arguments: argparse.Namespace) -> "Iterator[Entry]":
    """What becomes a file each, or is spoken one after the other.

    Raises:
        UserError: as :func:`whole_text`; or a list or subtitles are not what they should be.
    """
    from finetune_tts.text.text_list import PIECES, read_cues, read_lines

    if is_live(arguments):
        return read_lines(_live_lines(), _STANDARD_INPUT)
    text = whole_text(arguments)
    assert text is not None
    where = "--text" if arguments.text_file is None else str(arguments.text_file)
    return read_cues(text, where) if is_subtitles(arguments) else PIECES[arguments.each or "line"](text, where)


def _live_lines() -> Iterator[str]:
    """The lines of standard input, each as soon as it is there."""
    from finetune_tts.text.text_list import MOST_CHARACTERS

    most = 4 * MOST_CHARACTERS + 4  # bytes that such a line can have
    number = 0
    while raw := sys.stdin.buffer.readline(most):
        number += 1
        if number == 1 and marked_encoding(raw):
            # Of two bytes a character, lines cannot be told before all is there.
            yield from decoded(_STANDARD_INPUT, raw + sys.stdin.buffer.read()).split("\n")
            return
        if len(raw) == most and not raw.endswith(b"\n"):
            raise UserError(f"{_STANDARD_INPUT}, line {number}: is longer than {MOST_CHARACTERS:,} characters.")
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            # With as many line ends before it as there were, so that the fault is found in the line that has it.
            yield decoded(_STANDARD_INPUT, b"\n" * (number - 1) + raw)

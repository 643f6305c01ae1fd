"""Lists of texts to synthesise: one a line, perhaps each with the name of its file; or a text cut into pieces."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from finetune_tts.errors import UserError, excerpt
from finetune_tts.text.sentences import split_sentences
from finetune_tts.text.subtitles import Cue, read_subtitles

MOST_CHARACTERS = 100_000
"""Of a text that becomes one file: an hour of speech, which is still held in memory."""
_SEPARATOR = "|"
_LONGEST_NAME = 200
_blank = re.compile(r"\n[^\S\n]*\n")
_unusable = re.compile(r'[\x00-\x1f\x7f<>:"\\?*]')


@dataclass(frozen=True, slots=True)
class Entry:
    """A text that becomes one file.

    Attributes:
        line: where it begins.
        name: of the file, without what its kind is told by unless the list says that; None for a number.
        text: to synthesise.
        cue: of subtitles, if it is from such.
    """

    line: int
    name: str | None
    text: str
    cue: Cue | None = None


def read_lines(lines: Iterable[str], where: str) -> Iterator[Entry]:
    """Read entries from lines as they come; empty ones are skipped.

    The first line decides: has it a ``|``, then it and all others are ``name|text``.

    Args:
        lines: with or without their ends.
        where: the name of the file, for messages.

    Raises:
        UserError: a line has no name where the first one has, a name cannot be that of a file, or a line is too long.
    """
    named: bool | None = None
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        place = f"{where}, line {number}"
        if named is None:
            named = _SEPARATOR in text
        name = None
        if named:
            name, text = _name_and_text(text, place)
        _require_length(text, place)
        yield Entry(number, name, text)


def read_paragraphs(text: str, where: str) -> Iterator[Entry]:
    """The paragraphs of a text: what stands between empty lines."""
    line = start = 0
    for end in [*(found.end() for found in _blank.finditer(text)), len(text)]:
        piece = text[start:end]
        if piece.strip():
            _require_length(piece, f"{where}, line {line + 1}")
            yield Entry(line + 1 + _lines_before(piece), None, " ".join(piece.split()))
        line += piece.count("\n")
        start = end


def read_sentences(text: str, where: str) -> Iterator[Entry]:
    """The sentences of a text, paragraph by paragraph."""
    for paragraph in read_paragraphs(text, where):
        for sentence in split_sentences(paragraph.text, MOST_CHARACTERS):
            yield Entry(paragraph.line, None, sentence)


def read_cues(text: str, where: str) -> Iterator[Entry]:
    """The cues of subtitles, by the time at which they start."""
    for cue in read_subtitles(text, where):
        _require_length(cue.text, f"{where}, line {cue.line}")
        yield Entry(cue.line, None, cue.text, cue)


def _lines(text: str, where: str) -> Iterator[Entry]:
    return read_lines(text.split("\n"), where)


#: what becomes one file → how a text is cut into those.
PIECES: dict[str, Callable[[str, str], Iterator[Entry]]] = {
    "line": _lines,
    "paragraph": read_paragraphs,
    "sentence": read_sentences,
}


def _lines_before(piece: str) -> int:
    return piece[: len(piece) - len(piece.lstrip())].count("\n")


def _name_and_text(line: str, place: str) -> tuple[str, str]:
    columns = [column.strip() for column in line.split(_SEPARATOR)]
    if len(columns) != 2:
        what = "has no |" if len(columns) == 1 else f"has {len(columns)} columns"
        raise UserError(f"{place}: {what}. The first line is file|text, and so all have to be: {excerpt(line)!r}")
    name, text = columns
    path = PurePosixPath(name)
    if len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        raise UserError(f"{place}: {excerpt(name)!r} is too long for the name of a file.")
    if not name or path.is_absolute() or ".." in path.parts:
        raise UserError(f"{place}: {excerpt(name)!r} is no name of a file below the folder.")
    if _unusable.search(name) or any(part.startswith(".") or part.endswith((".", " ")) for part in path.parts):
        raise UserError(f"{place}: {excerpt(name)!r} is no name that a file can have everywhere.")
    if not text:
        raise UserError(f"{place}: there is no text for {name}.")
    return str(path), text


def _require_length(text: str, place: str) -> None:
    if len(text) > MOST_CHARACTERS:
        raise UserError(
            f"{place}: {len(text):,} characters for one file; {MOST_CHARACTERS:,} can be. Put it on several lines."
        )

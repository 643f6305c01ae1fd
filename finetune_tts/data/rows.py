"""A row: what one line of metadata says, before its recording has been looked for."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune_tts.data.columns import separator
from finetune_tts.errors import UserError, excerpt
from finetune_tts.files import read_text


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of a data set as its metadata gives it.

    Attributes:
        text: the transcript, stripped; empty where the layout holds none.
        audio: paths where the recording may stand, in order of preference, with or without extension.
        origin: file and line that the entry comes from, for messages.
        speaker: the speaker's name as the model will know it; empty if the layout states none.
        speaker_id: the name that the data set itself uses (``p225`` where ``speaker`` is ``VCTK_p225``).
        language: language of this entry; empty if the layout states none.
        split: ``train``, ``eval`` or ``test`` where the entry says what it is for; else empty.
    """

    text: str
    audio: Sequence[str]
    origin: str
    speaker: str = ""
    speaker_id: str = ""
    language: str = ""
    split: str = ""


@dataclass(frozen=True)
class Shape:
    """What the lines of a table look like.

    Attributes:
        delimiter: what separates the columns.
        places: field (``audio``, ``text``, …) → its column, from 0.
        width: columns of a line. What a line has beyond them is a part of its text, if the text comes last
            and ``open_end`` is true.
        columns: the columns in words, for messages.
        advice: what to do about a line with too few columns.
        open_end: a line's surplus belongs to its text. Not so where another column holds the text too, whose
            separators make the line longer as well.
    """

    delimiter: str
    places: Mapping[str, int]
    width: int
    columns: str
    advice: str
    open_end: bool = True

    @property
    def needed(self) -> int:
        """Columns that every line must have."""
        return 1 + max(self.places.values())


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file that are not blank, with their numbers from 1."""
    return lines_of(read_text(path))


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text that are not blank, with their numbers from 1."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def numbered_cells(path: Path, delimiter: str, text: str | None = None) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table as cells, with the number of the line that a row begins at.

    Commas and semicolons stand in sentences too, so cells may be quoted there, as spreadsheets write them. The cells
    are as they stand in the file, with spaces at their ends; :func:`cleaned` takes these away.

    Args:
        path: the file.
        delimiter: what separates its columns.
        text: what is in the file, where it was read before.

    Raises:
        UserError: a quote is not closed, or something else makes the table unreadable; the line is named.
    """
    text = read_text(path) if text is None else text
    if delimiter not in (",", ";"):
        for number, line in lines_of(text):
            yield number, line.split(delimiter)
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    first_line = 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield first_line, cells
            first_line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path}, line {first_line}: the row cannot be read ({error}). "
            'Put a cell that holds the separator or a quotation mark in quotes, and write " inside it as "".'
        ) from error


def cleaned(cell: str, delimiter: str) -> str:
    """A cell without the spaces at its ends.

    With ``|`` and tabs nothing needs quotes: a quotation mark is text, unless it encloses the whole cell.
    """
    cell = cell.strip()
    enclosed = delimiter not in (",", ";") and len(cell) > 1 and cell[0] == cell[-1] == '"'
    if enclosed and '"' not in cell[1:-1].replace('""', ""):
        return cell[1:-1].replace('""', '"').strip()
    return cell


def fitted(path: Path, lines: Iterable[tuple[int, list[str]]], shape: Shape) -> list[tuple[int, list[str]]]:
    """The lines of a table, each with the columns that it should have, and these cleaned.

    A separator in a text that nobody quoted makes a line longer. Where the text is the last column, what is too much
    belongs to it; where it is not, nothing tells which column it belongs to.

    Raises:
        UserError: lines with too few columns, or with too many where that cannot be known; the first one is named
            with what was found.
    """
    delimiter, width, needed = shape.delimiter, shape.width, shape.needed
    text_is_last = shape.open_end and shape.places.get("text") == width - 1
    rows: list[tuple[int, list[str]]] = []
    few: list[tuple[int, list[str]]] = []
    many: list[tuple[int, list[str]]] = []
    for number, cells in lines:
        if len(cells) > width:
            while len(cells) > width and not cells[-1].strip():  # separators at the end, as spreadsheets leave them
                cells.pop()
            if len(cells) > width and text_is_last:
                cells = [*cells[: width - 1], delimiter.join(cells[width - 1 :])]
            elif len(cells) > width:
                many.append((number, cells))
                continue
        if len(cells) < needed:
            few.append((number, cells))
        else:
            rows.append((number, [cleaned(cell, delimiter) for cell in cells]))
    if few:
        raise _misfit(path, few, shape, f"{needed} are needed", shape.advice)
    if many:
        raise _misfit(path, many, shape, f"the lines have {width}", against_surplus(delimiter))
    return rows


def every_column_known(places: Mapping[str, int]) -> bool:
    """Whether every column before the text has a field of its own, so that none of them may be the text once more."""
    return set(range(places.get("text", 0))) <= set(places.values())


def against_surplus(delimiter: str) -> str:
    """What to do about a separator in a text that nobody quoted."""
    if delimiter in (",", ";"):
        return "Put the text in quotes, or make it the last column."
    return f"Take the {separator(delimiter)} out of the text, or make the text the last column."


def _misfit(path: Path, lines: list[tuple[int, list[str]]], shape: Shape, wanted: str, advice: str) -> UserError:
    number, cells = lines[0]
    more = f" ({len(lines) - 1} more such lines)" if len(lines) > 1 else ""
    return UserError(
        f"{path}, line {number}: {len(cells)} column{'s' * (len(cells) != 1)} found where {wanted} ({shape.columns}, "
        f"separated by {separator(shape.delimiter)}): '{excerpt(shape.delimiter.join(cells))}'{more}. {advice}"
    )

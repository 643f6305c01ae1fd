"""A row: what one line of metadata says, before its recording has been looked for."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from finetune_tts.errors import UserError
from finetune_tts.files import read_text


@dataclass(frozen=True)
class Row:
    """One entry of a data set as its metadata gives it.

    Attributes:
        text: the transcript, stripped; empty where the layout holds none.
        audio: paths where the recording may stand, in order of preference, with or without extension.
        origin: file and line that the entry comes from, for messages.
        speaker: the speaker's name as the model will know it; empty if the layout states none.
        speaker_id: the name that the data set itself uses (``p225`` where ``speaker`` is ``VCTK_p225``).
        language: language of this entry; empty if the layout states none.
    """

    text: str
    audio: tuple[Path, ...]
    origin: str
    speaker: str = ""
    speaker_id: str = ""
    language: str = ""


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file that are not blank, with their numbers from 1."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield number, line


def numbered_cells(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table as cells, each stripped, with the number of the line that a row begins at.

    Commas and semicolons stand in sentences too, so cells may be quoted there, as spreadsheets write them. With
    ``|`` and tabs nothing needs quotes: a quotation mark is text, unless it encloses the whole cell.

    Raises:
        UserError: a quote is not closed, or something else makes the table unreadable; the line is named.
    """
    if delimiter not in (",", ";"):
        for number, line in numbered_lines(path):
            yield number, [_unquoted(cell.strip()) for cell in line.split(delimiter)]
        return
    reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter, strict=True)
    first_line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield first_line, [cell.strip() for cell in cells]
            first_line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path}, line {first_line}: the row cannot be read ({error}). "
            'Put a cell that holds the separator or a quotation mark in quotes, and write " inside it as "".'
        ) from error


def _unquoted(cell: str) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1].replace('""', ""):
        return cell[1:-1].replace('""', '"').strip()
    return cell


def too_few_columns(path: Path, faults: list[tuple[int, int, str]], needed: int, what: str, hint: str) -> UserError:
    """The error for lines with too few columns.

    Args:
        path: the metadata file.
        faults: line number, number of columns found and the line's beginning, for each faulty line.
        needed: number of columns that the layout needs.
        what: how a line should look.
        hint: what the user can do.
    """
    number, found, line = faults[0]
    more = f" ({len(faults) - 1} more such lines)" if len(faults) > 1 else ""
    shown = line if len(line) <= 60 else line[:57] + "..."
    return UserError(
        f"{path}, line {number}: {found} column{'s' * (found != 1)} found where {needed} are needed ({what}): "
        f"'{shown}'{more}. {hint}"
    )

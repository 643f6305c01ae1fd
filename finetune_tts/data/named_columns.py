"""Tables of which is known what their columns hold (CSV, TSV), most by a header, and JSON."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, overload

from finetune_tts.data.audio_files import AudioFinder
from finetune_tts.data.columns import (
    DELIMITERS,
    ColumnChoice,
    field_named,
    header_of,
    match_columns,
    some_names,
)
from finetune_tts.data.metadata_files import find_metadata
from finetune_tts.data.rows import Row, Shape, cleaned, every_column_known, fitted, lines_of, numbered_cells
from finetune_tts.errors import UserError, excerpt
from finetune_tts.files import read_text
from finetune_tts.json_text import NotJSON, describe, parse_json

JSON_METADATA = ("metadata.jsonl", "*.jsonl", "metadata.json")
_LINES_LOOKED_AT = 200
AUDIO_FOLDERS = ("", "wavs", "wav", "audio", "clips")


class AudioPlaces:
    """Where the recordings that a metadata file names may stand.

    Args:
        root: folder of the data set.
        folder: that of the metadata file.
        first: a folder below ``root`` to look into before the others.
    """

    def __init__(self, root: Path, folder: Path, first: str = "") -> None:
        bases = (root,) if folder == root else (root, folder)
        places = [root / first, *(base / subfolder for subfolder in AUDIO_FOLDERS for base in bases)]
        self._places = tuple(dict.fromkeys(os.path.join(place, "") for place in places))

    def candidates(self, audio: str) -> Sequence[str]:
        """The paths that ``audio`` may mean, the likeliest first."""
        if audio[:1].isalnum() and ":" not in audio[:3] and "\\" not in audio:  # what most are, told quickly
            return Candidates(self._places, audio)
        if os.path.isabs(audio):
            return (audio,)
        found = Candidates(self._places, audio)
        # Written on Windows, where folders are separated by another sign.
        return (*found, *self.candidates(audio.replace("\\", "/"))) if "\\" in audio else found


class Candidates(Sequence[str]):
    """A file below each of some folders; the paths are made when they are asked for, as mostly the first is right.

    Args:
        places: the folders, each with a separator at its end.
        audio: the file.
    """

    __slots__ = ("_audio", "_places")

    def __init__(self, places: tuple[str, ...], audio: str) -> None:
        self._places = places
        self._audio = audio

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return Candidates(self._places[index], self._audio)
        return self._places[index] + self._audio


def read_table(
    root: Path, path: Path, lines: Iterable[tuple[int, list[str]]], shape: Shape, *, speaker: str = "", first: str = ""
) -> list[Row]:
    """Read the rows of a table.

    Args:
        root: folder of the data set.
        path: the metadata file.
        lines: its lines as cells, without the header.
        shape: which column holds what.
        speaker: name of the speaker where no column says it.
        first: a folder below ``root`` that recordings are looked for in first.

    Raises:
        UserError: lines that do not have the columns that they should have.
    """
    places = AudioPlaces(root, path.parent, first)
    rows, file, columns = [], str(path), tuple(shape.places.items())
    for number, cells in fitted(path, lines, shape):
        values = {field: cells[place] for field, place in columns if place < len(cells)}
        rows.append(_row(places, f"{file}, line {number}", values, speaker))
    return rows


@dataclass(frozen=True)
class NamedColumnsFormat:
    """A table whose first line names its columns.

    Attributes:
        name: the layout's name.
        columns: field → name of its column, where the layout fixes them; other fields are found by usual names.
        metadata: usual names of the metadata file.
        speaker: name of the speaker if there is no such column.
    """

    name: str
    columns: Mapping[str, str]
    metadata: tuple[str, ...]
    speaker: str = ""

    def read(self, root: Path, meta_file: str) -> list[Row]:
        """Read all rows of the data set at ``root``.

        Raises:
            UserError: no metadata file, a header without the columns needed, or lines with too few columns.
        """
        rows: list[Row] = []
        for path in find_metadata(root, meta_file, self.metadata):
            rows += self.read_file(root, path)
        return rows

    def read_file(self, root: Path, path: Path) -> list[Row]:
        """Read one metadata file of the data set at ``root``."""
        text = read_text(path)
        header_line = next(lines_of(text), None)
        if header_line is None:
            return []
        delimiter = self._delimiter(path, *header_line)
        lines = numbered_cells(path, delimiter, text)
        header = [cleaned(cell, delimiter) for cell in next(lines)[1]]
        return read_table(root, path, lines, shape_of_header(header, delimiter, self.columns), speaker=self.speaker)

    def _delimiter(self, path: Path, number: int, line: str) -> str:
        if self.columns:
            cells = line.split("|")
            missing = [self.columns[f] for f in ("audio", "text") if self.columns[f] not in map(str.strip, cells)]
            if missing:
                raise UserError(
                    f"{path}, line {number}: the header has no column {' and no '.join(map(repr, missing))}, which the "
                    f"{self.name} layout needs; it is '{excerpt(line, 80)}'."
                )
            return "|"
        found = header_of(line)
        if found is None:
            raise UserError(
                f"{path}, line {number}: a header that names an audio column ({some_names('audio')}) and a text column "
                f"({some_names('text')}) is expected, found '{excerpt(line, 80)}'. Add it, say with --columns what the "
                "columns hold, or try the format auto."
            )
        return found[0]


def shape_of_header(header: list[str], delimiter: str, columns: Mapping[str, str]) -> Shape:
    """The shape of a table with a header.

    Args:
        header: the cells of the header.
        delimiter: what separates its columns.
        columns: field → name of its column, where that is known; other fields are found by usual names.
    """
    while len(header) > 1 and not header[-1]:  # separators at the end, as spreadsheets leave them
        header = header[:-1]
    known = {**match_columns(header), **{field: name for field, name in columns.items() if name in header}}
    places = {field: header.index(name) for field, name in known.items()}
    texts = sum(field_named(name) == "text" for name in header)
    words = excerpt(delimiter.join(header))
    return Shape(delimiter, places, len(header), words, "Complete the line.", open_end=texts == 1)


def read_chosen(root: Path, path: Path, choice: ColumnChoice, finder: AudioFinder) -> tuple[list[Row], str] | None:
    """Read a table whose columns a user has named: all by their places, or some by the names of a header.

    Returns:
        The rows, and the columns in words; None if the choice leaves something to be guessed.

    Raises:
        UserError: no separator gives the columns that were named, or lines do not have them.
    """
    text = read_text(path)
    first = next(lines_of(text), None)
    if first is None:
        return [], "nothing"
    if choice.width:
        return _read_by_place(root, path, text, choice, finder)
    for delimiter in DELIMITERS:
        header = [cleaned(cell, delimiter) for cell in first[1].split(delimiter)]
        cells = header if delimiter in ("|", "\t") else [cell.strip('"') for cell in header]
        shape = shape_of_header(cells, delimiter, choice.names)
        places = {**shape.places, **choice.places}
        named = all(name in cells for name in choice.names.values()) and (choice.names or header_of(first[1]))
        if named and {"audio", "text"} <= places.keys():
            lines = numbered_cells(path, delimiter, text)
            next(lines)
            rows = read_table(root, path, lines, replace(shape, places=places))
            return rows, ", ".join(f"{field} from {_column(cells, place)}" for field, place in places.items())
    if choice.names:
        lacking = next(iter(choice.names.values()))
        raise UserError(
            f"{path}, line {first[0]}: --columns {excerpt(choice.text)}: the header has no column "
            f"'{excerpt(lacking)}', or names no recording and text; it is '{excerpt(first[1], 80)}'."
        )
    return None


def _read_by_place(
    root: Path, path: Path, text: str, choice: ColumnChoice, finder: AudioFinder
) -> tuple[list[Row], str]:
    """Read a table by the places of its columns, with the separator that gives most lines enough of them."""
    needed = 1 + max(choice.places.values())
    places = AudioPlaces(root, path.parent)

    def fit(delimiter: str) -> tuple[int, int]:
        """How many of the first lines name a recording that is there, and how many have the columns needed."""
        lines = [line.split(delimiter) for _, line in islice(lines_of(text), _LINES_LOOKED_AT)]
        enough = [cleaned(cells[choice.places["audio"]], ",").strip('"') for cells in lines if len(cells) >= needed]
        return sum(any(map(finder.find, places.candidates(audio))) for audio in enough), len(enough)

    delimiter = max(DELIMITERS, key=fit)
    columns = choice.text.replace(" ", "")
    advice = "Complete the line, or correct --columns."
    known = every_column_known(choice.places)
    shape = Shape(delimiter, choice.places, choice.width, columns, advice, open_end=known)
    cells = numbered_cells(path, delimiter, text)
    return read_table(root, path, without_header(cells, choice.places, delimiter), shape), columns


def without_header(
    lines: Iterable[tuple[int, list[str]]], places: Mapping[str, int], delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table but for a first one that names the columns of recording and text as people do."""
    lines = iter(lines)
    for number, cells in islice(lines, 1):
        if not names_columns(cells, places, delimiter):
            yield number, cells
    yield from lines


def names_columns(cells: list[str], places: Mapping[str, int], delimiter: str) -> bool:
    """Whether cells name the columns of recording and text, and so are a header and no row."""
    names = [cleaned(cell, delimiter) for cell in cells]
    matched = match_columns(names)
    places = {field: place for field, place in places.items() if field in ("audio", "text")}
    return all(place < len(names) and matched.get(field) == names[place] for field, place in places.items())


def _column(header: list[str], place: int) -> str:
    return f"'{excerpt(header[place])}'" if place < len(header) else f"column {place + 1}"


def looks_like_json(path: Path, text: str) -> bool:
    """Whether a file is JSON, by its name or by how it begins."""
    if path.suffix.lower() in (".json", ".jsonl"):
        return True
    first = next(lines_of(text), (0, ""))[1].strip()
    try:
        return first.startswith("{") and isinstance(parse_json(first, numbers_as_text=True), dict)
    except NotJSON:
        return False


def read_json_lines(root: Path, meta_file: str) -> list[Row]:
    """Read a data set with a JSON object a line: ``{"audio_file": "wavs/1.wav", "text": "Yes.", ...}``.

    Raises:
        UserError: no metadata file; a line that is not an object, or without an audio or text field.
    """
    rows: list[Row] = []
    for path in find_metadata(root, meta_file, JSON_METADATA):
        rows += read_json(root, path)
    return rows


def read_json(root: Path, path: Path, names: Mapping[str, str] | None = None) -> list[Row]:
    """Read one metadata file of JSON: an object a line, or one list of all objects.

    Args:
        root: folder of the data set.
        path: the file.
        names: field → name of the JSON field that holds it, where that is known.

    Raises:
        UserError: what is no such object; its line or place is named.
    """
    places = AudioPlaces(root, path.parent)
    entries = json_entries(path, read_text(path))
    return [_row(places, origin, _json_values(origin, entry, names or {}), "") for origin, entry in entries]


def json_entries(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    """What a JSON file lists, each with where it stands there; numbers as the text that they are written as.

    Raises:
        UserError: it is no JSON; the line is named.
    """
    if text.lstrip().startswith("["):
        for number, entry in enumerate(_parsed(path, 1, text), start=1):
            yield f"{path}, entry {number}", entry
        return
    for number, line in lines_of(text):
        yield f"{path}, line {number}", _parsed(path, number, line)


def _parsed(path: Path, first_line: int, text: str) -> Any:
    try:
        return parse_json(text, numbers_as_text=True)
    except NotJSON as error:
        raise UserError(describe(error, text, str(path), first_line)) from None


def _json_values(origin: str, entry: Any, names: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(entry, dict):
        raise UserError(f'{origin}: an object {{"audio_file": …, "text": …}} is expected, found {_kind(entry)}.')
    columns = {**match_columns(entry), **{field: name for field, name in names.items() if name in entry}}
    for field in ("audio", "text"):
        if field not in columns:
            found = excerpt(", ".join(entry), 120) or "none"
            raise UserError(f"{origin}: no {field} field ({some_names(field)}); the fields are {found}.")
    return {field: _text_value(origin, column, entry[column], field) for field, column in columns.items()}


def _text_value(origin: str, column: str, value: Any, field: str) -> str:
    if isinstance(value, dict) and isinstance(value.get("path"), str):
        value = value["path"]
    if value is None and field not in ("audio", "text"):
        return ""
    if not isinstance(value, str):  # a float here is NaN or an infinity
        raise UserError(f"{origin}: '{excerpt(column)}' is {_kind(value)}, a text is expected.")
    return value.strip()


def _kind(value: Any) -> str:
    """What a JSON value is, in a word; lists and objects may be of any size and depth."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return "a text" if isinstance(value, str) else json.dumps(value)


def _row(places: AudioPlaces, origin: str, values: Mapping[str, str], speaker: str) -> Row:
    speaker = values.get("speaker") or speaker
    return Row(
        text=values["text"],
        audio=places.candidates(values["audio"]),
        origin=origin,
        speaker=speaker,
        speaker_id=speaker,
        language=values.get("language", ""),
        split=values.get("split", ""),
    )


NAMED_COLUMNS: tuple[NamedColumnsFormat, ...] = (
    NamedColumnsFormat(
        "coqui",
        {"audio": "audio_file", "text": "text", "speaker": "speaker_name"},
        ("metadata.csv", "metadata_train.csv"),
        speaker="coqui",
    ),
    NamedColumnsFormat(
        "cml_tts",
        {"audio": "wav_filename", "text": "transcript", "speaker": "client_id"},
        ("train.csv", "metadata.csv"),
        speaker="default",
    ),
    NamedColumnsFormat("csv", {}, ("metadata.csv", "metadata.tsv", "*.csv", "*.tsv")),
)

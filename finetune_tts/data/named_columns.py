"""Tables whose header names the columns (CSV, TSV), and JSON lines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune_tts.data.metadata_files import find_metadata
from finetune_tts.data.rows import Row, numbered_cells, numbered_lines, too_few_columns
from finetune_tts.errors import UserError
from finetune_tts.json_text import NotJSON, describe, parse_json

DELIMITERS = ("|", "\t", ",", ";")

# The names that people use, in order of preference: text written out for speaking comes before raw text.
COLUMN_NAMES: Mapping[str, tuple[str, ...]] = {
    "audio": (
        "audio_file", "audio_path", "audio_filepath", "audio_filename", "wav_file", "wav_path", "wav_filename",
        "file_name", "filename", "file_path", "filepath", "path", "file", "wav", "audio", "clip",
    ),
    "text": (
        "normalized_text", "normalised_text", "normalized_transcription", "text", "sentence", "transcript",
        "transcription",
    ),
    "speaker": ("speaker_name", "speaker", "speaker_id", "client_id", "spk"),
    "language": ("language", "lang", "language_name", "language_id", "locale"),
}  # fmt: skip

AUDIO_FOLDERS = ("", "wavs", "wav", "audio", "clips")


def match_columns(names: Iterable[str]) -> dict[str, str]:
    """Field (``audio``, ``text``, ``speaker``, ``language``) → the column of ``names`` that holds it."""
    by_lower = {name.strip().lower(): name for name in names}
    return {
        field: next(by_lower[known] for known in usual if known in by_lower)
        for field, usual in COLUMN_NAMES.items()
        if any(known in by_lower for known in usual)
    }


def header_of(line: str) -> tuple[str, dict[str, str]] | None:
    """Delimiter and matched columns if ``line`` is a header that names an audio and a text column, else None."""
    for delimiter in DELIMITERS:
        columns = match_columns(cell.strip().strip('"') for cell in line.split(delimiter))
        if "audio" in columns and "text" in columns:
            return delimiter, columns
    return None


def audio_candidates(root: Path, folder: Path, audio: str) -> tuple[Path, ...]:
    """Where the recording ``audio`` of a metadata file in ``folder`` may stand."""
    bases = (root,) if folder == root else (root, folder)
    return tuple(dict.fromkeys(base / subfolder / audio for subfolder in AUDIO_FOLDERS for base in bases))


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
        header_line = next(numbered_lines(path), None)
        if header_line is None:
            return []
        delimiter = self._delimiter(path, *header_line)
        table = numbered_cells(path, delimiter)
        _, header = next(table)
        columns = {**match_columns(header), **{field: c for field, c in self.columns.items() if c in header}}
        places = {field: header.index(column) for field, column in columns.items()}
        needed = 1 + max(places.values())
        rows: list[Row] = []
        faults: list[tuple[int, int, str]] = []
        for number, cells in table:
            if len(cells) < needed:
                faults.append((number, len(cells), delimiter.join(cells)))
                continue
            values = {field: cells[place] for field, place in places.items()}
            rows.append(_row(root, path, number, values, self.speaker))
        if faults:
            raise too_few_columns(path, faults, needed, delimiter.join(header), "Complete the line.")
        return rows

    def _delimiter(self, path: Path, number: int, line: str) -> str:
        if self.columns:
            cells = line.split("|")
            missing = [self.columns[f] for f in ("audio", "text") if self.columns[f] not in map(str.strip, cells)]
            if missing:
                raise UserError(
                    f"{path}, line {number}: the header has no column {' and no '.join(map(repr, missing))}, which the "
                    f"{self.name} layout needs; it is '{line.strip()[:80]}'."
                )
            return "|"
        found = header_of(line)
        if found is None:
            raise UserError(
                f"{path}, line {number}: a header that names an audio column ({_some('audio')}) and a text column "
                f"({_some('text')}) is expected, found '{line.strip()[:80]}'. Add it, or try the format auto."
            )
        return found[0]


def read_json_lines(root: Path, meta_file: str) -> list[Row]:
    """Read a data set with a JSON object a line: ``{"audio_file": "wavs/1.wav", "text": "Yes.", ...}``.

    Raises:
        UserError: no metadata file; a line that is not an object, or without an audio or text field.
    """
    rows: list[Row] = []
    for path in find_metadata(root, meta_file, ("metadata.jsonl", "*.jsonl")):
        for number, line in numbered_lines(path):
            rows.append(_row(root, path, number, _json_values(path, number, line), ""))
    return rows


def _json_values(path: Path, number: int, line: str) -> dict[str, str]:
    try:
        entry = parse_json(line)
    except NotJSON as error:
        raise UserError(describe(error, line, str(path), number)) from None
    if not isinstance(entry, dict):
        raise UserError(f'{path}, line {number}: an object {{"audio_file": …, "text": …}} is expected: {line[:60]!r}')
    columns = match_columns(entry)
    for field in ("audio", "text"):
        if field not in columns:
            found = ", ".join(entry) or "none"
            raise UserError(f"{path}, line {number}: no {field} field ({_some(field)}); the fields are {found}.")
    return {field: _text_value(path, number, column, entry[column]) for field, column in columns.items()}


def _text_value(path: Path, number: int, column: str, value: Any) -> str:
    if isinstance(value, dict) and isinstance(value.get("path"), str):
        value = value["path"]
    if value is None or isinstance(value, dict | list | bool):
        raise UserError(f"{path}, line {number}: '{column}' is {value!r}, a text is expected.")
    return str(value).strip()


def _row(root: Path, path: Path, number: int, values: Mapping[str, str], speaker: str) -> Row:
    speaker = values.get("speaker") or speaker
    return Row(
        text=values["text"],
        audio=audio_candidates(root, path.parent, values["audio"]),
        origin=f"{path}, line {number}",
        speaker=speaker,
        speaker_id=speaker,
        language=values.get("language", ""),
    )


def _some(field: str) -> str:
    names: Sequence[str] = COLUMN_NAMES[field]
    return ", ".join(names[:4]) + ", …"


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

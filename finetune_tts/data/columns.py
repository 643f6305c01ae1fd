"""Which column of a table holds what: the names that people give columns, and what a user says about them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from finetune_tts.errors import UserError, excerpt

DELIMITERS = ("|", "\t", ",", ";")

FIELDS = ("audio", "text", "speaker", "language", "split")

# The names that people use, in order of preference: text written out for speaking comes before raw text, a file before
# an id.
COLUMN_NAMES: Mapping[str, tuple[str, ...]] = {
    "audio": (
        "audio_file", "audio_path", "audio_filepath", "audio_filename", "wav_file", "wav_path", "wav_filename",
        "file_name", "filename", "file_path", "filepath", "path", "file", "wav", "audio", "clip",
        "audio_id", "clip_id", "utt_id", "utterance_id", "basename", "id",
    ),
    "text": (
        "normalized_text", "normalised_text", "text_normalized", "text_normalised", "normalized_transcription",
        "text", "sentence", "transcript", "transcription",
    ),
    "speaker": ("speaker_name", "speaker", "speaker_id", "client_id", "spk"),
    "language": ("language", "lang", "language_name", "language_id", "locale"),
    "split": ("split", "subset"),
}  # fmt: skip

#: what stands for a column that is not read, where columns are named by their places.
IGNORED = ("_", "-", "skip", "ignore", "")

_EXAMPLE = "for example --columns file,text,speaker or --columns text=sentence,speaker=3"


def match_columns(names: Iterable[str]) -> dict[str, str]:
    """Field (see :data:`FIELDS`) → the column of ``names`` that holds it."""
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


def field_named(name: str) -> str | None:
    """The field that a column of this name holds, if it is one of the usual names."""
    lower = name.strip().lower()
    if lower in FIELDS:
        return lower
    return next((field for field, usual in COLUMN_NAMES.items() if lower in usual), None)


def some_names(field: str) -> str:
    """The likeliest names of a column that holds ``field``, for messages."""
    return ", ".join(COLUMN_NAMES[field][:4]) + ", …"


def separator(delimiter: str) -> str:
    """How a message calls a separator."""
    return "tab" if delimiter == "\t" else f"'{delimiter}'"


@dataclass(frozen=True)
class ColumnChoice:
    """What a user says about the columns of a data set (``columns`` of its config).

    Attributes:
        text: as the user wrote it.
        places: field → its column, from 0.
        names: field → the name of its column in the header, or of its field in JSON.
        width: number of columns where all were listed, else 0; what the list leaves out is then not guessed.
    """

    text: str
    places: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    width: int = 0


def parse_columns(text: str) -> ColumnChoice | None:
    """Read what a user says about columns; None where nothing is said.

    Args:
        text: the columns in their order (``file,text,speaker``, with ``_`` for one that is not read), or some of them
            by name or number (``text=sentence,speaker=3``).

    Raises:
        UserError: it is neither, names a field twice, or leaves out the recording or the text.
    """
    if not text.strip():
        return None
    words = [word.strip() for word in text.split(",")]
    by_name = ["=" in word for word in words]
    if any(by_name) and not all(by_name):
        raise UserError(f"--columns {excerpt(text)}: list all columns in their order, or give each as field=column.")
    return _by_name(text, words) if any(by_name) else _by_place(text, words)


def _by_place(text: str, words: list[str]) -> ColumnChoice:
    places: dict[str, int] = {}
    for place, word in enumerate(words):
        if word.lower() not in IGNORED:
            field = _field(text, word)
            if field in places:
                raise UserError(f"--columns {excerpt(text)}: two columns are said to hold the {field}.")
            places[field] = place
    for field in ("audio", "text"):
        if field not in places:
            raise UserError(f"--columns {excerpt(text)}: no column holds the {field}; {_EXAMPLE}.")
    return ColumnChoice(text, places, {}, len(words))


def _by_name(text: str, words: list[str]) -> ColumnChoice:
    places: dict[str, int] = {}
    names: dict[str, str] = {}
    for word in words:
        name, column = (part.strip() for part in word.split("=", 1))
        field = _field(text, name)
        if field in places or field in names:
            raise UserError(f"--columns {excerpt(text)}: the {field} is named twice.")
        if column.isdecimal() and 0 < int(column[:9]) < 1000:
            places[field] = int(column) - 1
        elif column and not column.isdecimal():
            names[field] = column
        else:
            raise UserError(f"--columns {excerpt(text)}: {excerpt(word)!r} names no column; the first is number 1.")
    return ColumnChoice(text, places, names)


def _field(text: str, name: str) -> str:
    field = field_named(name)
    if field is None:
        raise UserError(
            f"--columns {excerpt(text)}: {excerpt(name)!r} is no field. The fields are {', '.join(FIELDS)}, and _ for "
            f"a column that is not read; {_EXAMPLE}."
        )
    return field

"""The format ``auto``: looks at a folder and says which layout it found."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from finetune_tts.data.audio_files import AudioFinder, TextFinder, is_audio, walk_recordings
from finetune_tts.data.columns import DELIMITERS, ColumnChoice, header_of, match_columns, parse_columns
from finetune_tts.data.formats import AUTO, FORMATS, PAIRS
from finetune_tts.data.guessing import guess
from finetune_tts.data.metadata_files import METADATA_EXTENSIONS, find_metadata
from finetune_tts.data.metadata_splits import Siblings, purpose_of, siblings_of, to_train_on
from finetune_tts.data.named_columns import (
    AudioPlaces,
    NamedColumnsFormat,
    json_entries,
    looks_like_json,
    read_chosen,
    read_json,
    read_table,
)
from finetune_tts.data.near_misses import NearMisses
from finetune_tts.data.rows import Row, cleaned, lines_of, numbered_cells
from finetune_tts.errors import UserError, excerpt
from finetune_tts.files import read_text

MOST_CANDIDATES = 20
_USUAL_NAMES = ("metadata", "train", "transcript", "transcripts", "validated", "filelist", "list")
#: files that people take for metadata and that are none → what to do about them.
_NOT_TABLES = {
    **dict.fromkeys((".xlsx", ".xls", ".ods", ".numbers"), "is a spreadsheet: export it as CSV in UTF-8"),
    **dict.fromkeys((".docx", ".doc", ".odt", ".rtf", ".pdf"), "is a document: save it as plain text in UTF-8"),
    **dict.fromkeys((".parquet", ".arrow", ".feather"), "is a binary table: export it as CSV in UTF-8"),
    **dict.fromkeys((".srt", ".vtt", ".textgrid", ".eaf"), "holds times of a long recording: cut it into sentences"),
    **dict.fromkeys((".zip", ".tar", ".gz", ".rar", ".7z"), "is an archive: unpack it"),
}


@dataclass(frozen=True)
class Detection:
    """What was found at a folder.

    Attributes:
        description: the layout in words, for the log.
        rows: its entries.
        siblings: metadata files that belong to the one that was read.
        format: by whose rules the rows are to be taken.
        guessed: columns were told by what is in them; what the user says about all recordings counts more.
    """

    description: str
    rows: list[Row]
    siblings: Siblings = Siblings()
    format: str = AUTO
    guessed: bool = False


class NotMetadata(UserError):
    """A file does not look like metadata; the message names it and says why."""


def detect(
    root: Path,
    meta_file: str,
    columns: str = "",
    not_this: Path | None = None,
    finder: AudioFinder | None = None,
) -> Detection:
    """Find out how the data set at ``root`` is laid out, and read it.

    Looked for, in this order: the folder structures of known data sets; a metadata file with a header or of JSON;
    one without a header whose columns can be told by what is in them; pairs of a recording and a text file. A file
    that by its name is for evaluation or tests is taken only if the user names it.

    Args:
        root: folder of the data set.
        meta_file: metadata file if the user named one, else "".
        columns: what the user says about its columns, see :func:`finetune_tts.data.columns.parse_columns`.
        not_this: a metadata file that is for something else.
        finder: finds recordings; it keeps what it has read of folders.

    Raises:
        UserError: nothing was recognised; the message says what was looked for and what is there.
    """
    choice = parse_columns(columns)
    finder = finder or AudioFinder()
    if not meta_file and choice is None:
        for name, looks_like in FOLDER_STRUCTURES:
            if looks_like(root):
                return Detection(f"the {name} layout", FORMATS[name](root, ""), format=name)
    files = find_metadata(root, meta_file, ()) if meta_file else _metadata_files(root, finder, not_this)
    candidates = files if meta_file else to_train_on(files)[:MOST_CANDIDATES]
    skipped: list[tuple[Path, str]] = []

    def first_of(paths: Sequence[Path], likely: Callable[[Path], bool]) -> Detection | None:
        for path in paths:
            try:
                found = _read(root, path, choice, finder, likely(path))
            except NotMetadata as reason:
                skipped.append((path, str(reason)))
                continue
            siblings = Siblings() if meta_file else siblings_of(path, files)
            return replace(found, description=f"{path.name} with {found.description}", siblings=siblings)
        return None

    alone = bool(meta_file) or (choice is not None and len(candidates) == 1)
    found = first_of(candidates, lambda path: alone or _is_likely(path))
    if found is not None:
        return found
    if not meta_file and choice is None:
        pairs = _pairs(root)
        if pairs is not None:
            return replace(pairs, description=pairs.description + _not_used(skipped))
    reasons = [reason for _, reason in skipped]
    with suppress(UserError):  # nothing else is there, so a table of which most recordings are missing will do
        found = first_of(candidates, lambda path: True)
    if found is not None:
        return found
    for_tests = [path.name for path in files if not meta_file and purpose_of(path) in ("eval", "test")]
    if for_tests:
        reasons = [f"{for_tests[0]} is by its name for evaluation; to train on it, name it with --meta_file.", *reasons]
    raise UserError(_nothing_recognised(root, reasons))


def _not_used(skipped: Sequence[tuple[Path, str]]) -> str:
    """Files beside pairs that are no metadata, and why where their names promise some."""
    if not skipped:
        return ""
    told = [excerpt(reason.rstrip("."), 200) if _is_likely(path) else path.name for path, reason in skipped[:3]]
    return f"; not used: {', '.join(told)}"


def _pairs(root: Path) -> Detection | None:
    texts = TextFinder()
    if any(texts.find(audio) is not None for audio in walk_recordings(root)):
        return Detection("recordings with a text file each (pairs)", FORMATS[PAIRS](root, ""), format=PAIRS)
    return None


def _is_mailabs(root: Path) -> bool:
    return any("by_book" in path.parts for path in root.glob("**/by_book/*/*/*/metadata.csv")) or (
        "by_book" in root.parts and any(root.glob("**/metadata.csv")) and not (root / "metadata.csv").exists()
    )


FOLDER_STRUCTURES: Sequence[tuple[str, Callable[[Path], bool]]] = (
    ("vctk", lambda root: (root / "txt").is_dir() and (root / "wav48_silence_trimmed").is_dir()),
    ("vctk_old", lambda root: (root / "txt").is_dir() and (root / "wav48").is_dir()),
    ("sam_accenture", lambda root: any(root.glob("voice_over_recordings/*.xml"))),
    ("nancy", lambda root: (root / "prompts.data").is_file() and (root / "wavn").is_dir()),
    ("mailabs", _is_mailabs),
    ("libri_tts", lambda root: next(root.glob("**/*trans.tsv"), None) is not None),
    ("mls", lambda root: (root / "train" / "transcripts.txt").is_file() and (root / "train" / "audio").is_dir()),
    ("common_voice", lambda root: (root / "clips").is_dir() and (root / "train.tsv").is_file()),
)


def _metadata_files(root: Path, finder: AudioFinder, not_this: Path | None) -> list[Path]:
    """Files at the top of ``root`` that may be metadata, the likeliest first; no texts of single recordings."""
    files = [path for path in root.iterdir() if path.suffix.lower() in METADATA_EXTENSIONS and path.is_file()]
    files = [path for path in files if finder.find(path.with_suffix("")) is None]
    if not_this is not None:
        files = [path for path in files if os.path.abspath(path) != os.path.abspath(not_this)]

    def rank(path: Path) -> tuple[int, str]:
        stem = path.stem.lower()
        position = next((place for place, word in enumerate(_USUAL_NAMES) if stem == word), len(_USUAL_NAMES))
        return (position if position < len(_USUAL_NAMES) else position + ("metadata" not in stem)), path.name

    return sorted(files, key=rank)


def _is_likely(path: Path) -> bool:
    """Whether a file is meant to be metadata by its name, so that a fault in it is one of the data set."""
    return path.stem.lower() in _USUAL_NAMES or "metadata" in path.stem.lower() or purpose_of(path) is not None


def _read(root: Path, path: Path, choice: ColumnChoice | None, finder: AudioFinder, likely: bool) -> Detection:
    """Read a metadata file.

    Raises:
        NotMetadata: it is none.
        UserError: it is, and something in it is wrong.
    """
    try:
        text = read_text(path)
    except UserError as error:
        raise error if likely else NotMetadata(str(error)) from error
    first = next(lines_of(text), None)
    if first is None:
        raise NotMetadata(f"{path.name}: the metadata is empty." if likely else f"{path.name} is empty.")
    if looks_like_json(path, text):
        return _read_json(root, path, text, choice, likely)
    if choice is not None:
        try:
            chosen = read_chosen(root, path, choice, finder)
        except UserError as error:
            raise error if likely else NotMetadata(str(error)) from error
        if chosen is not None:
            there = (finder.find(place) for row in chosen[0][:200] for place in row.audio)
            if not likely and not any(there):
                raise NotMetadata(f"In {path.name} no recording that exists is named.")
            return Detection(f"columns {chosen[1]} (--columns)", chosen[0])
    header = header_of(first[1]) if choice is None else None
    if header is not None and _names_recordings(AudioPlaces(root, path.parent), finder, text, *header):
        return _read_by_header(root, path, header[1])
    for delimiter in DELIMITERS:
        found = guess(root, path, delimiter, text, choice.places if choice is not None else {}, finder, likely)
        if found is not None:
            lines = numbered_cells(path, delimiter, text)
            rows = read_table(root, path, islice(lines, int(found.has_header), None), found.shape, first=found.folder)
            return Detection(found.in_words(), rows, guessed=True)
    if header is not None:  # all of its recordings are missing, which is told with the first of them
        return _read_by_header(root, path, header[1])
    raise NotMetadata(_no_recordings(root, path, text))


def _read_by_header(root: Path, path: Path, columns: Mapping[str, str]) -> Detection:
    words = ", ".join(f"{field} from '{excerpt(column)}'" for field, column in columns.items())
    return Detection(f"a header ({words})", NamedColumnsFormat("csv", {}, ()).read_file(root, path))


def _names_recordings(
    places: AudioPlaces, finder: AudioFinder, text: str, delimiter: str, columns: Mapping[str, str]
) -> bool:
    """Whether the column that a header calls the recording's names one that exists."""
    lines = [[cleaned(cell, delimiter) for cell in line.split(delimiter)] for _, line in islice(lines_of(text), 200)]
    place = [cell.strip('"') for cell in lines[0]].index(columns["audio"])
    names = [cells[place].strip('"') for cells in lines[1:] if len(cells) > place]
    return any(finder.find(candidate) for name in names if name for candidate in places.candidates(name))


def _read_json(root: Path, path: Path, text: str, choice: ColumnChoice | None, likely: bool) -> Detection:
    if choice is not None and choice.places:
        raise UserError(f"--columns {excerpt(choice.text)}: {path.name} is JSON, whose fields are named: text=NAME.")
    names = choice.names if choice is not None else {}
    try:
        entry: Any = next(json_entries(path, text), ("", None))[1]
    except UserError as error:
        if path.suffix.lower() == ".json" and text.lstrip().startswith("{"):  # one object over several lines
            raise NotMetadata(f"{path.name} is JSON, but no list of objects with audio and text.") from error
        raise error if likely else NotMetadata(str(error)) from error
    if not isinstance(entry, dict):
        raise NotMetadata(f"{path.name} is JSON, but no list of objects with audio and text.")
    found = {*match_columns(entry), *(field for field, name in names.items() if name in entry)}
    if not {"audio", "text"} <= found and not (likely and found & {"audio", "text"}):
        fields = excerpt(", ".join(entry), 80)
        raise NotMetadata(f"{path.name} is JSON without fields for audio and text (its fields are {fields}).")
    how = "a list of JSON objects" if text.lstrip().startswith("[") else "a JSON object a line"
    return Detection(how, read_json(root, path, names))


def _no_recordings(root: Path, path: Path, text: str) -> str:
    """That no column of a table names recordings, with an example of what was looked for, and of what is there."""
    number, line = next(lines_of(text))
    delimiter = next((delimiter for delimiter in DELIMITERS if delimiter in line), None)
    if delimiter is None:
        return f"In {path.name} no column names recordings that exist: line {number} holds no separator (| tab , ;)."
    cells = [cleaned(cell, delimiter) for cell in line.split(delimiter)]
    name = next((cell for cell in cells if is_audio(cell)), cells[0])
    places = AudioPlaces(root, path.parent).candidates(name)
    tried = ", ".join(excerpt(place, 120) for place in places[:2]) + (", …" if len(places) > 2 else "")
    return (
        f"In {path.name} no column names recordings that exist: line {number} says '{excerpt(name)}', looked for "
        f"{tried}. {NearMisses(root).explain(places)}"
    )


def _nothing_recognised(root: Path, reasons: Sequence[str]) -> str:
    files = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    for path in files:
        what = _NOT_TABLES.get(path.suffix.lower())
        if what and len(reasons) < 2 and path.is_file():
            reasons = [*reasons, f"{excerpt(path.name)} {what}."]
    deeper = next((file.parent for folder in files if folder.is_dir() for file in _likely_files_below(folder)), None)
    if deeper is not None:
        reasons = [*reasons[:1], f"Metadata is further down: try --dataset_path '{deeper}'."]
    if not reasons:
        count = len(NearMisses(root).paths)
        there = f"{count} recordings are there, but no text for them" if count else "no recordings are there"
        reasons = [f"It holds no metadata, and {there}."]
    return (
        f"{root}: no data set was recognised. {' '.join(reasons[:2])} Wanted: metadata.csv with lines id|text and "
        "wavs/id.wav, a table whose header names audio and text, or x.wav with x.txt; else name the layout with "
        "--dataset_format, or the columns with --columns."
    )


def _likely_files_below(folder: Path) -> list[Path]:
    """Metadata files one or two folders further down, which somebody who unpacked an archive may mean."""
    patterns = [f"{deeper}*{extension}" for deeper in ("", "*/") for extension in METADATA_EXTENSIONS]
    found = (path for pattern in patterns for path in islice(folder.glob(pattern), 200))
    return sorted(path for path in found if _is_likely(path) and purpose_of(path) not in ("eval", "test"))

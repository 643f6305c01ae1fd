"""The format ``auto``: looks at a folder and says which layout it found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune_tts.data.audio_files import AudioFinder, TextFinder, walk_recordings
from finetune_tts.data.formats import FORMATS
from finetune_tts.data.metadata_files import find_metadata
from finetune_tts.data.named_columns import AUDIO_FOLDERS, DELIMITERS, NamedColumnsFormat, header_of, read_json_lines
from finetune_tts.data.rows import Row, numbered_cells, numbered_lines
from finetune_tts.data.tables import TableFormat
from finetune_tts.errors import UserError
from finetune_tts.files import read_text

METADATA_EXTENSIONS = (".csv", ".tsv", ".txt", ".jsonl", ".json")
LINES_LOOKED_AT = 200
MOST_CANDIDATES = 20


@dataclass(frozen=True)
class Detection:
    """What was found at a folder.

    Attributes:
        description: the layout in words, for the log.
        rows: its entries.
    """

    description: str
    rows: list[Row]


def detect(root: Path, meta_file: str) -> Detection:
    """Find out how the data set at ``root`` is laid out, and read it.

    Looked for, in this order: the folder structures of known data sets; a metadata file with a header or with JSON
    lines; one without a header whose columns can be told by what is in them; pairs of a recording and a text file.

    Args:
        root: folder of the data set.
        meta_file: metadata file if the user named one, else "".

    Raises:
        UserError: nothing was recognised; the message says what was looked for and what is there.
    """
    if not meta_file:
        for name, looks_like in FOLDER_STRUCTURES:
            if looks_like(root):
                return Detection(f"the {name} layout", FORMATS[name](root, ""))
    seen = []
    for path in find_metadata(root, meta_file, ()) if meta_file else _metadata_candidates(root):
        detection = _detect_table(root, path)
        if detection is not None:
            return detection
        seen.append(path.name)
    texts = TextFinder()
    if not meta_file and any(texts.find(audio) is not None for audio in walk_recordings(root)):
        return Detection("recordings with a text file each (pairs)", FORMATS["pairs"](root, ""))
    looked = f"In {', '.join(seen[:5])} no column names recordings that exist. " if seen else ""
    raise UserError(
        f"{root}: no data set was recognised. {looked}Wanted: metadata.csv with lines id|text and wavs/id.wav, a table "
        "whose header names audio and text, or x.wav with x.txt; else name the layout with --dataset_format."
    )


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


def _metadata_candidates(root: Path) -> list[Path]:
    """Files at the top of ``root`` that may be metadata, the likeliest first; no texts of single recordings."""
    usual = ("metadata", "train", "transcript", "transcripts", "validated", "filelist", "list")
    files = [path for path in root.iterdir() if path.suffix.lower() in METADATA_EXTENSIONS and path.is_file()]
    finder = AudioFinder()
    files = [path for path in files if finder.find(path.with_suffix("")) is None]

    def rank(path: Path) -> tuple[int, str]:
        stem = path.stem.lower()
        position = next((place for place, word in enumerate(usual) if stem == word), len(usual))
        return (position if position < len(usual) else len(usual) + ("metadata" not in stem)), path.name

    return sorted(files, key=rank)[:MOST_CANDIDATES]


def _detect_table(root: Path, path: Path) -> Detection | None:
    first = next(numbered_lines(path), None)
    if first is None:
        return Detection(f"{path.name}, which is empty", [])
    line = first[1]
    if line.lstrip().startswith("{"):
        return Detection(f"{path.name} with a JSON object a line", read_json_lines(root, str(path.absolute())))
    header = header_of(line)
    if header is not None:
        columns = ", ".join(f"{field} from '{column}'" for field, column in header[1].items())
        table = NamedColumnsFormat("csv", {}, ())
        return Detection(f"{path.name} with a header ({columns})", table.read_file(root, path))
    for delimiter in DELIMITERS:
        found = _detect_columns(root, path, delimiter)
        if found is not None:
            return Detection(f"{path.name} with columns {_shown(found)}", found.read_file(root, path))
    return None


def _shown(table: TableFormat) -> str:
    separator = "tabs" if table.delimiter == "\t" else f"'{table.delimiter}'"
    return f"{table.columns} separated by {separator}, recordings at {table.audio_paths[0]}"


def _detect_columns(root: Path, path: Path, delimiter: str) -> TableFormat | None:
    """A table without a header: which column names recordings, which is the text, which the speaker."""
    if delimiter not in read_text(path):
        return None
    table = [cells for _, cells in zip(range(LINES_LOOKED_AT), _cells(path, delimiter), strict=False)]
    width = min((len(cells) for cells in table), default=0)
    # A line or two may be broken; the reader names them. The layout is what most lines say.
    usual = sorted(len(cells) for cells in table)[len(table) // 2] if table else 0
    width = max(width, usual)
    whole = [cells for cells in table if len(cells) >= width]
    if width < 2:
        return None
    found = _audio_column(root, path, whole, width)
    if found is None:
        return None
    audio, template = found
    text = _text_column(whole, [column for column in range(width) if column != audio])
    speaker = _speaker_column(whole, [column for column in range(width) if column not in (audio, text)])
    names = {audio: "audio", text: "text"}
    if speaker is not None:
        names[speaker] = "speaker"
    return TableFormat(
        "auto",
        delimiter.join(names.get(column, "…") for column in range(width)).replace("\t", " "),
        audio,
        text,
        (template,),
        delimiter=delimiter,
        speaker="{speaker}" if speaker is not None else "",
        speaker_column=speaker,
    )


def _cells(path: Path, delimiter: str) -> list[list[str]]:
    try:
        return [cells for _, cells in numbered_cells(path, delimiter)]
    except UserError:
        return []  # not a table with this separator; the others are tried


def _audio_column(root: Path, path: Path, table: list[list[str]], width: int) -> tuple[int, str] | None:
    """The column that names most recordings that exist, with the template of their place."""
    finder = AudioFinder()
    bases = ("",) if path.parent == root else ("", "{folder}/")
    best: tuple[int, int, str] | None = None
    for column in range(width):
        for template in [f"{base}{folder}/{{id}}".lstrip("/") for folder in AUDIO_FOLDERS for base in bases]:
            place = template.replace("{folder}", str(path.parent))
            hits = sum(finder.find(root / place.replace("{id}", cells[column])) is not None for cells in table)
            if hits and (best is None or hits > best[0]):
                best = hits, column, template
    return (best[1], best[2]) if best else None


def _text_column(table: list[list[str]], columns: list[int]) -> int:
    """The column with the longest texts; of two that are about as long the later, which is the normalised one."""
    lengths = {column: sum(len(cells[column]) for cells in table) for column in columns}
    longest = max(lengths.values())
    return max(column for column, length in lengths.items() if length >= 0.8 * longest)


def _speaker_column(table: list[list[str]], columns: list[int]) -> int | None:
    """A column of short values that come again and again, if there is one."""
    for column in columns:
        values = [cells[column] for cells in table]
        if all(values) and len(set(values)) <= len(values) / 2 and max(map(len, values)) <= 40:
            return column
    return None

"""The data-set formats by name."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path

from finetune_tts.data import layouts
from finetune_tts.data.named_columns import JSON_METADATA, NAMED_COLUMNS, read_json_lines
from finetune_tts.data.rows import Row
from finetune_tts.data.tables import TABLES
from finetune_tts.errors import UserError

Reader = Callable[[Path, str], list[Row]]
"""Takes the folder of the data set and the metadata file that the user named (or ""), gives its rows."""

AUTO = "auto"
PAIRS = "pairs"
RECORDINGS = "recordings"

FORMATS: Mapping[str, Reader] = {
    **{table.name: table.read for table in TABLES},
    **{table.name: table.read for table in NAMED_COLUMNS},
    "jsonl": read_json_lines,
    PAIRS: layouts.pairs,
    RECORDINGS: layouts.recordings,
    "vctk": layouts.vctk,
    "vctk_old": layouts.vctk_old,
    "open_bible": layouts.open_bible,
    "mailabs": layouts.mailabs,
    "nancy": layouts.nancy,
    "sam_accenture": layouts.sam_accenture,
    "synpaflex": layouts.synpaflex,
    "voxceleb1": layouts.voxceleb1,
    "voxceleb2": layouts.voxceleb2,
}

#: formats of people's own data sets → usual names of their metadata; files for evaluation may stand beside it.
OWN_METADATA: Mapping[str, tuple[str, ...]] = {
    **{table.name: table.metadata for table in NAMED_COLUMNS if table.name != "cml_tts"},
    "jsonl": JSON_METADATA,
}

#: formats of releases that come split → what is for evaluation, what is for tests; named as a metadata file is.
RELEASED_SPLITS: Mapping[str, tuple[str, str]] = {
    "common_voice": ("dev.tsv", "test.tsv"),
    "mls": ("dev/transcripts.txt", "test/transcripts.txt"),
    "cml_tts": ("dev.csv", "test.csv"),
    "open_bible": ("dev", "test"),
}

#: formats of recordings in folders, whose folders may say what they are for.
IN_FOLDERS = frozenset({PAIRS, RECORDINGS})

#: formats whose columns a user may name.
WITH_COLUMNS = frozenset({AUTO, "csv", "jsonl"})

# Releases of these lack recordings that their metadata lists; a hole in any other data set is a fault.
INCOMPLETE = frozenset({"vctk", "mailabs", "custom_turkish", "sam_accenture"})


def reader_for(name: str) -> Reader:
    """The reader of a format, its name in any case.

    Raises:
        UserError: there is no such format; the nearest names are given.
    """
    reader = FORMATS.get(name.lower())
    if reader is not None:
        return reader
    near = get_close_matches(name.lower(), [*FORMATS, AUTO], n=3)
    known = f"Did you mean {' or '.join(near)}?" if near else f"Known: {AUTO}, {', '.join(sorted(FORMATS))}."
    raise UserError(f"Data-set format '{name}' is not known. {known}")

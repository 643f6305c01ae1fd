"""Data-set layouts that are a table: which column holds what, and where the recordings stand."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from finetune_tts.data.column_contents import goes_on
from finetune_tts.data.metadata_files import find_metadata
from finetune_tts.data.named_columns import names_columns
from finetune_tts.data.rows import Row, Shape, cleaned, every_column_known, fitted, numbered_cells
from finetune_tts.errors import UserError, excerpt
from finetune_tts.files import read_text

logger = logging.getLogger(__name__)

_LINES_LOOKED_AT = 200


@dataclass(frozen=True)
class TableFormat:
    """A layout with one line an utterance.

    Paths and speaker are templates: ``{id}`` is the audio column, ``{part0}``, ``{part1}`` its parts between
    underscores, ``{folder}`` the folder of the metadata file, ``{speaker}`` the speaker column.

    Attributes:
        name: the layout's name.
        columns: how a line looks, for messages.
        audio_column: column of the recording's id or path, from 0.
        text_column: column of the text; None if the layout holds no text.
        audio_paths: where a recording may stand below the data set, in order of preference.
        delimiter: what separates the columns.
        speaker: name of the speaker.
        speaker_id: the name by which a speaker is ignored.
        speaker_column: column of the speaker, if there is one.
        metadata: usual names of the metadata file.
        header: first cell of the header line, if the layout has one.
        header_columns: field (``audio``, ``text``, ``speaker``) → its name in the header. Releases of such a data
            set differ in the order of their columns; the header wins over the numbers above.
        joined: the text is written with spaces between words where its language has none.
        latin1: the release is in Latin-1; UTF-8 is tried first.
    """

    name: str
    columns: str
    audio_column: int
    text_column: int | None
    audio_paths: tuple[str, ...]
    delimiter: str = "|"
    speaker: str = ""
    speaker_id: str = ""
    speaker_column: int | None = None
    metadata: tuple[str, ...] = ("metadata.csv",)
    header: str = ""
    header_columns: Mapping[str, str] = field(default_factory=dict)
    joined: bool = False
    latin1: bool = False

    def read(self, root: Path, meta_file: str) -> list[Row]:
        """Read all rows of the data set at ``root``.

        Raises:
            UserError: no metadata file, or lines with too few columns; file, line, found and expected are named.
        """
        rows: list[Row] = []
        for path in find_metadata(root, meta_file, self.metadata):
            rows += self.read_file(root, path)
        return rows

    def read_file(self, root: Path, path: Path) -> list[Row]:
        """Read one metadata file of the data set at ``root``."""
        text = read_text(path, fallback="latin-1" if self.latin1 else None)
        lines = list(numbered_cells(path, self.delimiter, text))
        columns = {"audio": self.audio_column, "text": self.text_column, "speaker": self.speaker_column}
        places = {what: column for what, column in columns.items() if column is not None}
        width = 0
        if lines and self.header and lines[0][1][0].strip() == self.header:
            number, cells = lines.pop(0)
            header = [cleaned(cell, self.delimiter) for cell in cells]
            places = self._places_by_header(path, number, header, places)
            width = len(header)
        elif lines and self.text_column is not None and names_columns(lines[0][1], places, self.delimiter):
            del lines[0]
        needed = 1 + max(places.values())
        width = max(needed, width or self._width(path, [cells for _, cells in lines], places, needed))
        advice = f"Complete the line, or choose another format than {self.name} (auto looks for itself)."
        shape = Shape(self.delimiter, places, width, self.columns, advice, open_end=every_column_known(places))
        return [self._row(root, path, number, cells, places) for number, cells in fitted(path, lines, shape)]

    def _width(self, path: Path, lines: list[list[str]], places: Mapping[str, int], needed: int) -> int:
        """How many columns the lines have: as many as the shortest one that is whole, but for what is text in it."""
        width = min((len(cells) for cells in lines if len(cells) >= needed), default=needed)
        if width > needed and places.get("text") == needed - 1:
            if goes_on(lines[:_LINES_LOOKED_AT], needed - 1):
                return needed
            if width > len(self.columns.replace(",", "|").split("|")):
                logger.info("%s: the %s layout does not read what follows the column of the text.", path, self.name)
        return width

    def _places_by_header(self, path: Path, number: int, cells: list[str], places: Mapping[str, int]) -> dict[str, int]:
        found = dict(places)
        for what, name in self.header_columns.items():
            if name not in cells:
                raise UserError(
                    f"{path}, line {number}: the header has no column '{name}', which the {self.name} layout needs; "
                    f"it has {excerpt(', '.join(cells), 120)}."
                )
            found[what] = cells.index(name)
        return found

    def _row(self, root: Path, path: Path, number: int, cells: list[str], places: Mapping[str, int]) -> Row:
        audio = cells[places["audio"]]
        parts = audio.split("_")
        names = {
            "id": audio,
            "part0": parts[0],
            "part1": parts[1] if len(parts) > 1 else "",
            "folder": str(path.parent),
            "speaker": cells[places["speaker"]] if "speaker" in places else "",
        }
        said = cells[places["text"]] if "text" in places else ""
        name = self.speaker.format(**names)
        paths = [os.path.join(root, template.format(**names)) for template in self.audio_paths]
        if "\\" in audio:  # written on Windows
            names["id"] = audio.replace("\\", "/")
            paths += [os.path.join(root, template.format(**names)) for template in self.audio_paths]
        return Row(
            text=said.replace(" ", "") if self.joined else said,
            audio=(audio,) if os.path.isabs(audio) else tuple(paths),
            origin=f"{path}, line {number}",
            speaker=name,
            speaker_id=self.speaker_id.format(**names) or name,
        )


TABLES: tuple[TableFormat, ...] = (
    TableFormat("ljspeech", "id|text|normalised text", 0, 2, ("wavs/{id}",), speaker="ljspeech"),
    TableFormat("thorsten", "id|text", 0, 1, ("wavs/{id}",), speaker="thorsten"),
    TableFormat("tweb", "id, text", 0, 1, ("{id}",), delimiter="\t", speaker="tweb", metadata=("transcript.txt",)),
    TableFormat("mozilla", "text|file", 1, 0, ("wavs/{id}",), speaker="mozilla", metadata=("metadata.txt", "*.txt")),
    TableFormat(
        "mozilla_de",
        "id|text",
        0,
        1,
        ("BATCH_{part0}_FINAL/{id}",),
        speaker="mozilla",
        metadata=("metadata.csv", "*.csv"),
        latin1=True,
    ),
    TableFormat(
        "ruslan", "id|text", 0, 1, ("RUSLAN/{id}",), speaker="ruslan", metadata=("metadata.csv", "metadata*.csv")
    ),
    TableFormat("css10", "path|text", 0, 1, ("{id}",), speaker="css10", metadata=("transcript.txt",)),
    TableFormat(
        "custom_turkish", "id|text", 0, 1, ("wavs/{id}",), speaker="turkish-female", metadata=("metadata.csv", "*.txt")
    ),
    TableFormat("baker", "file|text", 0, 1, ("clips_22/{id}",), speaker="baker", metadata=("metadata.csv", "*.txt")),
    TableFormat("kokoro", "id|text|readings", 0, 2, ("wavs/{id}",), speaker="kokoro", joined=True),
    TableFormat(
        "kss", "path|text|expanded text", 0, 2, ("{id}",), speaker="kss", metadata=("transcript*.txt", "metadata.csv")
    ),
    TableFormat("bel_tts_formatter", "path|text", 0, 1, ("{id}",), speaker="bel_tts"),
    TableFormat(
        "brspeech",
        "path|length|text|speaker",
        0,
        2,
        ("{id}",),
        speaker="{speaker}",
        speaker_column=3,
        header="wav_filename",
    ),
    TableFormat(
        "common_voice",
        "client_id, path, sentence",
        1,
        2,
        ("clips/{id}",),
        delimiter="\t",
        speaker="MCV_{speaker}",
        speaker_id="{speaker}",
        speaker_column=0,
        metadata=("train.tsv", "validated.tsv"),
        header="client_id",
        header_columns={"audio": "path", "text": "sentence", "speaker": "client_id"},
    ),
    TableFormat(
        "emotion",
        "path,speaker,emotion",
        0,
        None,
        ("{id}",),
        delimiter=",",
        speaker="{speaker}",
        speaker_column=1,
        header="file_path",
    ),
    TableFormat(
        "mls",
        "id, text",
        0,
        1,
        ("{folder}/audio/{part0}/{part1}/{id}",),
        delimiter="\t",
        speaker="MLS_{part0}",
        speaker_id="{part0}",
        metadata=("train/transcripts.txt", "transcripts.txt"),
    ),
    TableFormat(
        "libri_tts",
        "id, text, normalised text",
        0,
        2,
        ("{folder}/{id}", "{part0}/{part1}/{id}"),
        delimiter="\t",
        speaker="LTTS_{part0}",
        speaker_id="{part0}",
        metadata=("**/*trans.tsv",),
    ),
)

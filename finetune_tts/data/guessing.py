"""Which column of a table without a header holds what, as far as contents and recordings tell."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from finetune_tts.audio.reading import probe
from finetune_tts.data.audio_files import AudioFinder
from finetune_tts.data.column_contents import (
    Contents,
    alike,
    are_durations,
    contents_of,
    goes_on,
    in_words,
    may_be_speakers,
)
from finetune_tts.data.columns import match_columns, separator
from finetune_tts.data.named_columns import AUDIO_FOLDERS
from finetune_tts.data.rows import Shape, against_surplus, cleaned, numbered_cells
from finetune_tts.errors import UserError, excerpt

LINES_LOOKED_AT = 200
_RECORDINGS_PROBED = 20

#: what may be taken for the text, the likelier first, where a column is no running text.
_POOR_TEXTS = (Contents.PHONEMES, Contents.LABELS, Contents.NUMBERS, Contents.NAMES, Contents.LANGUAGE, Contents.SPLIT)


@dataclass(frozen=True)
class Guess:
    """How a table without a full header is laid out.

    Attributes:
        shape: its columns.
        folder: where its recordings are, below the data set.
        has_header: whether the first line names columns.
    """

    shape: Shape
    folder: str
    has_header: bool

    def in_words(self) -> str:
        """The layout for a message."""
        where = f"{self.folder}/{{id}}" if self.folder else "{id}"
        return f"columns {self.shape.columns} separated by {separator(self.shape.delimiter)}, recordings at {where}"


def guess(
    root: Path, path: Path, delimiter: str, text: str, fixed: Mapping[str, int], finder: AudioFinder, likely: bool
) -> Guess | None:
    """Find out what the columns of a table hold.

    Args:
        root: folder of the data set.
        path: the metadata file.
        delimiter: what may separate its columns.
        text: what is in the file.
        fixed: field → its column, where the user says it.
        finder: finds recordings.
        likely: the file is meant to be metadata. Any table may begin with numbers that recordings have for names; in
            another file half of the lines must name recordings, and say something of them.

    Returns:
        The layout; None if no column names recordings that exist when the lines are separated like that.

    Raises:
        UserError: recordings are named, but which column holds the text, or the speaker, cannot be told.
    """
    table = _Table(root, path, delimiter, text, dict(fixed), finder)
    hits = table.find_recordings()
    if not hits or (not likely and (hits < 0.5 * len(table.lines) or table.holds_numbers())):
        return None
    return table.guess()


class _Table:
    """The first lines of a table, while its columns are found out."""

    def __init__(
        self, root: Path, path: Path, delimiter: str, text: str, fixed: dict[str, int], finder: AudioFinder
    ) -> None:
        self._path, self._delimiter, self._fixed, self._finder = path, delimiter, fixed, finder
        bases = dict.fromkeys((root, path.parent))
        self._folders = {folder: [os.path.join(base, folder, "") for base in bases] for folder in AUDIO_FOLDERS}
        self._folder = ""
        self._audio = self._usual = self._hits = 0
        self._has_header = False
        self._fault: UserError | None = None
        self._lines: list[list[str]] = []
        self._numbers: list[int] = []
        if delimiter not in text:
            return
        try:
            lines = list(islice(numbered_cells(path, delimiter, text), LINES_LOOKED_AT))
            self._numbers = [number for number, _ in lines]
            self._lines = [cells for _, cells in lines]
        except UserError as fault:
            # Perhaps another separator; if this one leads to recordings, the fault is one of the table's.
            self._fault = fault
            self._lines = [line.split(delimiter) for line in text.split("\n")[:LINES_LOOKED_AT] if line.strip()]

    @property
    def lines(self) -> list[list[str]]:
        """The cells of its first lines, as they stand in the file."""
        return self._lines

    def find_recordings(self) -> int:
        """Find the column that names the most recordings that exist, and the folder that they are in.

        Returns:
            How many of the lines name one.
        """
        widths = sorted(len(cells) for cells in self._lines)
        # A line or two may be broken; the reader names them. The layout is what most lines say.
        self._usual = widths[len(widths) // 2] if widths else 0
        if self._usual < 2:
            return 0
        columns = range(self._usual)
        if "audio" in self._fixed:
            columns = range(self._fixed["audio"], self._fixed["audio"] + 1)
        for column in columns:
            names = self._column(column, self._lines)
            hits = [found[0] for found in map(self._recording, names) if found is not None]
            if len(hits) > self._hits:
                self._hits, self._audio = len(hits), column
                self._folder = max(sorted(set(hits)), key=hits.count)
        return self._hits

    def holds_numbers(self) -> bool:
        """Whether there is nothing but numbers beside the recordings; the first line may name the columns."""
        others = [column for column in range(self._usual) if column != self._audio]
        kinds = {contents_of(self._column(column, self._lines[1:] or self._lines)) for column in others}
        return kinds <= {Contents.NUMBERS, Contents.EMPTY}

    def guess(self) -> Guess:
        """Find out the other columns."""
        if self._fault is not None:
            raise self._fault
        self._look_for_header()
        columns = [column for column in range(self._usual) if column != self._audio]
        values = {column: self._column(column, self._lines) for column in columns}
        contents = {column: contents_of(values[column]) for column in columns}
        places = {**self._fixed, "audio": self._audio}
        text, width = self._text(columns, values, contents)
        places["text"] = text
        free = [column for column in columns if column < width and column not in places.values()]
        for field, kind in (("language", Contents.LANGUAGE), ("split", Contents.SPLIT)):
            found = [column for column in free if contents[column] is kind]
            if len(found) == 1 and field not in places:
                places[field] = found[0]
        if "speaker" not in places:
            labels = [
                column for column in free if contents[column] is Contents.LABELS and may_be_speakers(values[column])
            ]
            speaker = self._speaker([column for column in labels if not self._are_durations(column)], values)
            if speaker is not None:
                places["speaker"] = speaker
        width = max(width, *(place + 1 for place in places.values()))
        words = in_words(places, width, self._delimiter)
        advice = "Complete the line, or say with --columns what is where."
        texts = [column for column in columns if contents[column] is Contents.TEXT and column < width]
        shape = Shape(self._delimiter, places, width, words, advice, open_end=set(texts) <= {text})
        return Guess(shape, self._folder, self._has_header)

    def _text(
        self, columns: list[int], values: Mapping[int, list[str]], contents: Mapping[int, Contents]
    ) -> tuple[int, int]:
        """The column of the text, and how many columns there are: what comes after may be a part of the text."""
        width = self._usual
        if "text" in self._fixed:
            return self._fixed["text"], max(width, self._fixed["text"] + 1)
        taken = self._fixed.values()
        texts = [column for column in columns if contents[column] is Contents.TEXT and column not in taken]
        first = texts[0] if texts else self._poor_text(columns, values, contents)
        for column in range(self._audio + 1, first):
            if column not in taken and goes_on(self._lines, column):
                raise self._unclear("text", [column, first], values)
        if not texts:
            if self._audio < first < width - 1 and goes_on(self._lines, first):
                raise self._unclear("text", [first, first + 1], values)
            return first, width
        if self._audio < first < width - 1 and self._runs_to_the_end(first, values, contents):
            return first, first + 1
        others = [column for column in texts[1:] if not self._alike(first, column)]
        if others:
            raise self._unclear("text", [first, *others], values)
        # Of two that are about as long the later one, which is written out for speaking.
        lengths = {column: sum(map(len, values[column])) for column in texts}
        return max(column for column in texts if lengths[column] >= 0.8 * max(lengths.values())), width

    def _runs_to_the_end(self, text: int, values: Mapping[int, list[str]], contents: Mapping[int, Contents]) -> bool:
        """Whether all that follows a column of text belongs to it, cut by separators that stand in sentences."""
        if goes_on(self._lines, text):
            return True
        ends_there = sum(len(cells) == text + 1 for cells in self._lines) >= 0.1 * len(self._lines)
        later = [column for column in values if column > text]
        of_its_own = any(contents[column] is not Contents.TEXT or self._alike(text, column) for column in later)
        return ends_there and not of_its_own

    def _poor_text(self, columns: list[int], values: Mapping[int, list[str]], contents: Mapping[int, Contents]) -> int:
        for kind in _POOR_TEXTS:
            found = [column for column in columns if contents[column] is kind]
            found.sort(key=lambda column: sum(map(len, values[column])), reverse=True)
            lengths = [sum(map(len, values[column])) for column in found[:2]]
            if len(found) > 1 and lengths[1] > 0.5 * lengths[0]:
                if values[found[0]] == values[found[1]] and len(found) == 2:  # the same in both
                    return max(found)
                raise self._unclear("text", sorted(found), values)
            if found:
                return found[0]
        return columns[0]

    def _speaker(self, labels: list[int], values: Mapping[int, list[str]]) -> int | None:
        """The column of labels that names speakers: the only one that differs between lines, else the first."""
        several = [column for column in labels if len(set(values[column])) > 1]
        if len(several) > 1:
            raise self._unclear("speaker", several, values)
        return next(iter(several or labels), None)

    def _are_durations(self, column: int) -> bool:
        if not all(value.isdecimal() for value in self._column(column, self._lines)):
            return False
        lines = [cells for cells in self._lines if len(cells) > max(column, self._audio)]
        known = [
            (cleaned(cells[column], self._delimiter), found[1])
            for cells in lines[:_RECORDINGS_PROBED]
            if (found := self._recording(cleaned(cells[self._audio], self._delimiter))) is not None
        ]
        try:
            return are_durations([value for value, _ in known], [probe(found).duration for _, found in known])
        except UserError:
            return False  # a recording that cannot be read is named where all of them are looked at

    def _look_for_header(self) -> None:
        """Take the first line for a header if it names no recording, and a column as people name them."""
        names = self._column(self._audio, self._lines[:1])
        if len(self._lines) < 2 or not names or self._recording(names[0]) is not None:
            return
        header = [cleaned(cell, self._delimiter) for cell in self._lines[0]]
        matched = {field: header.index(name) for field, name in match_columns(header).items()}
        if not matched:
            return
        self._has_header = True
        self._lines, self._numbers = self._lines[1:], self._numbers[1:]
        self._usual = max(self._usual, len(header))
        if len(header) < self._usual:
            return  # the lines have been cut somewhere, so that the names stand over other columns
        for field, place in matched.items():
            if field != "audio" and place != self._audio and place not in self._fixed.values():
                self._fixed.setdefault(field, place)

    def _column(self, column: int, lines: Sequence[list[str]]) -> list[str]:
        """The cells of a column; empty ones for lines that end before it."""
        return [cleaned(cells[column], self._delimiter) if column < len(cells) else "" for cells in lines]

    def _alike(self, first: int, second: int) -> bool:
        return alike(self._column(first, self._lines), self._column(second, self._lines))

    def _recording(self, name: str) -> tuple[str, Path] | None:
        """The recording of a name, and the folder of :data:`AUDIO_FOLDERS` that it is in."""
        names = dict.fromkeys((name, name.replace("\\", "/"))) if name else ()
        for spelled in names:
            for folder, places in self._folders.items():
                for place in places if not os.path.isabs(spelled) else ("",):
                    found = self._finder.find(place + spelled)
                    if found is not None:
                        return folder, found
        return None

    def _unclear(self, field: str, columns: list[int], values: Mapping[int, list[str]]) -> UserError:
        widths = [len(cells) for cells in self._lines]
        common = min((width for width in widths if widths.count(width) >= 0.1 * len(widths)), default=min(widths))
        longer = next((place for place, width in enumerate(widths) if width > common), None)
        if field == "text" and longer is not None:
            return UserError(
                f"{self._path}, line {self._numbers[longer]}: {widths[longer]} columns found where others have "
                f"{common}: '{excerpt(self._delimiter.join(self._lines[longer]))}'. {against_surplus(self._delimiter)}"
            )
        found = [f"{column + 1} ('{excerpt(next(filter(None, values[column]), ''), 40)}')" for column in columns[:3]]
        names = ["_"] * max(self._usual, max(columns) + 1)
        names[self._audio], names[columns[0]] = "file", field
        if field == "speaker":
            rest = [column for column in range(len(names)) if column not in (self._audio, *columns)]
            names[max(rest, key=lambda column: sum(map(len, values[column])), default=columns[-1])] = "text"
        quotes = " Or put quotes around texts that hold the separator." if self._delimiter in (",", ";") else ""
        return UserError(
            f"{self._path}: columns {' and '.join(found)}, separated by {separator(self._delimiter)}, may each hold "
            f"the {field}. Say what the columns hold, for example --columns {','.join(names)}.{quotes}"
        )

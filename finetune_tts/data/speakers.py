"""Speakers and languages by name: which row of an embedding belongs to whom."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from finetune_tts.data.names import normal_form, same_name
from finetune_tts.errors import UserError
from finetune_tts.files import write_json
from finetune_tts.json_text import read_json

logger = logging.getLogger(__name__)

TORCH_SUFFIXES = (".pth", ".pt", ".pkl")
"""Endings of files that torch wrote."""
_MOST_NUMBERS = 20_000_000  # in a file of d-vectors: 40,000 recordings with vectors of 512
_MOST_ROWS = 1_000_000
_PIPER_SPEAKERS = "speaker_id_map"

#: d-vectors of hundreds of thousands of recordings, as JSON.
LARGEST_FILE = 4 * 2**30

Names = TypeVar("Names", bound="_EmbeddingNames")


@dataclass(frozen=True)
class _EmbeddingNames:
    """Names with the rows of their embedding.

    Attributes:
        ids: name → row, in the order of the rows.
    """

    ids: Mapping[str, int]
    what: ClassVar[str] = "name"
    field: ClassVar[str] = ""
    flag: ClassVar[str] = ""

    @classmethod
    def of(cls: type[Names], names: Iterable[str]) -> Names:
        """Rows for the names of a data set, in alphabetical order as 🐸TTS counts them."""
        return cls({name: row for row, name in enumerate(sorted(set(names)))})

    @classmethod
    def read(cls: type[Names], *paths: str | Path) -> Names:
        """Read one or several files and merge them; a name keeps the row that the first file gives it.

        A file holds a dictionary name → row, a list of names, or d-vectors (``{key: {"name": …, "embedding": …}}``,
        whose names are numbered in alphabetical order as 🐸TTS does), as JSON or as a ``.pth`` file; or it is the
        config of a voice of Piper's.

        Raises:
            UserError: a file is missing, is none of these forms, or gives two names the same row.
        """
        merged = cls({})
        for path in paths:
            ids = _ids_of(read_mapping(path), Path(path))
            merged = merged.grown(ids) if merged.ids else cls(dict(sorted(ids.items(), key=lambda item: item[1])))
        return merged

    @property
    def rows(self) -> int:
        """Rows that the embedding needs."""
        return max(self.ids.values(), default=-1) + 1

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the order of their rows."""
        return tuple(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and same_name(name, self.ids) is not None

    def row_names(self) -> list[str | None]:
        """The name of every row, None for a row that no name has; old and new lists tell which rows to copy."""
        by_row = {row: name for name, row in self.ids.items()}
        return [by_row.get(row) for row in range(self.rows)]

    def grown(self: Names, names: Iterable[str]) -> Names:
        """These names with their rows, and after them the new ones of ``names`` in alphabetical order."""
        known = {normal_form(name) for name in self.ids}
        new = sorted({normal_form(name) for name in names} - known)
        return type(self)({**self.ids, **{name: self.rows + place for place, name in enumerate(new)}})

    def for_rows(self: Names, rows: int, *, file: str | None, weights: Path) -> Names:
        """These names, and a made-up one for each other row of an embedding.

        Args:
            rows: of the embedding.
            file: that the names were read from, for messages; None if there is none.
            weights: the checkpoint with the embedding, likewise.

        Raises:
            UserError: a name has a row that the embedding lacks.
        """
        if self.rows > rows:
            raise UserError(
                f"{self.field} {file} names {self.rows} {self.what}s, {weights} has {rows}: they do not belong "
                "together. Use the file that the model was trained with."
            )
        taken = set(self.ids.values())
        unnamed = [row for row in range(rows) if row not in taken]
        if not unnamed:
            return self
        new: dict[str, int] = {}
        for row in unnamed:
            name = f"{self.what}_{row}"
            while name in self.ids:
                name += "_"
            new[name] = row
        called = " to ".join(dict.fromkeys((next(iter(new)), next(reversed(new)))))
        if file:
            logger.warning(
                "%s %s names %d of the %d %ss; the others are called %s.",
                self.field, file, len(self), rows, self.what, called,
            )  # fmt: skip
        else:
            logger.warning("The config names no %s; the %ss are called %s.", self.field, self.what, called)
        return type(self)({**self.ids, **new})

    def id(self, name: str) -> int:
        """The row of a name.

        Raises:
            UserError: the name is unknown; the nearest ones are given.
        """
        known = typed_name(name, self.ids)
        if known is not None:
            return self.ids[known]
        near = get_close_matches(name, self.ids, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(list(self.ids)[:10])}."
        raise UserError(f"The {self.what} '{name}' is not among the {len(self.ids)} of the model. {hint} {self.flag}")

    def write(self, path: str | Path) -> None:
        """Write the dictionary name → row as JSON, whole or not at all."""
        write_json(path, dict(self.ids))


@dataclass(frozen=True)
class SpeakerNames(_EmbeddingNames):
    """Speaker names with the rows of the speaker embedding (``speakers.json``)."""

    what: ClassVar[str] = "speaker"
    field: ClassVar[str] = "speakers_file"
    flag: ClassVar[str] = "Choose one with --speaker_idx."


@dataclass(frozen=True)
class LanguageNames(_EmbeddingNames):
    """Language names with the rows of the language embedding (``language_ids.json``)."""

    what: ClassVar[str] = "language"
    field: ClassVar[str] = "language_ids_file"
    flag: ClassVar[str] = "Choose one with --language_idx."


def typed_name(name: str, known: Collection[str]) -> str | None:
    """The known name that the user means: releases have names such as ``"ED\\n"``, which nobody can type."""
    same = same_name(name, known)
    if same is not None:
        return same
    meant = [other for other in known if normal_form(other).strip() == normal_form(name).strip()]
    return meant[0] if len(meant) == 1 else None


def read_mapping(path: str | Path) -> Any:
    """What a speaker, language or d-vector file holds: plain values from JSON, or from a ``.pth`` without unpickling.

    Raises:
        UserError: the file is missing, cut off, or would run code.
    """
    path = Path(path)
    if path.suffix.lower() not in TORCH_SUFFIXES:
        return read_json(path, what="file of speakers or d-vectors", most_bytes=LARGEST_FILE)
    if not path.is_file():
        raise UserError(f"{path}: no such file.")
    # Loads torch, which a JSON file does not need.
    from finetune_tts.checkpoints.reading import read_torch_file

    return read_torch_file(path, most_values=_MOST_NUMBERS)


def _ids_of(values: Any, path: Path) -> dict[str, int]:
    if isinstance(values, list) and all(isinstance(name, str) for name in values):
        return {name: row for row, name in enumerate(dict.fromkeys(values))}
    if isinstance(values, dict) and isinstance(values.get(_PIPER_SPEAKERS), dict):
        values = values[_PIPER_SPEAKERS]
    if isinstance(values, dict) and values:
        if all(isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in values.values()):
            return {name: row for row, name in enumerate(sorted({entry["name"] for entry in values.values()}))}
        if all(isinstance(row, int) and not isinstance(row, bool) and row >= 0 for row in values.values()):
            _check_rows(values, path)
            return {str(name): row for name, row in values.items()}
    if values in ({}, []):
        return {}
    raise UserError(
        f"{path}: a dictionary name → number, a list of names, or d-vectors "
        '({"key": {"name": …, "embedding": […]}}) are expected.'
    )


def _check_rows(ids: Mapping[str, int], path: Path) -> None:
    names: Sequence[str] = sorted(ids, key=lambda name: ids[name])
    if ids[names[-1]] >= _MOST_ROWS:
        raise UserError(f"{path}: the number of '{names[-1]}' is not below {_MOST_ROWS:,}; it counts rows of weights.")
    for first, second in zip(names, names[1:], strict=False):
        if ids[first] == ids[second]:
            raise UserError(f"{path}: '{first}' and '{second}' have the same number {ids[first]}.")

"""The losses of a run and what was heard of it, a JSON object a line: ``history.jsonl`` in the run folder."""

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from finetune_tts.errors import UserError
from finetune_tts.files import read_text
from finetune_tts.json_text import parse_json

FILE_NAME = "history.jsonl"


@dataclass(frozen=True)
class HistoryEntry:
    """Losses at one step, or metrics of what was synthesised there."""

    step: int
    epoch: int
    split: Literal["train", "eval", "heard"]
    """``train``: mean since the last entry; ``eval``: mean over the held-out clips; ``heard``: mean over held-out
    sentences that were synthesised after ``step``, written down when they had been heard, which may be much later."""
    losses: dict[str, float]
    """By name; of what was heard, values by the key of their metric."""
    rate: float | None = None
    target: float | None = None
    """The one of the losses, or their mean, that decides which model is the best; None where it is not known."""
    seconds: float = 0.0
    """Since the run, or its continuation, began."""
    total: int | None = None
    """Steps of the whole run, as far as they are known."""


class History:
    """Appends entries; opened at a position, it forgets what was written after it.

    Args:
        folder: of the run.
        position: bytes to keep of what stands there: what had been written when the checkpoint was, by
            :attr:`position`.
    """

    def __init__(self, folder: Path, position: int = 0) -> None:
        self._file = open(folder / FILE_NAME, "ab")  # noqa: SIM115 - closed by close()
        if position < self._file.tell():
            self._file.truncate(position)
            self._file.seek(0, os.SEEK_END)

    def __enter__(self) -> "History":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def position(self) -> int:
        """Bytes written so far."""
        return self._file.tell()

    def add(self, entry: HistoryEntry) -> None:
        """Append ``entry``; it is on disk when this returns, as far as the program can see to it."""
        values = {**asdict(entry), "losses": {k: v if math.isfinite(v) else None for k, v in entry.losses.items()}}
        if entry.target is not None and not math.isfinite(entry.target):
            values["target"] = None
        self._file.write((json.dumps(values) + "\n").encode())
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_history(folder: Path) -> list[HistoryEntry]:
    """Read the entries of a run; a last line that a crash cut off is left out.

    Raises:
        UserError: no history there, or a line that is none.
    """
    path = folder / FILE_NAME
    entries = []
    text = read_text(path)
    complete = text[: text.rfind("\n") + 1]
    for number, line in enumerate(complete.splitlines(), start=1):
        try:
            values = parse_json(line, infinity=True)
            losses = {name: math.nan if value is None else value for name, value in values.pop("losses").items()}
            entries.append(HistoryEntry(losses=losses, **values))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserError(f"{path}, line {number}: not an entry of a run's history ({error}).") from error
    return entries

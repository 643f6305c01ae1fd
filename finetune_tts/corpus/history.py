"""What was done to the clips of a data set, so that it can be undone, also on another day."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetune_tts.corpus.clips import Clip
from finetune_tts.errors import UserError
from finetune_tts.files import write_text
from finetune_tts.json_text import read_json

logger = logging.getLogger(__name__)

HISTORY = ".review.json"
_LONGEST = 500  # edits


@dataclass(frozen=True)
class Edit:
    """A clip before and after."""

    number: int
    before: Clip
    after: Clip

    @property
    def clip(self) -> str:
        return self.before.name

    @property
    def moves_cut(self) -> bool:
        return (self.before.start, self.before.end) != (self.after.start, self.after.end)


@dataclass(frozen=True)
class History:
    """Edits in their order: those that are in force, and those that were undone, the last undone one last."""

    done: tuple[Edit, ...] = ()
    undone: tuple[Edit, ...] = ()

    def with_edit(self, before: Clip, after: Clip, continued: int | None = None) -> "History":
        """One more edit, after which nothing that was undone can be done again.

        Args:
            before, after: the clip.
            continued: number of the edit that this one goes on with; it must be the last one.
        """
        last = self.done[-1] if self.done else None
        if last is not None and last.number == continued and last.after == before and not self.undone:
            return History((*self.done[:-1], replace(last, after=after)))
        number = 1 + max((edit.number for edit in (*self.done, *self.undone)), default=0)
        return History((*self.done, Edit(number, before, after))[-_LONGEST:])

    def with_last_undone(self) -> "History":
        return History(self.done[:-1], (*self.undone, self.done[-1]))

    def with_last_redone(self) -> "History":
        return History((*self.done, self.undone[-1]), self.undone[:-1])

    def mended(self, clips: Mapping[str, Clip]) -> "tuple[History, list[Clip]]":
        """The history of these clips, and those of which the sound may have other cuts than the table.

        An edit whose clip is neither as before nor as after it belongs to an older state of the data set.
        """
        history, to_cut = self, []
        if self.done and clips.get(self.done[-1].clip) == self.done[-1].before:  # the table was not written any more
            history = History(self.done[:-1], self.undone)
            to_cut = [self.done[-1]]
        elif self.undone and clips.get(self.undone[-1].clip) == self.undone[-1].after:
            history = self.with_last_redone()
            to_cut = [self.undone[-1]]
        if any(clips.get(edit.clip) != edit.before for edit in history.undone[-1:]):
            history = replace(history, undone=())
        while history.done and clips.get(history.done[-1].clip) != history.done[-1].after:
            history = History(history.done[:-1])
        return history, [clips[edit.clip] for edit in to_cut if edit.moves_cut]

    def save(self, folder: Path) -> None:
        """Write it into the folder of the data set."""
        content = {"done": [_as_json(edit) for edit in self.done], "undone": [_as_json(edit) for edit in self.undone]}
        write_text(folder / HISTORY, json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n")

    @staticmethod
    def read(folder: Path) -> "History":
        """Read it; one that cannot be read is said to be lost, since what it is about is whole."""
        path = folder / HISTORY
        if not path.exists():
            return History()
        try:
            content = read_json(path)
            return History(tuple(map(_edit, content["done"])), tuple(map(_edit, content["undone"])))
        except UserError as error:
            logger.warning("%s Edits of earlier reviews cannot be undone.", error)
        except (KeyError, TypeError, ValueError):
            logger.warning("%s: is no list of edits. Those of earlier reviews cannot be undone.", path)
        return History()


def _as_json(edit: Edit) -> list[Any]:
    return [edit.number, edit.clip, str(edit.before.source), _state(edit.before), _state(edit.after)]


def _state(clip: Clip) -> list[Any]:
    return [clip.start, clip.end, clip.text, clip.confidence, clip.kept, clip.reason]


def _edit(row: Any) -> Edit:
    number, name, source, *states = row
    before, after = (_clip(str(name), Path(source), *state) for state in states)
    return Edit(int(number), before, after)


def _clip(
    name: str, source: Path, start: float, end: float, text: str, confidence: float, kept: bool, reason: str
) -> Clip:
    return Clip(name, source, float(start), float(end), str(text), float(confidence), bool(kept), str(reason))

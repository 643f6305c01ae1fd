"""Why a recording that metadata names is not found: what is there under nearly the same name."""

import logging
import os
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path, PureWindowsPath

from finetune_tts.data.audio_files import is_audio, walk_files, without_audio_extension
from finetune_tts.data.rows import Row
from finetune_tts.errors import UserError, excerpt

logger = logging.getLogger(__name__)

_MOST_RECORDINGS = 100_000


class NearMisses:
    """The recordings below a folder, to be compared with names that are not among them.

    Args:
        root: folder of the data set.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        found = (path for path in walk_files(root) if is_audio(path.name))
        self.paths = [path.relative_to(root).as_posix() for path in islice(found, _MOST_RECORDINGS)]
        stems = [without_audio_extension(path) for path in self.paths]
        self._by_case = dict(zip(map(str.casefold, stems), self.paths, strict=True))
        self._by_number = dict(zip(map(_without_zeros, stems), self.paths, strict=True))
        self._by_name = dict(zip((stem.rpartition("/")[2] for stem in stems), self.paths, strict=True))
        self._by_similar_name = {_without_zeros(name): path for name, path in self._by_name.items()}

    def explain(self, candidates: Iterable[str]) -> str:
        """Say in a sentence what is there in the place of a recording that is not at any of ``candidates``."""
        if not self.paths:
            return f"There is no recording below {self._root}."
        names = [without_audio_extension(os.path.relpath(path, self._root)) for path in candidates]
        for name in names:
            if near := self._by_case.get(name.casefold()):
                return f"There is {excerpt(near)}: upper and lower case differ."
        for name in names:
            if near := self._by_number.get(_without_zeros(name)):
                return f"There is {excerpt(near)}: zeros in front are lost, as spreadsheets lose them."
        for name in map(_last_part, names):
            if near := self._by_name.get(name):
                return f"There is {excerpt(near)}, in another folder than the metadata says."
        for name in map(_last_part, names):
            if near := self._by_similar_name.get(_without_zeros(name)):
                return f"There is {excerpt(near)}, in another folder, and spelled otherwise."
        few: Sequence[str] = self.paths[:3]
        more = ", …" if len(self.paths) > len(few) else ""
        return f"Below {self._root} there are {', '.join(map(excerpt, few))}{more}."


def _last_part(path: str) -> str:
    return PureWindowsPath(path).name  # splits at both kinds of slash


def _without_zeros(name: str) -> str:
    return re.sub(r"0+(?=\d)", "", name.casefold())


def report_missing(missing: list[Row], total: int, root: Path, may_lack: bool) -> None:
    """Say which recordings of metadata are missing.

    Args:
        missing: rows without a recording.
        total: rows of the metadata.
        root: folder of the data set.
        may_lack: its releases are known to lack some, so that it is no error.

    Raises:
        UserError: the recordings are missing; the first five are named, and what exists under nearly that name.
    """

    def shown(path: str) -> str:
        return excerpt(path.removeprefix(os.path.join(root, "")), 100)

    first = "; ".join(f"{shown(row.audio[0]) or 'no name'} ({shown(row.origin)})" for row in missing[:5])
    more = f"; and {len(missing) - 5} more" if len(missing) > 5 else ""
    message = f"{root}: {len(missing)} of {total} recordings are missing: {first}{more}."
    if not may_lack:
        near = NearMisses(root).explain(missing[0].audio)
        header = " If line 1 is a header, name the columns with --columns." if _is_first_line(missing[0]) else ""
        raise UserError(f"{message} {near}{header} Correct the path or remove the lines.")
    logger.warning("%s The release of this data set is known to lack some; they are left out.", message)


def _is_first_line(row: Row) -> bool:
    return row.origin.endswith(", line 1")

"""What metadata files, folders and words of a column are for: to train on, to be held out, to be left alone."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finetune_tts.data.metadata_files import METADATA_EXTENSIONS

Purpose = Literal["train", "eval", "test"]

_WORDS: dict[str, Purpose] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    # In this order: where there are several, the later ones are what others call the test set.
    **dict.fromkeys(("val", "valid", "validation", "dev", "heldout", "holdout", "eval", "evaluation"), "eval"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}
_EVAL = [word for word, purpose in _WORDS.items() if purpose == "eval"]


@dataclass(frozen=True)
class Siblings:
    """Metadata files that stand beside one that is trained on.

    Attributes:
        held_out: whose recordings are held out for evaluation.
        left_alone: which are not used: test sets.
    """

    held_out: Path | None = None
    left_alone: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return self.held_out is not None or bool(self.left_alone)

    def told(self) -> str:
        """Both, in words; empty where there are none."""
        parts = [f"held out: {told_file(self.held_out)}"] if self.held_out is not None else []
        if self.left_alone:
            parts.append(f"left alone: {', '.join(map(told_file, self.left_alone))}")
        return "; ".join(parts)


def told_file(path: Path) -> str:
    """The name of a metadata file, with the folder where that tells what it is for."""
    return path.name if purpose_of(path) is not None else "/".join(path.parts[-2:])


def released_siblings(root: Path, names: tuple[str, str]) -> Siblings:
    """The parts for evaluation and for tests of a release, as far as they are there.

    Args:
        root: folder of the data set.
        names: of the two below ``root``.
    """
    held_out, tests = (root / name for name in names)
    return Siblings(held_out if held_out.exists() else None, (tests,) if tests.exists() else ())


def split_of(word: str) -> Purpose | None:
    """What a word such as ``dev`` says that something is for."""
    return _WORDS.get(word.strip().lower())


def purpose_of(path: Path) -> Purpose | None:
    """What a file is for by its name: ``metadata_eval.csv``, ``filelist.val.txt``; None where it does not say.

    A name that tells of training is one of a file to train on, whatever else it tells of.
    """
    found = {split_of(word) for word in _words(path)}
    order: tuple[Purpose, ...] = ("train", "test", "eval")
    return next((purpose for purpose in order if purpose in found), None)


def siblings_of(path: Path, files: Iterable[Path]) -> Siblings:
    """The files that belong to one to train on: ``metadata_eval.csv`` to ``metadata_train.csv`` or ``metadata.csv``.

    Args:
        path: the file to train on.
        files: those of its folder.
    """
    beside = [file for file in files if file.suffix.lower() == path.suffix.lower() and file != path]
    beside = [file for file in beside if purpose_of(file) in ("eval", "test")]
    related = [file for file in beside if _base(file) == _base(path)]
    if not related and purpose_of(path) is None:  # val.csv beside metadata.csv
        related = [file for file in beside if not _base(file)]
    held_out = sorted((file for file in related if purpose_of(file) == "eval"), key=_eval_rank)
    tests = sorted(file for file in related if purpose_of(file) == "test")
    return Siblings(held_out[0] if held_out else None, (*held_out[1:], *tests))


def siblings_in(root: Path) -> Siblings:
    """The files for evaluation and tests of a folder where something else tells what there is to train on."""
    files = [path for path in root.iterdir() if path.suffix.lower() in METADATA_EXTENSIONS and path.is_file()]
    return next((found for path in to_train_on(files) if (found := siblings_of(path, files))), Siblings())


def to_train_on(files: Sequence[Path]) -> list[Path]:
    """The files that are not for evaluation or tests, those first that have such files beside them."""
    candidates = [file for file in files if purpose_of(file) not in ("eval", "test")]
    return sorted(candidates, key=lambda file: not (purpose_of(file) == "train" and siblings_of(file, files)))


def _words(path: Path) -> list[str]:
    return re.split(r"[\W_]+", path.stem.lower())


def _base(path: Path) -> tuple[str, ...]:
    return tuple(word for word in _words(path) if word and split_of(word) is None)


def _eval_rank(path: Path) -> tuple[int, str]:
    return min(_EVAL.index(word) for word in _words(path) if word in _EVAL), path.name


def file_to_train_on(root: Path, patterns: Sequence[str], not_this: Path | None = None) -> tuple[Path, Siblings] | None:
    """The metadata file that a layout trains on where several have a usual name, and those that belong to it.

    Args:
        root: folder of the data set.
        patterns: usual names, the likelier first.
        not_this: a metadata file that is for something else.

    Returns:
        None where no file, or more than one, may be meant.
    """
    other = os.path.abspath(not_this) if not_this else ""
    files = sorted(path for path in root.iterdir() if path.is_file() and os.path.abspath(path) != other)
    for pattern in patterns:
        matching = to_train_on([path for path in files if path.match(pattern)])
        first = [path for path in matching if purpose_of(path) == "train" and siblings_of(path, files)]
        chosen = first or matching
        if chosen:
            return (chosen[0], siblings_of(chosen[0], files)) if len(chosen) == 1 else None
    return None

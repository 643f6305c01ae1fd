"""A data set's metadata without the clips that would spoil a voice, and a list of what was left out and why."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune_tts.check.finding import Finding
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.names import half_character
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError
from finetune_tts.files import expanded, write_text

METADATA, HELD_OUT, LEFT_OUT = "metadata.csv", "metadata_eval.csv", "left_out.csv"
_COLUMNS = "audio_file|text|speaker_name|language"
_COLUMNS_LEFT_OUT = "name|audio_file|text|reason"
_HEADERS = {METADATA: _COLUMNS, HELD_OUT: _COLUMNS, LEFT_OUT: _COLUMNS_LEFT_OUT}


@dataclass(frozen=True)
class Filtered:
    """What was written.

    Attributes:
        folder: where it is.
        kept: samples in the metadata.
        left_out: samples that are not.
    """

    folder: Path
    kept: int
    left_out: int


def spoiled(findings: Iterable[Finding]) -> dict[Path, list[str]]:
    """The recordings that are better left out, with the reasons."""
    reasons: dict[Path, list[str]] = {}
    for finding in findings:
        if finding.spoils:
            for clip in finding.clips:
                reasons.setdefault(clip.file, []).append(f"{finding.id}: {clip.note}")
    return reasons


def require_apart(folder: str | Path, datasets: Iterable[DatasetConfig] = ()) -> None:
    """Refuse a folder in which metadata would be lost.

    Args:
        folder: of :func:`write_filtered`. What an earlier call wrote there may be written over.
        datasets: the data sets that are read.

    Raises:
        UserError: the folder is one of theirs, or holds metadata of another origin.
    """
    folder = expanded(folder)
    ours = {os.path.realpath(folder / name) for name in _HEADERS}
    for dataset in datasets:
        root = expanded(dataset.path)
        read = [root / name for name in (dataset.meta_file_train, dataset.meta_file_val) if name]
        if os.path.realpath(root) == os.path.realpath(folder) or any(os.path.realpath(path) in ours for path in read):
            raise UserError(
                f"--write_filtered {folder}: the data set that is read is there, and its metadata would be lost. Name "
                "another folder."
            )
    found = {name: line for name in _HEADERS if (line := _first_line(folder / name)) is not None}
    # Metadata with the same columns may be anyone's; beside a list of what was left out it is that of an earlier call.
    foreign = [name for name, line in found.items() if line != _HEADERS[name] or LEFT_OUT not in found]
    if foreign:
        raise UserError(
            f"--write_filtered {folder}: {foreign[0]} there was not written by an earlier --write_filtered, and would "
            "be lost. Name another folder."
        )


def _first_line(path: Path) -> str | None:
    """None where there is no file."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        return file.readline(200).decode("utf-8", errors="replace").strip()


def write_filtered(folder: str | Path, samples: Sequence[Sample], findings: Iterable[Finding]) -> Filtered:
    """Write metadata with named columns that the program reads again, and a list of what was left out.

    The recordings stay where they are; the metadata names them by their full paths.

    Args:
        folder: made if it is missing. What an earlier call wrote there is written over.
        samples: all samples.
        findings: whose ``spoils`` decide.

    Raises:
        UserError: nothing would be left, the folder holds other metadata or cannot be written, or the name of a
            recording cannot stand in metadata.
    """
    folder = expanded(folder)
    require_apart(folder)
    reasons = spoiled(findings)
    known = {sample.audio_file for sample in samples}
    kept = [sample for sample in samples if sample.audio_file not in reasons]
    absent = [path for path in reasons if path not in known]  # recordings that are missing are no samples
    if not kept:
        raise UserError(f"--write_filtered {folder}: none of the {len(samples)} clips would be left. See the findings.")
    left_out = [
        [_one_line(sample.name), _one_line(path), text, "; ".join(reasons[sample.audio_file])]
        for sample in samples
        if sample.audio_file in reasons
        for path, text in [_place(sample)]
    ]
    left_out += [
        [_one_line(path.stem), _one_line(os.path.abspath(path)), "", "; ".join(reasons[path])] for path in absent
    ]
    rows = [_row(sample) for sample in kept if sample.split != "eval"]
    held_out = [_row(sample) for sample in kept if sample.split == "eval"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The list first: that it is there says whose the metadata is.
        write_text(folder / LEFT_OUT, _table(_COLUMNS_LEFT_OUT, left_out))
        write_text(folder / METADATA, _table(_COLUMNS, rows))
        if held_out:
            write_text(folder / HELD_OUT, _table(_COLUMNS, held_out))
        else:
            (folder / HELD_OUT).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"--write_filtered {folder}: cannot be written ({error.strerror}).") from error
    return Filtered(folder, len(kept), len(left_out))


def _row(sample: Sample) -> list[str]:
    path, text = _place(sample)
    if set(path) & set("|\r\n") or path != path.strip() or half_character(path):
        raise UserError(
            f"--write_filtered: {path!a}: this name cannot stand in metadata, for a '|', a line break, a space at its "
            "end, or bytes that are not UTF-8. Rename the file or its folder."
        )
    return [path, text, _one_line(sample.speaker), _one_line(sample.language)]


def _place(sample: Sample) -> tuple[str, str]:
    return os.path.abspath(sample.audio_file), _one_line(sample.text)


def _one_line(text: str) -> str:
    """Text as a cell: without what would end it, and in quotes of its own where quotes enclose it."""
    text = " ".join(text.replace("|", " ").split())
    enclosed = len(text) > 1 and text[0] == text[-1] == '"'
    return '"' + text.replace('"', '""') + '"' if enclosed else text


def _table(header: str, rows: Iterable[Sequence[str]]) -> str:
    return "\n".join([header, *("|".join(row) for row in rows)]) + "\n"

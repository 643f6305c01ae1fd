"""A data set's metadata without the clips that would spoil a voice, and a list of what was left out and why."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune_tts.check.finding import Finding
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError
from finetune_tts.files import expanded, write_text

METADATA, HELD_OUT, LEFT_OUT = "metadata.csv", "metadata_eval.csv", "left_out.csv"
_COLUMNS = "audio_file|text|speaker_name|language"


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


def write_filtered(folder: str | Path, samples: Sequence[Sample], findings: Iterable[Finding]) -> Filtered:
    """Write metadata with named columns that the program reads again, and a list of what was left out.

    The recordings stay where they are; the metadata names them by their full paths.

    Args:
        folder: made if it is missing. A folder that holds such files already is written over.
        samples: all samples.
        findings: whose ``spoils`` decide.

    Raises:
        UserError: nothing would be left, or the folder cannot be written.
    """
    folder = expanded(folder)
    reasons = spoiled(findings)
    known = {sample.audio_file for sample in samples}
    kept = [sample for sample in samples if sample.audio_file not in reasons]
    absent = [path for path in reasons if path not in known]  # recordings that are missing are no samples
    if not kept:
        raise UserError(f"--write_filtered {folder}: none of the {len(samples)} clips would be left. See the findings.")
    left_out = [[_one_line(sample.name), *_place(sample), "; ".join(reasons[sample.audio_file])]
                for sample in samples if sample.audio_file in reasons]  # fmt: skip
    left_out += [[path.stem, os.path.abspath(path), "", "; ".join(reasons[path])] for path in absent]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / METADATA, _table(_COLUMNS, (_row(sample) for sample in kept if sample.split != "eval")))
        if held_out := [sample for sample in kept if sample.split == "eval"]:
            write_text(folder / HELD_OUT, _table(_COLUMNS, map(_row, held_out)))
        write_text(folder / LEFT_OUT, _table("name|audio_file|text|reason", left_out))
    except OSError as error:
        raise UserError(f"--write_filtered {folder}: cannot be written ({error.strerror}).") from error
    return Filtered(folder, len(kept), len(left_out))


def _row(sample: Sample) -> list[str]:
    return [*_place(sample), _one_line(sample.speaker), _one_line(sample.language)]


def _place(sample: Sample) -> list[str]:
    return [os.path.abspath(sample.audio_file), _one_line(sample.text)]


def _one_line(text: str) -> str:
    """Text as a cell: without what would end it, and in quotes of its own where quotes enclose it."""
    text = " ".join(text.replace("|", " ").split())
    enclosed = len(text) > 1 and text[0] == text[-1] == '"'
    return '"' + text.replace('"', '""') + '"' if enclosed else text


def _table(header: str, rows: Iterable[Sequence[str]]) -> str:
    return "\n".join([header, *("|".join(row) for row in rows)]) + "\n"

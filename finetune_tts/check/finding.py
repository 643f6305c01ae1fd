"""What a check found out: the one form that the table, the JSON file and the exit status are made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from finetune_tts.data.sample import Sample
from finetune_tts.errors import counted


class Severity(str, Enum):
    """What a finding means for the run."""

    STOPS = "stops"
    """The run would fail."""
    ADVISES = "advises"
    """The run works, but would be better without it."""
    FINE = "fine"


@dataclass(frozen=True)
class Clip:
    """A clip that a finding is about.

    Attributes:
        name: unique name of the sample.
        file: the recording.
        note: what is the matter with it, such as ``SNR 6 dB``.
    """

    name: str
    file: Path
    note: str


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and how it is.

    Attributes:
        id: name of what was looked at, for programs.
        severity: what it means.
        title: what was found, in a few words.
        advice: what to do; empty where there is nothing to be done.
        clips: all clips that it is about, the worst first.
        count: how many clips, or other things, it is about; 0 where it is fine.
        spoils: those clips are better left out.
    """

    id: str
    severity: Severity
    title: str
    advice: str = ""
    clips: tuple[Clip, ...] = ()
    count: int = 0
    spoils: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return {
            "id": self.id,
            "severity": self.severity.value,
            "title": self.title,
            "advice": self.advice,
            "count": self.count,
            "spoils": self.spoils,
            "clips": [{"name": clip.name, "file": str(clip.file), "note": clip.note} for clip in self.clips],
        }


def fine(id: str, title: str) -> Finding:
    """A finding that there is nothing to complain about."""
    return Finding(id, Severity.FINE, title)


def about(
    id: str,
    clips: Iterable[tuple[float, Sample, str]],
    *,
    title: str,
    advice: str,
    otherwise: str,
    severity: Severity = Severity.ADVISES,
    spoils: bool = True,
) -> Finding:
    """A finding about clips, or that there are none.

    Args:
        id: of the finding.
        clips: how bad each one is (more is worse), the sample, and a note.
        title: with ``{count}`` for their number.
        advice: what to do.
        otherwise: title where there are none.
        severity: where there are some.
        spoils: such clips are better left out.
    """
    found = [Clip(sample.name, sample.audio_file, note) for _, sample, note in sorted(clips, key=lambda clip: -clip[0])]
    if not found:
        return fine(id, otherwise)
    return Finding(id, severity, title.format(count=counted(len(found))), advice, tuple(found), len(found), spoils)


def worst(findings: Sequence[Finding]) -> Severity:
    """The severity of all findings together."""
    found = {finding.severity for finding in findings}
    return next((severity for severity in Severity if severity in found), Severity.FINE)

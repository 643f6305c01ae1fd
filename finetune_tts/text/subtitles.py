"""Subtitles in SubRip's form (SRT): which text is shown from when to when."""

import html
import re
from dataclasses import dataclass, replace

from finetune_tts.errors import UserError, excerpt

_LATEST = 24 * 3600
_time = r"(\d{1,3}):(\d{1,2}):(\d{1,2})(?:[,.](\d{1,3}))?"
# Behind the times some programs write where on the screen the text stands.
_times = re.compile(rf"\s*{_time}\s*-->\s*{_time}(?:\s+.*)?")
_number = re.compile(r"\s*\d+\s*")
# What is left of a cue behind an empty line: its number, and the beginning of its times.
_cut = re.compile(r"\n\n\d+(\n[\d:,. >-]*)?$")
# <i>, </font>; {\an8}, which positions a line.
_markup = re.compile(r"</?[a-zA-Z][^<>]*>|\{\\[^{}]*\}")


@dataclass(frozen=True)
class Cue:
    """A text and when it is shown.

    Attributes:
        line: of the file, at which its times stand.
        start, end: in seconds.
        text: without markup, on one line.
        slot: seconds that it may be spoken for: until the next cue starts, or until its own end where others overlap
            it or none follows.
    """

    line: int
    start: float
    end: float
    text: str
    slot: float


def read_subtitles(text: str, where: str) -> list[Cue]:
    """Read the cues of a file by the time at which they start. Those without a text are skipped.

    Args:
        text: of the file.
        where: its name, for messages.

    Raises:
        UserError: there is no cue in it, it is cut off, or a time cannot be.
    """
    cues: list[Cue] = []
    lines = text.split("\n")
    starts = [place for place, line in enumerate(lines) if "-->" in line]
    if not starts:
        raise UserError(f"{where}: no subtitles in it: no line such as 00:00:01,000 --> 00:00:03,500.")
    _require_nothing(lines[: starts[0]], 0, where)
    for place, following in zip(starts, [*starts[1:], None], strict=True):
        start, end = _times_of(lines[place], f"{where}, line {place + 1}")
        # The number of the cue that follows stands before its times, and is no text.
        last = following is None
        said = [line.strip() for line in lines[place + 1 : following]]
        while said and not said[-1]:
            said.pop()
        if not last and said and _number.fullmatch(said[-1]):
            said.pop()
        elif last and (cut := _cut.search("\n".join(said))):
            raise UserError(
                f"{where}, line {place + 2 + len(said) - 1 - cut[0].strip().count(chr(10))}: the file is cut off: the "
                f"cue {excerpt(cut[0])!r} has no times. Copy it again from where it came from."
            )
        words = " ".join(html.unescape(_markup.sub(" ", " ".join(said))).split())
        if words:
            cues.append(Cue(place + 1, start, end, words, end - start))
    if not cues:
        raise UserError(f"{where}: no subtitle in it has a text.")
    cues.sort(key=lambda cue: cue.start)
    return [
        replace(cue, slot=following.start - cue.start) if following is not None and following.start >= cue.end else cue
        for cue, following in zip(cues, [*cues[1:], None], strict=True)
    ]


def _require_nothing(lines: list[str], before: int, where: str) -> None:
    """Refuse what stands before the first cue and belongs to none."""
    for number, line in enumerate(lines, start=before + 1):
        if line.strip() and not _number.fullmatch(line) and not line.startswith("WEBVTT"):
            raise UserError(f"{where}, line {number}: {excerpt(line)!r} stands before the times of the first cue.")


def _times_of(line: str, where: str) -> tuple[float, float]:
    found = _times.fullmatch(line)
    if found is None:
        raise UserError(
            f"{where}: {excerpt(line)!r} are no times of a cue. They are written 00:00:01,000 --> 00:00:03,500; a file "
            "that ends here is cut off."
        )
    start, end = _seconds(found.groups()[:4]), _seconds(found.groups()[4:])
    if end < start:
        raise UserError(f"{where}: the cue ends before it starts: {line.strip()}.")
    if end > _LATEST:
        raise UserError(f"{where}: the cue ends later than 24 hours: {line.strip()}.")
    return start, end


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + float(f"0.{fraction or 0}")

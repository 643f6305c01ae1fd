"""Whether all processes of a run have the same data: each reads it for itself, on whichever machine it is."""

import hashlib
import socket
from collections.abc import Iterable, Mapping, Sequence

from finetune_tts.data.processes import Team
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError, excerpt

Entry = tuple[str, Mapping[str, str]]
"""A name, and what has to be the same about it, by what it is."""


def require_same_samples(samples: Sequence[Sample], team: Team) -> None:
    """Refuse lists of recordings that are not the same in all processes, wherever these have the files.

    Raises:
        UserError: they differ; in all processes the same message. It names the first one that does.
    """
    entries = [
        (one.name, {"text": one.text, "speaker": one.speaker, "language": one.language, "split": one.split})
        for one in samples
    ]
    require_same(entries, team, "recordings", "Give all of them the same recordings.")


def require_same(entries: Iterable[Entry], team: Team, what: str, way_out: str) -> None:
    """Refuse what is not the same in all processes, in the same order.

    Args:
        entries: of this process.
        team: all of them have to ask.
        what: the entries are, in the plural.
        way_out: what to do about it.

    Raises:
        UserError: they differ; in all processes the same message.
    """
    if team.size == 1:
        return
    entries = list(entries)
    own = [(name, _digest(repr((name, sorted(values.items()))))) for name, values in entries]
    told = team.gathered((socket.gethostname(), len(own), _digest(repr(own))))
    others = [rank for rank, (_, _, digest) in enumerate(told) if digest != told[0][2]]
    if not others:
        return
    lists, rank = team.gathered(own), others[0]
    place = _first_difference(lists[0], lists[rank])
    values = team.gathered(entries[place] if place < len(entries) else None)
    (host, count, _), (host_of_main, count_of_main, _) = told[rank], told[0]
    more = f" (nor have {len(others) - 1} more processes)" if len(others) > 1 else ""
    names = [{name for name, _ in lists[0]}, {name for name, _ in lists[rank]}]
    raise UserError(
        f"Process {rank} on {host} has not the same {what} as process 0 on {host_of_main}{more}: {count} and "
        f"{count_of_main}, and {_difference(values[0], values[rank], rank, names)}. {way_out}"
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _first_difference(main: Sequence[tuple[str, str]], other: Sequence[tuple[str, str]]) -> int:
    differing = (at for at, (one, two) in enumerate(zip(main, other, strict=False)) if one != two)
    return next(differing, min(len(main), len(other)))


def _difference(main: Entry | None, other: Entry | None, rank: int, names: Sequence[set[str]]) -> str:
    """What is to be said of the entries at the first place that differs; ``names`` are all of both processes."""
    for entry, owner in ((main, 0), (other, rank)):
        if entry is not None and not all(entry[0] in of_process for of_process in names):
            return f"only process {owner} has {excerpt(entry[0])}"
    if main is None or other is None or main[0] != other[0]:
        return f"their order differs from {excerpt((main or other or ('', {}))[0])} on"
    what = next(name for name, value in main[1].items() if other[1].get(name) != value)
    there, here = excerpt(other[1].get(what, "")), excerpt(main[1][what])
    return f"the first that differs is {excerpt(main[0])}, whose {what} is {there} and not {here}"

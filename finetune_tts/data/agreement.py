"""Whether all processes of a run have the same data: each reads it for itself, on whichever machine it is."""

import hashlib
import socket
from collections.abc import Iterable, Sequence

from finetune_tts.data.processes import Team
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError, excerpt

Entry = tuple[str, str]
"""A name, and all that has to be the same about it."""


def require_same_samples(samples: Sequence[Sample], team: Team) -> None:
    """Refuse lists of recordings that are not the same in all processes.

    Raises:
        UserError: they differ; in all processes the same message. It names the first one that does.
    """
    told = ((one.name, repr((one.text, one.speaker, one.language, one.split))) for one in samples)
    require_same(told, team, "recordings", "its text, speaker or language is another one", "Give all of them the same")


def require_same(entries: Iterable[Entry], team: Team, what: str, differs: str, way_out: str) -> None:
    """Refuse what is not the same in all processes, in the same order.

    Args:
        entries: of this process.
        team: all of them have to ask.
        what: the entries are, in the plural.
        differs: what to say of two entries of one name.
        way_out: the beginning of what to do about it.

    Raises:
        UserError: they differ; in all processes the same message.
    """
    if team.size == 1:
        return
    own = [(name, hashlib.sha256(repr((name, value)).encode("utf-8", "backslashreplace")).digest()[:8].hex())
           for name, value in entries]  # fmt: skip
    whole = hashlib.sha256(repr(own).encode("utf-8", "backslashreplace")).hexdigest()
    told = team.gathered((socket.gethostname(), len(own), whole))
    others = [rank for rank, (_, _, digest) in enumerate(told) if digest != told[0][2]]
    if not others:
        return
    lists = team.gathered(own)
    rank = others[0]
    (host, count, _), (host_of_main, count_of_main, _) = told[rank], told[0]
    more = f" (nor have {len(others) - 1} more processes)" if len(others) > 1 else ""
    raise UserError(
        f"Process {rank} on {host} has not the same {what} as process 0 on {host_of_main}{more}: {count} and "
        f"{count_of_main}, and {_first_difference(lists[0], lists[rank], rank, differs)}. {way_out} {what}."
    )


def _first_difference(main: Sequence[Entry], other: Sequence[Entry], rank: int, differs: str) -> str:
    place = next((at for at, (one, two) in enumerate(zip(main, other, strict=False)) if one != two), None)
    if place is None:
        place = min(len(main), len(other))
    names = [entries[place][0] if place < len(entries) else None for entries in (main, other)]
    in_both = {name for name, _ in main} & {name for name, _ in other}
    for name, owner in zip(names, (0, rank), strict=True):
        if name is not None and name not in in_both:
            return f"only process {owner} has {excerpt(name)}"
    if names[0] == names[1]:
        return f"the first that differs is {excerpt(str(names[0]))}: {differs}"
    return f"their order differs from {excerpt(str(names[0]))} on"

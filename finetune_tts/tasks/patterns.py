"""Patterns of a shell over the names of a network's weights: ``text_encoder.*``."""

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import accumulate

from torch import nn

from finetune_tts.errors import UserError


def is_named(name: str, pattern: str) -> bool:
    """Tell whether a pattern names a weight, or the module that it is in: ``text_encoder`` is ``text_encoder.*``."""
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")


def weights_named(network: nn.Module, pattern: str, field: str) -> dict[str, nn.Parameter]:
    """Return the weights that a pattern names.

    Args:
        network: has them.
        pattern: of a shell; ``*`` stands for dots too.
        field: of the config, for messages.

    Raises:
        UserError: it names none; near names are told.
    """
    named = dict(network.named_parameters())
    found = {name: weight for name, weight in named.items() if is_named(name, pattern)}
    if not found:
        raise UserError(f"--coqpit.{field} {pattern}: names no weight of the network. {nearest(pattern, named)}")
    return found


def nearest(pattern: str, names: Iterable[str]) -> str:
    """Say which names come near to a pattern that names nothing: of weights, or of modules that hold some."""
    places = dict.fromkeys(
        place for name in names for place in accumulate(name.split("."), lambda before, part: f"{before}.{part}")
    )
    wanted = pattern.replace("*", "").strip(".")
    if near := difflib.get_close_matches(wanted, places, n=3, cutoff=0.75):
        return f"Near are {_listed(near)}."
    *above, _ = accumulate(["", *wanted.split(".")], lambda before, part: f"{before}.{part}".strip("."))
    whole = next(place for place in reversed(above) if place in places or not place)
    parts = [place.rpartition(".")[2] for place in places if place.rpartition(".")[0] == whole]
    return f"The parts of {whole or 'it'} are {_listed(parts)}."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "")

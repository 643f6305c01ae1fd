"""Checks of the arguments of a part of a network, which depend on its kind: ``encoder_params`` and its like."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from finetune_tts.config.ranges import CHANNELS, COUNT, KERNEL, SHARE, Range, is_number, is_whole
from finetune_tts.config.values import shown, shown_name


def argument_faults(
    field: str, params: Mapping[str, Any], *, kind: str, known: Mapping[str, Any], required: Sequence[str]
) -> Iterator[str]:
    """Yield what a part of a network cannot be built with, one line each.

    Args:
        field: dotted name of the field that holds the arguments.
        params: the arguments.
        kind: of the part.
        known: its arguments, with a value of the type that each has.
        required: those that have no default.
    """
    for name in params:
        if name not in known and name != "rel_attn_window_size":
            yield f"{field}.{shown_name(name)}: {kind} has no such argument; it has {', '.join(known)}"
    for name in required:
        if name not in params:
            yield f"{field}.{name}: is missing; {kind} needs it"
    for name, value in params.items():
        whole = isinstance(known.get(name), int) and not isinstance(known.get(name), bool)
        if name == "dropout_p" and not (is_number(value) and SHARE.holds(value)):
            yield f"{field}.dropout_p = {shown(value)}: must be {SHARE}"
        elif whole and not (is_whole(value) and _range(name).holds(value)):
            yield f"{field}.{name} = {shown(value)}: must be a whole number, {_range(name)}"
    yield from _dilation_faults(field, params, known)


def head_faults(field: str, params: Mapping[str, Any], channels_field: str, channels: int) -> Iterator[str]:
    """Yield that the heads of an attention do not share its channels evenly."""
    heads = params.get("num_heads")
    if isinstance(heads, int) and heads >= 1 and channels % heads:
        yield f"{field}.num_heads = {heads}: must divide {channels_field} = {channels}"


def _dilation_faults(field: str, params: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    dilations = params.get("dilations")
    if "dilations" in known and not (
        isinstance(dilations, list) and all(is_whole(item) and KERNEL.holds(item) for item in dilations)
    ):
        yield f"{field}.dilations = {shown(dilations)}: must be a list of whole numbers, each {KERNEL}"
    elif isinstance(dilations, list) and len(dilations) != params.get("num_res_blocks", len(dilations)):
        blocks = shown(params["num_res_blocks"])
        yield f"{field}.dilations has {len(dilations)} items: must have num_res_blocks = {blocks} of them"


def _range(name: str) -> Range:
    if name.startswith("hidden"):
        return CHANNELS
    return KERNEL if name.startswith(("kernel", "dilation")) else COUNT

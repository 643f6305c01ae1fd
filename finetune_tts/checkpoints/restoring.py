"""Putting a checkpoint's weights into a network, by name and by shape, with a report of what did not fit.

rule = RowRule("encoder.emb.weight", old_keys=released_symbols, new_keys=merged_keys(released_symbols, my_symbols))
report = restore(network, checkpoint.model, row_rules=[rule], source=checkpoint.path)
print(report.table())
report.raise_for_gap()
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from finetune_tts.checkpoints.names import fitted_names
from finetune_tts.checkpoints.report import Fate, RestoreReport, RowReport, TensorReport

# A new row is the mean of the old ones plus this many of their standard deviations of noise: enough to tell two new
# symbols apart, little enough that the network hears something it knows.
NEW_ROW_NOISE = 0.1


@dataclass(frozen=True)
class RowRule:
    """Says what the rows of one tensor stand for, so that they can follow their keys.

    Attributes:
        name: the tensor, as the network names it: ``encoder.emb.weight``, ``emb_g.weight``.
        old_keys: the key of each row in the checkpoint, in order: symbols, speaker names, languages. Empty says that
            the checkpoint has no such tensor and need not have it.
        new_keys: the key of each row in the network, in order.
    """

    name: str
    old_keys: Sequence[str]
    new_keys: Sequence[str]


def merged_keys(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """The old keys in their order, then the new ones that are not among them.

    A network that is built for these keys keeps every old id; what is new is appended.
    """
    known = set(old)
    return [*old, *dict.fromkeys(key for key in new if key not in known)]


def restore(
    module: torch.nn.Module,
    state: Mapping[str, torch.Tensor],
    *,
    row_rules: Sequence[RowRule] = (),
    fresh_ok: Sequence[str] = (),
    left_over_ok: Sequence[str] = (),
    source: str | Path = "the checkpoint",
    seed: int = 0,
) -> RestoreReport:
    """Copy every tensor of ``state`` that belongs to ``module`` into it, parameters and buffers alike.

    A tensor is copied where name and shape are equal; numbers of elements are never compared. Weight norm is found
    under both of its names, and other precisions are cast to the network's. With a rule, rows follow their keys: known
    ones are copied, each new one is the mean of the old rows plus `NEW_ROW_NOISE` times their standard deviation of
    noise. Everything else keeps the network's own values. Call `RestoreReport.raise_for_gap` on the result.

    What counts as a gap: a tensor of the network that was not restored and is not below ``fresh_ok``; and a tensor of
    the checkpoint that was not used, where the network has the module that it belongs to (a decoder read by half)
    and it is not below ``left_over_ok``. A whole module that only the checkpoint has (a discriminator, speaker
    embeddings) is reported and is no gap.

    Args:
        module: the network; changed in place, also where there is a gap.
        state: tensor name → tensor, such as `Checkpoint.model`.
        row_rules: for tensors whose rows stand for something that has a name.
        fresh_ok: names of modules or tensors that may stay fresh, such as ``disc`` or ``emb_g``.
        left_over_ok: names of modules or tensors of the checkpoint that need not be used.
        source: where the weights came from, for messages.
        seed: of the noise. A row's noise depends on the seed and its key only.

    Raises:
        ValueError: a rule does not fit the network: it names no tensor of it, or its keys are not as many as its rows.
    """
    targets = {name: tensor for name, tensor in module.state_dict().items() if isinstance(tensor, torch.Tensor)}
    rules = _rules_by_name(row_rules, targets)
    found = fitted_names(state, targets)
    tensors: list[TensorReport] = []
    rows: list[RowReport] = []
    with torch.no_grad():
        for name, target in targets.items():
            rule = rules.get(name)
            if name not in found and rule is not None and not rule.old_keys:
                reason = f"the checkpoint has no rows, all {len(rule.new_keys)} are new"
                tensors.append(TensorReport(name, Fate.FRESH, target.numel(), reason))
                rows.append(RowReport(name, (), tuple(rule.new_keys), (), tuple(range(len(rule.new_keys)))))
            elif name not in found:
                allowed = _below(name, fresh_ok) or name.endswith("num_batches_tracked")  # torch before 0.4.1 had none
                tensors.append(TensorReport(name, Fate.FRESH, target.numel(), "not in the checkpoint", allowed))
            elif rule is not None:
                entry, row = _restore_rows(target, found[name], rule, fresh_ok, seed)
                tensors.append(entry)
                rows += [row] if row else []
            elif found[name].shape != target.shape:
                reason = f"shape {_shape(found[name])} there, {_shape(target)} here"
                tensors.append(TensorReport(name, Fate.FRESH, target.numel(), reason, _below(name, fresh_ok)))
            else:
                target.copy_(found[name])
                tensors.append(TensorReport(name, Fate.RESTORED, target.numel(), _cast(found[name], target)))
    present = {name.split(".")[0] for name in targets if "." in name}
    for name, tensor in found.items():
        if name not in targets:
            partial = name.split(".")[0] in present
            reason = "unknown to this model" if partial else "a module that this model does not have"
            explained = not partial or _below(name, left_over_ok)
            tensors.append(TensorReport(name, Fate.LEFT_OVER, tensor.numel(), reason, explained))
    bad = tuple(
        entry.name
        for entry in tensors
        if entry.fate is Fate.RESTORED and not bool(torch.isfinite(targets[entry.name]).all())
    )
    return RestoreReport(str(source), tuple(tensors), tuple(rows), bad)


def _rules_by_name(rules: Sequence[RowRule], targets: Mapping[str, torch.Tensor]) -> dict[str, RowRule]:
    for rule in rules:
        if rule.name not in targets:
            raise ValueError(f"a row rule names {rule.name!r}, which the network does not have")
        count = targets[rule.name].shape[0]
        if count != len(rule.new_keys):
            raise ValueError(f"{rule.name} has {count} rows, but its row rule names {len(rule.new_keys)} new keys")
    return {rule.name: rule for rule in rules}


def _restore_rows(
    target: torch.Tensor, old: torch.Tensor, rule: RowRule, fresh_ok: Sequence[str], seed: int
) -> tuple[TensorReport, RowReport | None]:
    """Fill ``target`` [rows, ...] from ``old`` [old rows, ...] by key."""
    fault = ""
    if old.dim() != target.dim() or old.shape[1:] != target.shape[1:]:
        fault = f"shape {_shape(old)} there, {_shape(target)} here"
    elif old.shape[0] != len(rule.old_keys):
        fault = f"{old.shape[0]} rows there, but the checkpoint's config names {len(rule.old_keys)} of them"
    if fault:
        return TensorReport(rule.name, Fate.FRESH, target.numel(), fault, _below(rule.name, fresh_ok)), None
    places = {key: index for index, key in enumerate(rule.old_keys)}  # of a key that stands twice the last one counts
    values = old.to(target)
    mean, spread = values.mean(0), values.std(0, correction=0)
    kept, new, places_of_new = [], [], []
    for index, key in enumerate(rule.new_keys):
        same_place = index < len(rule.old_keys) and rule.old_keys[index] == key
        place = index if same_place else places.get(key)
        if place is not None:
            target[index] = values[place]
            kept.append(key)
        else:
            generator = torch.Generator().manual_seed(zlib.crc32(f"{seed} {rule.name} {key}".encode()))
            noise = torch.randn(mean.shape, generator=generator).to(target)
            if len(values):  # without any row to learn from, the network's own initialisation stays
                target[index] = mean + NEW_ROW_NOISE * spread * noise
            new.append(key)
            places_of_new.append(index)
    wanted = set(rule.new_keys)
    left_out = tuple(key for key in rule.old_keys if key not in wanted)
    reason = _cast(old, target)
    if new or left_out or list(rule.old_keys) != list(rule.new_keys):
        reason = f"rows follow their keys, {len(rule.old_keys)} there, {len(rule.new_keys)} here"
    report = RowReport(rule.name, tuple(kept), tuple(new), left_out, tuple(places_of_new))
    return TensorReport(rule.name, Fate.RESTORED, target.numel(), reason), report


def _below(name: str, allowed: Sequence[str]) -> bool:
    """True where ``name`` is one of the allowed names or stands below one of them, dot by dot."""
    return any(name == prefix.rstrip(".") or name.startswith(prefix.rstrip(".") + ".") for prefix in allowed)


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(str(size) for size in tensor.shape) or "a single number"


def _cast(source: torch.Tensor, target: torch.Tensor) -> str:
    if source.dtype == target.dtype:
        return ""
    return f"cast from {str(source.dtype).removeprefix('torch.')} to {str(target.dtype).removeprefix('torch.')}"

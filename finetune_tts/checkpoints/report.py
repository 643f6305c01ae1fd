"""The restore report: what of a checkpoint arrived in a network, what did not, and why."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)

_KEYS_SHOWN = 24
_NAMES_IN_ERROR = 3


class Fate(str, Enum):
    """What became of one tensor."""

    RESTORED = "restored"
    FRESH = "fresh"
    LEFT_OVER = "left over"


@dataclass(frozen=True)
class TensorReport:
    """One tensor of the network or of the checkpoint.

    Attributes:
        name: its name in the network, or in the checkpoint where the network has none.
        fate: restored, fresh (the network keeps its own values) or left over (only the checkpoint has it).
        count: how many numbers it holds.
        reason: why it is not simply restored; empty where it is.
        explained: False where nothing that the caller allowed accounts for it: a gap.
    """

    name: str
    fate: Fate
    count: int
    reason: str = ""
    explained: bool = True

    @property
    def module(self) -> str:
        """The first two levels of the module that it belongs to: ``encoder.prenet``, ``decoder.flows``, ``emb_g``."""
        return ".".join(self.name.split(".")[:-1][:2]) or self.name


@dataclass(frozen=True)
class RowReport:
    """What became of the rows of an embedding whose rows stand for symbols, speakers or languages.

    Attributes:
        name: the tensor.
        kept: keys whose rows were copied.
        new: keys that the checkpoint does not know: a fresh row each.
        left_out: keys of the checkpoint that the network does not have.
        places: of the new rows in the tensor.
    """

    name: str
    kept: tuple[str, ...]
    new: tuple[str, ...]
    left_out: tuple[str, ...]
    places: tuple[int, ...] = ()

    def lines(self) -> list[str]:
        """What the user wants to see: how many stayed, and which ones are new or left out."""
        lines = [f"{self.name}: {len(self.kept)} rows follow their keys, {len(self.new)} new, {len(self.left_out)} out"]
        for title, keys in (("new", self.new), ("left out", self.left_out)):
            if keys:
                more = f" and {len(keys) - _KEYS_SHOWN} more" if len(keys) > _KEYS_SHOWN else ""
                lines.append(f"  {title}: " + " ".join(repr(key) for key in keys[:_KEYS_SHOWN]) + more)
        return lines


@dataclass(frozen=True)
class RestoreReport:
    """What `restoring.restore` did.

    Attributes:
        source: where the weights came from, as the user would say it.
        tensors: one entry for each tensor, those of the network first, in its order.
        rows: one entry for each rule about rows that was used.
        non_finite: restored tensors that hold NaN or infinity.
    """

    source: str
    tensors: tuple[TensorReport, ...]
    rows: tuple[RowReport, ...] = ()
    non_finite: tuple[str, ...] = ()

    def of(self, fate: Fate) -> list[TensorReport]:
        """The tensors with this fate."""
        return [tensor for tensor in self.tensors if tensor.fate is fate]

    @property
    def gap(self) -> tuple[TensorReport, ...]:
        """The tensors that no rule and no allowance explains."""
        return tuple(tensor for tensor in self.tensors if not tensor.explained)

    @property
    def is_complete(self) -> bool:
        """True where every tensor of the network came from the checkpoint and nothing was left over."""
        return all(tensor.fate is Fate.RESTORED for tensor in self.tensors)

    def summary(self) -> str:
        """One line with the totals."""
        parts = []
        for fate in Fate:
            tensors = self.of(fate)
            if tensors or fate is Fate.RESTORED:
                count = sum(tensor.count for tensor in tensors)
                parts.append(f"{len(tensors)} tensors {fate.value} ({count:,} numbers)")
        grown = sum(len(row.new) for row in self.rows)
        if grown:
            parts.append(f"{grown} new rows")
        if self.gap:
            parts.append(f"{len(self.gap)} unexplained")
        return f"Restored from {self.source}: " + ", ".join(parts)

    def table(self) -> str:
        """The whole report as aligned plain text: a line per module, then the reasons, then the rows."""
        lines = [self.summary(), *_aligned(self._module_lines())]
        for reason, tensors in self._reasons().items():
            shown = ", ".join(tensor.name for tensor in tensors[:_NAMES_IN_ERROR])
            more = f" and {len(tensors) - _NAMES_IN_ERROR} more" if len(tensors) > _NAMES_IN_ERROR else ""
            mark = "" if all(tensor.explained for tensor in tensors) else "! "
            lines.append(f"{mark}{reason}: {shown}{more}")
        for row in self.rows:
            lines += row.lines()
        if self.non_finite:
            lines.append(f"! {len(self.non_finite)} tensors hold NaN or infinity, the first is {self.non_finite[0]}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return {
            "source": self.source,
            "summary": self.summary(),
            "tensors": [{**asdict(tensor), "fate": tensor.fate.value} for tensor in self.tensors],
            "rows": [{key: _plain(value) for key, value in asdict(row).items()} for row in self.rows],
            "non_finite": list(self.non_finite),
        }

    def raise_for_gap(self, allow_partial: bool = False) -> None:
        """Stop where the network did not get what it should have got.

        Args:
            allow_partial: only warn.

        Raises:
            UserError: there is a gap. The first tensors and the way on are named.
        """
        if not self.gap:
            return
        first = "; ".join(f"{tensor.name} ({tensor.reason})" for tensor in self.gap[:_NAMES_IN_ERROR])
        more = f"; and {len(self.gap) - _NAMES_IN_ERROR} more" if len(self.gap) > _NAMES_IN_ERROR else ""
        message = f"{self.source}: {len(self.gap)} tensors do not fit this model: {first}{more}."
        if allow_partial:
            logger.warning("%s Going on, as --allow_partial_restore says.", message)
            return
        raise UserError(
            f"{message} Use the config that belongs to the weights, or continue with --allow_partial_restore."
        )

    def raise_for_non_finite(self) -> None:
        """Stop where the network got numbers that it can do nothing with.

        Raises:
            UserError: weights hold NaN or infinity. The first of them is named.
        """
        if not self.non_finite:
            return
        more = len(self.non_finite) - 1
        which = f"{self.non_finite[0]} and {more} more tensors hold" if more else f"{self.non_finite[0]} holds"
        raise UserError(
            f"{self.source}: {which} NaN or infinity: such a model can neither synthesise nor be fine-tuned. "
            "Take an earlier checkpoint."
        )

    def _module_lines(self) -> list[tuple[str, ...]]:
        modules: dict[str, list[TensorReport]] = {}
        for tensor in self.tensors:
            modules.setdefault(tensor.module, []).append(tensor)
        lines: list[tuple[str, ...]] = [("module", *(fate.value for fate in Fate))]
        for module, tensors in modules.items():
            cells = []
            for fate in Fate:
                these = [tensor for tensor in tensors if tensor.fate is fate]
                cells.append(f"{len(these)} ({sum(tensor.count for tensor in these):,})" if these else "-")
            lines.append((module, *cells))
        return lines

    def _reasons(self) -> dict[str, list[TensorReport]]:
        """The tensors that were not simply restored, by fate and reason."""
        reasons: dict[str, list[TensorReport]] = {}
        for tensor in self.tensors:
            if tensor.reason:
                reasons.setdefault(f"{tensor.fate.value}, {tensor.reason}", []).append(tensor)
        return reasons


def _aligned(lines: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value

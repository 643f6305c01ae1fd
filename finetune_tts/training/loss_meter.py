"""Means of losses that stay on the device until somebody looks."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch


class DeviceSums:
    """Weighted sums of named scalars.

    Adding never waits for the device; looking does, once, for all of them.

    Args:
        device: where the scalars are.
        leave_out: leave values out that are not finite, as those of a step that is left out.
    """

    def __init__(self, device: torch.device, *, leave_out: bool = False) -> None:
        self._device = device
        # Doubles, so that a mean over an epoch does not depend on its length; Metal has none.
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        self._leave_out = leave_out
        self._sums: dict[str, torch.Tensor] = {}  # [2]: sum of weighted values, sum of weights

    def add(self, values: Mapping[str, torch.Tensor], weight: float = 1.0) -> None:
        """Add scalars, each counting ``weight`` times."""
        for name, value in values.items():
            value = value.detach().to(self._device, self._dtype)
            term = torch.stack([value, torch.ones_like(value)]) * weight
            if self._leave_out:
                term = torch.where(torch.isfinite(value), term, 0.0)
            self._sums[name] = self._sums[name] + term if name in self._sums else term

    def look(self) -> dict[str, tuple[float, float]]:
        """Return the sum of weighted values and the sum of weights of each name."""
        if not self._sums:
            return {}
        rows = torch.stack(list(self._sums.values())).tolist()
        return {name: (total, weight) for name, (total, weight) in zip(self._sums, rows, strict=True)}

    def drain(self) -> dict[str, tuple[float, float]]:
        """The same, and start again."""
        sums = self.look()
        self._sums.clear()
        return sums

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The sums, to continue later."""
        return {name: value.cpu() for name, value in self._sums.items()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continue from ``state``."""
        # The number format first: Metal cannot hold doubles for a moment.
        self._sums = {name: value.to(self._dtype).to(self._device) for name, value in state.items()}


class Sums:
    """Weighted sums on the host, filled from :meth:`DeviceSums.drain`: of one process, or of several."""

    def __init__(self, parts: Iterable[Mapping[str, tuple[float, float]]] = ()) -> None:
        self._sums: dict[str, tuple[float, float]] = {}
        for part in parts:
            self.add(part)

    def add(self, sums: Mapping[str, tuple[float, float]]) -> None:
        """Add sums and weights."""
        for name, (total, weight) in sums.items():
            before = self._sums.get(name, (0.0, 0.0))
            self._sums[name] = (before[0] + total, before[1] + weight)

    def sums(self) -> dict[str, tuple[float, float]]:
        """The sum of weighted values and the sum of weights of each name."""
        return dict(self._sums)

    def means(self) -> dict[str, float]:
        """Mean of each name; those without any weight are left out."""
        return {name: total / weight for name, (total, weight) in self._sums.items() if weight > 0}

    def drain(self) -> dict[str, tuple[float, float]]:
        """:meth:`sums`, and start again."""
        sums = self.sums()
        self._sums.clear()
        return sums

    def state_dict(self) -> dict[str, list[float]]:
        """The sums, to continue later."""
        return {name: list(sums) for name, sums in self._sums.items()}

    def load_state_dict(self, state: Mapping[str, Iterable[float]]) -> None:
        """Continue from ``state``."""
        self._sums = {name: (total, weight) for name, (total, weight) in state.items()}


class LossMeter:
    """Training losses, for the terminal, the dashboard and the epoch: three intervals, one look at the device."""

    def __init__(self, device: torch.device) -> None:
        self.device = DeviceSums(device, leave_out=True)
        self.since_print, self.since_plot, self.epoch = Sums(), Sums(), Sums()

    def add(self, losses: Mapping[str, torch.Tensor], weight: float) -> None:
        """Add the losses of one batch."""
        self.device.add(losses, weight)

    def collect(self) -> None:
        """Fetch what has gathered on the device."""
        sums = self.device.drain()
        for interval in (self.since_print, self.since_plot, self.epoch):
            interval.add(sums)

    def epoch_sums(self) -> dict[str, tuple[float, float]]:
        """Sums over the epoch so far, as of :meth:`DeviceSums.look`, without changing anything."""
        return Sums([self.epoch.sums(), self.device.look()]).sums()

    def state_dict(self) -> dict[str, Any]:
        """All intervals, to continue later."""
        return {name: getattr(self, name).state_dict() for name in ("device", "since_print", "since_plot", "epoch")}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``."""
        for name, sums in state.items():
            getattr(self, name).load_state_dict(sums)

"""The inner loop of location-sensitive attention: ``v · tanh(key + query + location)`` for each position.

Written out by hand, backward pass included: it runs once for every decoder step, keys, ``v`` and the location filters
are the same each time, and their gradients are added up on the spot.

Legend: B batch, S positions, A channels of the comparison, T steps, K width of the location filters.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from finetune_tts.layers.torch_layers import by_hand


class Comparison:
    """Energies of attention, step after step.

    Args:
        keys: ``[B, S, A]``.
        v: ``[1, A]``.
        kernel: ``[A, 2, K]`` filters over the weights of the step before and their sum so far, K odd; None for an
            attention that does not know where it has been.
        offsets: ``[T, B, A]`` anything that each step's query is added to; None where the steps are not known.

    Attributes:
        offsets: the same, through which the gradients of the other three pass: queries have to be made of them.
    """

    def __init__(self, keys: Tensor, v: Tensor, kernel: Tensor | None, offsets: Tensor | None) -> None:
        self._torchs = None if by_hand("attention_energies") else (keys, v, kernel)
        self.keys = keys.detach().float()
        self.v = v.detach().float().squeeze(0)
        # Reversed, so that the backward pass adds along rising addresses; [2 K, A].
        self.filters = None if kernel is None else kernel.detach().float().flip(2).flatten(1).t()
        self.offsets = offsets
        self.gradients: list[Tensor | None] = [None, None, None]
        if self._torchs is None and offsets is not None and torch.is_grad_enabled() and keys.requires_grad:
            self.offsets = _LateGradients.apply(keys, v, kernel, offsets, self)

    def __call__(self, query: Tensor, weights: Tensor, read: Tensor) -> Tensor:
        """Return ``[B, S]`` for ``query [B, A]``, ``weights [B, S]`` of the step before and their sum ``read``."""
        if self._torchs is not None:
            return _energies(query, weights, read, *self._torchs)
        energies: Tensor = _Compare.apply(query, weights, read, self)
        return energies

    def windows(self, weights: Tensor, read: Tensor) -> Tensor:
        """What the filters see at each position: ``[B S, 2 K]``."""
        assert self.filters is not None
        width = len(self.filters) // 2
        places = F.pad(torch.stack([weights, read], dim=1), (width // 2, width // 2))
        seen = places.unfold(2, width, 1).flip(3)  # [B, 2, S, K]
        return seen.transpose(1, 2).reshape(-1, 2 * width)

    def add(self, index: int, gradient: Tensor) -> None:
        """Add to the gradient of keys (0), v (1) or filters (2)."""
        known = self.gradients[index]
        self.gradients[index] = gradient if known is None else known.add_(gradient)


def _energies(query: Tensor, weights: Tensor, read: Tensor, keys: Tensor, v: Tensor, kernel: Tensor | None) -> Tensor:
    """The same, left to torch and its autograd."""
    with torch.autocast(query.device.type, enabled=False):
        compared = keys.float() + query.float().unsqueeze(1)
        if kernel is not None:
            places = torch.stack([weights, read], dim=1)
            compared = compared + F.conv1d(places, kernel.float(), padding=kernel.shape[2] // 2).transpose(1, 2)
        return F.linear(torch.tanh(compared), v.float()).squeeze(2)


class _LateGradients(torch.autograd.Function):
    """Hands ``offsets`` on; backwards, gives keys, v and kernel what the steps have added up."""

    @staticmethod
    def forward(
        context: Any, keys: Tensor, v: Tensor, kernel: Tensor | None, offsets: Tensor, comparison: Comparison
    ) -> Tensor:
        context.comparison = comparison
        context.dtypes = (keys.dtype, v.dtype, None if kernel is None else kernel.dtype)
        return offsets.view_as(offsets)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        comparison = context.comparison
        keys, v, filters = comparison.gradients
        comparison.gradients = [None, None, None]
        kernel = None
        if filters is not None:
            kernel = filters.t().unflatten(1, (2, -1)).flip(2).to(context.dtypes[2])
        keys = None if keys is None else keys.to(context.dtypes[0])
        v = None if v is None else v.unsqueeze(0).to(context.dtypes[1])
        return keys, v, kernel, gradients[0], None


class _Compare(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, query: Tensor, weights: Tensor, read: Tensor, comparison: Comparison) -> Tensor:
        batch, positions, channels = comparison.keys.shape
        with torch.autocast(query.device.type, enabled=False):
            if comparison.filters is None:
                compared = comparison.keys + query.float().unsqueeze(1)
            else:
                seen = comparison.windows(weights, read)
                compared = torch.addmm(comparison.keys.view(-1, channels), seen, comparison.filters)
                compared = compared.view(batch, positions, channels).add_(query.float().unsqueeze(1))
            compared = compared.tanh_()
            energies = torch.mv(compared.view(-1, channels), comparison.v).view(batch, positions)
        context.comparison, context.dtype = comparison, query.dtype
        context.save_for_backward(compared, weights, read)
        return energies

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None]:
        compared, weights, read = context.saved_tensors
        comparison = context.comparison
        (gradient,) = gradients
        batch, positions, channels = compared.shape
        comparison.add(1, torch.mv(compared.view(-1, channels).t(), gradient.reshape(-1)))
        inner = torch.addcmul(comparison.v, compared * comparison.v, compared, value=-1)  # v (1 - tanh²)
        inner *= gradient.unsqueeze(2)
        comparison.add(0, inner)
        query = inner.sum(dim=1).to(context.dtype)
        if comparison.filters is None:
            return query, None, None, None
        flat = inner.view(-1, channels)
        comparison.add(2, comparison.windows(weights, read).t() @ flat)
        width = len(comparison.filters) // 2
        seen = (flat @ comparison.filters.t()).view(batch, positions, 2, width)
        # Position p was seen by the windows around p - K/2 … p + K/2, each at another place: sums along diagonals.
        seen = F.pad(seen, (0, 0, 0, 0, width // 2, width // 2))
        by_batch, by_position, by_kind, by_place = seen.stride()
        diagonal = (by_batch, by_kind, by_position, by_position + by_place)
        places = seen.as_strided((batch, 2, positions, width), diagonal).sum(dim=3)
        return query, places[:, 0], places[:, 1], None

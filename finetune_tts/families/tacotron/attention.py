"""Attention of the Tacotrons: which part of the text is read in this step.

Three kinds. ``original`` compares query and memory, and knows where it has been reading (location-sensitive attention,
Chorowski et al. 2015), with forward attention on demand (Zhang et al. 2018). ``graves`` moves a mixture of Gaussians
forward over the text (Battenberg et al. 2020, "GMMv2b"). ``dynamic_convolution`` shifts what it read before by filters
that the query makes (the same paper).

A module holds the weights; :meth:`begin` takes in one batch of encoded texts, does all that does not depend on the
step, and returns a *reading*: a function of the query that gives context and weights, step after step.

Legend: B batch, S positions of the encoded text, T decoder steps, Q query channels, D memory channels, A channels of
the comparison, K Gaussians. Masks are true inside a text.
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.dropout import dropout
from finetune_tts.layers.location_attention import Comparison
from finetune_tts.layers.prenet import Linear
from finetune_tts.layers.recurrence import LateProduct

ATTENTION_TYPES = ("original", "graves", "dynamic_convolution")
ATTENTION_NORMS = ("sigmoid", "softmax")

#: query ``[B, Q]`` → context ``[B, D]`` and weights ``[B, S]``.
Reading = Callable[[Tensor], tuple[Tensor, Tensor]]

_TINY = 1e-8


def _weighted_sum(weights: Tensor, memory: Tensor) -> Tensor:
    """Return ``[B, D]`` for ``weights [B, S]`` over ``memory [B, S, D]``."""
    return torch.bmm(weights.to(memory.dtype).unsqueeze(1), memory).squeeze(1)


@dataclass(frozen=True)
class AttentionOptions:
    """Which attention, and how it is bound.

    Attributes:
        kind: one of :data:`ATTENTION_TYPES`.
        norm: one of :data:`ATTENTION_NORMS`.
        location: see where it has been reading ("original").
        windowing: in eval mode, read only near the place of the step before ("original").
        forward: forward attention: stay or move on by one ("original").
        transition_agent: learn how likely it is to move on.
        forward_mask: in eval mode, cut off all but the next places.
        heads: number of Gaussians ("graves").
        channels: A.
    """

    kind: str = "original"
    norm: str = "sigmoid"
    location: bool = True
    windowing: bool = False
    forward: bool = False
    transition_agent: bool = False
    forward_mask: bool = False
    heads: int = 5
    channels: int = 128


class LocationLayer(nn.Module):
    """A convolution over the weights of the step before and their sum so far, and a projection."""

    def __init__(self, channels: int, *, filters: int = 32, kernel_size: int = 31) -> None:
        super().__init__()
        self.location_conv1d = nn.Conv1d(2, filters, kernel_size, padding=kernel_size // 2, bias=False)
        self.location_dense = Linear(filters, channels, bias=False, gain="tanh")

    def folded(self) -> Tensor:
        """Both as one convolution, ``[A, 2, kernel]``."""
        dense: Tensor = self.location_dense.linear_layer.weight
        return torch.einsum("af,fck->ack", dense, self.location_conv1d.weight)


class Attention(nn.Module):
    """Weights of an attention; the three kinds fill it in."""

    @abstractmethod
    def begin(self, memory: Tensor, mask: Tensor | None, steps: int | None = None) -> Reading:
        """Take in ``memory [B, S, D]`` under ``mask [B, S]``, for so many steps where that is known."""


class OriginalAttention(Attention):
    """Additive attention, location-sensitive unless told otherwise."""

    def __init__(self, query_channels: int, memory_channels: int, options: AttentionOptions) -> None:
        super().__init__()
        if options.norm not in ATTENTION_NORMS:
            raise ValueError(f"attention_norm {options.norm!r} is none of {', '.join(ATTENTION_NORMS)}.")
        self.options = options
        channels = options.channels
        self.query_layer = Linear(query_channels, channels, bias=False, gain="tanh")
        self.inputs_layer = Linear(memory_channels, channels, bias=False, gain="tanh")
        self.v = Linear(channels, 1)
        if options.transition_agent:
            self.ta = nn.Linear(query_channels + memory_channels, 1)
        if options.location:
            self.location_layer = LocationLayer(channels)

    def begin(self, memory: Tensor, mask: Tensor | None, steps: int | None = None) -> Reading:
        """Take in ``memory [B, S, D]`` under ``mask [B, S]``, for so many steps where that is known."""
        return _OriginalReading(self, memory, mask, steps)


class _OriginalReading:
    def __init__(self, attention: OriginalAttention, memory: Tensor, mask: Tensor | None, steps: int | None) -> None:
        batch, positions, _ = memory.shape
        options = attention.options
        self._options = options
        self._attention = attention
        self._outside = None if mask is None else ~mask
        self._memory = memory
        kernel = attention.location_layer.folded() if options.location else None
        keys, v = attention.inputs_layer(memory), attention.v.linear_layer
        offsets = None if steps is None else keys.new_zeros(steps, batch, options.channels)
        self._comparison = Comparison(keys, v.weight, kernel, offsets)
        self._query: LateProduct | None = None
        if self._comparison.offsets is not None:
            self._query = LateProduct(attention.query_layer.linear_layer.weight, self._comparison.offsets)
        zeros = memory.new_zeros(batch, positions, dtype=torch.float32)
        self._weights, self._read = zeros, zeros
        self._step = 0
        if options.forward:
            self._alpha = torch.cat([zeros[:, :1] + 1, zeros[:, 1:] + 1e-7], dim=1)
            self._moves = zeros[:, :1] + 0.5
        self._place = torch.full((batch, 1), -1, device=memory.device)

    def __call__(self, query: Tensor) -> tuple[Tensor, Tensor]:
        weights = self._normalized(self._energies(query))
        self._read = self._read + weights
        if self._options.forward:
            weights = self._alpha = self._forward(weights)
        context = _weighted_sum(weights, self._memory)
        if self._options.forward and self._options.transition_agent:
            self._moves = torch.sigmoid(self._attention.ta(torch.cat([context, query], dim=-1))).float()
        self._weights = weights
        self._step += 1
        return context, weights

    def _energies(self, query: Tensor) -> Tensor:
        asked = self._attention.query_layer(query) if self._query is None else self._query(self._step, query)
        energies = self._comparison(asked, self._weights, self._read)
        return (energies + self._attention.v.linear_layer.bias).float()  # [B, S]

    def _normalized(self, energies: Tensor) -> Tensor:
        if self._outside is not None:
            energies = energies.masked_fill(self._outside, -math.inf)
        if self._options.windowing and not self._attention.training:
            energies = self._windowed(energies)
        if self._options.norm == "softmax":
            return torch.softmax(energies, dim=-1)
        opened = torch.sigmoid(energies)
        return opened / opened.sum(dim=1, keepdim=True)

    def _windowed(self, energies: Tensor, back: int = 2, front: int = 6) -> Tensor:
        """Bar what lies more than ``back`` behind the last place, or ``front`` and more ahead of it."""
        positions = torch.arange(energies.shape[1], device=energies.device)
        barred = (positions < self._place - back) | (positions >= self._place + front)
        energies = energies.masked_fill(barred, -math.inf)
        # Before the first step the place is -1, and the first symbol is to be read.
        first = (self._place < 0) & (positions == 0)
        energies = torch.where(first, energies.amax(dim=1, keepdim=True), energies)
        self._place = energies.argmax(dim=1, keepdim=True)
        return energies

    def _forward(self, weights: Tensor) -> Tensor:
        """Forward attention (Zhang et al. 2018, algorithm 2): a path that stays or moves on by one."""
        moved = F.pad(self._alpha[:, :-1], (1, 0))
        alpha = ((1 - self._moves) * self._alpha + self._moves * moved + _TINY) * weights
        if self._options.forward_mask and not self._attention.training:
            alpha = _cut_around(alpha, moved.argmax(dim=1, keepdim=True))
        return alpha / alpha.sum(dim=1, keepdim=True)


def _cut_around(alpha: Tensor, place: Tensor) -> Tensor:
    """Keep of ``alpha [B, S]`` what lies from one before ``place [B, 1]`` to two after it, and a trace before that.

    Places before the first count from the end, as in the released models' own code: their masks were tuned on it.
    """
    size = alpha.shape[1]
    positions = torch.arange(size, device=alpha.device)
    best = alpha.amax(dim=1, keepdim=True)
    before = torch.where(place >= 1, place - 1, size + place - 1)
    cut = alpha.masked_fill((positions >= place + 3) | (positions < before), 0.0)
    return torch.where(positions == (place - 2) % size, 0.01 * best, cut)


class GravesAttention(Attention):
    """A mixture of logistic steps whose means only move forward."""

    def __init__(self, query_channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        last = nn.Linear(query_channels, 3 * heads)
        self.N_a = nn.Sequential(nn.Linear(query_channels, query_channels), nn.ReLU(), last)
        # Start wide, and move on by about one symbol a step.
        with torch.no_grad():
            last.bias[heads : 2 * heads] = 10.0
            last.bias[2 * heads :] = 1.0

    def begin(self, memory: Tensor, mask: Tensor | None, steps: int | None = None) -> Reading:
        """Take in ``memory [B, S, D]`` under ``mask [B, S]``."""
        batch, size, _ = memory.shape
        edges = torch.arange(size + 1, device=memory.device) + 0.5
        mean = memory.new_zeros(batch, self.heads, dtype=torch.float32)

        def read(query: Tensor) -> tuple[Tensor, Tensor]:
            nonlocal mean
            share, width, move = self.N_a(query).float().chunk(3, dim=1)  # [B, K] each
            share = torch.softmax(dropout(share, 0.5, self.training), dim=-1) + 1e-5
            width = F.softplus(width) + 1e-5
            mean = mean + F.softplus(move)
            passed = torch.sigmoid((mean.unsqueeze(-1) - edges) / width.unsqueeze(-1))  # [B, K, S + 1]
            reached = (share.unsqueeze(-1) / (1 + passed)).sum(dim=1)
            weights = reached[:, 1:] - reached[:, :-1]
            weights = weights.masked_fill(weights == 0, _TINY)
            if mask is not None:
                # Padding gets next to nothing, but its gradient passes: so the released models were trained.
                weights = torch.where(mask, weights, weights - weights.detach() + _TINY)
            return _weighted_sum(weights, memory), weights

        return read


class MonotonicDynamicConvolutionAttention(Attention):
    """Static and dynamic filters over the weights of the step before, and a prior that they move forward."""

    prior: Tensor

    FILTERS, KERNEL, PRIOR = 8, 21, 11

    def __init__(self, query_channels: int, channels: int) -> None:
        super().__init__()
        self.query_layer = nn.Linear(query_channels, channels)
        self.key_layer = nn.Linear(channels, self.FILTERS * self.KERNEL, bias=False)
        self.static_filter_conv = nn.Conv1d(1, self.FILTERS, self.KERNEL, padding=self.KERNEL // 2, bias=False)
        self.static_filter_layer = nn.Linear(self.FILTERS, channels, bias=False)
        self.dynamic_filter_layer = nn.Linear(self.FILTERS, channels)
        self.v = nn.Linear(channels, 1, bias=False)
        self.register_buffer("prior", beta_binomial(self.PRIOR - 1, 0.1, 0.9).flip(0))

    def begin(self, memory: Tensor, mask: Tensor | None, steps: int | None = None) -> Reading:
        """Take in ``memory [B, S, D]`` under ``mask [B, S]``."""
        weights = memory.new_zeros(memory.shape[:2], dtype=torch.float32)
        weights[:, 0] = 1.0
        static = self.static_filter_layer.weight @ self.static_filter_conv.weight.squeeze(1)  # [A, kernel]
        half = self.KERNEL // 2

        def read(query: Tensor) -> tuple[Tensor, Tensor]:
            nonlocal weights
            windows = F.pad(weights, (half, half)).unfold(1, self.KERNEL, 1)  # [B, S, kernel]
            filters = self.key_layer(torch.tanh(self.query_layer(query)))
            filters = filters.view(len(query), self.FILTERS, self.KERNEL)
            dynamic = torch.bmm(windows.to(filters.dtype), filters.transpose(1, 2))  # [B, S, filters]
            compared = torch.tanh(F.linear(windows, static) + self.dynamic_filter_layer(dynamic))
            # The prior looks back from each place: the first half of the window and its middle.
            prior = (windows[:, :, : self.PRIOR] @ self.prior).clamp(min=1e-6)
            scores = self.v(compared).squeeze(-1).float() + torch.log(prior)
            if mask is None:
                weights = torch.softmax(scores, dim=-1)
            else:
                # Padding has its share in the sum, but learns nothing: so the released models were trained.
                scores = torch.where(mask, scores, scores.detach())
                weights = torch.softmax(scores, dim=-1).masked_fill(~mask, _TINY)
            return _weighted_sum(weights, memory), weights

        return read


def beta_binomial(trials: int, alpha: float, beta: float) -> Tensor:
    """Probabilities of 0 to ``trials`` successes under the beta-binomial distribution, ``[trials + 1]``."""
    k = torch.arange(trials + 1, dtype=torch.float64)
    n = torch.tensor(float(trials), dtype=torch.float64)

    def log_beta(a: Tensor, b: Tensor) -> Tensor:
        return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)

    choose = torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
    one = torch.ones((), dtype=torch.float64)
    return torch.exp(choose + log_beta(k + alpha, n - k + beta) - log_beta(alpha * one, beta * one)).float()


def make_attention(query_channels: int, memory_channels: int, options: AttentionOptions) -> Attention:
    """Make the attention that ``options.kind`` names.

    Raises:
        ValueError: there is none of this name, or its options are none.
    """
    if options.kind == "original":
        return OriginalAttention(query_channels, memory_channels, options)
    if options.kind == "graves":
        return GravesAttention(query_channels, options.heads)
    if options.kind == "dynamic_convolution":
        return MonotonicDynamicConvolutionAttention(query_channels, options.channels)
    raise ValueError(f"attention_type {options.kind!r} is none of {', '.join(ATTENTION_TYPES)}.")

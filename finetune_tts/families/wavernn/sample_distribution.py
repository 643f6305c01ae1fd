"""What an autoregressive vocoder says about the next sample: a distribution, as a loss and as something to draw from.

Three kinds: a mixture of logistics (Salimans et al. 2017, https://arxiv.org/abs/1701.05517), one normal (Ping, Peng and
Chen 2018), and a probability for each of 2^bits levels, evenly spaced or companded by the mu-law.

Dimensions: B batch, T samples, K mixture components, C channels of the network's output.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

COMPONENTS = 10
LEVELS_OF_16_BITS = 65536
LEAST_LOG_SCALE = math.log(1e-14)  # of a logistic
LEAST_LOG_DEVIATION = -7.0  # of the normal


class SampleDistribution(Protocol):
    """The interface of the three kinds."""

    @property
    def channels(self) -> int:
        """Channels of the network's output that the distribution needs."""

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the mean negative log-likelihood of ``target [B, T]`` under ``output [B, T, C]``."""

    def draw(self, output: Tensor) -> Tensor:
        """Draw one sample for each row of ``output [B, C]``: ``[B]``, as the network takes it in."""

    def encode(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Return a waveform ``[B, T]`` as the network takes it in, and as :meth:`loss` wants it as target."""

    def decode(self, samples: Tensor) -> Tensor:
        """Return the waveform of samples as they were drawn."""


@dataclass(frozen=True)
class MixtureOfLogistics:
    """Ten logistics over the 65536 levels of a 16-bit sample."""

    @property
    def channels(self) -> int:
        return 3 * COMPONENTS

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        logits, means, log_scales = output.float().chunk(3, dim=2)  # [B, T, K] each
        log_scales = log_scales.clamp(min=LEAST_LOG_SCALE)
        centred = target.unsqueeze(2) - means
        inverse = torch.exp(-log_scales)
        half_level = 1.0 / (LEVELS_OF_16_BITS - 1)
        above, below = inverse * (centred + half_level), inverse * (centred - half_level)
        mass = torch.sigmoid(above) - torch.sigmoid(below)
        middle = inverse * centred
        density = middle - log_scales - 2.0 * F.softplus(middle) - math.log((LEVELS_OF_16_BITS - 1) / 2)
        # The outermost levels take all that lies beyond; where a level holds next to nothing, the density stands in.
        log_mass = torch.where(mass > 1e-5, torch.log(mass.clamp(min=1e-12)), density)
        log_mass = torch.where(target.unsqueeze(2) > 0.999, -F.softplus(below), log_mass)
        log_mass = torch.where(target.unsqueeze(2) < -0.999, above - F.softplus(above), log_mass)
        return -torch.logsumexp(log_mass + F.log_softmax(logits, dim=2), dim=2).mean()

    def draw(self, output: Tensor) -> Tensor:
        logits, means, log_scales = output.float().chunk(3, dim=1)  # [B, K] each
        # The largest logit with Gumbel noise on it is a draw from the mixture's weights.
        gumbel = -torch.log(-torch.log(torch.empty_like(logits).uniform_(1e-5, 1.0 - 1e-5)))
        chosen = (logits + gumbel).argmax(dim=1, keepdim=True)  # [B, 1]
        mean = means.gather(1, chosen).squeeze(1)
        log_scale = log_scales.gather(1, chosen).squeeze(1).clamp(min=LEAST_LOG_SCALE)
        uniform = torch.empty_like(mean).uniform_(1e-5, 1.0 - 1e-5)
        return (mean + torch.exp(log_scale) * (torch.log(uniform) - torch.log(1.0 - uniform))).clamp(-1.0, 1.0)

    def encode(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        return waveform, waveform

    def decode(self, samples: Tensor) -> Tensor:
        return samples


@dataclass(frozen=True)
class Normal:
    """One normal distribution: mean and logarithmic deviation."""

    @property
    def channels(self) -> int:
        return 2

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        mean, log_deviation = output.float().unbind(dim=2)  # [B, T] each
        log_deviation = log_deviation.clamp(min=LEAST_LOG_DEVIATION)
        distance = (target - mean).square() * torch.exp(-2.0 * log_deviation)
        return 0.5 * (math.log(2.0 * math.pi) + 2.0 * log_deviation + distance).mean()

    def draw(self, output: Tensor) -> Tensor:
        mean, log_deviation = output.float().unbind(dim=1)  # [B] each
        deviation = torch.exp(log_deviation.clamp(min=LEAST_LOG_DEVIATION))
        return torch.normal(mean, deviation).clamp(-1.0, 1.0)

    def encode(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        return waveform, waveform

    def decode(self, samples: Tensor) -> Tensor:
        return samples


@dataclass(frozen=True)
class Levels:
    """A probability for each level.

    Attributes:
        bits: there are ``2 ** bits`` levels.
        mulaw: levels lie closer together near silence.
    """

    bits: int
    mulaw: bool

    @property
    def channels(self) -> int:
        return int(2**self.bits)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output.float().transpose(1, 2), target)

    def draw(self, output: Tensor) -> Tensor:
        level = torch.multinomial(torch.softmax(output.float(), dim=1), 1, replacement=True).squeeze(1)
        return self.place(level)

    def encode(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        top = self.channels - 1
        if self.mulaw:
            companded = torch.sign(waveform) * torch.log1p(top * waveform.abs()) / math.log1p(top)
            level = torch.floor((companded + 1.0) / 2.0 * top + 0.5).long()
        else:
            level = ((waveform + 1.0) * top / 2.0).long()
        level = level.clamp(0, top)
        return self.place(level), level

    def decode(self, samples: Tensor) -> Tensor:
        if not self.mulaw:
            return samples
        top = self.channels - 1
        return torch.sign(samples) / top * ((1.0 + top) ** samples.abs() - 1.0)

    def place(self, level: Tensor) -> Tensor:
        """Return where a level lies between -1 and 1, before the mu-law is undone."""
        return 2.0 * level / (self.channels - 1) - 1.0


def sample_distribution(mode: str | int, mulaw: bool) -> SampleDistribution:
    """Return the kind that a config's ``mode`` names.

    Args:
        mode: ``"mold"``, ``"gauss"``, or a number of bits.
        mulaw: companding, for a number of bits.

    Raises:
        ValueError: there is no such kind.
    """
    if mode == "mold":
        return MixtureOfLogistics()
    if mode == "gauss":
        return Normal()
    if isinstance(mode, int) and 2 <= mode <= 16:
        return Levels(mode, mulaw)
    raise ValueError(f"mode {mode!r} is none of mold, gauss or a number of bits from 2 to 16.")

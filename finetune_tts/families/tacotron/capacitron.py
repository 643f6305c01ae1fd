"""Capacitron (Battenberg et al. 2019, "Effective Use of Variational Embedding Capacity in Expressive End-to-End Speech
Synthesis"): how a recording is spoken, as a random vector that the decoder sees beside the text.

In training a reference encoder looks at the recording, at its text and perhaps at its speaker, and says which vectors
may have made it: the posterior, a Gaussian. One of them is drawn and put beside the encoded text. How much the vectors
may tell is bound: the divergence of the posterior from the prior, a standard Gaussian, is held at a *capacity* C by a
learned multiplier beta. Beta rises while the divergence is above the capacity and falls while it is below, so it climbs
where the rest of the network descends, and has an optimizer of its own. In synthesis, a vector is drawn from the prior,
or from the posterior of a recording that is to be imitated.

Legend: B batch, S symbols, T frames, M mel channels, H mel channels that are left after the convolutions, Z channels
of the random vector. Tensor names are those of released 🐸TTS checkpoints.
"""

import math
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.masks import sequence_mask

_FILTERS = (32, 32, 64, 64, 128, 128)
_REFERENCE_CHANNELS = 128

_Length = TypeVar("_Length", int, Tensor)


@dataclass(frozen=True)
class CapacitronOptions:
    """How the random vector is made.

    Attributes:
        channels: Z.
        text_channels: of the summary of the text that the posterior sees; 0 for none.
        sees_speaker: the posterior sees who speaks.
    """

    channels: int = 128
    text_channels: int = 128
    sees_speaker: bool = False


@dataclass(frozen=True)
class Posterior:
    """The Gaussian of the vectors that may have made a recording; its channels are independent.

    Attributes:
        mean, variance: ``[B, Z]``.
    """

    mean: Tensor
    variance: Tensor

    def sample(self, noise: Tensor | None = None) -> Tensor:
        """Return vectors ``[B, Z]``: the mean moved by ``noise [B, Z]``, which is drawn if it is not given."""
        if noise is None:
            noise = torch.randn_like(self.mean)
        return self.mean + self.variance.sqrt() * noise

    def divergence(self) -> Tensor:
        """Return the Kullback-Leibler divergence from the prior, in nats; the mean over the batch."""
        each = self.variance + self.mean.square() - 1 - self.variance.log()
        return 0.5 * each.sum(dim=1).mean()


@dataclass(frozen=True)
class Reference:
    """A recording to imitate.

    Attributes:
        mels: ``[1, T, M]``.
        token_ids: ``[1, S]`` what is spoken there; may be empty where the posterior does not see the text.
    """

    mels: Tensor
    token_ids: Tensor


class ReferenceEncoder(nn.Module):
    """Strided 2-D convolutions over a spectrogram, and an LSTM over what is left of its time axis.

    What lies beyond a clip's own length is cut after each convolution, so a clip gets the same vector in any batch.
    """

    def __init__(self, n_mels: int, channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList()
        self.bns = nn.ModuleList()
        inputs, bands = 1, n_mels
        for filters in _FILTERS:
            self.convs.append(nn.Conv2d(inputs, filters, 3, stride=2, padding=2))
            self.bns.append(nn.BatchNorm2d(filters))
            inputs, bands = filters, _halved(bands)
        self.recurrence = nn.LSTM(inputs * bands, channels, batch_first=True)

    def forward(self, mels: Tensor, mel_lengths: Tensor) -> Tensor:
        """Map ``mels [B, T, M]`` to ``[B, channels]``."""
        x = mels.unsqueeze(1)  # [B, 1, T, M]
        lengths = mel_lengths
        for convolution, normalization in zip(self.convs, self.bns, strict=True):
            lengths = _halved(lengths)
            x = torch.relu(normalization(convolution(x)))
            x = x * sequence_mask(lengths, x.shape[2]).view(len(x), 1, -1, 1)
        x = x.transpose(1, 2).flatten(2)  # [B, T / 64, filters * H]
        return _last(self.recurrence(x)[0], lengths)


class TextSummary(nn.Module):
    """An LSTM over the symbols."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, channels, batch_first=True)

    def forward(self, symbols: Tensor, lengths: Tensor) -> Tensor:
        """Map embedded ``symbols [B, S, inputs]`` to ``[B, channels]``."""
        return _last(self.lstm(symbols)[0], lengths)


class PosteriorNet(nn.Module):
    """From what is known of a recording to the posterior."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(inputs, channels), nn.Tanh(), nn.Linear(channels, 2 * channels))

    def forward(self, x: Tensor) -> Posterior:
        """Map ``x [B, inputs]``."""
        mean, width = self.net(x).float().chunk(2, dim=1)
        return Posterior(mean, F.softplus(width))


class CapacitronVAE(nn.Module):
    """The posterior of recordings, and beta.

    Args:
        n_mels: M.
        options: how the vector is made.
        symbol_channels: of an embedded symbol.
        speaker_channels: of a speaker vector, for a posterior that sees it.

    Raises:
        ValueError: the posterior is to see a speaker, and there is none.
    """

    def __init__(
        self, n_mels: int, options: CapacitronOptions, *, symbol_channels: int, speaker_channels: int = 0
    ) -> None:
        super().__init__()
        if options.sees_speaker and not speaker_channels:
            raise ValueError("capacitron_use_speaker_embedding is true, but the network has no speakers.")
        self.options = options
        self.encoder = ReferenceEncoder(n_mels, _REFERENCE_CHANNELS)
        # Positive through a softplus; this makes it 1.
        self.beta = nn.Parameter(torch.tensor([math.log(math.e - 1)]))
        inputs = _REFERENCE_CHANNELS + (speaker_channels if options.sees_speaker else 0)
        if options.text_channels:
            self.text_summary_net = TextSummary(symbol_channels, options.text_channels)
            inputs += options.text_channels
        self.post_encoder_mlp = PosteriorNet(inputs, options.channels)

    def forward(
        self, mels: Tensor, mel_lengths: Tensor, symbols: Tensor, symbol_lengths: Tensor, speaker: Tensor | None = None
    ) -> Posterior:
        """Return the posterior of recordings.

        Args:
            mels: ``[B, T, M]``.
            mel_lengths: ``[B]`` frames.
            symbols: ``[B, S, *]`` the embedded text that is spoken there.
            symbol_lengths: ``[B]``.
            speaker: ``[B, *]`` vector of who speaks, for a posterior that sees it.

        Raises:
            ValueError: the speaker is missing.
        """
        seen = [self.encoder(mels, mel_lengths)]
        if self.options.text_channels:
            seen.append(self.text_summary_net(symbols, symbol_lengths))
        if self.options.sees_speaker:
            if speaker is None:
                raise ValueError("The speaker is missing, and this network's prosody encoder sees it.")
            seen.append(speaker)
        posterior: Posterior = self.post_encoder_mlp(torch.cat(seen, dim=1))
        return posterior

    def prior(self, batch: int) -> Posterior:
        """Return the standard Gaussian, which is what is known without a recording."""
        ones = torch.ones(batch, self.options.channels, device=self.beta.device)
        return Posterior(torch.zeros_like(ones), ones)


@dataclass(frozen=True)
class CapacitronLosses:
    """Each a number.

    Attributes:
        latent: what the network minimises of this.
        beta: what the optimizer of beta minimises.
        divergence: of the posterior, in nats.
        multiplier: beta through its softplus.
    """

    latent: Tensor
    beta: Tensor
    divergence: Tensor
    multiplier: Tensor


def capacitron_loss(
    posterior: Posterior, beta: Tensor, *, capacity: float, weight: float, numbers_per_clip: Tensor | float
) -> CapacitronLosses:
    """Hold the divergence at the capacity (equation 8): down for the network, up for beta.

    Neither moves what the other is to learn.

    Args:
        posterior: of a batch.
        beta: ``[1]`` of :class:`CapacitronVAE`.
        capacity: C, in nats.
        weight: of the term for the network.
        numbers_per_clip: frames times channels of a clip, the mean over the batch: the errors of the spectrogram that
            this is added to are means over these.
    """
    divergence = posterior.divergence()
    excess = divergence - capacity
    multiplier = F.softplus(beta)[0]
    return CapacitronLosses(
        latent=weight * multiplier.detach() * excess / numbers_per_clip,
        beta=-multiplier * excess.detach(),
        divergence=divergence,
        multiplier=multiplier,
    )


def _halved(length: _Length) -> _Length:
    """What a convolution with kernel 3, stride 2 and padding 2 leaves of a length."""
    return (length + 1) // 2 + 1


def _last(outputs: Tensor, lengths: Tensor) -> Tensor:
    """The output ``[B, C]`` at the last step of each sequence of ``outputs [B, T, C]``."""
    places = (lengths - 1).view(-1, 1, 1).expand(-1, 1, outputs.shape[2])
    return outputs.gather(1, places).squeeze(1)

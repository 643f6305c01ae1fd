"""WaveGrad: noise → waveform in some fifty steps, each led by the mel spectrogram (Chen et al. 2020).

A diffusion model: in training a recording is mixed with noise, and the network guesses the noise from the mixture, the
mel spectrogram and the share of noise. In synthesis it starts from noise alone and takes away what it guesses, step by
step along a schedule. https://arxiv.org/abs/2009.00713

Dimensions: B batch, C channels of a block, M mel bands, T frames or samples of a block, T_wav samples, S steps.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.precision import in_float32
from finetune_tts.layers.weight_norm import WeightNormConv1d, fold_weight_norm

SLOPE = 0.2
#: What the sinusoids are divided by; beside them stands the noise level, which is near 1.
POSITION_SCALE = 5000.0


@dataclass(frozen=True)
class NoiseSchedule:
    """How much noise each step adds: variances that rise evenly.

    Attributes:
        betas: variance of the noise of each step, ``[S]``, in double precision.
    """

    betas: Tensor

    @classmethod
    def linear(cls, min_val: float, max_val: float, num_steps: int) -> "NoiseSchedule":
        """Return ``num_steps`` variances from ``min_val`` to ``max_val``."""
        return cls(torch.linspace(min_val, max_val, num_steps, dtype=torch.float64))

    @property
    def kept(self) -> Tensor:
        """Share of the recording's variance that is left after each step, ``[S]``."""
        return torch.cumprod(1.0 - self.betas, dim=0)

    @property
    def amplitudes(self) -> Tensor:
        """Amplitude of the recording before the first step and after each, ``[S + 1]`` float32."""
        return torch.cat([torch.ones(1), self.kept.sqrt().float()])


def mix_with_noise(recorded: Tensor, amplitudes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mix recordings with noise of random strength.

    Args:
        recorded: ``[B, 1, T_wav]``.
        amplitudes: ``[S + 1]`` of a schedule, on the recordings' device.

    Returns:
        The noise ``[B, 1, T_wav]``, the mixture ``[B, 1, T_wav]``, and the recording's amplitude in it ``[B]``.
    """
    # Between the amplitudes of two steps anything may come, so that synthesis may take other steps.
    batch, device = recorded.shape[0], recorded.device
    step = torch.randint(0, len(amplitudes) - 1, (batch,), device=device)
    upper, lower = amplitudes[step], amplitudes[step + 1]
    amplitude = lower + torch.rand(batch, device=device) * (upper - lower)
    noise = torch.randn_like(recorded)
    share = amplitude.reshape(batch, 1, 1)
    mixture = share * recorded + torch.sqrt(1.0 - share.square()) * noise
    return noise, mixture, amplitude


class NoiseLevelEncoding(nn.Module):
    """Adds the noise level, and a trace of sinusoids along time, to ``[B, C, T]``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor, noise_level: Tensor) -> Tensor:
        """Encode ``noise_level [B]`` into ``x [B, C, T]``."""
        return x + noise_level.reshape(-1, 1, 1) + self.sinusoids(x.shape[2], x.device)

    def sinusoids(self, length: int, device: torch.device) -> Tensor:
        """Return sines in the even and cosines in the odd channels, ``[C, T]``."""
        time = torch.arange(length, device=device, dtype=torch.float32)
        even = torch.arange(0, self.channels, 2, device=device, dtype=torch.float32)
        angles = time * torch.exp(-math.log(10000.0) * even / self.channels).unsqueeze(1)  # [C / 2, T]
        pairs = torch.stack([torch.sin(angles), torch.cos(angles)], dim=1)  # [C / 2, 2, T]
        return pairs.flatten(0, 1) / POSITION_SCALE


class FiLM(nn.Module):
    """Makes shift and scale of a block from the noisy waveform at its rate and the noise level.

    Named after feature-wise linear modulation (Perez et al. 2018).
    """

    def __init__(self, in_channels: int, out_channels: int, convolution: "Convolution") -> None:
        super().__init__()
        self.encoding = NoiseLevelEncoding(in_channels)
        self.input_conv = convolution(in_channels, in_channels, 3)
        self.output_conv = convolution(in_channels, 2 * out_channels, 3)

    def forward(self, x: Tensor, noise_level: Tensor) -> tuple[Tensor, Tensor]:
        """Return shift and scale ``[B, out_channels, T]`` for ``x [B, in_channels, T]``."""
        x = F.leaky_relu(self.input_conv(x), SLOPE)
        shift, scale = self.output_conv(self.encoding(x, noise_level)).chunk(2, dim=1)
        return shift, scale


class UpBlock(nn.Module):
    """Raises the rate of the condition's stream: ``[B, C_in, T]`` to ``[B, C, T * factor]``."""

    def __init__(
        self, in_channels: int, channels: int, factor: int, dilations: Sequence[int], convolution: "Convolution"
    ) -> None:
        super().__init__()
        self.factor = factor
        self.res_block = convolution(in_channels, channels, 1)
        self.main_block = nn.ModuleList(
            [
                convolution(in_channels, channels, 3, dilations[0]),
                convolution(channels, channels, 3, dilations[1]),
            ]
        )
        self.out_block = nn.ModuleList(convolution(channels, channels, 3, dilation) for dilation in dilations[2:4])

    def forward(self, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        """Run the block.

        Args:
            x: ``[B, C_in, T]``.
            shift, scale: ``[B, C, T * factor]``.
        """
        residual = self.res_block(self.stretched(x))
        hidden = self.main_block[0](self.stretched(F.leaky_relu(x, SLOPE)))
        hidden = self.main_block[1](F.leaky_relu(shift + scale * hidden, SLOPE))
        x = hidden + residual
        hidden = x
        for conv in self.out_block:
            hidden = conv(F.leaky_relu(shift + scale * hidden, SLOPE))
        return x + hidden

    def stretched(self, x: Tensor) -> Tensor:
        """Repeat every step of ``x``."""
        return x.repeat_interleave(self.factor, dim=2)


class DownBlock(nn.Module):
    """Lowers the rate of the noisy waveform's stream: ``[B, C_in, T]`` to ``[B, C, T / factor]``."""

    def __init__(self, in_channels: int, channels: int, factor: int, convolution: "Convolution") -> None:
        super().__init__()
        self.factor = factor
        self.res_block = convolution(in_channels, channels, 1)
        self.main_block = nn.ModuleList(
            convolution(in_channels if index == 0 else channels, channels, 3, dilation)
            for index, dilation in enumerate((1, 2, 4))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Run the block on ``x [B, C_in, T]``."""
        residual = self.res_block(x)[:, :, :: self.factor]
        x = x[:, :, :: self.factor]
        for conv in self.main_block:
            x = conv(F.leaky_relu(x, SLOPE))
        return x + residual


@dataclass(frozen=True)
class Convolution:
    """Makes the convolutions of a network, all with weight norm or all without."""

    weight_norm: bool

    def __call__(self, in_channels: int, out_channels: int, kernel_size: int, dilation: int = 1) -> nn.Module:
        """Return a convolution that keeps the length."""
        padding = (kernel_size - 1) // 2 * dilation
        if self.weight_norm:
            return WeightNormConv1d(in_channels, out_channels, kernel_size, padding=padding, dilation=dilation)
        conv = nn.Conv1d(in_channels, out_channels, kernel_size, padding=padding, dilation=dilation)
        nn.init.orthogonal_(conv.weight)
        assert conv.bias is not None
        nn.init.zeros_(conv.bias)
        return conv


class Wavegrad(nn.Module):
    """The network.

    Args:
        in_channels: mel bands.
        out_channels: waveforms that come out.
        use_weight_norm: weight norm in all convolutions.
        y_conv_channels: channels of the noisy waveform's first convolution.
        x_conv_channels: channels of the mel spectrogram's first convolution.
        dblock_out_channels: channels of the blocks that lower the noisy waveform's rate.
        ublock_out_channels: channels of the blocks that raise the mel spectrogram's rate.
        upsample_factors: their factors; the product is the hop length.
        upsample_dilations: the four dilations of each of them.
        schedule: of :meth:`inference`.

    Raises:
        ValueError: the lists do not go together.
    """

    def __init__(
        self,
        *,
        in_channels: int = 80,
        out_channels: int = 1,
        use_weight_norm: bool = False,
        y_conv_channels: int = 32,
        x_conv_channels: int = 768,
        dblock_out_channels: Sequence[int] = (128, 128, 256, 512),
        ublock_out_channels: Sequence[int] = (512, 512, 256, 128, 128),
        upsample_factors: Sequence[int] = (4, 4, 4, 2, 2),
        upsample_dilations: Sequence[Sequence[int]] = ((1, 2, 1, 2), (1, 2, 1, 2), *((1, 2, 4, 8),) * 3),
        schedule: NoiseSchedule | None = None,
    ) -> None:
        super().__init__()
        blocks = len(upsample_factors)
        if (len(ublock_out_channels), len(upsample_dilations), len(dblock_out_channels)) != (
            blocks,
            blocks,
            blocks - 1,
        ):
            raise ValueError(
                f"{blocks} upsample_factors need as many ublock_out_channels and upsample_dilations, "
                f"and {blocks - 1} dblock_out_channels."
            )
        if any(len(dilations) != 4 for dilations in upsample_dilations):
            raise ValueError("upsample_dilations must have four items for each block.")
        convolution = Convolution(use_weight_norm)
        self.hop_length = math.prod(upsample_factors)
        self.schedule = schedule or NoiseSchedule.linear(1e-6, 0.01, 50)
        self.y_conv = convolution(1, y_conv_channels, 5)
        self.x_conv = convolution(in_channels, x_conv_channels, 3)
        self.out_conv = convolution(ublock_out_channels[-1], out_channels, 3)
        self.dblocks = nn.ModuleList()
        channels = y_conv_channels
        for wider, factor in zip(dblock_out_channels, list(upsample_factors)[:0:-1], strict=True):
            self.dblocks.append(DownBlock(channels, wider, factor, convolution))
            channels = wider
        # The stream of the noisy waveform at each rate, from the highest, meets the block that ends at that rate.
        self.film = nn.ModuleList(
            FiLM(narrow, wide, convolution)
            for narrow, wide in zip(
                [y_conv_channels, *dblock_out_channels], reversed(list(ublock_out_channels)), strict=True
            )
        )
        self.ublocks = nn.ModuleList()
        channels = x_conv_channels
        for narrower, factor, dilations in zip(ublock_out_channels, upsample_factors, upsample_dilations, strict=True):
            self.ublocks.append(UpBlock(channels, narrower, factor, dilations, convolution))
            channels = narrower

    def forward(self, mixture: Tensor, mel: Tensor, amplitude: Tensor) -> Tensor:
        """Guess the noise in a mixture.

        Args:
            mixture: ``[B, 1, T_wav]``.
            mel: ``[B, M, T]``, ``T_wav`` is ``T`` times the hop length.
            amplitude: of the recording in the mixture, ``[B]``.

        Returns:
            ``[B, out_channels, T_wav]``.
        """
        # The last steps of synthesis have next to no noise left: bfloat16 would round it away as it comes in.
        x = in_float32(self.y_conv, mixture)
        modulations = [self.film[0](x, amplitude)]
        for block, film in zip(self.dblocks, self.film[1:], strict=True):
            x = block(x)
            modulations.append(film(x, amplitude))
        hidden = self.x_conv(mel)
        for block, (shift, scale) in zip(self.ublocks, reversed(modulations), strict=True):
            hidden = block(hidden, shift, scale)
        return in_float32(self.out_conv, hidden)

    @torch.no_grad()
    def inference(self, mel: Tensor, noise: Tensor | None = None) -> Tensor:
        """Generate waveforms along the schedule.

        Args:
            mel: ``[B, M, T]``.
            noise: to start from, ``[B, 1, T_wav]``; None draws it.

        Returns:
            ``[B, 1, T_wav]``, between -1 and 1.
        """
        batch, _, frames = mel.shape
        if noise is None:
            noise = torch.randn(batch, 1, frames * self.hop_length, device=mel.device, dtype=mel.dtype)
        # In single precision from here on, as the released networks are heard with: it shows where betas are small.
        stay, kept = (1.0 - self.schedule.betas).float(), self.schedule.kept.float()
        amplitudes, gains = self.schedule.kept.sqrt().tolist(), (1.0 / stay.sqrt()).tolist()
        guess_shares = ((1.0 - stay) / (1.0 - kept).sqrt()).tolist()
        deviations = ((1.0 - kept[:-1]) / (1.0 - kept[1:]) * self.schedule.betas[1:].float()).sqrt().tolist()
        wave = noise
        for step in reversed(range(len(gains))):
            amplitude = torch.full((batch,), amplitudes[step], device=mel.device, dtype=mel.dtype)
            wave = gains[step] * (wave - guess_shares[step] * self(wave, mel, amplitude))
            if step > 0:
                wave = wave + deviations[step - 1] * torch.randn_like(wave)
            wave = wave.clamp(-1.0, 1.0)
        return wave

    def prepare_for_inference(self) -> None:
        """Fold weight norm, in place."""
        fold_weight_norm(self)


def wavegrad_loss(guess: Tensor, noise: Tensor) -> Tensor:
    """Return the mean absolute difference of the guessed and the real noise, ``[B, 1, T_wav]`` each."""
    return F.l1_loss(guess, noise)

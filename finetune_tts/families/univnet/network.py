"""UnivNet's generator: noise and mel spectrogram → waveform (Jang et al. 2021, https://arxiv.org/abs/2106.07889).

A small network runs over the mel spectrogram and predicts, for every frame, the kernels of the convolutions that the
signal goes through: location-variable convolution (Zeng et al. 2021, https://arxiv.org/abs/2102.10815).

Dimensions: B batch, C hidden channels, M mel bands, T frames, L layers of a block, K kernel length, S samples that a
frame covers at the rate of a block, T_wav samples.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.dropout import Dropout
from finetune_tts.layers.precision import in_float32
from finetune_tts.layers.weight_norm import WeightNormConv1d, fold_weight_norm

SLOPE = 0.2  # of the leaky ReLUs in the blocks
LAST_SLOPE = 0.1  # of the one before the last layer
PREDICTOR_SLOPE = 0.1  # of the kernel predictor's


class KernelPredictor(nn.Module):
    """Predicts kernels and biases of all layers of a block for every frame.

    Args:
        cond_channels: ``M``.
        conv_channels: ``C``; a layer has ``C`` input and ``2 C`` output channels.
        conv_layers: ``L``.
        conv_kernel_size: ``K``.
        hidden_channels: channels of the predictor.
        kernel_size: odd kernel length in the predictor.
        dropout: probability with which the predictor's channels are dropped.
    """

    def __init__(
        self,
        *,
        cond_channels: int,
        conv_channels: int,
        conv_layers: int,
        conv_kernel_size: int,
        hidden_channels: int,
        kernel_size: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.shape = (conv_layers, conv_channels, 2 * conv_channels, conv_kernel_size)
        padding = (kernel_size - 1) // 2

        def convolution(out_channels: int) -> WeightNormConv1d:
            return WeightNormConv1d(hidden_channels, out_channels, kernel_size, padding=padding)

        self.input_conv = nn.Sequential(
            WeightNormConv1d(cond_channels, hidden_channels, 5, padding=2), nn.LeakyReLU(PREDICTOR_SLOPE)
        )
        residual: list[nn.Module] = []
        for _ in range(3):
            residual.append(Dropout(dropout))
            for _ in range(2):
                residual += [convolution(hidden_channels), nn.LeakyReLU(PREDICTOR_SLOPE)]
        self.residual_conv = nn.Sequential(*residual)
        self.kernel_conv = convolution(math.prod(self.shape))
        self.bias_conv = convolution(conv_layers * 2 * conv_channels)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Return kernels ``[B, L, C, 2 C, K, T]`` and biases ``[B, L, 2 C, T]`` for ``mel [B, M, T]``."""
        hidden = self.input_conv(mel)
        hidden = hidden + self.residual_conv(hidden)
        batch, _, frames = mel.shape
        layers, _, out_channels, _ = self.shape
        kernels = self.kernel_conv(hidden).reshape(batch, *self.shape, frames)
        biases = self.bias_conv(hidden).reshape(batch, layers, out_channels, frames)
        return kernels, biases


class LocationVariableBlock(nn.Module):
    """Raises the rate, then runs gated residual convolutions whose kernels differ from frame to frame.

    Args:
        channels: ``C``.
        cond_channels: ``M``.
        upsample_factor: how much the block lengthens the signal.
        samples_per_frame: ``S``, after the lengthening.
        conv_layers: ``L``; the dilations are powers of 3.
        conv_kernel_size: odd ``K``.
        kpnet_hidden_channels, kpnet_conv_size, kpnet_dropout: see :class:`KernelPredictor`.
    """

    def __init__(
        self,
        *,
        channels: int,
        cond_channels: int,
        upsample_factor: int,
        samples_per_frame: int,
        conv_layers: int,
        conv_kernel_size: int,
        kpnet_hidden_channels: int,
        kpnet_conv_size: int,
        kpnet_dropout: float,
    ) -> None:
        super().__init__()
        self.samples_per_frame = samples_per_frame
        odd = upsample_factor % 2
        self.upsample = nn.ConvTranspose1d(
            channels,
            channels,
            2 * upsample_factor,
            stride=upsample_factor,
            padding=upsample_factor // 2 + odd,
            output_padding=odd,
        )
        self.kernel_predictor = KernelPredictor(
            cond_channels=cond_channels,
            conv_channels=channels,
            conv_layers=conv_layers,
            conv_kernel_size=conv_kernel_size,
            hidden_channels=kpnet_hidden_channels,
            kernel_size=kpnet_conv_size,
            dropout=kpnet_dropout,
        )
        self.convs = nn.ModuleList(
            WeightNormConv1d(
                channels,
                channels,
                conv_kernel_size,
                dilation=3**index,
                padding=(conv_kernel_size - 1) // 2 * 3**index,
            )
            for index in range(conv_layers)
        )

    def forward(self, x: Tensor, mel: Tensor) -> Tensor:
        """Return ``[B, C, T * S]``.

        Args:
            x: ``[B, C, T * S / upsample_factor]``.
            mel: ``[B, M, T]``.
        """
        kernels, biases = self.kernel_predictor(mel)
        x = self.upsample(F.leaky_relu(x, SLOPE))  # [B, C, T * S]
        for index, conv in enumerate(self.convs):
            hidden = F.leaky_relu(conv(F.leaky_relu(x, SLOPE)), SLOPE)
            hidden = location_variable_convolution(hidden, kernels[:, index], biases[:, index], self.samples_per_frame)
            gated, filtered = hidden.chunk(2, dim=1)  # two times [B, C, T * S]
            x = x + torch.sigmoid(gated) * torch.tanh(filtered)
        return x


class UnivnetGenerator(nn.Module):
    """The generator.

    Args:
        in_channels: channels of the noise.
        out_channels: waveforms that come out.
        hidden_channels: ``C``.
        cond_channels: mel bands ``M``.
        upsample_factors: how much each block lengthens the signal; their product is the hop length.
        lvc_layers_each_block: ``L``.
        lvc_kernel_size: odd ``K``.
        kpnet_hidden_channels, kpnet_conv_size, dropout: see :class:`KernelPredictor`.
    """

    def __init__(
        self,
        *,
        in_channels: int = 64,
        out_channels: int = 1,
        hidden_channels: int = 32,
        cond_channels: int = 80,
        upsample_factors: Sequence[int] = (8, 8, 4),
        lvc_layers_each_block: int = 4,
        lvc_kernel_size: int = 3,
        kpnet_hidden_channels: int = 64,
        kpnet_conv_size: int = 3,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        for name, kernel_size in (("lvc_kernel_size", lvc_kernel_size), ("kpnet_conv_size", kpnet_conv_size)):
            if kernel_size % 2 == 0:
                raise ValueError(f"{name} {kernel_size} is even; an odd one is needed to keep the length.")
        self.in_channels = in_channels
        self.hop_length = math.prod(upsample_factors)
        self.first_conv = WeightNormConv1d(in_channels, hidden_channels, 7, padding=3)
        self.lvc_blocks = nn.ModuleList()
        samples_per_frame = 1
        for factor in upsample_factors:
            samples_per_frame *= factor
            self.lvc_blocks.append(
                LocationVariableBlock(
                    channels=hidden_channels,
                    cond_channels=cond_channels,
                    upsample_factor=factor,
                    samples_per_frame=samples_per_frame,
                    conv_layers=lvc_layers_each_block,
                    conv_kernel_size=lvc_kernel_size,
                    kpnet_hidden_channels=kpnet_hidden_channels,
                    kpnet_conv_size=kpnet_conv_size,
                    kpnet_dropout=dropout,
                )
            )
        self.last_conv_layers = nn.ModuleList([WeightNormConv1d(hidden_channels, out_channels, 7, padding=3)])

    def forward(self, mel: Tensor, noise: Tensor | None = None) -> Tensor:
        """Generate waveforms.

        Args:
            mel: ``[B, M, T]``.
            noise: ``[B, in_channels, T]``, standard normal; None draws it.

        Returns:
            ``[B, out_channels, T_wav]``, between -1 and 1.
        """
        if noise is None:
            shape = (mel.shape[0], self.in_channels, mel.shape[2])
            noise = torch.randn(shape, device=mel.device, dtype=mel.dtype)
        x = self.first_conv(noise)
        for block in self.lvc_blocks:
            x = block(x, mel)
        for layer in self.last_conv_layers:
            # A waveform is heard to sixteen bits, bfloat16 has eight.
            x = in_float32(layer, F.leaky_relu(x, LAST_SLOPE))
        return torch.tanh(x)

    @torch.no_grad()
    def inference(self, mel: Tensor, noise: Tensor | None = None) -> Tensor:
        """Generate waveforms ``[B, out_channels, T_wav]`` of ``mel [B, M, T]``, of noise as in :meth:`forward`."""
        return self(mel, noise)

    def prepare_for_inference(self) -> None:
        """Fold weight norm, in place."""
        fold_weight_norm(self)


def location_variable_convolution(x: Tensor, kernels: Tensor, biases: Tensor, samples_per_frame: int) -> Tensor:
    """Convolve each frame's samples with that frame's kernel.

    Args:
        x: ``[B, C, T * S]``.
        kernels: ``[B, C, C_out, K, T]``, ``K`` odd.
        biases: ``[B, C_out, T]``.
        samples_per_frame: ``S``.

    Returns:
        ``[B, C_out, T * S]``.
    """
    batch, channels, out_channels, kernel_size, frames = kernels.shape
    padded = F.pad(x, ((kernel_size - 1) // 2,) * 2)
    # What a frame sees: its own samples, and (K - 1) / 2 of its neighbours'.
    shifted = [padded[:, :, place : place + x.shape[2]] for place in range(kernel_size)]
    windows = torch.stack(shifted, dim=2).unflatten(3, (frames, samples_per_frame))  # [B, C, K, T, S]
    windows = windows.permute(0, 3, 1, 2, 4).reshape(batch, frames, channels * kernel_size, samples_per_frame)
    weights = kernels.permute(0, 4, 2, 1, 3).reshape(batch, frames, out_channels, channels * kernel_size)
    output = weights @ windows + biases.permute(0, 2, 1).unsqueeze(-1)  # [B, T, C_out, S]
    return output.permute(0, 2, 1, 3).reshape(batch, out_channels, frames * samples_per_frame)

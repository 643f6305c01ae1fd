"""MelGAN's generators: mel spectrogram → waveform, or → sub-bands that a filter bank puts together.

MelGAN (Kumar et al. 2019, https://arxiv.org/abs/1910.06711) raises the rate by transposed convolutions, with stacks of
dilated convolutions after each. Full-band MelGAN is the same network with more convolutions in a stack; multi-band
MelGAN (Yang et al. 2020, https://arxiv.org/abs/2005.05106) generates four sub-bands at a quarter of the rate each.

Dimensions: B batch, C channels of a stage, T frames or samples of a stage, N bands, T_wav samples.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.pqmf import PQMF
from finetune_tts.layers.precision import in_float32
from finetune_tts.layers.weight_norm import WeightNormConv1d, WeightNormConvTranspose1d, fold_weight_norm

SLOPE = 0.2  # of all leaky ReLUs
INFERENCE_PADDING = 2  # frames that inference repeats at both ends


class ResidualStack(nn.Module):
    """Residual dilated convolutions; the dilations are the powers of the kernel's length, so that no gap is left.

    Shapes: ``[B, C, T]`` to ``[B, C, T]``; T must be longer than the largest padding.
    """

    def __init__(self, channels: int, *, num_blocks: int, kernel_size: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        self.shortcuts = nn.ModuleList()
        for index in range(num_blocks):
            dilation = kernel_size**index
            self.blocks.append(
                nn.Sequential(
                    nn.LeakyReLU(SLOPE),
                    nn.ReflectionPad1d((kernel_size - 1) // 2 * dilation),
                    WeightNormConv1d(channels, channels, kernel_size, dilation=dilation),
                    nn.LeakyReLU(SLOPE),
                    WeightNormConv1d(channels, channels, 1),
                )
            )
            self.shortcuts.append(WeightNormConv1d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Refine ``x [B, C, T]``."""
        for block, shortcut in zip(self.blocks, self.shortcuts, strict=True):
            x = shortcut(x) + block(x)
        return x


class MelganGenerator(nn.Module):
    """The generator of MelGAN and full-band MelGAN.

    Args:
        in_channels: mel bands.
        out_channels: waveforms, or sub-bands, that come out.
        proj_kernel: odd kernel length of the first and the last convolution.
        base_channels: channels before the first stage; each stage halves them.
        upsample_factors: how much each stage lengthens the signal; their product is the hop length, divided by the
            number of sub-bands.
        res_kernel: odd kernel length in the residual stacks.
        num_res_blocks: convolutions of a stack.

    Raises:
        ValueError: a kernel is even, or there are fewer channels than the halvings need.
    """

    def __init__(
        self,
        *,
        in_channels: int = 80,
        out_channels: int = 1,
        proj_kernel: int = 7,
        base_channels: int = 512,
        upsample_factors: Sequence[int] = (8, 8, 2, 2),
        res_kernel: int = 3,
        num_res_blocks: int = 3,
    ) -> None:
        super().__init__()
        for name, kernel_size in (("proj_kernel", proj_kernel), ("res_kernel", res_kernel)):
            if kernel_size % 2 == 0:
                raise ValueError(f"{name} {kernel_size} is even; an odd one is needed to keep the length.")
        if base_channels >> len(upsample_factors) < 1:
            raise ValueError(f"base_channels {base_channels} cannot be halved {len(upsample_factors)} times.")
        layers: list[nn.Module] = [
            nn.ReflectionPad1d((proj_kernel - 1) // 2),
            WeightNormConv1d(in_channels, base_channels, proj_kernel),
        ]
        channels = base_channels
        for factor in upsample_factors:
            odd = factor % 2
            layers += [
                nn.LeakyReLU(SLOPE),
                WeightNormConvTranspose1d(
                    channels, channels // 2, 2 * factor, stride=factor, padding=factor // 2 + odd, output_padding=odd
                ),
                ResidualStack(channels // 2, num_blocks=num_res_blocks, kernel_size=res_kernel),
            ]
            channels //= 2
        layers += [
            nn.LeakyReLU(SLOPE),
            nn.ReflectionPad1d((proj_kernel - 1) // 2),
            WeightNormConv1d(channels, out_channels, proj_kernel),
            nn.Tanh(),
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, mel: Tensor) -> Tensor:
        """Generate waveforms ``[B, out_channels, T_wav]`` of ``mel [B, in_channels, T]``, T at least 4."""
        # What is heard, or put together to what is heard, has more than the eight bits of bfloat16.
        *layers, projection, squash = self.layers
        x = mel
        for layer in layers:
            x = layer(x)
        return squash(in_float32(projection, x))

    @torch.no_grad()
    def inference(self, mel: Tensor) -> Tensor:
        """Generate waveforms with the frames at both ends repeated.

        Args:
            mel: ``[B, in_channels, T]``.

        Returns:
            ``[B, out_channels, T_wav]``, longer than the spectrogram by four frames.
        """
        return self(F.pad(mel, (INFERENCE_PADDING, INFERENCE_PADDING), "replicate"))

    def prepare_for_inference(self) -> None:
        """Fold weight norm, in place."""
        fold_weight_norm(self)


class MultibandMelganGenerator(MelganGenerator):
    """The generator of multi-band MelGAN: ``out_channels`` sub-bands, and the filter bank that joins them.

    Args:
        out_channels: number of sub-bands ``N``.
        others: as for :class:`MelganGenerator`.
    """

    def __init__(
        self,
        *,
        in_channels: int = 80,
        out_channels: int = 4,
        proj_kernel: int = 7,
        base_channels: int = 384,
        upsample_factors: Sequence[int] = (2, 8, 2, 2),
        res_kernel: int = 3,
        num_res_blocks: int = 3,
    ) -> None:
        super().__init__(
            in_channels=in_channels,
            out_channels=out_channels,
            proj_kernel=proj_kernel,
            base_channels=base_channels,
            upsample_factors=upsample_factors,
            res_kernel=res_kernel,
            num_res_blocks=num_res_blocks,
        )
        self.pqmf_layer = PQMF(out_channels)

    def pqmf_analysis(self, waveform: Tensor) -> Tensor:
        """Split waveforms ``[B, 1, T_wav]`` into sub-bands ``[B, N, T_wav / N]``."""
        return self.pqmf_layer.analysis(waveform)

    def pqmf_synthesis(self, bands: Tensor) -> Tensor:
        """Join sub-bands ``[B, N, T_wav / N]`` to waveforms ``[B, 1, T_wav]``."""
        return self.pqmf_layer.synthesis(bands)

    @torch.no_grad()
    def inference(self, mel: Tensor) -> Tensor:
        """Generate waveforms ``[B, 1, T_wav]`` of ``mel [B, in_channels, T]``, as :meth:`MelganGenerator.inference`."""
        return self.pqmf_synthesis(super().inference(mel))

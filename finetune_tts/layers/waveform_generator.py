"""HiFi-GAN's generator: mel spectrogram → waveform (Kong, Kim and Bae 2020, https://arxiv.org/abs/2010.05646).

Transposed convolutions raise the rate from frames to samples, step by step, and halve the channels each time. After
each of them several stacks of dilated convolutions with kernels of different lengths look at the signal, each with
another field of view, and their mean goes on: the paper's multi-receptive-field fusion. End-to-end
models decode their latent frames with the same network, with a speaker vector as condition.

Dimensions: B batch, C channels of a stage, T frames or samples of a stage, T_wav samples.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.channels_last import Conv1d, channels_last
from finetune_tts.layers.precision import in_float32
from finetune_tts.layers.recomputing import Recomputing
from finetune_tts.layers.weight_norm import WeightNormConv1d, WeightNormConvTranspose1d, fold_weight_norm

SLOPE = 0.1  # of the leaky ReLUs between the layers
LAST_SLOPE = 0.01  # of the one before the last layer


def same_padding(kernel_size: int, dilation: int = 1) -> int:
    """Return the padding with which a convolution of an odd kernel keeps the length."""
    return (kernel_size - 1) * dilation // 2


class ResBlock1(nn.Module):
    """Residual pairs of a dilated and a plain convolution; one kernel length, several dilations.

    Shapes: ``[B, C, T]`` to ``[B, C, T]``.
    """

    def __init__(self, channels: int, kernel_size: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            WeightNormConv1d(
                channels, channels, kernel_size, dilation=dilation, padding=same_padding(kernel_size, dilation)
            )
            for dilation in dilations
        )
        self.convs2 = nn.ModuleList(
            WeightNormConv1d(channels, channels, kernel_size, padding=same_padding(kernel_size)) for _ in dilations
        )

    def forward(self, x: Tensor) -> Tensor:
        """Refine ``x [B, C, T]``."""
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            hidden = dilated(F.leaky_relu(x, SLOPE))
            x = x + plain(F.leaky_relu(hidden, SLOPE))
        return x


class ResBlock2(nn.Module):
    """Residual dilated convolutions without the plain ones: the lighter block of HiFi-GAN v3.

    Shapes: ``[B, C, T]`` to ``[B, C, T]``.
    """

    def __init__(self, channels: int, kernel_size: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            WeightNormConv1d(
                channels, channels, kernel_size, dilation=dilation, padding=same_padding(kernel_size, dilation)
            )
            for dilation in dilations
        )

    def forward(self, x: Tensor) -> Tensor:
        """Refine ``x [B, C, T]``."""
        for conv in self.convs:
            x = x + conv(F.leaky_relu(x, SLOPE))
        return x


RESBLOCKS: dict[str, type[ResBlock1] | type[ResBlock2]] = {"1": ResBlock1, "2": ResBlock2}


class WaveformGenerator(Recomputing):
    """The generator.

    Args:
        in_channels: channels of the input, mel bands for a vocoder.
        out_channels: waveforms that come out.
        resblock_type: ``"1"`` or ``"2"``.
        resblock_kernel_sizes: kernel length of each stack of a stage.
        resblock_dilation_sizes: dilations of each of those stacks.
        upsample_factors: how much each stage lengthens the signal; their product is the hop length.
        upsample_kernel_sizes: kernel length of each stage's transposed convolution.
        upsample_initial_channel: channels before the first stage; each stage halves them.
        inference_padding: frames that :meth:`inference` repeats at both ends.
        cond_channels: channels of the global condition (a speaker vector); 0 for none.
        cond_in_each_stage: add the condition behind every transposed convolution too.
        conv_pre_weight_norm: weight norm in the first convolution.
        conv_post_weight_norm: weight norm in the last convolution.
        conv_post_bias: bias in the last convolution.

    Raises:
        ValueError: the arguments contradict each other.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int = 1,
        resblock_type: str,
        resblock_kernel_sizes: Sequence[int],
        resblock_dilation_sizes: Sequence[Sequence[int]],
        upsample_factors: Sequence[int],
        upsample_kernel_sizes: Sequence[int],
        upsample_initial_channel: int,
        inference_padding: int = 5,
        cond_channels: int = 0,
        cond_in_each_stage: bool = False,
        conv_pre_weight_norm: bool = True,
        conv_post_weight_norm: bool = True,
        conv_post_bias: bool = True,
    ) -> None:
        super().__init__()
        self.inference_padding = inference_padding
        self.num_stacks = len(resblock_kernel_sizes)
        self.check_arguments(
            resblock_type, resblock_kernel_sizes, resblock_dilation_sizes, upsample_factors, upsample_kernel_sizes
        )
        if upsample_initial_channel >> len(upsample_factors) < 1:
            raise ValueError(
                f"upsample_initial_channel {upsample_initial_channel} cannot be halved {len(upsample_factors)} times."
            )
        pre = WeightNormConv1d if conv_pre_weight_norm else nn.Conv1d
        self.conv_pre = pre(in_channels, upsample_initial_channel, 7, padding=3)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()  # those of all stages, one after the other
        channels = upsample_initial_channel
        for factor, kernel_size in zip(upsample_factors, upsample_kernel_sizes, strict=True):
            self.ups.append(
                WeightNormConvTranspose1d(
                    channels, channels // 2, kernel_size, stride=factor, padding=(kernel_size - factor) // 2
                )
            )
            channels //= 2
            for stack_kernel, dilations in zip(resblock_kernel_sizes, resblock_dilation_sizes, strict=True):
                self.resblocks.append(RESBLOCKS[resblock_type](channels, stack_kernel, dilations))
        post = WeightNormConv1d if conv_post_weight_norm else Conv1d
        self.conv_post = post(channels, out_channels, 7, padding=3, bias=conv_post_bias)
        if cond_channels > 0:
            self.cond_layer = nn.Conv1d(cond_channels, upsample_initial_channel, 1)
        if cond_in_each_stage:
            self.conds = nn.ModuleList(
                nn.Conv1d(cond_channels, upsample_initial_channel >> stage, 1)
                for stage in range(1, len(upsample_factors) + 1)
            )
        self.cond_in_each_stage = cond_in_each_stage

    @staticmethod
    def check_arguments(
        resblock_type: str,
        resblock_kernel_sizes: Sequence[int],
        resblock_dilation_sizes: Sequence[Sequence[int]],
        upsample_factors: Sequence[int],
        upsample_kernel_sizes: Sequence[int],
    ) -> None:
        """Raise a ValueError that names the argument if the lists do not go together."""
        if resblock_type not in RESBLOCKS:
            raise ValueError(f"resblock_type {resblock_type!r} is not one of {', '.join(RESBLOCKS)}.")
        for (first_name, first), (second_name, second) in (
            (
                ("resblock_kernel_sizes", resblock_kernel_sizes),
                ("resblock_dilation_sizes", resblock_dilation_sizes),
            ),
            (("upsample_factors", upsample_factors), ("upsample_kernel_sizes", upsample_kernel_sizes)),
        ):
            if not first or len(first) != len(second):
                raise ValueError(f"{first_name} {first} and {second_name} {second} need one item for each other's.")
        for factor, kernel_size in zip(upsample_factors, upsample_kernel_sizes, strict=True):
            if kernel_size < factor:
                raise ValueError(f"upsample_kernel_sizes {kernel_size} is shorter than its factor {factor}.")

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Generate waveforms.

        Args:
            x: frames, ``[B, in_channels, T]``.
            condition: ``[B, cond_channels, 1]``, for a generator that has one.

        Returns:
            ``[B, out_channels, T_wav]``, between -1 and 1.
        """
        x = self.conv_pre(x)
        if condition is not None:
            x = x + self.cond_layer(condition)
        x = channels_last(x)
        for stage, upsample in enumerate(self.ups):
            x = upsample(F.leaky_relu(x, SLOPE))  # [B, C/2, T * factor]
            if self.cond_in_each_stage and condition is not None:
                x = x + self.conds[stage](condition)
            first = stage * self.num_stacks
            refined = self.through(self.resblocks[first], x)
            for stack in self.resblocks[first + 1 : first + self.num_stacks]:
                refined = refined + self.through(stack, x)
            x = refined / self.num_stacks
        # A waveform is heard to sixteen bits, bfloat16 has eight.
        return torch.tanh(in_float32(self.conv_post, F.leaky_relu(x, LAST_SLOPE)))

    @torch.no_grad()
    def inference(self, x: Tensor) -> Tensor:
        """Generate waveforms with the first and last frame repeated, which keeps clicks away from the ends.

        Args:
            x: mel spectrogram, ``[B, in_channels, T]``.

        Returns:
            ``[B, out_channels, T_wav]``, longer than the spectrogram by ``2 * inference_padding`` frames.
        """
        return self(F.pad(x, (self.inference_padding, self.inference_padding), "replicate"))

    def prepare_for_inference(self) -> None:
        """Fold weight norm, in place."""
        fold_weight_norm(self)

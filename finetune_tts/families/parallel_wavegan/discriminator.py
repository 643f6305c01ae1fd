"""Parallel WaveGAN's discriminators (Yamamoto, Song and Kim 2020, https://arxiv.org/abs/1910.11480).

Both judge every sample: one is a plain chain of dilated convolutions, the other a residual one like the generator.

Dimensions: B batch, C channels, T samples.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from finetune_tts.families.parallel_wavegan.network import GatedResidualBlock, stacked_dilations, sum_of_skips
from finetune_tts.layers.judgement import Judgement
from finetune_tts.layers.weight_norm import WeightNormConv1d

#: Name of an activation → its module.
ACTIVATIONS: dict[str, Callable[..., nn.Module]] = {
    "LeakyReLU": nn.LeakyReLU,
    "ReLU": nn.ReLU,
    "ELU": nn.ELU,
    "PReLU": nn.PReLU,
    "Tanh": nn.Tanh,
}
LEAKY = {"negative_slope": 0.2}


def activation(name: str, arguments: Mapping[str, Any] | None) -> nn.Module:
    """Return the activation of that name; without arguments a leaky ReLU has the slope 0.2.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"nonlinear_activation {name!r} is not one of {', '.join(ACTIVATIONS)}.")
    given = arguments if arguments is not None else LEAKY if name == "LeakyReLU" else {}
    return ACTIVATIONS[name](**given)


class ParallelWaveganDiscriminator(nn.Module):
    """The plain chain.

    Args:
        in_channels: channels of the waveform.
        out_channels: channels of the score.
        kernel_size: odd kernel length.
        num_layers: convolutions, the last one included.
        conv_channels: channels between them.
        dilation_factor: dilation of a layer is this to the power of its number; 1 takes the number itself.
        nonlinear_activation, nonlinear_activation_params: see :func:`activation`.
        bias: whether the convolutions have one.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        out_channels: int = 1,
        kernel_size: int = 3,
        num_layers: int = 10,
        conv_channels: int = 64,
        dilation_factor: int = 1,
        nonlinear_activation: str = "LeakyReLU",
        nonlinear_activation_params: Mapping[str, Any] | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size {kernel_size} is even; an odd one is needed to keep the length.")
        self.conv_layers = nn.ModuleList()
        channels = in_channels
        for index in range(num_layers - 1):
            dilation = max(1, index) if dilation_factor == 1 else dilation_factor**index
            padding = (kernel_size - 1) // 2 * dilation
            self.conv_layers += [
                WeightNormConv1d(channels, conv_channels, kernel_size, padding=padding, dilation=dilation, bias=bias),
                activation(nonlinear_activation, nonlinear_activation_params),
            ]
            channels = conv_channels
        self.conv_layers.append(
            WeightNormConv1d(channels, out_channels, kernel_size, padding=(kernel_size - 1) // 2, bias=bias)
        )

    def forward(self, x: Tensor) -> Judgement:
        """Judge ``x [B, in_channels, T]``: one score ``[B, out_channels, T]``, no features."""
        for layer in self.conv_layers:
            x = layer(x)
        return Judgement([x])


class ResidualParallelWaveganDiscriminator(nn.Module):
    """The residual one.

    Args:
        num_layers: gated convolutions, in all stacks together.
        stacks: within a stack each dilation is twice the one before.
        res_channels, gate_channels, skip_channels, dropout: see
            :class:`~finetune_tts.families.parallel_wavegan.network.GatedResidualBlock`.
        others: as for :class:`ParallelWaveganDiscriminator`.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        out_channels: int = 1,
        kernel_size: int = 3,
        num_layers: int = 30,
        stacks: int = 3,
        res_channels: int = 64,
        gate_channels: int = 128,
        skip_channels: int = 64,
        dropout: float = 0.0,
        bias: bool = True,
        nonlinear_activation: str = "LeakyReLU",
        nonlinear_activation_params: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()

        def nonlinear() -> nn.Module:
            return activation(nonlinear_activation, nonlinear_activation_params)

        self.first_conv = nn.Sequential(WeightNormConv1d(in_channels, res_channels, 1), nonlinear())
        self.conv_layers = nn.ModuleList(
            GatedResidualBlock(
                kernel_size=kernel_size,
                res_channels=res_channels,
                gate_channels=gate_channels,
                skip_channels=skip_channels,
                aux_channels=0,
                dropout=dropout,
                dilation=dilation,
                bias=bias,
            )
            for dilation in stacked_dilations(num_layers, stacks)
        )
        self.last_conv_layers = nn.ModuleList(
            [
                nonlinear(),
                WeightNormConv1d(skip_channels, skip_channels, 1),
                nonlinear(),
                WeightNormConv1d(skip_channels, out_channels, 1),
            ]
        )

    def forward(self, x: Tensor) -> Judgement:
        """Judge ``x [B, in_channels, T]``: one score ``[B, out_channels, T]``, no features."""
        x = sum_of_skips(self.conv_layers, self.first_conv(x))
        for layer in self.last_conv_layers:
            x = layer(x)
        return Judgement([x])

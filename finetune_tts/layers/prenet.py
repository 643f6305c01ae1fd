"""The prenet: a bottleneck through which the decoder sees the frames it has drawn (Wang et al. 2017, section 3.2).

Legend: B batch, T steps, I inputs, O outputs.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from finetune_tts.layers.dropout import dropout

PRENET_TYPES = ("original", "bn")

Gain = Literal["linear", "tanh", "sigmoid"]


class Linear(nn.Module):
    """A linear layer under the name that released checkpoints give it."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True, gain: Gain = "linear") -> None:
        super().__init__()
        self.linear_layer = nn.Linear(inputs, outputs, bias=bias)
        nn.init.xavier_uniform_(self.linear_layer.weight, gain=nn.init.calculate_gain(gain))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x [..., I]`` to ``[..., O]``."""
        return self.linear_layer(x)


class NormalizedLinear(Linear):
    """A linear layer and batch normalization over all that comes before the channels."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, bias=bias)
        self.batch_normalization = nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x [..., I]`` to ``[..., O]``."""
        y = self.linear_layer(x)
        return self.batch_normalization(y.flatten(0, -2)).view(y.shape)


class Prenet(nn.Module):
    """Linear layers with ReLU and strong dropout.

    Args:
        inputs: I.
        channels: outputs of each layer.
        kind: one of :data:`PRENET_TYPES`; "bn" normalizes before the ReLU.
        dropout: drop out half of what each layer gives.
        dropout_at_inference: do so in eval mode too, which some models need to sound well.
        bias: of the linear layers.
    """

    def __init__(
        self,
        inputs: int,
        channels: Sequence[int],
        *,
        kind: str = "original",
        dropout: bool = True,
        dropout_at_inference: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if kind not in PRENET_TYPES:
            raise ValueError(f"prenet_type {kind!r} is none of {', '.join(PRENET_TYPES)}.")
        self.dropout = dropout
        self.dropout_at_inference = dropout_at_inference
        layer = Linear if kind == "original" else NormalizedLinear
        self.linear_layers = nn.ModuleList(
            layer(before, after, bias=bias) for before, after in zip([inputs, *channels], channels, strict=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x [..., I]`` to ``[..., O]``; all steps at once where they are known."""
        for linear in self.linear_layers:
            x = torch.relu(linear(x))
            if self.dropout:
                x = dropout(x, 0.5, self.training or self.dropout_at_inference)
        return x

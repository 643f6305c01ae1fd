"""The flow of VITS between posterior and prior (Kim et al. 2021, section 2.1.2): it makes the simple prior of the text
fit the rich latent of the recording, and takes the speaker out on the way.

Dimensions: B batch, H channels of the latent, T_spec frames, G speaker vector width.
"""

from typing import cast

import torch
from torch import Tensor, nn

from finetune_tts.layers.precision import in_float32
from finetune_tts.layers.wavenet import WaveNet


class ShiftCoupling(nn.Module):
    """One half of the channels decides how far the other is shifted; nothing is scaled, so volume is kept."""

    def __init__(
        self,
        channels: int,
        *,
        kernel_size: int,
        dilation_rate: int,
        num_layers: int,
        condition_channels: int,
    ) -> None:
        super().__init__()
        self.pre = nn.Conv1d(channels // 2, channels, 1)
        self.enc = WaveNet(
            channels,
            kernel_size,
            dilation_rate=dilation_rate,
            num_layers=num_layers,
            condition_channels=condition_channels,
        )
        self.post = nn.Conv1d(channels, channels // 2, 1)
        # Starting as the identity keeps a deep flow trainable.
        nn.init.zeros_(self.post.weight)
        assert self.post.bias is not None
        nn.init.zeros_(self.post.bias)

    def shift(self, kept: Tensor, mask: Tensor, condition: Tensor | None) -> Tensor:
        """How far the other half is shifted: ``kept [B, H / 2, T_spec]`` to the same shape."""
        hidden = self.enc(self.pre(kept) * mask, mask, condition)
        return in_float32(self.post, hidden) * mask


class CouplingFlow(nn.Module):
    """Couplings one after the other; the order of all channels is turned round after each of them.

    Args:
        channels: ``H``.
        kernel_size, dilation_rate, num_layers: of the WaveNet stack in each coupling.
        num_flows: couplings.
        condition_channels: ``G``; 0 for one speaker.
    """

    def __init__(
        self,
        channels: int,
        *,
        kernel_size: int,
        dilation_rate: int,
        num_layers: int,
        num_flows: int = 4,
        condition_channels: int = 0,
    ) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"hidden_channels {channels} is odd; the flow needs two halves.")
        self.flows = nn.ModuleList(
            ShiftCoupling(
                channels,
                kernel_size=kernel_size,
                dilation_rate=dilation_rate,
                num_layers=num_layers,
                condition_channels=condition_channels,
            )
            for _ in range(num_flows)
        )

    def forward(self, z: Tensor, mask: Tensor, condition: Tensor | None = None) -> Tensor:
        """From the posterior's latent to the prior's.

        Args:
            z: ``[B, H, T_spec]``.
            mask: ``[B, 1, T_spec]``.
            condition: ``[B, G, 1]``.
        """
        for flow in self._couplings():
            kept, shifted = z.chunk(2, dim=1)
            shifted = flow.shift(kept, mask, condition) + shifted * mask
            z = torch.cat([kept, shifted], dim=1).flip(1)
        return z

    def reverse(self, z: Tensor, mask: Tensor, condition: Tensor | None = None) -> Tensor:
        """From the prior's latent to the posterior's; shapes as in :meth:`forward`."""
        for flow in reversed(self._couplings()):
            kept, shifted = z.flip(1).chunk(2, dim=1)
            shifted = (shifted - flow.shift(kept, mask, condition)) * mask
            z = torch.cat([kept, shifted], dim=1)
        return z

    def _couplings(self) -> list[ShiftCoupling]:
        return cast(list[ShiftCoupling], list(self.flows))

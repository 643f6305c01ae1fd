"""The flow of Glow-TTS, which OverFlow shares: ActNorm, invertible convolution and coupling, block after block.

A flow is a function that can be run in both directions and whose log-determinant is known, so that the likelihood of
what goes in follows from the likelihood of what comes out (Kingma and Dhariwal 2018; Kim et al. 2020).

Legend: B batch, T_mel frames, n_mels mel channels, G speaker vector width, S frames that are squeezed into one step,
F = n_mels * S channels inside the decoder, T = T_mel // S.
"""

from typing import Any

import torch
from torch import Tensor, nn

from finetune_tts.layers.packed_flow import couple
from finetune_tts.layers.packed_frames import PackedFrames
from finetune_tts.layers.precision import in_float32
from finetune_tts.layers.recomputing import Recomputing
from finetune_tts.layers.torch_layers import by_hand
from finetune_tts.layers.wavenet import WaveNet
from finetune_tts.layers.weight_norm import WeightNormConv1d, is_plain


class ActNorm(nn.Module):
    """Per-channel scale and shift: the flow's normalization (Kingma and Dhariwal 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.logs = nn.Parameter(torch.zeros(1, channels, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1))

    def forward(self, x: Tensor, mask: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``x [B, F, T]`` to the normalized one and its log-determinant ``[B]``."""
        log_determinant = self.logs.sum() * mask.sum(dim=(1, 2))
        return (self.bias + torch.exp(self.logs) * x) * mask, log_determinant

    def reverse(self, z: Tensor, mask: Tensor, condition: Tensor | None = None) -> Tensor:
        """Undo :meth:`forward`."""
        return (z - self.bias) * torch.exp(-self.logs) * mask

    @torch.no_grad()
    def initialise(self, x: Tensor, mask: Tensor) -> None:
        """Set scale and shift so that ``x [B, F, T]`` leaves with mean 0 and variance 1 in each channel."""
        count = mask.sum().clamp(min=1)
        mean = (x * mask).sum(dim=(0, 2), keepdim=True) / count
        variance = ((x - mean) ** 2 * mask).sum(dim=(0, 2), keepdim=True) / count
        logs = -0.5 * torch.log(variance.clamp(min=1e-6))
        self.logs.copy_(logs)
        self.bias.copy_(-mean * torch.exp(logs))


class InvertibleConv(nn.Module):
    """A learned mixing of channels in groups: the 1x1 convolution of Glow, made cheap (Kim et al. 2020, section 3.2).

    A group holds ``num_splits`` channels, half from the first and half from the second half of all channels, so
    that information passes between the two halves that the coupling layers keep apart.
    """

    def __init__(self, channels: int, num_splits: int) -> None:
        super().__init__()
        if num_splits % 2 or channels % num_splits:
            raise ValueError(f"num_splits {num_splits} must be even and divide the decoder's {channels} channels.")
        self.num_splits = num_splits
        # A random rotation starts with a log-determinant of 0 whose sign the logarithm can take.
        weight = torch.linalg.qr(torch.randn(num_splits, num_splits))[0]
        weight[:, 0] *= torch.det(weight).sign()
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor, mask: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``x [B, F, T]`` to the mixed one and its log-determinant ``[B]``."""
        # The determinant is not defined for half precision.
        groups = x.shape[1] / self.num_splits
        log_determinant = in_float32(torch.logdet, self.weight) * groups * mask.sum(dim=(1, 2))
        return in_float32(self._mix, x, self.weight) * mask, log_determinant

    def reverse(self, z: Tensor, mask: Tensor, condition: Tensor | None = None) -> Tensor:
        """Undo :meth:`forward`."""
        return in_float32(self._mix, z, in_float32(torch.linalg.inv, self.weight)) * mask

    def matrix(self, channels: int) -> Tensor:
        """The mixing of all channels as one matrix ``[F, F]``, most of which is zero."""
        half, groups = self.num_splits // 2, channels // self.num_splits
        weight = self.weight.view(2, 1, half, 2, 1, half)
        same_group = torch.eye(groups, dtype=weight.dtype, device=weight.device).view(1, groups, 1, 1, groups, 1)
        return (weight * same_group).reshape(channels, channels)

    def _mix(self, x: Tensor, weight: Tensor) -> Tensor:
        batch, channels, steps = x.shape
        half = self.num_splits // 2
        x = x.view(batch, 2, channels // self.num_splits, half, steps)
        x = x.transpose(2, 3).reshape(batch, self.num_splits, -1)  # [B, num_splits, F / num_splits * T]
        x = weight @ x
        x = x.view(batch, 2, half, channels // self.num_splits, steps)
        return x.transpose(2, 3).reshape(batch, channels, steps)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # Checkpoints that were made ready for inference carry the inverse too; it follows from the weight.
        state_dict.pop(f"{prefix}weight_inv", None)
        super()._load_from_state_dict(state_dict, prefix, *args)


class Coupling(nn.Module):
    """Affine coupling: one half of the channels decides how the other is scaled and shifted (Dinh et al. 2017)."""

    def __init__(
        self,
        channels: int,
        *,
        hidden_channels: int,
        kernel_size: int,
        dilation_rate: int,
        num_layers: int,
        condition_channels: int,
        dropout: float,
        sigmoid_scale: bool,
    ) -> None:
        super().__init__()
        self.sigmoid_scale = sigmoid_scale
        self.start = WeightNormConv1d(channels // 2, hidden_channels, 1)
        self.wn = WaveNet(
            hidden_channels,
            kernel_size,
            dilation_rate=dilation_rate,
            num_layers=num_layers,
            condition_channels=condition_channels,
            dropout=dropout,
        )
        self.end = nn.Conv1d(hidden_channels, channels, 1)
        # Starting as the identity keeps a deep flow trainable.
        nn.init.zeros_(self.end.weight)
        assert self.end.bias is not None
        nn.init.zeros_(self.end.bias)

    def forward(self, x: Tensor, mask: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``x [B, F, T]`` to the coupled one and its log-determinant ``[B]``."""
        kept, changed = x.chunk(2, dim=1)
        shift, log_scale = self._shift_and_log_scale(kept, mask, condition)
        changed = (shift + torch.exp(log_scale) * changed) * mask
        return torch.cat([kept, changed], dim=1), (log_scale * mask).sum(dim=(1, 2))

    def reverse(self, z: Tensor, mask: Tensor, condition: Tensor | None = None) -> Tensor:
        """Undo :meth:`forward`."""
        kept, changed = z.chunk(2, dim=1)
        shift, log_scale = self._shift_and_log_scale(kept, mask, condition)
        return torch.cat([kept, (changed - shift) * torch.exp(-log_scale) * mask], dim=1)

    def over_rows(self, x: Tensor, frames: PackedFrames, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """:meth:`forward` over ``x [N, F]``, rows of ``frames``; the logarithm of the determinant of each, ``[N]``."""
        kept = x.chunk(2, dim=1)[0]
        hidden = frames.linear(kept, self.start.effective_weight().squeeze(2), self.start.bias)
        hidden = self.wn.over_rows(hidden, frames, condition)
        coupled = frames.linear(hidden, self.end.weight.squeeze(2), self.end.bias)
        if self.sigmoid_scale:
            shift, log_scale = coupled.chunk(2, dim=1)
            coupled = torch.cat([shift, torch.log(1e-6 + torch.sigmoid(log_scale + 2))], dim=1)
        return couple(x, coupled, frames)

    def _shift_and_log_scale(self, kept: Tensor, mask: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        hidden = self.wn(self.start(kept) * mask, mask, condition)
        # Exponentials and sums over thousands of values leave the range of half precision.
        shift, log_scale = in_float32(self.end, hidden).chunk(2, dim=1)
        if self.sigmoid_scale:
            log_scale = torch.log(1e-6 + torch.sigmoid(log_scale + 2))
        return shift, log_scale


class FlowDecoder(Recomputing):
    """A stack of ActNorm, invertible convolution and coupling over frames that are squeezed in groups of S."""

    def __init__(
        self,
        n_mels: int,
        *,
        hidden_channels: int,
        kernel_size: int,
        dilation_rate: int,
        num_flow_blocks: int,
        num_coupling_layers: int,
        dropout: float,
        num_splits: int,
        num_squeeze: int,
        sigmoid_scale: bool,
        condition_channels: int,
    ) -> None:
        super().__init__()
        self.num_squeeze = num_squeeze
        channels = n_mels * num_squeeze
        self.flows = nn.ModuleList()
        for _ in range(num_flow_blocks):
            self.flows.append(ActNorm(channels))
            self.flows.append(InvertibleConv(channels, num_splits))
            self.flows.append(
                Coupling(
                    channels,
                    hidden_channels=hidden_channels,
                    kernel_size=kernel_size,
                    dilation_rate=dilation_rate,
                    num_layers=num_coupling_layers,
                    condition_channels=condition_channels,
                    dropout=dropout,
                    sigmoid_scale=sigmoid_scale,
                )
            )

    def forward(self, mel: Tensor, mask: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Turn spectrograms into latents.

        Args:
            mel: ``[B, n_mels, T_mel]``, T_mel a multiple of S.
            mask: ``[B, 1, T_mel]``.
            condition: ``[B, G, 1]`` speaker vectors or None.

        Returns:
            the latent ``[B, n_mels, T_mel]`` and the log-determinant ``[B]``.
        """
        x, mask = self._squeeze(mel, mask)
        if self._packs(x):
            z, log_determinant = self._over_rows(x, PackedFrames(mask.to(x.dtype)), condition)
            return self._unsqueeze(z, mask), log_determinant
        log_determinant = torch.zeros(mel.shape[0], device=mel.device)
        for flow in self.flows:
            x, added = self.through(flow, x, mask, condition)
            log_determinant = log_determinant + added
        return self._unsqueeze(x, mask), log_determinant

    def reverse(self, z: Tensor, mask: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turn latents ``[B, n_mels, T_mel]`` into spectrograms of the same shape."""
        x, mask = self._squeeze(z, mask)
        for flow in reversed(self.flows):
            assert isinstance(flow, ActNorm | InvertibleConv | Coupling)
            x = flow.reverse(x, mask, condition)
        return self._unsqueeze(x, mask)

    @torch.no_grad()
    def initialise_actnorm(self, mel: Tensor, mask: Tensor, condition: Tensor | None = None) -> None:
        """Set each ActNorm from the data that reaches it; see :meth:`GlowTTS.initialise_actnorm`."""
        x, mask = self._squeeze(mel, mask)
        for flow in self.flows:
            if isinstance(flow, ActNorm):
                flow.initialise(x, mask)
            x = flow(x, mask, condition)[0]

    def _packs(self, x: Tensor) -> bool:
        """Whether training goes over packed frames all the way; see :meth:`WaveNet.packs`."""
        couplings = [flow for flow in self.flows if isinstance(flow, Coupling)]
        if not by_hand("flow") or not all(flow.wn.packs(x) for flow in couplings):
            return False
        return all(
            map(is_plain, (*self.flows, *(part for flow in couplings for part in (flow.start, flow.wn, flow.end))))
        )

    def _over_rows(self, x: Tensor, frames: PackedFrames, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """:meth:`forward` from ``x [B, F, T]`` to the latent of that shape and the log-determinant ``[B]``."""
        blocks = list(zip(self.flows[0::3], self.flows[1::3], self.flows[2::3], strict=True))
        rows = frames.pack(x)
        of_rows = rows.new_zeros(len(rows))
        of_each_frame = rows.new_zeros(())
        weights: list[Tensor] = []
        for norm, mixing, coupling in blocks:
            assert isinstance(norm, ActNorm)
            assert isinstance(mixing, InvertibleConv)
            rows, added = self.through(self._block_over_rows, norm, mixing, coupling, rows, frames, condition)
            of_rows = of_rows + added
            of_each_frame = of_each_frame + norm.logs.sum()
            weights.append(mixing.weight)
        of_each_frame = of_each_frame + torch.logdet(torch.stack(weights)).sum() * (x.shape[1] / weights[0].shape[0])
        log_determinant = frames.total(of_rows.unsqueeze(1)).squeeze(1) + of_each_frame * frames.lengths
        return frames.unpack(rows), log_determinant

    def _block_over_rows(
        self,
        norm: ActNorm,
        mixing: InvertibleConv,
        coupling: Coupling,
        rows: Tensor,
        frames: PackedFrames,
        condition: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """The three flows of a block; the first two are one matrix."""
        matrix = mixing.matrix(rows.shape[1])
        bias = matrix @ norm.bias.flatten()
        rows = frames.linear(rows, matrix * torch.exp(norm.logs).view(1, -1), bias)
        return coupling.over_rows(rows, frames, condition)

    def _squeeze(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """``[B, n_mels, T_mel]`` to ``[B, F, T]``; frames that do not fill a group are cut off."""
        size = self.num_squeeze
        steps = x.shape[2] // size
        x = x[:, :, : steps * size].unflatten(2, (steps, size))  # [B, n_mels, T, S]
        mask = mask[:, :, size - 1 :: size][:, :, :steps]
        return x.permute(0, 3, 1, 2).flatten(1, 2) * mask, mask

    def _unsqueeze(self, x: Tensor, mask: Tensor) -> Tensor:
        """``[B, F, T]`` to ``[B, n_mels, T_mel]``."""
        size = self.num_squeeze
        x = (x * mask).unflatten(1, (size, -1))  # [B, S, n_mels, T]
        return x.permute(0, 2, 3, 1).flatten(2, 3)

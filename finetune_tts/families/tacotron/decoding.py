"""What the decoders of Tacotron and Tacotron 2 have in common: frames in groups, teacher forcing, and when to stop.

A decoder draws r frames a step (the reduction factor). Its projection is as large as the largest r that it was trained
with; gradual training lowers r, and only the first r frames of a step count then.

Legend: B batch, S positions of the encoded text, D memory channels, T steps, r frames a step, C channels of a frame.
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.families.tacotron.attention import Attention, AttentionOptions
from finetune_tts.layers.prenet import Prenet


@dataclass(frozen=True)
class DecoderOptions:
    """How a decoder is built.

    Attributes:
        memory_channels: D.
        frame_channels: C.
        frames_per_step: the largest r.
        attention: which attention.
        prenet_type, prenet_dropout: see :class:`finetune_tts.layers.prenet.Prenet`.
        separate_stopnet: the stop prediction does not bend the rest of the network.
        memory_size: frames that the prenet of Tacotron sees; 0 for the last one alone.
    """

    memory_channels: int
    frame_channels: int
    frames_per_step: int
    attention: AttentionOptions
    prenet_type: str = "original"
    prenet_dropout: bool = True
    separate_stopnet: bool = True
    memory_size: int = 0


@dataclass(frozen=True)
class Decoded:
    """What a decoder gives.

    Attributes:
        frames: ``[B, T r, C]``.
        alignments: ``[B, T, S]`` where the text was read.
        stops: ``[B, T]`` logits of "this was the last step"; probabilities ``[B, T, 1]`` in inference.
        ended: it stopped by itself.
    """

    frames: Tensor
    alignments: Tensor
    stops: Tensor
    ended: bool = True


class Decoder(nn.Module):
    """A recurrent decoder with attention; Tacotron and Tacotron 2 fill it in.

    Attributes:
        frames_per_step: r now; at most ``options.frames_per_step``.
    """

    attention: Attention
    prenet: Prenet

    def __init__(self, options: DecoderOptions) -> None:
        super().__init__()
        if options.frames_per_step < 1:
            raise ValueError(f"r is {options.frames_per_step}; it must be at least 1.")
        self.options = options
        self.frames_per_step = options.frames_per_step

    @abstractmethod
    def forward(self, memory: Tensor, mels: Tensor, mask: Tensor) -> Decoded:
        """Draw with teacher forcing.

        Args:
            memory: ``[B, S, D]`` encoded text.
            mels: ``[B, T r, C]`` the frames that it is to draw.
            mask: ``[B, S]`` true inside a text.
        """

    @abstractmethod
    def draw(self, memory: Tensor, max_steps: int) -> Decoded:
        """Draw until the network says stop, or for ``max_steps``; ``memory [1, S, D]``."""

    def _groups(self, mels: Tensor) -> Tensor:
        """Frames ``[B, T r, C]`` in groups, ``[T, B, r C]``."""
        r = self.frames_per_step
        if mels.shape[1] % r:
            raise ValueError(f"{mels.shape[1]} frames do not make whole groups of {r}.")
        return mels.reshape(mels.shape[0], -1, r * mels.shape[2]).transpose(0, 1)

    def _frames(self, outputs: Tensor) -> Tensor:
        """Projections ``[T, B, max r C]`` to frames ``[B, T r, C]``."""
        channels = self.options.frame_channels
        frames = outputs[:, :, : self.frames_per_step * channels].transpose(0, 1)
        return frames.reshape(frames.shape[0], -1, channels)

    def _drawn(self, outputs: list[Tensor], alignments: list[Tensor], stops: list[Tensor], *, ended: bool) -> Decoded:
        """Steps of inference, each ``[1, …]``, as one."""
        return Decoded(
            frames=self._frames(torch.stack(outputs)),
            alignments=torch.stack(alignments, dim=1),
            stops=torch.stack(stops, dim=1),
            ended=ended,
        )


def padded_to_groups(frames: Tensor, group: int) -> Tensor:
    """Fill ``frames [B, T, C]`` with zeros to a whole number of groups."""
    missing = -frames.shape[1] % group
    return F.pad(frames, (0, 0, 0, missing)) if missing else frames

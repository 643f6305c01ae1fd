"""Tacotron (Wang et al. 2017, "Tacotron: Towards End-to-End Speech Synthesis").

The text passes a prenet and a CBHG: convolutions of all widths from 1 to 16, highway layers, a bidirectional GRU. A
GRU that sees the last frames and what was read asks the attention; two residual GRUs draw the next r mel frames. A
second CBHG turns the mel spectrogram into a linear one, whose waveform Griffin-Lim can find.

With teacher forcing only the first GRU and the attention need each other step by step; see tacotron2.py.

Legend: B batch, S symbols, D memory channels, T steps, r frames a step, C mel channels, F linear channels.
Tensor names are those of released 🐸TTS checkpoints.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.families.tacotron.attention import make_attention
from finetune_tts.families.tacotron.decoding import Decoded, Decoder, DecoderOptions
from finetune_tts.families.tacotron.network import NetworkOptions, TacotronNetwork, beside
from finetune_tts.layers.dropout import Dropout
from finetune_tts.layers.prenet import Prenet

STOP_THRESHOLD = 0.6


@dataclass(frozen=True)
class TacotronSizes:
    """Widths that are the same in all releases; a test may want a smaller network."""

    recurrent: int = 256
    prenet: tuple[int, int] = (256, 128)
    cbhg: int = 128
    encoder_bank: int = 16
    postnet_bank: int = 8
    postnet_projection: int = 256


class NormalizedConv(nn.Module):
    """Convolution without bias, batch normalization, and a ReLU where asked for; the length stays."""

    def __init__(self, inputs: int, outputs: int, kernel_size: int, *, relu: bool) -> None:
        super().__init__()
        self.padding = ((kernel_size - 1) // 2, kernel_size // 2)
        self.conv1d = nn.Conv1d(inputs, outputs, kernel_size, bias=False)
        # What TensorFlow had for defaults when the first Tacotrons were trained.
        self.bn = nn.BatchNorm1d(outputs, momentum=0.99, eps=1e-3)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x [B, inputs, T]`` to ``[B, outputs, T]``."""
        x = self.bn(self.conv1d(F.pad(x, self.padding)))
        return torch.relu(x) if self.relu else x


class Highway(nn.Module):
    """A layer that decides, number by number, how much of its input passes unchanged (Srivastava et al. 2015)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.H = nn.Linear(channels, channels)
        self.T = nn.Linear(channels, channels)
        nn.init.zeros_(self.H.bias)
        nn.init.constant_(self.T.bias, -1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x [..., channels]``."""
        gate = torch.sigmoid(self.T(x))
        return torch.relu(self.H(x)) * gate + x * (1.0 - gate)


class CBHG(nn.Module):
    """1-D convolution bank, highway layers, bidirectional GRU (section 3.1).

    Args:
        inputs: channels that come in.
        bank: widths of the bank: 1 to ``bank``.
        projections: channels of the two convolutions after the bank; the last as many as ``inputs``.
        channels: of the bank, the highway layers and each direction of the GRU.
    """

    def __init__(self, inputs: int, bank: int, projections: Sequence[int], channels: int) -> None:
        super().__init__()
        self.conv1d_banks = nn.ModuleList(
            NormalizedConv(inputs, channels, width, relu=True) for width in range(1, bank + 1)
        )
        widths = [bank * channels, *projections]
        self.conv1d_projections = nn.ModuleList(
            NormalizedConv(before, after, 3, relu=number < len(projections) - 1)
            for number, (before, after) in enumerate(zip(widths, projections, strict=False))
        )
        if projections[-1] != channels:
            self.pre_highway = nn.Linear(projections[-1], channels, bias=False)
        self.highways = nn.ModuleList(Highway(channels) for _ in range(4))
        self.gru = nn.GRU(channels, channels, batch_first=True, bidirectional=True)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map ``inputs [B, C, T]`` to ``[B, T, 2 channels]``."""
        x = torch.cat([convolution(inputs) for convolution in self.conv1d_banks], dim=1)
        for convolution in self.conv1d_projections:
            x = convolution(x)
        x = (x + inputs).transpose(1, 2)  # [B, T, C]
        if hasattr(self, "pre_highway"):
            x = self.pre_highway(x)
        for highway in self.highways:
            x = highway(x)
        return self.gru(x)[0]


class _NamedCBHG(nn.Module):
    """A CBHG under the name that released checkpoints give it."""

    def __init__(self, cbhg: CBHG) -> None:
        super().__init__()
        self.cbhg = cbhg

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x [B, C, T]`` to ``[B, T, 2 channels]``."""
        return self.cbhg(x)


class Encoder(nn.Module):
    """Prenet and CBHG."""

    def __init__(self, inputs: int, sizes: TacotronSizes) -> None:
        super().__init__()
        width = sizes.prenet[1]
        self.prenet = Prenet(inputs, sizes.prenet)
        self.cbhg = _NamedCBHG(CBHG(width, sizes.encoder_bank, [sizes.cbhg, width], sizes.cbhg))

    def forward(self, embedded: Tensor) -> Tensor:
        """Encode ``embedded [B, S, inputs]`` to ``[B, S, D]``."""
        return self.cbhg(self.prenet(embedded).transpose(1, 2))


class StopNet(nn.Module):
    """The logit of "this was the last step"."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.dropout = Dropout(0.1)
        self.linear = nn.Linear(inputs, 1)
        nn.init.xavier_uniform_(self.linear.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x [..., inputs]`` to ``[..., 1]``."""
        return self.linear(self.dropout(x))


class TacotronDecoder(Decoder):
    """A GRU with attention, then two residual GRUs."""

    def __init__(self, options: DecoderOptions, sizes: TacotronSizes) -> None:
        super().__init__(options)
        memory, width = options.memory_channels, sizes.recurrent
        largest = options.frame_channels * options.frames_per_step
        seen = options.frame_channels * max(options.memory_size, 1)
        self.prenet = Prenet(seen, sizes.prenet, kind=options.prenet_type, dropout=options.prenet_dropout)
        self.attention_rnn = nn.GRUCell(memory + sizes.prenet[1], width)
        self.attention = make_attention(width, memory, options.attention)
        self.project_to_decoder_in = nn.Linear(width + memory, width)
        self.decoder_rnns = nn.ModuleList(nn.GRUCell(width, width) for _ in range(2))
        self.proj_to_mel = nn.Linear(width, largest)
        self.stopnet = StopNet(width + largest)

    def forward(self, memory: Tensor, mels: Tensor, mask: Tensor) -> Decoded:
        """Draw with teacher forcing, see :meth:`Decoder.forward`."""
        groups = self._groups(mels)  # [T, B, r C]
        steps, batch = groups.shape[:2]
        seen = self.prenet(self._seen(groups))  # [T, B, P]
        read = self.attention.begin(memory, mask, steps)
        query = groups.new_zeros(batch, self.attention_rnn.hidden_size)
        context = memory.new_zeros(batch, memory.shape[2])
        asked, alignments = [], []
        for step in range(steps):
            query = self.attention_rnn(torch.cat([seen[step], context.to(seen.dtype)], dim=1), query)
            context, weights = read(query)
            asked.append(torch.cat([query, context.to(query.dtype)], dim=1))
            alignments.append(weights)
        drawn = self.project_to_decoder_in(torch.stack(asked))  # [T, B, width]
        for cell in self.decoder_rnns:
            hidden = drawn.new_zeros(batch, cell.hidden_size)
            hiddens = []
            for inputs in drawn:
                hidden = cell(inputs, hidden)
                hiddens.append(hidden)
            drawn = drawn + torch.stack(hiddens)
        outputs = self.proj_to_mel(drawn)  # [T, B, max r C]
        stops = self._stops(drawn, outputs).squeeze(-1)
        return Decoded(self._frames(outputs), torch.stack(alignments, dim=1), stops.transpose(0, 1))

    def _seen(self, groups: Tensor) -> Tensor:
        """What the prenet sees before each group of ``[T, B, r C]``: zeros before the first."""
        size = self.options.memory_size
        channels, r = self.options.frame_channels, self.frames_per_step
        if size == 0:
            frames = groups[:, :, -channels:]
            return torch.cat([torch.zeros_like(frames[:1]), frames[:-1]])
        # The newest group first; a memory shorter than a group holds the group's first frames.
        depth = -(-size // r)
        earlier = F.pad(groups, (0, 0, 0, 0, depth, 0))
        newest_first = [earlier[depth - age : depth - age + len(groups)] for age in range(1, depth + 1)]
        return torch.cat(newest_first, dim=2)[:, :, : size * channels]

    def _stops(self, drawn: Tensor, outputs: Tensor) -> Tensor:
        seen = torch.cat([drawn, outputs], dim=-1)
        return self.stopnet(seen.detach() if self.options.separate_stopnet else seen)

    def draw(self, memory: Tensor, max_steps: int) -> Decoded:
        """Draw until the network says stop or has read to the end, see :meth:`Decoder.draw`.

        One step more than ``max_steps`` is drawn, as in 🐸TTS.
        """
        read = self.attention.begin(memory, None)
        query = memory.new_zeros(1, self.attention_rnn.hidden_size)
        context = memory.new_zeros(1, memory.shape[2])
        hiddens = [memory.new_zeros(1, self.attention_rnn.hidden_size) for _ in self.decoder_rnns]
        width = self.frames_per_step * self.options.frame_channels
        depth = max(1, -(-self.options.memory_size // self.frames_per_step))
        history = memory.new_zeros(depth + 1, 1, width)
        outputs: list[Tensor] = []
        alignments: list[Tensor] = []
        stops: list[Tensor] = []
        ended = False
        while not ended and len(outputs) <= max_steps:
            seen = self._seen(history)[-1]
            query = self.attention_rnn(torch.cat([self.prenet(seen), context], dim=1), query)
            context, weights = read(query)
            drawn = self.project_to_decoder_in(torch.cat([query, context], dim=1))
            for number, cell in enumerate(self.decoder_rnns):
                hiddens[number] = cell(drawn, hiddens[number])
                drawn = drawn + hiddens[number]
            output = self.proj_to_mel(drawn)
            stop = torch.sigmoid(self._stops(drawn, output))
            outputs.append(output)
            alignments.append(weights)
            stops.append(stop)
            # The last entry stands for the step that comes, and is not looked at.
            history = torch.cat([history[1:-1], output[None, :, :width], history[-1:]])
            long_enough = len(outputs) > memory.shape[1] / 4
            ended = long_enough and bool((stop > STOP_THRESHOLD).any() | (weights[:, -1] > STOP_THRESHOLD).any())
        return self._drawn(outputs, alignments, stops, ended=ended)


class Tacotron(TacotronNetwork):
    """Tacotron for one or several speakers.

    Args:
        options: what it has in common with Tacotron 2, see :class:`NetworkOptions`.
        linear_channels: F.
        encoder_channels: of the symbol embedding.
        sizes: widths of the layers.
    """

    def __init__(
        self,
        *,
        options: NetworkOptions,
        linear_channels: int = 513,
        encoder_channels: int = 256,
        sizes: TacotronSizes | None = None,
    ) -> None:
        sizes = sizes or TacotronSizes()
        super().__init__(options)
        self.embedding = nn.Embedding(options.num_symbols, encoder_channels, padding_idx=0)
        nn.init.normal_(self.embedding.weight, 0.0, 0.3)
        self.encoder = Encoder(encoder_channels, sizes)
        self.build_capacitron(encoder_channels)
        self.build_decoders(lambda decoder: TacotronDecoder(decoder, sizes), 2 * sizes.cbhg)
        mels = options.frame_channels
        self.postnet = _NamedCBHG(CBHG(mels, sizes.postnet_bank, [sizes.postnet_projection, mels], sizes.cbhg))
        self.last_linear = nn.Linear(2 * sizes.cbhg, linear_channels)

    def encode(self, token_ids: Tensor, token_lengths: Tensor, mask: Tensor, conditions: list[Tensor]) -> Tensor:
        """Encode ``token_ids [B, S]``, with what each text is to be spoken like beside it: ``[B, S, D]``."""
        return beside(self.encoder(self.embedding(token_ids)) * mask.unsqueeze(2), conditions)

    def polish(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """The linear spectrogram ``[B, T r, F]`` of mel ``frames [B, T r, C]``."""
        polished = self.postnet(frames.transpose(1, 2))
        return self.last_linear(polished if mask is None else polished * mask.unsqueeze(2))

"""Tacotron 2 (Shen et al. 2018, "Natural TTS Synthesis by Conditioning WaveNet on Mel Spectrogram Predictions").

Convolutions and a bidirectional LSTM encode the text. An LSTM that sees the last frame and what was read asks the
attention for the next piece of the text; a second LSTM draws the next r frames from it. Convolutions polish the
spectrogram afterwards.

With teacher forcing the frames are known, so the prenet runs over all of them at once; nothing that the second LSTM
does comes back to the attention, so it runs after the first one, with the products of its inputs taken at once; and
projection and stop prediction are one product each.

Legend: B batch, S symbols, D memory channels, T steps, r frames a step, C mel channels, Q channels of both LSTMs,
P prenet channels. Tensor names are those of released 🐸TTS checkpoints.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.families.tacotron.attention import make_attention
from finetune_tts.families.tacotron.decoding import Decoded, Decoder, DecoderOptions
from finetune_tts.families.tacotron.network import NetworkOptions, TacotronNetwork, beside
from finetune_tts.layers.dropout import Dropout
from finetune_tts.layers.lstm import LSTMLoop, lstm_over_time
from finetune_tts.layers.prenet import Linear, Prenet
from finetune_tts.layers.recurrent_encoder import ConvBlock, RecurrentEncoder

_RECURRENT_DROPOUT = 0.1
STOP_THRESHOLD = 0.5


@dataclass(frozen=True)
class Tacotron2Sizes:
    """Widths that are the same in all releases; a test may want a smaller network."""

    recurrent: int = 1024
    prenet: int = 256
    postnet: int = 512


class Postnet(nn.Module):
    """Five convolutions that say what is to be added to a spectrogram."""

    def __init__(self, frame_channels: int, channels: int) -> None:
        super().__init__()
        widths = [frame_channels, *[channels] * 4, frame_channels]
        self.convolutions = nn.ModuleList(
            ConvBlock(before, after, nn.Tanh() if number < 4 else nn.Identity())
            for number, (before, after) in enumerate(zip(widths, widths[1:], strict=False))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x [B, C, T]`` to the same shape."""
        for convolution in self.convolutions:
            x = convolution(x)
        return x


class Tacotron2Decoder(Decoder):
    """Two LSTMs, the attention between them."""

    def __init__(self, options: DecoderOptions, sizes: Tacotron2Sizes) -> None:
        super().__init__(options)
        memory, width = options.memory_channels, sizes.recurrent
        largest = options.frame_channels * options.frames_per_step
        self.prenet = Prenet(
            options.frame_channels,
            [sizes.prenet, sizes.prenet],
            kind=options.prenet_type,
            dropout=options.prenet_dropout,
            bias=False,
        )
        self.attention_rnn = nn.LSTMCell(sizes.prenet + memory, width)
        self.attention = make_attention(width, memory, options.attention)
        self.decoder_rnn = nn.LSTMCell(width + memory, width)
        self.linear_projection = Linear(width + memory, largest)
        self.stopnet = nn.Sequential(Dropout(0.1), Linear(width + largest, 1, gain="sigmoid"))

    def forward(self, memory: Tensor, mels: Tensor, mask: Tensor) -> Decoded:
        """Draw with teacher forcing, see :meth:`Decoder.forward`."""
        groups = self._groups(mels)  # [T, B, r C]
        frames = groups[:, :, -mels.shape[2] :]  # the last frame of each group
        before = torch.cat([torch.zeros_like(frames[:1]), frames[:-1]])
        queries, contexts, alignments = self._read(memory, self.prenet(before), mask)
        hidden = self._draw_all(torch.cat([queries, contexts], dim=-1))  # [T, B, Q]
        outputs = self.linear_projection(torch.cat([hidden, contexts], dim=-1))  # [T, B, max r C]
        stops = self._stops(hidden, outputs).squeeze(-1)  # [T, B]
        return Decoded(self._frames(outputs), alignments.transpose(0, 1), stops.transpose(0, 1))

    @property
    def _dropout(self) -> float:
        """With which both LSTMs drop out their states from step to step."""
        return _RECURRENT_DROPOUT if self.training else 0.0

    def _read(self, memory: Tensor, seen: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries ``[T, B, Q]``, contexts ``[T, B, D]`` and alignments ``[T, B, S]`` for ``seen [T, B, P]``."""
        steps, batch, width = seen.shape
        cell = self.attention_rnn
        offsets = F.linear(seen, cell.weight_ih[:, :width], cell.bias_ih + cell.bias_hh)  # [T, B, 4Q]
        weight = torch.cat([cell.weight_ih[:, width:], cell.weight_hh], dim=1)
        lstm = LSTMLoop(weight, offsets, dropout=self._dropout, cell_dropout=self._dropout)
        read = self.attention.begin(memory, mask, steps)
        context = memory.new_zeros(batch, memory.shape[2])
        queries, contexts, alignments = [], [], []
        for _ in range(steps):
            query = lstm(context)
            context, weights = read(query)
            queries.append(query)
            contexts.append(context)
            alignments.append(weights)
        return torch.stack(queries), torch.stack(contexts), torch.stack(alignments)

    def _draw_all(self, inputs: Tensor) -> Tensor:
        """Hidden states ``[T, B, Q]`` of the second LSTM for ``inputs [T, B, Q + D]``."""
        cell = self.decoder_rnn
        products = F.linear(inputs, cell.weight_ih, cell.bias_ih + cell.bias_hh)  # [T, B, 4Q]
        return lstm_over_time(products, cell.weight_hh, dropout=self._dropout)

    def _stops(self, hidden: Tensor, outputs: Tensor) -> Tensor:
        seen = torch.cat([hidden, outputs], dim=-1)
        return self.stopnet(seen.detach() if self.options.separate_stopnet else seen)

    def draw(self, memory: Tensor, max_steps: int) -> Decoded:
        """Draw until the network says stop, see :meth:`Decoder.draw`."""
        read = self.attention.begin(memory, None)
        hidden = state = query = query_state = memory.new_zeros(1, self.decoder_rnn.hidden_size)
        context = memory.new_zeros(1, memory.shape[2])
        channels, r = self.options.frame_channels, self.frames_per_step
        frame = memory.new_zeros(1, channels)
        outputs: list[Tensor] = []
        alignments: list[Tensor] = []
        stops: list[Tensor] = []
        ended = False
        while not ended and len(outputs) < max_steps:
            query, query_state = self.attention_rnn(torch.cat([self.prenet(frame), context], 1), (query, query_state))
            context, weights = read(query)
            hidden, state = self.decoder_rnn(torch.cat([query, context], dim=1), (hidden, state))
            output = self.linear_projection(torch.cat([hidden, context], dim=1))  # [1, max r C]
            stop = torch.sigmoid(self._stops(hidden, output))
            outputs.append(output)
            alignments.append(weights)
            stops.append(stop)
            frame = output[:, (r - 1) * channels : r * channels]
            # The first step never is the last one.
            ended = len(outputs) > 1 and bool(stop > STOP_THRESHOLD)
        return self._drawn(outputs, alignments, stops, ended=ended)


class Tacotron2(TacotronNetwork):
    """Tacotron 2 for one or several speakers.

    Args:
        options: what it has in common with Tacotron, see :class:`NetworkOptions`.
        encoder_channels: of the symbol embedding and the encoder.
        sizes: widths of the decoder.
    """

    def __init__(
        self, *, options: NetworkOptions, encoder_channels: int = 512, sizes: Tacotron2Sizes | None = None
    ) -> None:
        sizes = sizes or Tacotron2Sizes()
        super().__init__(options)
        self.embedding = nn.Embedding(options.num_symbols, encoder_channels, padding_idx=0)
        self.encoder = RecurrentEncoder(encoder_channels, encoder_channels // 2)
        self.build_capacitron(encoder_channels)
        self.build_decoders(lambda decoder: Tacotron2Decoder(decoder, sizes), encoder_channels)
        self.postnet = Postnet(options.frame_channels, sizes.postnet)

    def encode(self, token_ids: Tensor, token_lengths: Tensor, mask: Tensor, conditions: list[Tensor]) -> Tensor:
        """Encode ``token_ids [B, S]``, with what each text is to be spoken like beside it: ``[B, S, D]``."""
        encoded = self.encoder(self.embedding(token_ids), token_lengths)
        return beside(encoded, conditions) * mask.unsqueeze(2)

    def polish(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """Add what the postnet says to ``frames [B, T r, C]``."""
        polished = frames + self.postnet(frames.transpose(1, 2)).transpose(1, 2)
        return polished if mask is None else polished * mask.unsqueeze(2)

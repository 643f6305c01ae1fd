"""WaveRNN: one sample after the other, from two recurrent layers (Kalchbrenner et al. 2018).

In the form with a residual network over the mel spectrogram that became common for text to speech. It is slow on one
utterance, so :meth:`Wavernn.inference` can cut an utterance into pieces that overlap, generate all of them at once, and
fade each into the next. https://arxiv.org/abs/1802.08435

Dimensions: B batch or pieces, M mel bands, T frames, T_wav samples, A channels of the auxiliary features, R size of the
recurrent layers.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.families.wavernn.sample_distribution import sample_distribution
from finetune_tts.layers.gru import gru_over_time, runs_by_hand
from finetune_tts.layers.precision import in_float32
from finetune_tts.layers.resampling import Stretch, stretch_and_smooth

#: Factor of a mel spectrogram that is stretched by straight lines; the released form of the network has it.
LINE_SCALE = 0.045
FADE_FRAMES = 20


class ResBlock(nn.Module):
    """Two convolutions of single frames, with a residual connection: ``[B, C, T]`` to ``[B, C, T]``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(channels, channels, 1, bias=False)
        self.conv2 = nn.Conv1d(channels, channels, 1, bias=False)
        self.batch_norm1 = nn.BatchNorm1d(channels)
        self.batch_norm2 = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Refine ``x [B, C, T]``."""
        hidden = torch.relu(self.batch_norm1(self.conv1(x)))
        return x + self.batch_norm2(self.conv2(hidden))


class MelResNet(nn.Module):
    """Auxiliary features of a mel spectrogram: ``[B, M, T + 2 * pad]`` to ``[B, A, T]``."""

    def __init__(self, num_blocks: int, in_channels: int, channels: int, out_channels: int, pad: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv1d(in_channels, channels, 2 * pad + 1, bias=False)
        self.batch_norm = nn.BatchNorm1d(channels)
        self.layers = nn.ModuleList(ResBlock(channels) for _ in range(num_blocks))
        self.conv_out = nn.Conv1d(channels, out_channels, 1)

    def forward(self, mel: Tensor) -> Tensor:
        """Return the features of ``mel [B, M, T + 2 * pad]``."""
        x = torch.relu(self.batch_norm(self.conv_in(mel)))
        for layer in self.layers:
            x = layer(x)
        return self.conv_out(x)


class Upsampling(nn.Module):
    """Mel spectrogram and auxiliary features at the sample rate.

    Args:
        mel_channels: ``M``.
        factors: their product is the hop length.
        compute_channels, num_blocks, aux_channels, pad: see :class:`MelResNet`.
        use_aux_net: have auxiliary features.
        smooth: repeat frames and smooth them by learned filters; else draw lines between frames.
    """

    def __init__(
        self,
        *,
        mel_channels: int,
        factors: Sequence[int],
        compute_channels: int,
        num_blocks: int,
        aux_channels: int,
        pad: int,
        use_aux_net: bool,
        smooth: bool,
    ) -> None:
        super().__init__()
        self.pad = pad
        self.hop_length = math.prod(factors)
        self.smooth = smooth
        if use_aux_net:
            self.resnet = MelResNet(num_blocks, mel_channels, compute_channels, aux_channels, pad)
        self.use_aux_net = use_aux_net
        if smooth:
            self.up_layers = nn.ModuleList()
            for factor in factors:
                conv = nn.Conv2d(1, 1, (1, 2 * factor + 1), padding=(0, factor), bias=False)
                nn.init.constant_(conv.weight, 1.0 / (2 * factor + 1))
                self.up_layers += [Stretch(factor), conv]

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return mel spectrogram ``[B, T_wav, M]`` and features ``[B, T_wav, A]``, for ``mel [B, M, T + 2 * pad]``."""
        aux = None
        if self.use_aux_net:
            features = self.resnet(mel)  # [B, A, T]
            stretched = features.repeat_interleave(self.hop_length, dim=2) if self.smooth else self.lines(features)
            aux = stretched.transpose(1, 2)
        if self.smooth:
            x = mel.unsqueeze(1)  # [B, 1, M, T + 2 * pad]
            for conv in self.up_layers[1::2]:  # each behind the stretching that it smooths
                assert isinstance(conv, nn.Conv2d)
                x = stretch_and_smooth(x, conv.weight)
            indent = self.pad * self.hop_length
            stretched = x.squeeze(1)[:, :, indent:-indent]
        else:
            indent = self.pad * self.hop_length
            stretched = self.lines(mel)[:, :, indent:-indent] * LINE_SCALE
        return stretched.transpose(1, 2), aux

    def lines(self, x: Tensor) -> Tensor:
        """Stretch ``x [B, C, T]`` to ``[B, C, T * hop]`` by straight lines."""
        return F.interpolate(x, scale_factor=float(self.hop_length), mode="linear", align_corners=True)


class Wavernn(nn.Module):
    """The network.

    Args:
        feat_dims: mel bands ``M``.
        rnn_dims: ``R``.
        fc_dims: size of the dense layers.
        compute_dims, res_out_dims, num_res_blocks: see :class:`MelResNet`; ``res_out_dims`` is shared out among four
            layers.
        use_aux_net, use_upsample_net: see :class:`Upsampling`.
        upsample_factors: their product is the hop length.
        mode, mulaw: see :func:`~finetune_tts.families.wavernn.sample_distribution.sample_distribution`.
        pad: frames that the network sees beyond both ends of a piece.
        batched: cut an utterance into pieces in :meth:`inference`.
        target_samples: samples of a piece.
        overlap_samples: samples in which neighbours are faded into each other.
    """

    def __init__(
        self,
        *,
        feat_dims: int = 80,
        rnn_dims: int = 512,
        fc_dims: int = 512,
        compute_dims: int = 128,
        res_out_dims: int = 128,
        num_res_blocks: int = 10,
        use_aux_net: bool = True,
        use_upsample_net: bool = True,
        upsample_factors: Sequence[int] = (4, 8, 8),
        mode: str | int = "mold",
        mulaw: bool = True,
        pad: int = 2,
        batched: bool = True,
        target_samples: int = 11000,
        overlap_samples: int = 550,
    ) -> None:
        super().__init__()
        self.distribution = sample_distribution(mode, mulaw)
        self.hop_length = math.prod(upsample_factors)
        self.pad = pad
        self.batched = batched
        self.target_samples = target_samples
        self.overlap_samples = overlap_samples
        self.aux_dims = res_out_dims // 4 if use_aux_net else 0
        self.upsample = Upsampling(
            mel_channels=feat_dims,
            factors=upsample_factors,
            compute_channels=compute_dims,
            num_blocks=num_res_blocks,
            aux_channels=res_out_dims,
            pad=pad,
            use_aux_net=use_aux_net,
            smooth=use_upsample_net,
        )
        aux = self.aux_dims
        self.I = nn.Linear(1 + feat_dims + aux, rnn_dims)
        self.rnn1 = nn.GRU(rnn_dims, rnn_dims, batch_first=True)
        self.rnn2 = nn.GRU(rnn_dims + aux, rnn_dims, batch_first=True)
        self.fc1 = nn.Linear(rnn_dims + aux, fc_dims)
        self.fc2 = nn.Linear(fc_dims + aux, fc_dims)
        self.fc3 = nn.Linear(fc_dims, self.distribution.channels)

    def forward(self, samples: Tensor, mel: Tensor) -> Tensor:
        """Say of each sample what its distribution is, given the ones before it.

        Args:
            samples: those before, ``[B, T_wav]``, as :meth:`SampleDistribution.encode` gives them.
            mel: ``[B, M, T + 2 * pad]``, ``T_wav`` is ``T`` times the hop length.

        Returns:
            ``[B, T_wav, channels of the distribution]``.
        """
        stretched, aux = self.upsample(mel)
        given = samples.unsqueeze(2)
        by_hand = all(runs_by_hand(layer, stretched) for layer in (self.rnn1, self.rnn2))
        if by_hand:  # which goes step by step, so that all of a step lies together: [T_wav, B, …]
            given, stretched = (x.transpose(0, 1).contiguous() for x in (given, stretched))
            aux = None if aux is None else aux.transpose(0, 1).contiguous()
        parts = self.shares(aux)
        x = self.I(torch.cat([given, stretched, *parts[0]], dim=2))  # [B, T_wav, R]
        x = x + recur(self.rnn1, x, by_hand)
        x = x + recur(self.rnn2, torch.cat([x, *parts[1]], dim=2), by_hand)
        x = torch.relu(self.fc1(torch.cat([x, *parts[2]], dim=2)))
        x = torch.relu(self.fc2(torch.cat([x, *parts[3]], dim=2)))
        # Means of sixteen bits, and logarithms of small numbers: bfloat16 has eight bits.
        distributions = in_float32(self.fc3, x)
        return distributions.transpose(0, 1) if by_hand else distributions

    def shares(self, aux: Tensor | None) -> list[list[Tensor]]:
        """Return the auxiliary features ``[B, T_wav, A]`` of each of the four layers that take some, as lists."""
        if aux is None:
            return [[], [], [], []]
        return [[aux[:, :, index * self.aux_dims : (index + 1) * self.aux_dims]] for index in range(4)]

    @torch.no_grad()
    def inference(self, mel: Tensor) -> Tensor:
        """Generate one utterance.

        Args:
            mel: ``[1, M, T]``, with at least two frames.

        Returns:
            ``[1, 1, (T - 1) * hop]``, between -1 and 1.

        Raises:
            ValueError: there is more than one utterance.
        """
        if mel.shape[0] != 1:
            raise ValueError(f"WaveRNN generates one utterance at a time, not {mel.shape[0]}.")
        length = (mel.shape[2] - 1) * self.hop_length
        stretched, aux = self.upsample(F.pad(mel, (self.pad, self.pad)))
        # One piece alone would gain nothing, and its end would be generated for nothing.
        in_pieces = self.batched and stretched.shape[1] > self.target_samples + 2 * self.overlap_samples
        if in_pieces:
            stretched = fold(stretched, self.target_samples, self.overlap_samples)
            aux = None if aux is None else fold(aux, self.target_samples, self.overlap_samples)
        pieces = self.speak(stretched, aux)  # [B, T_wav]
        samples = unfold(pieces, self.target_samples, self.overlap_samples) if in_pieces else pieces[0]
        wave = self.distribution.decode(samples[:length])
        fading = FADE_FRAMES * self.hop_length
        if length > fading:  # the network often ends with a click
            ramp = torch.linspace(1.0, 0.0, fading, device=wave.device)
            wave = torch.cat([wave[:-fading], wave[-fading:] * ramp])
        return wave.reshape(1, 1, length)

    def speak(self, stretched: Tensor, aux: Tensor | None) -> Tensor:
        """Draw one sample after the other.

        Args:
            stretched: mel spectrogram, ``[B, T_wav, M]``.
            aux: auxiliary features, ``[B, T_wav, A]``.

        Returns:
            Samples as they were drawn, ``[B, T_wav]``.

        Raises:
            ValueError: weights hold NaN or infinity, from which nothing can be drawn; a GPU would be lost to the
                process in the attempt.
        """
        if not all(bool(torch.isfinite(weight).all()) for weight in self.parameters()):
            raise ValueError("the weights of this WaveRNN hold NaN or infinity: its training has diverged.")
        first, second = cell_of(self.rnn1), cell_of(self.rnn2)
        batch, length, _ = stretched.shape
        parts = self.shares(aux)
        # What does not depend on the samples is worked out for all of them beforehand.
        entrance = F.linear(torch.cat([stretched, *parts[0]], dim=2), self.I.weight[:, 1:], self.I.bias)
        weight = self.I.weight[:, 0]
        state1 = state2 = entrance.new_zeros(batch, self.rnn1.hidden_size)
        sample = entrance.new_zeros(batch)
        drawn = []
        for step in range(length):
            now = [[part[:, step] for part in share] for share in parts]
            x = entrance[:, step] + sample.unsqueeze(1) * weight
            state1 = first(x, state1)
            x = x + state1
            state2 = second(torch.cat([x, *now[1]], dim=1), state2)
            x = x + state2
            x = torch.relu(self.fc1(torch.cat([x, *now[2]], dim=1)))
            x = torch.relu(self.fc2(torch.cat([x, *now[3]], dim=1)))
            sample = self.distribution.draw(self.fc3(x)).to(entrance.dtype)
            drawn.append(sample)
        return torch.stack(drawn, dim=1)

    def prepare_for_inference(self) -> None:
        """Nothing to fold; every vocoder has this method."""


def recur(layer: nn.GRU, x: Tensor, by_hand: bool) -> Tensor:
    """Run a recurrent layer over ``x [B, T_wav, …]``, or ``[T_wav, B, …]`` by hand."""
    hidden: Tensor = gru_over_time(layer, x) if by_hand else layer(x)[0]
    return hidden


def cell_of(layer: nn.GRU) -> nn.GRUCell:
    """Return a cell that makes single steps with the weights of ``layer``."""
    cell = nn.GRUCell(layer.input_size, layer.hidden_size, device=layer.weight_ih_l0.device)
    cell.load_state_dict({name.removesuffix("_l0"): tensor for name, tensor in layer.state_dict().items()})
    return cell


def fold(x: Tensor, target: int, overlap: int) -> Tensor:
    """Cut one sequence into pieces that overlap.

    Args:
        x: ``[1, T, C]``.
        target: steps of a piece, without its overlaps.
        overlap: steps that a piece shares with each neighbour.

    Returns:
        ``[B, target + 2 * overlap, C]``; the last piece ends with zeros.
    """
    step = target + overlap
    pieces = max(1, math.ceil((x.shape[1] - overlap) / step))
    x = F.pad(x, (0, 0, 0, pieces * step + overlap - x.shape[1]))
    return x[0].unfold(0, target + 2 * overlap, step).transpose(1, 2)


def unfold(pieces: Tensor, target: int, overlap: int) -> Tensor:
    """Join pieces ``[B, target + 2 * overlap]``, each faded into the next at equal power, to one ``[T]``."""
    silence = overlap // 2
    time = torch.linspace(-1.0, 1.0, overlap - silence, device=pieces.device)
    still = torch.zeros(silence, device=pieces.device)
    rising = torch.cat([still, torch.sqrt(0.5 * (1.0 + time))])
    faded = pieces.clone()
    if overlap:
        faded[:, :overlap] *= rising
        faded[:, -overlap:] *= rising.flip(0)
    step = target + overlap
    joined = pieces.new_zeros(len(pieces) * step + overlap)
    for index, piece in enumerate(faded):
        joined[index * step : index * step + len(piece)] += piece
    return joined

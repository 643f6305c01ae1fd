"""Neural HMM TTS (Mehta et al. 2022, "Neural HMMs Are All You Need") and OverFlow (Mehta et al. 2023).

A hidden Markov model goes through the text from left to right, with a few states for each symbol. In every state it
draws frames from a Gaussian that depends on the state and on what was heard before. The likelihood of a recording is
computed exactly, over all ways to go through the text; there is no attention that could get lost. OverFlow draws from
the latent of a flow in the place of the spectrogram.

Legend: B batch, S symbols, N states, D channels of a state, T frames, C mel channels, M channels of the memory, H
channels of the output network's first layer. Tensor names are those of released 🐸TTS checkpoints.
"""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.families.neural_hmm.likelihood import (
    Clips,
    Emission,
    Likelihood,
    emission_of,
    likeliest_states,
    log_likelihood,
)
from finetune_tts.layers.flow_decoder import FlowDecoder
from finetune_tts.layers.lstm import lstm_over_time
from finetune_tts.layers.masks import sequence_mask
from finetune_tts.layers.precision import at_least_float32, in_float32
from finetune_tts.layers.prenet import Linear, Prenet
from finetune_tts.layers.recurrent_encoder import RecurrentEncoder
from finetune_tts.layers.weight_norm import fold_weight_norm


@dataclass(frozen=True)
class HMMOptions:
    """Sizes of the hidden Markov model, as in 🐸TTS's config of the same names.

    Attributes:
        out_channels: C.
        state_per_phone: states for each symbol.
        encoder_in_out_features: D.
        memory_rnn_dim: M.
        outputnet_size: channels of the output network's layers.
        ar_order: frames that it sees again.
        flat_start_mean, flat_start_std, flat_start_transition_p: what it says of every state before it has learned.
        prenet_dropout: drop out half of the prenet's channels.
        std_floor: the least deviation, which keeps it from betting all on single points.
    """

    out_channels: int = 80
    state_per_phone: int = 2
    encoder_in_out_features: int = 512
    ar_order: int = 1
    prenet_type: str = "original"
    prenet_dim: int = 256
    prenet_n_layers: int = 2
    prenet_dropout: bool = True
    prenet_dropout_at_inference: bool = False
    memory_rnn_dim: int = 1024
    outputnet_size: Sequence[int] = (1024,)
    flat_start_mean: float = 0.0
    flat_start_std: float = 1.0
    flat_start_transition_p: float = 0.14
    std_floor: float = 0.01


class Encoder(RecurrentEncoder):
    """Symbols to states."""

    def __init__(self, num_symbols: int, channels: int, states: int) -> None:
        super().__init__(channels, channels // 2 * states)
        self.states = states
        self.emb = nn.Embedding(num_symbols, channels)

    def states_of(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """``token_ids [B, S]`` of ``lengths [B]`` to ``[B, N, D]``."""
        encoded = self(self.emb(token_ids), lengths)  # [B, S, states * D]
        return encoded.unflatten(2, (self.states, -1)).flatten(1, 2)


class OutputLayers(nn.Module):
    """The layers of the output network; the first one sees the memory, then the state."""

    def __init__(self, options: HMMOptions) -> None:
        super().__init__()
        widths = [options.memory_rnn_dim + options.encoder_in_out_features, *options.outputnet_size]
        self.layers = nn.ModuleList(Linear(*pair) for pair in zip(widths, widths[1:], strict=False))
        self.last_layer = nn.Linear(widths[-1], 2 * options.out_channels + 1)


class OutputNet(nn.Module):
    """What the model expects of the next frame in a state."""

    def __init__(self, options: HMMOptions) -> None:
        super().__init__()
        self.options = options
        self.parametermodel = OutputLayers(options)
        self.start_flat(options.flat_start_transition_p)

    @torch.no_grad()
    def start_flat(self, transition_probability: float) -> None:
        """Let all states expect the same; ``transition_probability`` of moving on with each frame."""
        options, last = self.options, self.parametermodel.last_layer
        mean, deviation, logit = last.bias.split([options.out_channels, options.out_channels, 1])
        last.weight.zero_()
        mean.fill_(options.flat_start_mean)
        deviation.fill_(math.log(math.expm1(options.flat_start_std)))
        logit.fill_(math.log(transition_probability / (1 - transition_probability)))

    def heard(self, memory: Tensor) -> Tensor:
        """The share of ``memory [..., M]`` in the first layer, ``[..., H]``, with its bias."""
        first = self._first
        return F.linear(memory, first.weight[:, : memory.shape[-1]], first.bias)

    def texts(self, states: Tensor) -> Tensor:
        """The share of ``states [B, N, D]``, ``[B, N, H]``."""
        return F.linear(states, self._first.weight[:, -states.shape[-1] :])

    @property
    def _first(self) -> nn.Linear:
        layer = self.parametermodel.layers[0]
        assert isinstance(layer, Linear)
        return layer.linear_layer

    @property
    def rest(self) -> list[Tensor]:
        """Weight and bias of the other layers, in their order."""
        inner = [layer.linear_layer for layer in self.parametermodel.layers[1:] if isinstance(layer, Linear)]
        return [tensor for layer in [*inner, self.parametermodel.last_layer] for tensor in (layer.weight, layer.bias)]


@dataclass(frozen=True)
class Sampling:
    """How frames are drawn.

    Attributes:
        temperature: factor on the deviations; 0 takes the means.
        quantile: a state ends when it would last longer with a lower chance than this; None draws when it ends.
        length_scale: duration factor; above 1 is slower.
        most_frames: after which a sentence is cut.
    """

    temperature: float
    quantile: float | None
    most_frames: int
    length_scale: float = 1.0


class NeuralHMM(nn.Module):
    """The hidden Markov model."""

    go_tokens: Tensor

    def __init__(self, options: HMMOptions) -> None:
        super().__init__()
        self.options = options
        self.prenet = Prenet(
            options.out_channels * options.ar_order,
            [options.prenet_dim] * options.prenet_n_layers,
            kind=options.prenet_type,
            dropout=options.prenet_dropout,
            dropout_at_inference=options.prenet_dropout_at_inference,
            bias=False,
        )
        self.memory_rnn = nn.LSTMCell(options.prenet_dim, options.memory_rnn_dim)
        self.output_net = OutputNet(options)
        self.register_buffer("go_tokens", torch.zeros(options.ar_order, 1))

    def forward(self, states: Tensor, state_lengths: Tensor, frames: Tensor, frame_lengths: Tensor) -> Likelihood:
        """How likely ``frames [B, T, C]`` are, given ``states [B, N, D]``."""
        given = self._given(states, frames)
        clips = Clips(frame_lengths, state_lengths)
        return log_likelihood(*given, clips, self.output_net.rest, self.options.std_floor)

    @torch.no_grad()
    def expect(self, states: Tensor, state_lengths: Tensor, frames: Tensor, frame_lengths: Tensor) -> Tensor:
        """What it expects of each frame when it has heard those before, in the likeliest state: ``[B, T, C]``."""
        heard, texts, frames = self._given(states, frames)
        clips, layers = Clips(frame_lengths, state_lengths), self.output_net.rest
        place = likeliest_states(heard, texts, frames, clips, layers, self.options.std_floor)  # [B, T]
        text = texts.gather(1, place.unsqueeze(2).expand(-1, -1, texts.shape[2]))
        return in_float32(lambda first: emission_of(first, layers, self.options.std_floor).mean, heard + text)

    def draw(self, states: Tensor, sampling: Sampling) -> Iterator[tuple[Tensor, int, bool]]:
        """Yield the frames ``[1, C]`` of ``states [1, N, D]``, with the state of each, and whether it ends there."""
        options = self.options
        texts, layers = self.output_net.texts(states), self.output_net.rest
        seen = self._go(states)[0]  # [ar_order, C]
        memory = cell = states.new_zeros(1, options.memory_rnn_dim)
        state, lasts = 0, 1.0
        for _ in range(sampling.most_frames):
            memory, cell = self.memory_rnn(self.prenet(seen.reshape(1, -1)), (memory, cell))
            first = self.output_net.heard(memory) + texts[:, state]
            emission = emission_of(first, layers, options.std_floor)
            frame = _drawn(emission, sampling.temperature)
            seen = torch.cat([seen[1:], frame])
            stays = float(torch.sigmoid(-emission.logit)) ** (1 / sampling.length_scale)
            lasts *= stays
            ends = float(torch.rand(())) >= stays if sampling.quantile is None else lasts < sampling.quantile
            yield frame, state, ends
            if ends:
                state, lasts = state + 1, 1.0
                if state == states.shape[1]:
                    return

    def _given(self, states: Tensor, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the likelihood is computed of: shares of what was heard and of the states, and the frames."""
        frames = at_least_float32(frames)
        memory = self._remember(frames)
        return in_float32(self.output_net.heard, memory), in_float32(self.output_net.texts, states), frames

    def _go(self, like: Tensor) -> Tensor:
        """What stands before the first frame, ``[B, ar_order, C]``."""
        return self.go_tokens.to(like.dtype).expand(len(like), self.options.ar_order, self.options.out_channels)

    def _remember(self, frames: Tensor) -> Tensor:
        """The memory ``[B, T, M]`` before each of ``frames [B, T, C]``."""
        steps, order = frames.shape[1], self.options.ar_order
        before = torch.cat([self._go(frames), frames], dim=1)
        seen = torch.cat([before[:, place : place + steps] for place in range(order)], dim=2)  # [B, T, ar_order C]
        return _run_cell(self.memory_rnn, self.prenet(seen.transpose(0, 1))).transpose(0, 1)


def _drawn(emission: Emission, temperature: float) -> Tensor:
    if not temperature:
        return emission.mean
    return emission.mean + temperature * emission.deviation * torch.randn_like(emission.mean)


def _run_cell(cell: nn.LSTMCell, inputs: Tensor) -> Tensor:
    """Hidden states ``[T, B, M]`` of a cell that runs over ``inputs [T, B, I]``."""
    if not inputs.is_cuda:
        products = F.linear(inputs, cell.weight_ih, cell.bias_ih + cell.bias_hh)
        return lstm_over_time(products, cell.weight_hh)
    start = inputs.new_zeros(1, inputs.shape[1], cell.hidden_size)
    weights = [cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh]
    with warnings.catch_warnings():
        # They are not one piece of memory, as those of a layer would be, so that they are copied to one.
        warnings.filterwarnings("ignore", message=".*single contiguous chunk of memory")
        hiddens: Tensor = torch.lstm(inputs, [start, start], weights, True, 1, 0.0, cell.training, False, False)[0]
    return hiddens


@dataclass(frozen=True)
class HMMOutput:
    """What a pass over a batch gives.

    Attributes:
        log_likelihood: ``[B]``.
        log_alphas: ``[B, T, N]`` log-probability of each state after what was heard until then.
    """

    log_likelihood: Tensor
    log_alphas: Tensor


@dataclass(frozen=True)
class HMMSpeech:
    """What it draws of a text.

    Attributes:
        mel: ``[1, T, C]``.
        states: of each frame.
        ended: it came to the end of the text.
    """

    mel: Tensor
    states: list[int]
    ended: bool


class NeuralHMMTTS(nn.Module):
    """Neural HMM TTS.

    Args:
        num_symbols: size of the vocabulary.
        options: sizes.

    Attributes:
        least_frames: fewer than these are no spectrogram.
    """

    mean: Tensor
    std: Tensor
    least_frames = 1

    def __init__(self, *, num_symbols: int, options: HMMOptions) -> None:
        super().__init__()
        self.options = options
        # Of the spectrograms that it was trained on.
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("std", torch.ones(()))
        self.encoder = Encoder(num_symbols, options.encoder_in_out_features, options.state_per_phone)
        self.neural_hmm = NeuralHMM(options)

    def forward(
        self,
        token_ids: Tensor,
        token_lengths: Tensor,
        mels: Tensor,
        mel_lengths: Tensor,
        token_counts: Sequence[int] | None = None,
    ) -> HMMOutput:
        """How likely a batch is.

        Args:
            token_ids: ``[B, S]``.
            token_lengths: ``[B]``.
            mels: ``[B, T, C]``.
            mel_lengths: ``[B]`` frames.
            token_counts: the numbers of ``token_lengths``, falling, so that nobody has to wait for a GPU to tell them.
        """
        states, state_lengths = self._states(token_ids, token_lengths, token_counts)
        latents, lengths, log_determinant = self.latents_of((mels - self.mean) / self.std, mel_lengths)
        found = self.neural_hmm(states, state_lengths, latents, lengths)
        return HMMOutput(found.log_likelihood + log_determinant, found.log_alphas)

    @torch.no_grad()
    def expect(
        self,
        token_ids: Tensor,
        token_lengths: Tensor,
        mels: Tensor,
        mel_lengths: Tensor,
        token_counts: Sequence[int] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What it expects of each frame of a recording: spectrograms ``[B, T, C]`` and their frames ``[B]``."""
        states, state_lengths = self._states(token_ids, token_lengths, token_counts)
        latents, lengths, _ = self.latents_of((mels - self.mean) / self.std, mel_lengths)
        expected = self.neural_hmm.expect(states, state_lengths, latents, lengths)
        return self.mels_of(expected, lengths) * self.std + self.mean, lengths

    @torch.no_grad()
    def inference(self, token_ids: Tensor, sampling: Sampling) -> HMMSpeech:
        """Draw the spectrogram of ``token_ids [1, S]``."""
        length = torch.tensor([token_ids.shape[1]])
        states = self.encoder.states_of(token_ids, length)
        drawn = list(self.neural_hmm.draw(states, sampling))
        _, last, ends = drawn[-1]
        drawn += drawn[-1:] * (self.least_frames - len(drawn))
        latents = torch.stack([frame for frame, _, _ in drawn], dim=1)  # [1, T, C]
        lengths = torch.tensor([len(drawn)], device=latents.device)
        mel = self.mels_of(latents, lengths) * self.std + self.mean
        path = [state for _, state, _ in drawn][: mel.shape[1]]
        return HMMSpeech(mel, path, ended=ends and last == states.shape[1] - 1)

    @torch.no_grad()
    def start_flat(self, mean: float, std: float, transition_probability: float) -> None:
        """Set a model that starts from scratch to what data are like, never a restored one.

        Args:
            mean, std: of their spectrograms.
            transition_probability: of moving on to the next state with a frame.
        """
        self.mean.fill_(mean)
        self.std.fill_(std)
        self.neural_hmm.output_net.start_flat(transition_probability)

    def latents_of(self, mels: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor | float]:
        """What the hidden Markov model draws, of normalized ``mels [B, T, C]``.

        Returns:
            ``[B, T', C]``, their lengths ``[B]``, and what is to be added to their log-likelihoods ``[B]``.
        """
        return mels, lengths, 0.0

    def mels_of(self, latents: Tensor, lengths: Tensor) -> Tensor:
        """Undo :meth:`latents_of`; ``[B, T', C]`` to ``[B, T', C]``."""
        return latents

    def prepare_for_inference(self) -> None:
        """Fold what can be folded; the model cannot be trained afterwards as it was before."""

    def _states(
        self, token_ids: Tensor, token_lengths: Tensor, token_counts: Sequence[int] | None
    ) -> tuple[Tensor, Tensor]:
        """States ``[B, N, D]`` of texts, and how many there are of each ``[B]``."""
        lengths = token_lengths if token_counts is None else torch.tensor(token_counts)
        return self.encoder.states_of(token_ids, lengths), token_lengths * self.options.state_per_phone


class FlowHolder(nn.Module):
    """The flow, under the name that released checkpoints give it."""

    def __init__(self, flow: FlowDecoder) -> None:
        super().__init__()
        self.glow_decoder = flow


class Overflow(NeuralHMMTTS):
    """OverFlow.

    Args:
        num_symbols: size of the vocabulary.
        options: sizes of the hidden Markov model.
        flow: arguments of :class:`finetune_tts.layers.flow_decoder.FlowDecoder`.
    """

    def __init__(self, *, num_symbols: int, options: HMMOptions, **flow: Any) -> None:
        super().__init__(num_symbols=num_symbols, options=options)
        self.decoder = FlowHolder(FlowDecoder(options.out_channels, condition_channels=0, **flow))
        self.least_frames = self.decoder.glow_decoder.num_squeeze

    def latents_of(self, mels: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The latents of the flow; frames that do not fill a group are cut off."""
        flow = self.decoder.glow_decoder
        frames = mels.shape[1] // flow.num_squeeze * flow.num_squeeze
        lengths = lengths // flow.num_squeeze * flow.num_squeeze
        mask = sequence_mask(lengths, frames).unsqueeze(1).to(mels.dtype)
        latents, log_determinant = flow(mels[:, :frames].transpose(1, 2), mask)
        return latents.transpose(1, 2), lengths, log_determinant

    def mels_of(self, latents: Tensor, lengths: Tensor) -> Tensor:
        """What the flow makes of latents, backwards."""
        flow = self.decoder.glow_decoder
        frames = latents.shape[1] // flow.num_squeeze * flow.num_squeeze
        lengths = lengths // flow.num_squeeze * flow.num_squeeze
        mask = sequence_mask(lengths, frames).unsqueeze(1).to(latents.dtype)
        return flow.reverse(latents[:, :frames].transpose(1, 2), mask).transpose(1, 2)

    def prepare_for_inference(self) -> None:
        """Fold weight norms."""
        fold_weight_norm(self)

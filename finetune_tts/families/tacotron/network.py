"""What Tacotron and Tacotron 2 have in common around their layers: conditions, one or two decoders, speaking.

*Double decoder consistency* (DDC) trains a second, coarse decoder, which draws many frames a step and so learns early
where to read; the two are held to read alike. A *bidirectional* network trains a second one that draws the end first.
Both are for training alone.

Legend: B batch, S symbols, D memory channels, T steps, r frames a step, C mel channels, O output channels (C, or the
linear ones of Tacotron), G channels of a style vector. Tensor names are those of released 🐸TTS checkpoints.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.families.tacotron.attention import AttentionOptions
from finetune_tts.families.tacotron.capacitron import CapacitronOptions, CapacitronVAE, Posterior, Reference
from finetune_tts.families.tacotron.decoding import Decoder, DecoderOptions, padded_to_groups
from finetune_tts.families.tacotron.style import GlobalStyleTokens, StyleOptions
from finetune_tts.layers.masks import sequence_mask


@dataclass(frozen=True)
class NetworkOptions:
    """What both Tacotrons are built from.

    Attributes:
        num_symbols: size of the vocabulary.
        frame_channels: C.
        frames_per_step: the largest r.
        attention: which attention, in all decoders.
        prenet_type, prenet_dropout, prenet_dropout_at_inference: of the decoder's prenet.
        separate_stopnet: the stop prediction does not bend the rest of the network.
        memory_size: frames that the prenet of Tacotron sees; 0 for the last one alone.
        coarse_frames_per_step: r of the coarse decoder; 0 for none.
        bidirectional: a second decoder draws the end first.
        num_speakers, speaker_channels: size of the speaker embedding; 0 speakers for none.
        d_vector_channels: size of d-vectors; 0 for none.
        style: style tokens, or None.
        capacitron: a random vector that says how it is to sound, or None.
    """

    num_symbols: int
    frame_channels: int = 80
    frames_per_step: int = 2
    attention: AttentionOptions = AttentionOptions()
    prenet_type: str = "original"
    prenet_dropout: bool = True
    prenet_dropout_at_inference: bool = False
    separate_stopnet: bool = True
    memory_size: int = 0
    coarse_frames_per_step: int = 0
    bidirectional: bool = False
    num_speakers: int = 0
    speaker_channels: int = 512
    d_vector_channels: int = 0
    style: StyleOptions | None = None
    capacitron: CapacitronOptions | None = None


@dataclass(frozen=True)
class TacotronOutput:
    """What a teacher-forced pass gives, and what the loss needs. T r is the batch's length, filled to whole groups."""

    outputs: Tensor
    """``[B, T r, O]`` after the postnet."""
    decoder_outputs: Tensor
    """``[B, T r, C]`` before it."""
    alignments: Tensor
    """``[B, T, S]``"""
    stops: Tensor
    """``[B, T]`` logits."""
    second_outputs: Tensor | None = None
    """``[B, T r, C]`` of the coarse decoder, or of the one that draws the end first, in its order."""
    second_alignments: Tensor | None = None
    """``[B, T, S]``"""
    posterior: Posterior | None = None
    """Of the recordings, in a network with Capacitron."""
    beta: Tensor | None = None
    """``[1]`` of a network with Capacitron."""


@dataclass(frozen=True)
class TacotronSpeech:
    """What inference gives."""

    outputs: Tensor
    """``[1, T r, O]``"""
    decoder_outputs: Tensor
    """``[1, T r, C]``"""
    alignments: Tensor
    """``[1, T, S]``"""
    stops: Tensor
    """``[1, T, 1]`` probabilities."""
    ended: bool
    """The network stopped by itself; false where it was cut off."""


class TacotronNetwork(nn.Module):
    """Encoder, decoders and postnet; Tacotron and Tacotron 2 fill it in."""

    embedding: nn.Embedding
    decoder: Decoder

    def __init__(self, options: NetworkOptions) -> None:
        super().__init__()
        self.options = options
        if options.num_speakers:
            self.speaker_embedding = nn.Embedding(options.num_speakers, options.speaker_channels)
            nn.init.normal_(self.speaker_embedding.weight, 0.0, 0.3)
        if options.style is not None:
            self.gst_layer = GlobalStyleTokens(options.frame_channels, options.style)

    @property
    def condition_channels(self) -> int:
        """Channels of all vectors that are put beside the encoded text."""
        options = self.options
        style = options.style.channels if options.style is not None else 0
        prosody = options.capacitron.channels if options.capacitron is not None else 0
        return style + self.speaker_channels + prosody

    @property
    def speaker_channels(self) -> int:
        """Channels of the vector that says who speaks; 0 for a network of one voice."""
        return self.options.speaker_channels if self.options.num_speakers else self.options.d_vector_channels

    @property
    def frames_per_step(self) -> int:
        """r now."""
        return self.decoder.frames_per_step

    def set_frames_per_step(self, frames: int) -> None:
        """Draw ``frames`` a step from now on, at most as many as the decoder was built for.

        Raises:
            ValueError: the decoder cannot.
        """
        if not 1 <= frames <= self.options.frames_per_step:
            raise ValueError(f"r is {frames}; this decoder draws 1 to {self.options.frames_per_step} frames a step.")
        self.decoder.frames_per_step = frames
        if self.options.bidirectional:
            self.decoder_backward.frames_per_step = frames

    def build_capacitron(self, symbol_channels: int) -> None:
        """Make the prosody encoder, where there is to be one."""
        options = self.options
        if options.capacitron is not None:
            self.capacitron_vae_layer = CapacitronVAE(
                options.frame_channels,
                options.capacitron,
                symbol_channels=symbol_channels,
                speaker_channels=self.speaker_channels,
            )

    def build_decoders(self, make: Callable[[DecoderOptions], Decoder], encoder_channels: int) -> None:
        """Make the decoder, and the second one that training has."""
        options = self.options
        decoder = DecoderOptions(
            memory_channels=encoder_channels + self.condition_channels,
            frame_channels=options.frame_channels,
            frames_per_step=options.frames_per_step,
            attention=options.attention,
            prenet_type=options.prenet_type,
            prenet_dropout=options.prenet_dropout,
            separate_stopnet=options.separate_stopnet,
            memory_size=options.memory_size,
        )
        self.decoder = make(decoder)
        self.decoder.prenet.dropout_at_inference = options.prenet_dropout_at_inference
        if options.bidirectional:
            self.decoder_backward = make(decoder)
            self.decoder_backward.load_state_dict(self.decoder.state_dict())
        if options.coarse_frames_per_step:
            self.coarse_decoder = make(replace(decoder, frames_per_step=options.coarse_frames_per_step))

    @abstractmethod
    def encode(self, token_ids: Tensor, token_lengths: Tensor, mask: Tensor, conditions: list[Tensor]) -> Tensor:
        """Encode ``token_ids [B, S]``, with the vectors ``[B, *]`` of ``conditions`` beside it: ``[B, S, D]``.

        ``token_lengths [B]`` may lie on the CPU.
        """

    @abstractmethod
    def polish(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """Bring ``frames [B, T r, C]`` of the decoder to what the network gives, ``[B, T r, O]``."""

    def forward(
        self,
        token_ids: Tensor,
        token_lengths: Tensor,
        mels: Tensor,
        mel_lengths: Tensor,
        speaker_ids: Tensor | None = None,
        d_vectors: Tensor | None = None,
        noise: Tensor | None = None,
        token_counts: Sequence[int] | None = None,
    ) -> TacotronOutput:
        """Draw with teacher forcing.

        Args:
            token_ids: ``[B, S]``.
            token_lengths: ``[B]``.
            mels: ``[B, T_mel, C]``.
            mel_lengths: ``[B]`` frames.
            speaker_ids: ``[B]`` for a network with a speaker embedding.
            d_vectors: ``[B, *]`` for a network with d-vectors.
            noise: ``[B, Z]`` for Capacitron's vector, from a standard Gaussian; drawn where it is None.
            token_counts: the numbers of ``token_lengths``, falling, so that nobody has to wait for a GPU to tell them.
        """
        mels = padded_to_groups(mels, self.frames_per_step)
        mask = sequence_mask(token_lengths, token_ids.shape[1])
        frame_mask = sequence_mask(mel_lengths, mels.shape[1])
        style = self.gst_layer(mels) if self.options.style is not None else None
        speaker = self._speaker(speaker_ids, d_vectors)
        posterior = beta = None
        if self.options.capacitron is not None:
            symbols = self.embedding(token_ids)
            posterior = self.capacitron_vae_layer(mels, mel_lengths, symbols, token_lengths, speaker)
            beta = self.capacitron_vae_layer.beta
        conditions = _given(style, speaker, posterior.sample(noise) if posterior is not None else None)
        lengths = token_lengths if token_counts is None else torch.tensor(token_counts)
        memory = self.encode(token_ids, lengths, mask, conditions)
        decoded = self.decoder(memory, mels, mask)
        frames = decoded.frames * frame_mask.unsqueeze(2)
        outputs = self.polish(frames, frame_mask)
        second_outputs = second_alignments = None
        if self.options.bidirectional:
            second = self.decoder_backward(memory, mels.flip(1), mask)
            second_outputs, second_alignments = second.frames, second.alignments
        if self.options.coarse_frames_per_step:
            second_outputs, second_alignments = self._coarse(memory, mels, mask, decoded.alignments.shape[1])
        return TacotronOutput(
            outputs, frames, decoded.alignments, decoded.stops, second_outputs, second_alignments, posterior, beta
        )

    def _coarse(self, memory: Tensor, mels: Tensor, mask: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Frames and alignments of the coarse decoder, the alignments stretched to ``steps``."""
        padded = padded_to_groups(mels, self.options.coarse_frames_per_step)
        # It helps the fine decoder to read, and must not bend the encoder.
        coarse = self.coarse_decoder(memory.detach(), padded, mask)
        stretched = F.interpolate(coarse.alignments.transpose(1, 2), size=steps, mode="nearest").transpose(1, 2)
        return coarse.frames[:, : mels.shape[1]], stretched

    @torch.no_grad()
    def inference(
        self,
        token_ids: Tensor,
        *,
        speaker_ids: Tensor | None = None,
        d_vectors: Tensor | None = None,
        style: Tensor | Mapping[int, float] | None = None,
        reference: Reference | None = None,
        noise: Tensor | None = None,
        max_steps: int = 10_000,
    ) -> TacotronSpeech:
        """Synthesise.

        Args:
            token_ids: ``[1, S]``.
            speaker_ids, d_vectors: as in :meth:`forward`.
            style: for a network with style tokens: a spectrogram ``[1, T_mel, C]`` to imitate, or the weight of
                each token; None speaks without style.
            reference: for a network with Capacitron: a recording to imitate; None speaks as anyone might.
            noise: ``[1, Z]`` for its vector, from a standard Gaussian; drawn where it is None.
            max_steps: steps after which it is cut off.

        Raises:
            ValueError: several texts, or a style token that there is not.
        """
        if token_ids.shape[0] != 1:
            raise ValueError(f"{token_ids.shape[0]} texts: these networks synthesise one at a time.")
        speaker = self._speaker(speaker_ids, d_vectors)
        conditions = _given(self._style(style), speaker, self._prosody(reference, speaker, noise))
        mask = torch.ones_like(token_ids, dtype=torch.bool)
        lengths = torch.tensor([token_ids.shape[1]])
        decoded = self.decoder.draw(self.encode(token_ids, lengths, mask, conditions), max_steps)
        outputs = self.polish(decoded.frames, None)
        return TacotronSpeech(outputs, decoded.frames, decoded.alignments, decoded.stops, decoded.ended)

    def _style(self, style: Tensor | Mapping[int, float] | None) -> Tensor | None:
        if self.options.style is None:
            return None
        if isinstance(style, Tensor):
            vector: Tensor = self.gst_layer(style)
            return vector
        mixed: Tensor = self.gst_layer.mixed(style or {})
        return mixed

    def _prosody(self, reference: Reference | None, speaker: Tensor | None, noise: Tensor | None) -> Tensor | None:
        if self.options.capacitron is None:
            return None
        layer = self.capacitron_vae_layer
        if reference is None:
            return layer.prior(1).sample(noise)
        mels, token_ids = reference.mels, reference.token_ids
        lengths = [torch.tensor([values.shape[1]], device=mels.device) for values in (mels, token_ids)]
        posterior: Posterior = layer(mels, lengths[0], self.embedding(token_ids), lengths[1], speaker)
        return posterior.sample(noise)

    def _speaker(self, speaker_ids: Tensor | None, d_vectors: Tensor | None) -> Tensor | None:
        """The vector ``[B, *]`` that says who speaks."""
        if not self.options.num_speakers:
            return d_vectors
        if speaker_ids is None:
            raise ValueError("This model has several speakers: speaker_ids is missing.")
        speaker: Tensor = self.speaker_embedding(speaker_ids)
        return speaker


def _given(*vectors: Tensor | None) -> list[Tensor]:
    """Those that there are, in the order of the released weights: style, speaker, prosody."""
    return [vector for vector in vectors if vector is not None]


def beside(encoded: Tensor, conditions: list[Tensor]) -> Tensor:
    """Put vectors ``[B, *]`` beside each position of ``encoded [B, S, D]``."""
    spread = [vector.unsqueeze(1).expand(-1, encoded.shape[1], -1).to(encoded.dtype) for vector in conditions]
    return torch.cat([encoded, *spread], dim=2)

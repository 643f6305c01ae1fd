"""Feed-forward speech: FastPitch (Łańcucki 2021), FastSpeech (Ren et al. 2019), FastSpeech 2 (Ren et al. 2021) and
SpeedySpeech (Vainer and Dušek 2020), which are one network with different parts.

An encoder turns text into a vector a symbol. From these, predictors tell how long each symbol lasts, how high and how
loud it is spoken. Pitch and loudness are added to the vectors, each vector is repeated for the frames of its symbol,
and a decoder draws all frames at once. In training, durations come from an aligner that learns along with it, pitch
and loudness from the recordings.

Legend: B batch, T_text symbols, T_mel frames, n_mels mel channels, C hidden channels, G speaker vector width.
Tensor names are those of released 🐸TTS checkpoints.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from finetune_tts.families.feed_forward.aligner import Aligner
from finetune_tts.families.feed_forward.stacks import Decoder, Encoder, Positions
from finetune_tts.layers.alignment import expand_durations, search_alignment
from finetune_tts.layers.duration import DurationPredictor, bounded_durations
from finetune_tts.layers.masks import sequence_mask
from finetune_tts.layers.precision import at_least_float32, in_float32
from finetune_tts.layers.weight_norm import fold_weight_norm


@dataclass(frozen=True)
class FeedForwardOutput:
    """What a teacher-forced pass gives, and what the loss needs."""

    mels: Tensor
    """``[B, T_mel, n_mels]``"""
    alignment: Tensor
    """``[B, T_mel, T_text]`` zeros and ones."""
    alignment_soft: Tensor
    """``[B, T_mel, T_text]`` probabilities of the aligner."""
    alignment_scores: Tensor
    """``[B, T_mel, T_text]`` their logarithms up to a constant, -inf for padding."""
    durations: Tensor
    """``[B, T_text]`` frames by alignment."""
    log_durations: Tensor
    """``[B, T_text]`` predicted ``log(1 + frames)``."""
    pitch: Tensor | None
    """``[B, 1, T_text]`` predicted, in deviations from the mean."""
    aligned_pitch: Tensor | None
    """``[B, 1, T_text]`` of the recording."""
    energy: Tensor | None
    """``[B, 1, T_text]`` predicted, in deviations from the mean."""
    aligned_energy: Tensor | None
    """``[B, 1, T_text]`` of the recording."""


@dataclass(frozen=True)
class FeedForwardSpeech:
    """What inference gives."""

    mels: Tensor
    """``[B, T_mel, n_mels]``"""
    mel_lengths: Tensor
    """``[B]`` frames."""
    alignment: Tensor
    """``[B, T_mel, T_text]``"""
    log_durations: Tensor
    """``[B, T_text]`` predicted ``log(1 + frames)``."""
    pitch: Tensor | None
    """``[B, 1, T_text]`` as spoken, in deviations from the mean."""
    energy: Tensor | None
    """``[B, 1, T_text]``"""
    frames_asked_for: Tensor
    """``[B]`` sums of the predicted durations before they were bounded."""


@dataclass(frozen=True)
class PredictorSizes:
    """A predictor of one number a symbol.

    Attributes:
        hidden_channels, kernel_size: of its convolutions.
        dropout: after each of them.
        embedding_kernel_size: of the convolution that makes a vector of the number.
    """

    hidden_channels: int = 256
    kernel_size: int = 3
    dropout: float = 0.1
    embedding_kernel_size: int = 3


class FeedForwardTTS(nn.Module):
    """A feed-forward model for one or several speakers.

    Args:
        num_symbols: size of the vocabulary.
        out_channels: ``n_mels``.
        hidden_channels: ``C``.
        encoder_type: one of ``stacks.ENCODER_TYPES``, with its own ``encoder_params``.
        decoder_type: one of ``stacks.DECODER_TYPES``, with its own ``decoder_params``.
        durations: predictor of the durations.
        pitch: predictor of the pitch; None for a model that knows none.
        energy: predictor of the loudness; None for a model that knows none.
        use_aligner: have an aligner; synthesis needs none.
        positional_encoding: tell the decoder where a frame stands.
        detach_duration_predictor: keep the duration loss away from the encoder.
        num_speakers: rows of the speaker embedding; 0 for none.
        d_vector_dim: ``G`` of d-vectors; 0 for none.
    """

    def __init__(
        self,
        *,
        num_symbols: int,
        out_channels: int = 80,
        hidden_channels: int = 384,
        encoder_type: str = "fftransformer",
        encoder_params: Mapping[str, Any],
        decoder_type: str = "fftransformer",
        decoder_params: Mapping[str, Any],
        durations: PredictorSizes,
        pitch: PredictorSizes | None = None,
        energy: PredictorSizes | None = None,
        use_aligner: bool = True,
        positional_encoding: bool = True,
        detach_duration_predictor: bool = False,
        num_speakers: int = 0,
        d_vector_dim: int = 0,
    ) -> None:
        super().__init__()
        self.detach_duration_predictor = detach_duration_predictor
        if num_speakers:
            self.emb_g = nn.Embedding(num_speakers, hidden_channels)
            nn.init.uniform_(self.emb_g.weight, -0.1, 0.1)
        elif d_vector_dim and d_vector_dim != hidden_channels:
            self.proj_g = nn.Linear(d_vector_dim, hidden_channels)
        self.emb = nn.Embedding(num_symbols, hidden_channels)
        self.encoder = Encoder(hidden_channels, encoder_type, encoder_params)
        if positional_encoding:
            self.pos_encoder = Positions(hidden_channels)
        self.decoder = Decoder(hidden_channels, out_channels, decoder_type, decoder_params)
        self.duration_predictor = _predictor(hidden_channels, durations)
        self.has_pitch, self.has_energy = pitch is not None, energy is not None
        if pitch is not None:
            self.pitch_predictor = _predictor(hidden_channels, pitch)
            self.pitch_emb = _number_embedding(hidden_channels, pitch)
        if energy is not None:
            self.energy_predictor = _predictor(hidden_channels, energy)
            self.energy_emb = _number_embedding(hidden_channels, energy)
        self.aligner = Aligner(out_channels, hidden_channels) if use_aligner else None

    def forward(
        self,
        token_ids: Tensor,
        token_lengths: Tensor,
        mels: Tensor,
        mel_lengths: Tensor,
        *,
        pitch: Tensor | None = None,
        energy: Tensor | None = None,
        speaker_ids: Tensor | None = None,
        d_vectors: Tensor | None = None,
    ) -> FeedForwardOutput:
        """Teacher-forced pass: align, and draw with the recording's durations, pitch and loudness.

        Args:
            token_ids: ``[B, T_text]``.
            token_lengths: ``[B]``.
            mels: ``[B, T_mel, n_mels]``.
            mel_lengths: ``[B]`` frames.
            pitch: ``[B, 1, T_mel]`` in deviations from the mean, 0 where there is no voice; for a model with pitch.
            energy: ``[B, 1, T_mel]``, likewise.
            speaker_ids: ``[B]`` for a model with a speaker embedding.
            d_vectors: ``[B, G]`` for a model with d-vectors.
        """
        assert self.aligner is not None
        text_mask = sequence_mask(token_lengths, token_ids.shape[1]).unsqueeze(1).to(mels.dtype)
        mel_mask = sequence_mask(mel_lengths, mels.shape[1]).unsqueeze(1).to(mels.dtype)
        embedded, encoded = self._encoded(token_ids, text_mask, speaker_ids, d_vectors)
        log_durations = self.duration_predictor(
            encoded.detach() if self.detach_duration_predictor else encoded, text_mask
        )
        soft, scores = self.aligner(mels.transpose(1, 2), embedded, text_mask)
        path = search_alignment(soft.detach().transpose(1, 2), token_lengths, mel_lengths)  # [B, T_text, T_mel]
        predicted_pitch = aligned_pitch = predicted_energy = aligned_energy = None
        # Loudness is predicted from what pitch has been added to.
        if self.has_pitch:
            assert pitch is not None
            predicted_pitch, aligned_pitch = self.pitch_predictor(encoded, text_mask), mean_by_symbol(pitch, path)
            encoded = encoded + self.pitch_emb(aligned_pitch)
        if self.has_energy:
            assert energy is not None
            predicted_energy, aligned_energy = self.energy_predictor(encoded, text_mask), mean_by_symbol(energy, path)
            encoded = encoded + self.energy_emb(aligned_energy)
        return FeedForwardOutput(
            mels=self._decoded(encoded, path, mel_mask),
            alignment=path.transpose(1, 2),
            alignment_soft=soft,
            alignment_scores=scores,
            durations=path.sum(dim=2),
            log_durations=log_durations.squeeze(1),
            pitch=predicted_pitch,
            aligned_pitch=aligned_pitch,
            energy=predicted_energy,
            aligned_energy=aligned_energy,
        )

    @torch.no_grad()
    def inference(
        self,
        token_ids: Tensor,
        token_lengths: Tensor,
        *,
        speaker_ids: Tensor | None = None,
        d_vectors: Tensor | None = None,
        length_scale: float | Tensor = 1.0,
        pitch_factor: float | Tensor = 1.0,
        pitch_shift: float | Tensor = 0.0,
    ) -> FeedForwardSpeech:
        """Synthesise.

        Args:
            token_ids: ``[B, T_text]``.
            token_lengths: ``[B]``.
            speaker_ids, d_vectors: as in :meth:`forward`.
            length_scale: factor on all durations; above 1 is slower.
            pitch_factor, pitch_shift: the predicted pitch is multiplied by the one, and the other added to it.
        """
        text_mask = sequence_mask(token_lengths, token_ids.shape[1]).unsqueeze(1).to(self.emb.weight.dtype)
        _, encoded = self._encoded(token_ids, text_mask, speaker_ids, d_vectors)
        log_durations = self.duration_predictor(encoded, text_mask).squeeze(1)
        # Of NaN, `round` makes NaN, which `bounded_durations` tells of.
        frames = torch.round((torch.exp(at_least_float32(log_durations)) - 1) * length_scale).clamp(min=1)
        durations, frames_asked_for = bounded_durations(frames * text_mask.squeeze(1), token_lengths, length_scale)
        # What has diverged to NaN has no frames at all; one can be drawn.
        durations[:, 0] += (1 - durations.sum(dim=1)).clamp(min=0)
        mel_lengths = durations.sum(dim=1).long()
        path = expand_durations(durations, mel_lengths.max())
        pitch = energy = None
        if self.has_pitch:
            pitch = (self.pitch_predictor(encoded, text_mask) * pitch_factor + pitch_shift) * text_mask
            encoded = encoded + self.pitch_emb(pitch)
        if self.has_energy:
            energy = self.energy_predictor(encoded, text_mask)
            encoded = encoded + self.energy_emb(energy)
        mel_mask = path.sum(dim=1, keepdim=True)
        return FeedForwardSpeech(
            mels=self._decoded(encoded, path, mel_mask),
            mel_lengths=mel_lengths,
            alignment=path.transpose(1, 2),
            log_durations=log_durations,
            pitch=pitch,
            energy=energy,
            frames_asked_for=frames_asked_for,
        )

    def prepare_for_inference(self) -> None:
        """Fold weight norms; the model cannot be trained afterwards as it was before."""
        fold_weight_norm(self)

    def _encoded(
        self, token_ids: Tensor, mask: Tensor, speaker_ids: Tensor | None, d_vectors: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The embedded text, and the encoded text with the speaker added to it, both ``[B, C, T_text]``."""
        embedded = self.emb(token_ids).transpose(1, 2)  # [B, C, T_text]
        encoded = self.encoder(embedded, mask)
        if hasattr(self, "emb_g"):
            assert speaker_ids is not None
            encoded = encoded + self.emb_g(speaker_ids).unsqueeze(2)
        elif d_vectors is not None:
            vectors = self.proj_g(d_vectors) if hasattr(self, "proj_g") else d_vectors
            encoded = encoded + vectors.unsqueeze(2)
        return embedded, encoded

    def _decoded(self, encoded: Tensor, path: Tensor, mel_mask: Tensor) -> Tensor:
        """Draw ``[B, T_mel, n_mels]`` of ``encoded [B, C, T_text]`` stretched over ``path [B, T_text, T_mel]``."""
        stretched = encoded @ path.to(encoded.dtype)  # [B, C, T_mel]
        if hasattr(self, "pos_encoder"):
            stretched = self.pos_encoder(stretched, mel_mask)
        mels: Tensor = self.decoder(stretched, mel_mask).transpose(1, 2)
        return mels


def mean_by_symbol(values: Tensor, path: Tensor) -> Tensor:
    """The mean of the frames of each symbol that are not 0; 0 where there is none.

    Args:
        values: ``[B, 1, T_mel]``.
        path: ``[B, T_text, T_mel]`` zeros and ones.

    Returns:
        ``[B, 1, T_text]``, float32.
    """
    return in_float32(_mean_by_symbol, values, path)


def _mean_by_symbol(values: Tensor, path: Tensor) -> Tensor:
    frames = path.transpose(1, 2)
    counts = (values != 0).to(frames.dtype) @ frames  # [B, 1, T_text]
    return (values @ frames) / counts.clamp(min=1)


def _predictor(channels: int, sizes: PredictorSizes) -> DurationPredictor:
    return DurationPredictor(channels, sizes.hidden_channels, sizes.kernel_size, dropout=sizes.dropout)


def _number_embedding(channels: int, sizes: PredictorSizes) -> nn.Conv1d:
    size = sizes.embedding_kernel_size
    return nn.Conv1d(1, channels, size, padding=size // 2)

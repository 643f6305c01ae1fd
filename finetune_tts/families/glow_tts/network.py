"""Glow-TTS: a flow that learns to read aloud (Kim et al. 2020, "Glow-TTS: A Generative Flow for Text-to-Speech via
Monotonic Alignment Search").

The idea in four steps. An encoder turns text into one Gaussian a symbol: the prior. A decoder made of invertible
steps turns a mel spectrogram into a latent of the same size, and its exact log-determinant makes the likelihood of
the spectrogram computable. Which frame belongs to which symbol is found during training as the monotonic path of
highest likelihood. To synthesise, durations are predicted, the prior is stretched by them, and the decoder runs
backwards.

Legend: B batch, T_text symbols, T_mel frames, n_mels mel channels, C encoder width, G speaker vector width,
S frames that the decoder squeezes into one step (layers/flow_decoder.py holds it).
Tensor names are those of released 🐸TTS checkpoints.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.alignment import expand_durations, search_alignment
from finetune_tts.layers.convolution import ConvPrenet, GatedConvEncoder, ResidualConvEncoder
from finetune_tts.layers.duration import DurationPredictor, bounded_durations
from finetune_tts.layers.flow_decoder import FlowDecoder
from finetune_tts.layers.masks import sequence_mask
from finetune_tts.layers.precision import in_float32
from finetune_tts.layers.relative_transformer import RelativeTransformer
from finetune_tts.layers.weight_norm import fold_weight_norm

ENCODER_TYPES = ("rel_pos_transformer", "gated_conv", "residual_conv_bn")


@dataclass(frozen=True)
class GlowTTSOutput:
    """What a teacher-forced pass gives, and what the loss needs."""

    z: Tensor
    """``[B, T_mel, n_mels]`` latent of the spectrogram."""
    log_determinant: Tensor
    """``[B]``"""
    mean: Tensor
    """``[B, T_mel, n_mels]`` prior mean of each frame, by alignment."""
    log_scale: Tensor
    """``[B, T_mel, n_mels]`` logarithm of the prior's standard deviation, by alignment."""
    alignment: Tensor
    """``[B, T_mel, T_text]`` zeros and ones."""
    log_durations: Tensor
    """``[B, T_text, 1]`` predicted ``log(1 + frames)``."""
    aligned_log_durations: Tensor
    """``[B, T_text, 1]`` the same by alignment: what the predictor is to learn."""


@dataclass(frozen=True)
class GlowTTSSpeech:
    """What inference gives."""

    mel: Tensor
    """``[B, T_mel, n_mels]``"""
    mel_lengths: Tensor
    """``[B]`` frames."""
    mean: Tensor
    """``[B, T_mel', n_mels]`` prior mean; T_mel' may be up to S - 1 frames longer than the spectrogram."""
    log_scale: Tensor
    """``[B, T_mel', n_mels]``"""
    alignment: Tensor
    """``[B, T_mel', T_text]``"""
    log_durations: Tensor
    """``[B, T_text, 1]`` predicted ``log(1 + frames)``."""
    aligned_log_durations: Tensor
    """``[B, T_text, 1]`` ``log(1 + frames)`` as spoken."""
    frames_asked_for: Tensor | None = None
    """``[B]`` sums of the predicted durations before they were bounded; None with the timing of a recording."""


class TextEncoder(nn.Module):
    """Symbols to the prior's mean and log-scale, and to log-durations."""

    prenet: nn.Module
    encoder: nn.Module

    def __init__(
        self,
        num_symbols: int,
        *,
        n_mels: int,
        channels: int,
        duration_channels: int,
        encoder_type: str,
        encoder_params: Mapping[str, Any],
        mean_only: bool,
        use_prenet: bool,
        duration_dropout: float,
        condition_channels: int,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.n_mels = n_mels
        self.encoder_type = encoder_type
        self.use_prenet = use_prenet
        self.emb = nn.Embedding(num_symbols, channels)
        nn.init.normal_(self.emb.weight, 0.0, channels**-0.5)
        params = dict(encoder_params)
        if encoder_type == "rel_pos_transformer":
            params.pop("input_length", None)  # a bound on attention that no release uses
            if use_prenet:
                self.prenet = ConvPrenet(channels)
            self.encoder = RelativeTransformer(channels, **params)
        elif encoder_type == "gated_conv":
            self.encoder = GatedConvEncoder(channels, **params)
        elif encoder_type == "residual_conv_bn":
            if use_prenet:
                self.prenet = nn.Sequential(nn.Conv1d(channels, channels, 1), nn.ReLU())
            self.encoder = ResidualConvEncoder(channels, **params)
            self.postnet = nn.Sequential(nn.Conv1d(channels, channels, 1), nn.BatchNorm1d(channels))
        else:
            raise ValueError(f"encoder_type {encoder_type!r} is none of {', '.join(ENCODER_TYPES)}.")
        self.proj_m = nn.Conv1d(channels, n_mels, 1)
        if not mean_only:
            self.proj_s = nn.Conv1d(channels, n_mels, 1)
        self.mean_only = mean_only
        self.duration_predictor = DurationPredictor(
            channels + condition_channels, duration_channels, 3, dropout=duration_dropout
        )

    def forward(
        self, token_ids: Tensor, mask: Tensor, condition: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Encode text.

        Args:
            token_ids: ``[B, T_text]``.
            mask: ``[B, 1, T_text]``.
            condition: ``[B, G, 1]`` speaker vectors or None; only durations depend on it here.

        Returns:
            mean ``[B, n_mels, T_text]``, log-scale of the same shape, log-durations ``[B, 1, T_text]``.
        """
        x = self.emb(token_ids) * math.sqrt(self.channels)
        x = x.transpose(1, 2)  # [B, C, T_text]
        if self.encoder_type == "rel_pos_transformer":
            x = self.prenet(x, mask) if self.use_prenet else x
            x = self.encoder(x, mask)
        elif self.encoder_type == "gated_conv":
            x = self.encoder(x, mask)
        else:
            x = self.prenet(x) * mask if self.use_prenet else x
            x = self.postnet(self.encoder(x, mask)) * mask
        mean = in_float32(self.proj_m, x) * mask
        log_scale = torch.zeros_like(mean) if self.mean_only else in_float32(self.proj_s, x) * mask
        # The duration loss must not bend what the likelihood has taught the encoder.
        detached = x.detach()
        if condition is not None:
            detached = torch.cat([detached, condition.expand(-1, -1, x.shape[2])], dim=1)
        return mean, log_scale, self.duration_predictor(detached, mask)


class GlowTTS(nn.Module):
    """Glow-TTS for one or several speakers.

    Speakers are known by a learned embedding (``num_speakers`` > 1 with ``use_speaker_embedding``) or by vectors from
    a speaker encoder (``d_vector_dim`` > 0); each is scaled to unit length before use.

    Args:
        num_symbols: size of the vocabulary.
        out_channels: ``n_mels``.
        num_speakers: rows of the speaker embedding; 0 for none.
        speaker_channels: ``G`` of the speaker embedding.
        d_vector_dim: ``G`` of d-vectors; 0 for none.
        encoder_type: one of :data:`ENCODER_TYPES`, with its own ``encoder_params``.
        num_squeeze: ``S``.
        Others: as in 🐸TTS's config of the same names.
    """

    def __init__(
        self,
        *,
        num_symbols: int,
        out_channels: int = 80,
        hidden_channels_enc: int = 192,
        hidden_channels_dec: int = 192,
        hidden_channels_dp: int = 256,
        dropout_p_dp: float = 0.1,
        dropout_p_dec: float = 0.05,
        mean_only: bool = True,
        use_encoder_prenet: bool = True,
        encoder_type: str = "rel_pos_transformer",
        encoder_params: Mapping[str, Any] | None = None,
        num_flow_blocks_dec: int = 12,
        kernel_size_dec: int = 5,
        dilation_rate: int = 1,
        num_block_layers: int = 4,
        num_splits: int = 4,
        num_squeeze: int = 2,
        sigmoid_scale: bool = False,
        num_speakers: int = 0,
        speaker_channels: int = 0,
        d_vector_dim: int = 0,
    ) -> None:
        super().__init__()
        self.num_squeeze = num_squeeze
        condition_channels = speaker_channels if num_speakers else d_vector_dim
        if num_speakers:
            self.emb_g = nn.Embedding(num_speakers, speaker_channels)
            nn.init.uniform_(self.emb_g.weight, -0.1, 0.1)
        self.encoder = TextEncoder(
            num_symbols,
            n_mels=out_channels,
            channels=hidden_channels_enc,
            duration_channels=hidden_channels_dp,
            encoder_type=encoder_type,
            encoder_params=encoder_params or {},
            mean_only=mean_only,
            use_prenet=use_encoder_prenet,
            duration_dropout=dropout_p_dp,
            condition_channels=condition_channels,
        )
        self.decoder = FlowDecoder(
            out_channels,
            hidden_channels=hidden_channels_dec,
            kernel_size=kernel_size_dec,
            dilation_rate=dilation_rate,
            num_flow_blocks=num_flow_blocks_dec,
            num_coupling_layers=num_block_layers,
            dropout=dropout_p_dec,
            num_splits=num_splits,
            num_squeeze=num_squeeze,
            sigmoid_scale=sigmoid_scale,
            condition_channels=condition_channels,
        )

    def forward(
        self,
        token_ids: Tensor,
        token_lengths: Tensor,
        mels: Tensor,
        mel_lengths: Tensor,
        speaker_ids: Tensor | None = None,
        d_vectors: Tensor | None = None,
    ) -> GlowTTSOutput:
        """Teacher-forced pass: align, and return what the likelihood needs.

        Args:
            token_ids: ``[B, T_text]``.
            token_lengths: ``[B]``.
            mels: ``[B, T_mel, n_mels]``; frames past the last multiple of S are not used.
            mel_lengths: ``[B]`` frames.
            speaker_ids: ``[B]`` for a model with a speaker embedding.
            d_vectors: ``[B, G]`` for a model with d-vectors.
        """
        condition = self._condition(speaker_ids, d_vectors)
        text_mask = sequence_mask(token_lengths, token_ids.shape[1]).unsqueeze(1).to(mels.dtype)
        mean, log_scale, log_durations = self.encoder(token_ids, text_mask, condition)
        mel, mel_lengths, mel_mask = self._whole_groups(mels, mel_lengths)
        z, log_determinant = self.decoder(mel, mel_mask, condition)
        likelihood = in_float32(_log_likelihood, z.detach(), mean.detach(), log_scale.detach())
        alignment = search_alignment(likelihood, token_lengths, mel_lengths)
        durations = alignment.sum(dim=2, keepdim=True).transpose(1, 2)  # [B, 1, T_text]
        return GlowTTSOutput(
            z=z.transpose(1, 2),
            log_determinant=log_determinant,
            mean=in_float32(torch.matmul, mean, alignment).transpose(1, 2),
            log_scale=in_float32(torch.matmul, log_scale, alignment).transpose(1, 2),
            alignment=alignment.transpose(1, 2),
            log_durations=log_durations.transpose(1, 2),
            aligned_log_durations=(torch.log1p(durations) * text_mask).transpose(1, 2),
        )

    @torch.no_grad()
    def inference(
        self,
        token_ids: Tensor,
        token_lengths: Tensor,
        *,
        speaker_ids: Tensor | None = None,
        d_vectors: Tensor | None = None,
        noise_scale: float | Tensor = 0.0,
        length_scale: float | Tensor = 1.0,
    ) -> GlowTTSSpeech:
        """Synthesise.

        Args:
            token_ids: ``[B, T_text]``.
            token_lengths: ``[B]``.
            speaker_ids, d_vectors: as in :meth:`forward`.
            noise_scale: standard deviation of the latent's noise, relative to the prior's; 0 is the most likely one.
            length_scale: factor on all durations; above 1 is slower.
        """
        condition = self._condition(speaker_ids, d_vectors)
        text_mask = sequence_mask(token_lengths, token_ids.shape[1]).unsqueeze(1).to(self.encoder.emb.weight.dtype)
        mean, log_scale, log_durations = self.encoder(token_ids, text_mask, condition)
        durations = torch.ceil((torch.exp(log_durations) - 1) * length_scale).clamp(min=1) * text_mask
        durations = durations.squeeze(1)  # [B, T_text]
        durations, frames_asked_for = bounded_durations(durations, token_lengths, length_scale)
        missing = (self.num_squeeze - durations.sum(dim=1)).clamp(min=0)  # fewer frames than S are none
        durations = torch.cat([durations[:, :1] + missing.unsqueeze(1), durations[:, 1:]], dim=1)
        mel_lengths = durations.sum(dim=1).long()  # [B]
        alignment = expand_durations(durations, mel_lengths.max())
        speech = self._speak(mean, log_scale, alignment, mel_lengths, log_durations, text_mask, condition, noise_scale)
        return replace(speech, frames_asked_for=frames_asked_for)

    @torch.no_grad()
    def inference_with_alignment(
        self,
        token_ids: Tensor,
        token_lengths: Tensor,
        mels: Tensor,
        mel_lengths: Tensor,
        *,
        speaker_ids: Tensor | None = None,
        d_vectors: Tensor | None = None,
        noise_scale: float = 0.0,
    ) -> GlowTTSSpeech:
        """Synthesise with the timing of a recording: durations come from aligning ``mels [B, T_mel, n_mels]``."""
        teacher = self(token_ids, token_lengths, mels, mel_lengths, speaker_ids, d_vectors)
        condition = self._condition(speaker_ids, d_vectors)
        text_mask = sequence_mask(token_lengths, token_ids.shape[1]).unsqueeze(1).to(mels.dtype)
        mean, log_scale, log_durations = self.encoder(token_ids, text_mask, condition)
        _, mel_lengths, _ = self._whole_groups(mels, mel_lengths)
        alignment = teacher.alignment.transpose(1, 2)
        return self._speak(mean, log_scale, alignment, mel_lengths, log_durations, text_mask, condition, noise_scale)

    @torch.no_grad()
    def initialise_actnorm(
        self,
        mels: Tensor,
        mel_lengths: Tensor,
        speaker_ids: Tensor | None = None,
        d_vectors: Tensor | None = None,
    ) -> None:
        """Set every ActNorm from a batch: for a model that starts from scratch, never for a restored one.

        A restored model's statistics are part of what it has learned; to set them again is to throw it away.
        """
        mel, _, mel_mask = self._whole_groups(mels, mel_lengths)
        self.decoder.initialise_actnorm(mel, mel_mask, self._condition(speaker_ids, d_vectors))

    def prepare_for_inference(self) -> None:
        """Fold weight norms; the model cannot be trained afterwards as it was before."""
        fold_weight_norm(self)

    def _speak(
        self,
        mean: Tensor,
        log_scale: Tensor,
        alignment: Tensor,
        mel_lengths: Tensor,
        log_durations: Tensor,
        text_mask: Tensor,
        condition: Tensor | None,
        noise_scale: float | Tensor,
    ) -> GlowTTSSpeech:
        """Stretch the prior over ``alignment [B, T_text, T_mel]`` and run the decoder backwards."""
        mel_mask = sequence_mask(mel_lengths, alignment.shape[2]).unsqueeze(1).to(mean.dtype)
        alignment = alignment.to(mean.dtype)
        frame_mean, frame_log_scale = mean @ alignment, log_scale @ alignment  # [B, n_mels, T_mel]
        # A tensor stays a variable of an exported graph.
        is_drawn = isinstance(noise_scale, Tensor) or noise_scale > 0
        noise = torch.randn_like(frame_mean) * noise_scale if is_drawn else 0.0
        z = (frame_mean + torch.exp(frame_log_scale) * noise) * mel_mask
        mel = self.decoder.reverse(z, mel_mask, condition)
        durations = alignment.sum(dim=2, keepdim=True).transpose(1, 2)
        return GlowTTSSpeech(
            mel=mel.transpose(1, 2),
            mel_lengths=mel_lengths // self.num_squeeze * self.num_squeeze,
            mean=frame_mean.transpose(1, 2),
            log_scale=frame_log_scale.transpose(1, 2),
            alignment=alignment.transpose(1, 2),
            log_durations=log_durations.transpose(1, 2),
            aligned_log_durations=(torch.log1p(durations) * text_mask).transpose(1, 2),
        )

    def _whole_groups(self, mels: Tensor, mel_lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Cut ``mels [B, T_mel, n_mels]`` to whole groups of S frames; return ``[B, n_mels, T_mel]``, lengths, mask."""
        frames = mels.shape[1] // self.num_squeeze * self.num_squeeze
        mel_lengths = mel_lengths // self.num_squeeze * self.num_squeeze
        mask = sequence_mask(mel_lengths, frames).unsqueeze(1).to(mels.dtype)
        return mels[:, :frames].transpose(1, 2), mel_lengths, mask

    def _condition(self, speaker_ids: Tensor | None, d_vectors: Tensor | None) -> Tensor | None:
        """Return unit-length speaker vectors ``[B, G, 1]``, or None."""
        if hasattr(self, "emb_g"):
            if speaker_ids is None:
                raise ValueError("This model has several speakers: speaker_ids is missing.")
            return F.normalize(self.emb_g(speaker_ids)).unsqueeze(-1)
        return F.normalize(d_vectors).unsqueeze(-1) if d_vectors is not None else None


def _log_likelihood(z: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Log-density of each frame of ``z [B, n_mels, T_mel]`` under each symbol's Gaussian: ``[B, T_text, T_mel]``.

    ``(z - mean)^2`` is multiplied out, so that two matrix products do the work of a ``[B, T_text, T_mel, n_mels]``
    difference.
    """
    precision = torch.exp(-2 * log_scale)  # [B, n_mels, T_text]
    constant = (-0.5 * math.log(2 * math.pi) - log_scale - 0.5 * mean**2 * precision).sum(dim=1).unsqueeze(-1)
    squared = precision.transpose(1, 2) @ (-0.5 * z**2)
    linear = (mean * precision).transpose(1, 2) @ z
    return constant + squared + linear

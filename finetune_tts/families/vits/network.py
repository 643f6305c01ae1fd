"""VITS: text → waveform in one network (Kim, Kong and Son 2021, "Conditional Variational Autoencoder with Adversarial
Learning for End-to-End Text-to-Speech", https://arxiv.org/abs/2106.06103).

The idea in five steps. A posterior encoder turns the spectrogram of a recording into a latent, frame by frame, and a
decoder turns slices of the latent into waveforms, which a discriminator compares with the recording. A text encoder
gives a simple prior over the same latent, one Gaussian a symbol; a flow bends the latent until the prior fits. Which
frame belongs to which symbol is found as the monotonic path of highest likelihood. A duration predictor learns the
lengths that this path gives. In synthesis, durations are predicted, the prior is stretched by them, the flow runs
backwards, and the decoder decodes.

Dimensions: B batch, T_text symbols, T_spec frames of the encoder, T_dec frames of the decoder (more of them where the
encoder works at a lower sample rate), T_wav samples, F bins of the linear spectrogram, H channels of the latent,
G speaker vector width, L language vector width.
Tensor names are those of released 🐸TTS checkpoints.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.families.vits.discriminator import VITSDiscriminator
from finetune_tts.families.vits.flow import CouplingFlow
from finetune_tts.families.vits.latent import log_likelihood, random_starts, slices
from finetune_tts.families.vits.passes import Draws, VITSConversion, VITSOutput, VITSSpeech
from finetune_tts.families.vits.posterior_encoder import PosteriorEncoder
from finetune_tts.families.vits.stochastic_duration import StochasticDurationPredictor
from finetune_tts.families.vits.text_encoder import TextEncoder
from finetune_tts.layers.alignment import expand_durations, search_alignment
from finetune_tts.layers.duration import DurationPredictor, bounded_durations
from finetune_tts.layers.masks import sequence_mask
from finetune_tts.layers.waveform_generator import WaveformGenerator
from finetune_tts.layers.weight_norm import fold_weight_norm


class VITS(nn.Module):
    """VITS in all its variants.

    Speakers are known by a learned embedding (``num_speakers``) or by vectors from a speaker encoder
    (``d_vector_dim``), which are scaled to unit length; languages by a learned embedding (``num_languages``).

    Args:
        num_symbols: size of the vocabulary.
        out_channels: ``F``.
        hidden_channels: ``H``.
        text_encoder: arguments of :class:`TextEncoder`.
        posterior_encoder: arguments of :class:`PosteriorEncoder`.
        flow: arguments of :class:`CouplingFlow`.
        waveform_decoder: arguments of :class:`WaveformGenerator`.
        discriminator: arguments of :class:`VITSDiscriminator`; None for a network that only speaks.
        use_sdp: predict durations as a distribution; else as one number, by squared error.
        hidden_channels_duration_predictor: of the one that predicts a distribution.
        dropout_duration_predictor: dropout in either.
        condition_dp_on_speaker: whether durations depend on the speaker.
        detach_dp_input: keep the duration loss from bending what the prior has taught the text encoder.
        num_speakers: rows of the speaker embedding; 0 for none.
        speaker_channels: ``G`` of the speaker embedding.
        d_vector_dim: ``G`` of d-vectors; 0 for none.
        num_languages: rows of the language embedding; 0 for none.
        language_channels: ``L``.
        segment_frames: frames of the encoder in a slice that is decoded in training.
        interpolation: decoder frames for each encoder frame; the latent is interpolated where it is above 1.
    """

    def __init__(
        self,
        *,
        num_symbols: int,
        out_channels: int,
        hidden_channels: int,
        text_encoder: Mapping[str, Any],
        posterior_encoder: Mapping[str, Any],
        flow: Mapping[str, Any],
        waveform_decoder: Mapping[str, Any],
        discriminator: Mapping[str, Any] | None,
        use_sdp: bool = True,
        hidden_channels_duration_predictor: int = 192,
        dropout_duration_predictor: float = 0.5,
        condition_dp_on_speaker: bool = True,
        detach_dp_input: bool = True,
        num_speakers: int = 0,
        speaker_channels: int = 0,
        d_vector_dim: int = 0,
        num_languages: int = 0,
        language_channels: int = 0,
        segment_frames: int = 32,
        interpolation: float = 1.0,
    ) -> None:
        super().__init__()
        self.use_sdp = use_sdp
        self.condition_dp_on_speaker = condition_dp_on_speaker
        self.detach_dp_input = detach_dp_input
        self.segment_frames = segment_frames
        self.interpolation = interpolation
        condition = speaker_channels if num_speakers else d_vector_dim
        language = language_channels if num_languages else 0
        if num_speakers:
            self.emb_g = nn.Embedding(num_speakers, speaker_channels)
        if num_languages:
            self.emb_l = nn.Embedding(num_languages, language_channels)
            nn.init.xavier_uniform_(self.emb_l.weight)
        self.text_encoder = TextEncoder(
            num_symbols, hidden_channels=hidden_channels, language_channels=language, **text_encoder
        )
        self.posterior_encoder = PosteriorEncoder(
            out_channels, hidden_channels=hidden_channels, condition_channels=condition, **posterior_encoder
        )
        self.flow = CouplingFlow(hidden_channels, condition_channels=condition, **flow)
        self.duration_predictor: StochasticDurationPredictor | DurationPredictor
        if use_sdp:
            self.duration_predictor = StochasticDurationPredictor(
                hidden_channels + language,
                hidden_channels=hidden_channels_duration_predictor,
                dropout=dropout_duration_predictor,
                condition_channels=condition if condition_dp_on_speaker else 0,
                language_channels=language,
            )
        else:
            # Releases hold the layer for the speaker even where it is not used.
            self.duration_predictor = DurationPredictor(
                hidden_channels + language,
                256,
                3,
                dropout=dropout_duration_predictor,
                condition_channels=condition,
                language_channels=language,
            )
        self.waveform_decoder = WaveformGenerator(
            in_channels=hidden_channels,
            cond_channels=condition,
            inference_padding=0,
            conv_pre_weight_norm=False,
            conv_post_weight_norm=False,
            conv_post_bias=False,
            **waveform_decoder,
        )
        self.disc = VITSDiscriminator(**discriminator) if discriminator is not None else None

    def forward(
        self,
        token_ids: Tensor,
        token_lengths: Tensor,
        spectrograms: Tensor,
        spectrogram_lengths: Tensor,
        *,
        speaker_ids: Tensor | None = None,
        d_vectors: Tensor | None = None,
        language_ids: Tensor | None = None,
        draws: Draws | None = None,
        alignment_noise: float = 0.0,
    ) -> VITSOutput:
        """Training pass of the generator: encode, align, and decode a slice of each recording.

        Args:
            token_ids: ``[B, T_text]``.
            token_lengths: ``[B]``.
            spectrograms: ``[B, F, T_spec]`` linear.
            spectrogram_lengths: ``[B]`` frames.
            speaker_ids: ``[B]`` for a model with a speaker embedding.
            d_vectors: ``[B, G]`` for a model with d-vectors.
            language_ids: ``[B]`` for a model with a language embedding.
            draws: random numbers to use in the place of drawn ones.
            alignment_noise: standard deviation of the noise on the likelihoods among which the alignment is
                searched, relative to their own (Kong et al. 2023, "VITS2", section 2.2): more paths are tried.
        """
        draws = draws or Draws()
        condition, language = self.condition(speaker_ids, d_vectors), self.language(language_ids)
        text_mask = sequence_mask(token_lengths, token_ids.shape[1]).unsqueeze(1).float()
        mask = sequence_mask(spectrogram_lengths, spectrograms.shape[2]).unsqueeze(1).float()
        hidden, mean, log_scale = self.text_encoder(token_ids, text_mask, language)
        posterior_mean, posterior_log_scale = self.posterior_encoder(spectrograms * mask, mask, condition)
        noise = torch.randn_like(posterior_mean) if draws.posterior is None else draws.posterior
        z = (posterior_mean + noise * torch.exp(posterior_log_scale)) * mask
        z_prior = self.flow(z, mask, condition).float()
        with torch.no_grad(), torch.autocast(z.device.type, enabled=False):
            likelihood = log_likelihood(z_prior, mean, log_scale)
            if alignment_noise > 0:
                likelihood = likelihood + alignment_noise * likelihood.std() * torch.randn_like(likelihood)
            alignment = search_alignment(likelihood, token_lengths, spectrogram_lengths)  # [B, T_text, T_spec]
        durations = alignment.sum(dim=2).unsqueeze(1)  # [B, 1, T_text]
        starts = draws.slice_starts
        if starts is None:
            starts = random_starts(spectrogram_lengths, self.segment_frames)
        waveforms = self.waveform_decoder(self.upsampled(slices(z, starts, self.segment_frames)), condition)
        with torch.autocast(z.device.type, enabled=False):
            return VITSOutput(
                waveforms=waveforms.float(),
                slice_starts=starts,
                mask=mask,
                alignment=alignment,
                z_prior=z_prior,
                mean=mean @ alignment,
                log_scale=log_scale @ alignment,
                posterior_mean=posterior_mean,
                posterior_log_scale=posterior_log_scale,
                duration_loss=self._duration_loss(hidden, text_mask, durations, condition, language, draws),
            )

    @torch.no_grad()
    def inference(
        self,
        token_ids: Tensor,
        token_lengths: Tensor,
        *,
        speaker_ids: Tensor | None = None,
        d_vectors: Tensor | None = None,
        language_ids: Tensor | None = None,
        noise_scale: float | Tensor = 0.667,
        duration_noise_scale: float | Tensor = 0.8,
        length_scale: float | Tensor = 1.0,
        durations: Tensor | None = None,
        max_frames: int | None = None,
    ) -> VITSSpeech:
        """Synthesise.

        Args:
            token_ids: ``[B, T_text]``.
            token_lengths: ``[B]``.
            speaker_ids, d_vectors, language_ids: as in :meth:`forward`.
            noise_scale: standard deviation of the latent's noise, relative to the prior's; 0 is the most likely one.
            duration_noise_scale: the same for durations, where they are drawn.
            length_scale: factor on all durations; above 1 is slower.
            durations: ``[B, T_text]`` frames, in the place of predicted ones.
            max_frames: decode no more frames than that.
        """
        condition, language = self.condition(speaker_ids, d_vectors), self.language(language_ids)
        text_mask = sequence_mask(token_lengths, token_ids.shape[1]).unsqueeze(1).float()
        hidden, mean, log_scale = self.text_encoder(token_ids, text_mask, language)
        if durations is None:
            predicted = self._log_durations(hidden, text_mask, condition, language, duration_noise_scale)
            durations = torch.ceil(torch.exp(predicted) * text_mask * length_scale).squeeze(1)  # [B, T_text]
            durations, frames_asked_for = bounded_durations(durations, token_lengths, length_scale)
        else:
            frames_asked_for = durations.sum(dim=1)
        lengths = durations.sum(dim=1).clamp(min=1).long()
        alignment = expand_durations(durations, lengths.max())  # [B, T_text, T_spec]
        mask = sequence_mask(lengths, alignment.shape[2]).unsqueeze(1).float()
        mean, log_scale = mean @ alignment, log_scale @ alignment  # [B, H, T_spec]
        z_prior = mean + torch.randn_like(mean) * torch.exp(log_scale) * noise_scale
        z = self.flow.reverse(z_prior, mask, condition)
        decoded = self.upsampled(z * mask)[:, :, :max_frames]
        return VITSSpeech(
            waveforms=self.waveform_decoder(decoded, condition),
            lengths=lengths,
            alignment=alignment,
            durations=durations,
            z=z,
            z_prior=z_prior,
            mean=mean,
            log_scale=log_scale,
            mask=mask,
            frames_asked_for=frames_asked_for,
        )

    @torch.no_grad()
    def convert(
        self,
        spectrograms: Tensor,
        spectrogram_lengths: Tensor,
        *,
        source: Tensor,
        target: Tensor,
    ) -> VITSConversion:
        """Let another speaker say what was recorded: the flow takes one voice out and puts the other in.

        Args:
            spectrograms: ``[B, F, T_spec]`` linear, of the source's recordings.
            spectrogram_lengths: ``[B]`` frames.
            source, target: ``[B, G, 1]`` of :meth:`condition`.
        """
        mask = sequence_mask(spectrogram_lengths, spectrograms.shape[2]).unsqueeze(1).float()
        mean, log_scale = self.posterior_encoder(spectrograms * mask, mask, source)
        z = (mean + torch.randn_like(mean) * torch.exp(log_scale)) * mask
        z_prior = self.flow(z, mask, source)
        converted = self.flow.reverse(z_prior, mask, target)
        waveforms = self.waveform_decoder(self.upsampled(converted * mask), target)
        return VITSConversion(waveforms=waveforms, lengths=spectrogram_lengths)

    def condition(self, speaker_ids: Tensor | None, d_vectors: Tensor | None) -> Tensor | None:
        """Return speaker vectors ``[B, G, 1]``, or None for a model of one voice."""
        if hasattr(self, "emb_g"):
            if speaker_ids is None:
                raise ValueError("This model has several speakers: speaker_ids is missing.")
            return self.emb_g(speaker_ids).unsqueeze(-1)
        return F.normalize(d_vectors).unsqueeze(-1) if d_vectors is not None else None

    def language(self, language_ids: Tensor | None) -> Tensor | None:
        """Return language vectors ``[B, L, 1]``, or None for a model without them."""
        if not hasattr(self, "emb_l"):
            return None
        if language_ids is None:
            raise ValueError("This model has several languages: language_ids is missing.")
        return self.emb_l(language_ids).unsqueeze(-1)

    def upsampled(self, z: Tensor) -> Tensor:
        """From the encoder's frames ``[B, H, T_spec]`` to the decoder's ``[B, H, T_dec]``."""
        if self.interpolation == 1.0:
            return z
        return F.interpolate(z, scale_factor=self.interpolation, mode="linear")

    def prepare_for_inference(self) -> None:
        """Fold weight norms; the model cannot be trained afterwards as it was before."""
        fold_weight_norm(self)

    def _duration_loss(
        self,
        hidden: Tensor,
        text_mask: Tensor,
        durations: Tensor,
        condition: Tensor | None,
        language: Tensor | None,
        draws: Draws,
    ) -> Tensor:
        """How unlikely the predictor finds ``durations [B, 1, T_text]``: ``[B]``, for each symbol of the batch."""
        hidden = hidden.float()
        if not self.condition_dp_on_speaker:
            condition = None
        if self.detach_dp_input:
            hidden = hidden.detach()
            condition = condition.detach() if condition is not None else None
            language = language.detach() if language is not None else None
        if isinstance(self.duration_predictor, StochasticDurationPredictor):
            loss = self.duration_predictor(hidden, text_mask, durations, condition, language, draws.durations)
        else:
            wanted = torch.log(durations + 1e-6) * text_mask
            predicted = self.duration_predictor(hidden, text_mask, condition, language)
            loss = (predicted - wanted).square().sum(dim=(1, 2))
        return loss / text_mask.sum()

    def _log_durations(
        self,
        hidden: Tensor,
        text_mask: Tensor,
        condition: Tensor | None,
        language: Tensor | None,
        noise_scale: float | Tensor,
    ) -> Tensor:
        """Predict ``[B, 1, T_text]``."""
        if not self.condition_dp_on_speaker:
            condition = None
        if isinstance(self.duration_predictor, StochasticDurationPredictor):
            return self.duration_predictor.predict(hidden, text_mask, condition, language, noise_scale=noise_scale)
        return self.duration_predictor(hidden, text_mask, condition, language)

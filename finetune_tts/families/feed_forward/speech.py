"""How the feed-forward models synthesise."""

import logging
from dataclasses import dataclass

import torch
from torch import Tensor

from finetune_tts.data.batch import Batch
from finetune_tts.errors import UserError
from finetune_tts.families.divergence import look_at_durations
from finetune_tts.families.feed_forward.config import FeedForwardConfig
from finetune_tts.families.feed_forward.network import FeedForwardTTS
from finetune_tts.families.feed_forward.style_flags import Melody
from finetune_tts.families.speech import Request, Spectrogram, StyleContext

logger = logging.getLogger(__name__)

USUAL_MEAN, USUAL_STD = 200.0, 50.0
"""Pitch of a voice in Hz, where a config says nothing of the recordings."""


@dataclass(frozen=True)
class PitchChange:
    """What becomes of the predicted pitch, which is in deviations from the mean."""

    factor: float = 1.0
    shift: float = 0.0


def style_of(context: StyleContext, melody: Melody | None) -> PitchChange:
    """What a factor of the pitch in Hz is for the network; see :data:`finetune_tts.families.speech.StyleOf`."""
    config = context.config
    if melody is None:
        return PitchChange()
    if not config.model_args.use_pitch:
        raise UserError(melody.refusal)
    mean, std = config.pitch_mean, config.pitch_std
    if mean is None or std is None:
        logger.warning(
            "The model's config does not say how high its recordings were (pitch_mean, pitch_std): %.0f Hz, give or "
            "take %.0f, are assumed, so that --pitch is not exact.",
            USUAL_MEAN,
            USUAL_STD,
        )
        mean, std = USUAL_MEAN, USUAL_STD
    # factor (z std + mean) = z' std + mean
    return PitchChange(melody.pitch, (melody.pitch - 1) * mean / std)


def speak(network: FeedForwardTTS, config: FeedForwardConfig, request: Request) -> Spectrogram:
    """Draw the spectrogram of a sentence; see :data:`finetune_tts.families.speech.Speak`."""
    length = config.model_args.length_scale if request.length_scale is None else request.length_scale
    change = request.style if isinstance(request.style, PitchChange) else PitchChange()
    lengths = torch.tensor([request.token_ids.shape[1]], device=request.token_ids.device)
    speech = network.inference(
        request.token_ids,
        lengths,
        speaker_ids=request.speaker_id,
        d_vectors=request.d_vector,
        length_scale=length,
        pitch_factor=change.factor,
        pitch_shift=change.shift,
    )
    frames = int(speech.mel_lengths[0])
    seconds = (config.audio.hop_length or 0) / config.audio.sample_rate
    look_at_durations(network, speech.frames_asked_for, speech.alignment.shape[1], lengths, seconds)
    return Spectrogram(
        mel=speech.mels[0, :frames].float().cpu().numpy(), alignment=speech.alignment[0, :frames].float().cpu().numpy()
    )


def force(network: FeedForwardTTS, batch: Batch) -> tuple[Tensor, Tensor]:
    """The spectrogram with the durations, the pitch and the energy of the recording."""
    output = network(
        batch.token_ids,
        batch.token_lengths,
        batch.mels,
        batch.mel_lengths,
        pitch=batch.pitch,
        energy=batch.energy,
        speaker_ids=batch.speaker_ids,
        d_vectors=batch.d_vectors,
    )
    return output.mels, batch.mel_lengths

"""How Glow-TTS synthesises."""

import torch
from torch import Tensor

from finetune_tts.data.batch import Batch
from finetune_tts.families.divergence import look_at_durations
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.glow_tts.network import GlowTTS
from finetune_tts.families.speech import Request, Spectrogram


def speak(network: GlowTTS, config: GlowTTSConfig, request: Request) -> Spectrogram:
    """Draw the spectrogram of a sentence; see :data:`finetune_tts.families.speech.Speak`."""
    noise = config.inference_noise_scale if request.noise_scale is None else request.noise_scale
    length = config.length_scale if request.length_scale is None else request.length_scale
    lengths = torch.tensor([request.token_ids.shape[1]], device=request.token_ids.device)
    speech = network.inference(
        request.token_ids,
        lengths,
        speaker_ids=request.speaker_id,
        d_vectors=request.d_vector,
        noise_scale=noise,
        length_scale=length,
    )
    frames = int(speech.mel_lengths[0])
    seconds = (config.audio.hop_length or 0) / config.audio.sample_rate
    look_at_durations(network, speech.frames_asked_for, speech.alignment.shape[1], lengths, seconds)
    return Spectrogram(
        mel=speech.mel[0, :frames].float().cpu().numpy(), alignment=speech.alignment[0, :frames].float().cpu().numpy()
    )


def force(network: GlowTTS, batch: Batch) -> tuple[Tensor, Tensor]:
    """The likeliest spectrogram with the durations of the recording."""
    speech = network.inference_with_alignment(
        batch.token_ids,
        batch.token_lengths,
        batch.mels,
        batch.mel_lengths,
        speaker_ids=batch.speaker_ids,
        d_vectors=batch.d_vectors,
    )
    return speech.mel, speech.mel_lengths

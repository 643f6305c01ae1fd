"""How the feed-forward models synthesise."""

import torch
from torch import Tensor

from finetune_tts.data.batch import Batch
from finetune_tts.families.divergence import look_at_durations
from finetune_tts.families.feed_forward.config import FeedForwardConfig
from finetune_tts.families.feed_forward.network import FeedForwardTTS
from finetune_tts.families.speech import Request, Spectrogram


def speak(network: FeedForwardTTS, config: FeedForwardConfig, request: Request) -> Spectrogram:
    """Draw the spectrogram of a sentence; see :data:`finetune_tts.families.speech.Speak`."""
    length = config.model_args.length_scale if request.length_scale is None else request.length_scale
    lengths = torch.tensor([request.token_ids.shape[1]], device=request.token_ids.device)
    speech = network.inference(
        request.token_ids,
        lengths,
        speaker_ids=request.speaker_id,
        d_vectors=request.d_vector,
        length_scale=length,
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

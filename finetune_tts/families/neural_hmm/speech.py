"""How neural HMMs synthesise."""

import logging

import numpy as np
from torch import Tensor

from finetune_tts.data.batch import Batch
from finetune_tts.families.neural_hmm.config import HMMConfig, NeuralHMMConfig, OverflowConfig
from finetune_tts.families.neural_hmm.network import NeuralHMMTTS, Sampling
from finetune_tts.families.speech import Request, Spectrogram

logger = logging.getLogger(__name__)

MOST_FRAMES, MOST_FRAMES_A_SYMBOL = 200, 60
"""Frames after which a sentence is cut in any case."""


def speak(network: NeuralHMMTTS, config: NeuralHMMConfig | OverflowConfig, request: Request) -> Spectrogram:
    """Draw the spectrogram of a sentence; see :data:`finetune_tts.families.speech.Speak`."""
    symbols = request.token_ids.shape[1]
    sampling = Sampling(
        temperature=config.sampling_temp if request.noise_scale is None else request.noise_scale,
        quantile=config.duration_threshold if config.deterministic_transition else None,
        length_scale=1.0 if request.length_scale is None else request.length_scale,
        most_frames=most_frames(config, symbols),
    )
    speech = network.inference(request.token_ids, sampling)
    if not speech.ended:
        seconds = sampling.most_frames * (config.audio.hop_length or 0) / config.audio.sample_rate
        logger.warning(
            "A sentence of %d symbols did not come to its end in %d frames (max_sampling_time = %d): it is cut after "
            "%.1f s. Write shorter sentences, raise max_sampling_time in its config, or train the model longer.",
            symbols,
            sampling.most_frames,
            config.max_sampling_time,
            seconds,
        )
    alignment = np.zeros((len(speech.states), symbols), dtype=np.float32)
    alignment[np.arange(len(speech.states)), np.asarray(speech.states) // config.state_per_phone] = 1.0
    return Spectrogram(speech.mel[0].float().cpu().numpy(), alignment)


def most_frames(config: HMMConfig, symbols: int) -> int:
    """After how many frames a sentence of so many symbols is cut."""
    bound = MOST_FRAMES_A_SYMBOL * symbols + MOST_FRAMES
    return min(config.max_sampling_time or bound, bound)


def force(network: NeuralHMMTTS, batch: Batch) -> tuple[Tensor, Tensor]:
    """What it expects of each frame when it has heard the recording until then."""
    return network.expect(batch.token_ids, batch.token_lengths, batch.mels, batch.mel_lengths, batch.token_counts)

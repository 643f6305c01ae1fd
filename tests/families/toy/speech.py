"""How the toy speaks."""

import numpy as np

from finetune_tts.families.speech import Request, Spectrogram
from toy.config import ToyConfig
from toy.network import Toy


def speak(network: Toy, config: ToyConfig, request: Request) -> Spectrogram:
    """Draw the spectrogram of a sentence."""
    mel = network(request.token_ids)[0].float().cpu().numpy()
    alignment = np.repeat(np.eye(request.token_ids.shape[1]), config.frames_a_symbol, axis=0)
    return Spectrogram(mel, alignment.astype(np.float32))

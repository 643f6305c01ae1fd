"""The vector of a whole recording: the mean over windows that are spread evenly over it.

An encoder is trained on excerpts of one or two seconds, so that is what it is given here. The numbers (ten windows of
250 frames, the mean not scaled again) are those of 🐸TTS: a model knows its speakers by vectors made like this.

Legend: T_wav samples, T frames, n_mels mel channels, D size of the vector.
"""

from collections import Counter

import numpy as np
import torch
from torch import Tensor

from finetune_tts.models.speaker_encoder.lstm import LSTMSpeakerEncoder
from finetune_tts.models.speaker_encoder.resnet import ResNetSpeakerEncoder

SpeakerEncoderNetwork = LSTMSpeakerEncoder | ResNetSpeakerEncoder

NUM_FRAMES = 250
NUM_WINDOWS = 10


@torch.no_grad()
def compute_embedding(
    network: SpeakerEncoderNetwork, x: Tensor, *, num_frames: int = NUM_FRAMES, num_windows: int = NUM_WINDOWS
) -> Tensor:
    """The speaker vector of one recording.

    Args:
        network: in eval mode.
        x: ``[T_wav]`` for a network with a front end, else ``[n_mels, T]``, on the network's device.
        num_frames: length of a window, in frames.
        num_windows: windows; where the recording is not longer than one, it is read once.

    Returns:
        ``[D]``, the mean of unit vectors.
    """
    if network.torch_spec is None:
        # 🐸TTS spreads its windows over the channels of a spectrogram, so each of them is the whole recording.
        return network(x.unsqueeze(0)).squeeze(0)
    length = min(num_frames * network.torch_spec.hop_length, len(x))
    starts = Counter(int(start) for start in np.linspace(0, len(x) - length, num_windows))
    windows = torch.stack([x[start : start + length] for start in starts])
    weights = torch.tensor(list(starts.values()), dtype=torch.float32, device=x.device)  # windows that fall together
    return weights @ network(windows) / num_windows

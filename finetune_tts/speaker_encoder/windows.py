"""The vector of a whole recording: the mean over windows that are spread evenly over it.

An encoder is trained on excerpts of one or two seconds, so that is what it is given here. The numbers (ten windows of
250 frames, the mean not scaled again) are those of 🐸TTS: a model knows its speakers by vectors made like this.

Legend: N recordings, T_wav samples, T frames, n_mels mel channels, D size of the vector.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from finetune_tts.speaker_encoder.lstm import LSTMSpeakerEncoder
from finetune_tts.speaker_encoder.resnet import ResNetSpeakerEncoder

SpeakerEncoderNetwork = LSTMSpeakerEncoder | ResNetSpeakerEncoder

NUM_FRAMES = 250
NUM_WINDOWS = 10


def compute_embedding(
    network: SpeakerEncoderNetwork, x: Tensor, *, num_frames: int = NUM_FRAMES, num_windows: int = NUM_WINDOWS
) -> Tensor:
    """The speaker vector of one recording, ``[D]``: see :func:`compute_embeddings`."""
    return compute_embeddings(network, [x], num_frames=num_frames, num_windows=num_windows)[0]


@torch.no_grad()
def compute_embeddings(
    network: SpeakerEncoderNetwork,
    recordings: Sequence[Tensor],
    *,
    num_frames: int = NUM_FRAMES,
    num_windows: int = NUM_WINDOWS,
) -> Tensor:
    """The speaker vectors of recordings, windows of equal length in one pass.

    Args:
        network: in eval mode.
        recordings: ``[T_wav]`` each for a network with a front end, else ``[n_mels, T]``, on the network's device.
        num_frames: length of a window, in frames.
        num_windows: windows of a recording; one that is not longer than a window is read once.

    Returns:
        ``[N, D]``, means of unit vectors.
    """
    if network.torch_spec is None:
        # 🐸TTS spreads its windows over the channels of a spectrogram, so each of them is the whole recording.
        return torch.cat([network(mel.unsqueeze(0)) for mel in recordings])
    length = num_frames * network.torch_spec.hop_length
    windows: dict[int, list[Tensor]] = defaultdict(list)  # by their length
    owners: dict[int, list[tuple[int, float]]] = defaultdict(list)  # recording and weight of each of them
    for number, waveform in enumerate(recordings):
        size = min(length, len(waveform))
        # Windows that fall together are read once and weigh more.
        starts = Counter(int(start) for start in np.linspace(0, len(waveform) - size, num_windows))
        for start, times in starts.items():
            windows[size].append(waveform[start : start + size])
            owners[size].append((number, times / num_windows))
    result = torch.zeros(len(recordings), network.proj_dim, device=recordings[0].device)
    for size, equal in windows.items():
        numbers, weights = zip(*owners[size], strict=True)
        vectors = network(torch.stack(equal)) * torch.tensor(weights, device=result.device).unsqueeze(1)
        result.index_add_(0, torch.tensor(numbers, device=result.device), vectors)
    return result

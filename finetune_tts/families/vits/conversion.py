"""Voice conversion: what one speaker recorded, in the voice of another. VITS alone can do it: its flow takes a voice
out of a recording and puts another one in.
"""

import numpy as np
import torch
from torch import Tensor, nn

from finetune_tts.config.base import Config
from finetune_tts.errors import UserError
from finetune_tts.families.vits.building import build_spectrogram_front
from finetune_tts.families.vits.config import VitsConfig
from finetune_tts.families.vits.network import VITS
from finetune_tts.layers.resampling import Resampler


def require_converting(network: nn.Module, config: Config) -> None:
    """Find out whether a model can convert voices.

    Raises:
        UserError: it cannot; the message says why.
    """
    if not isinstance(network, VITS):
        raise UserError(f"--reference_wav: a model of {config.model} cannot convert voices; vits can.")
    if not hasattr(network, "emb_g") and not getattr(config, "use_d_vector_file", False):
        raise UserError("--reference_wav: this model has one voice; converting needs a model of several speakers.")


def convert(
    network: nn.Module,
    config: Config,
    waveform: np.ndarray,
    *,
    source: tuple[Tensor | None, Tensor | None],
    target: tuple[Tensor | None, Tensor | None],
) -> np.ndarray:
    """Convert a recording.

    Args:
        network: in eval mode; one of which :func:`require_converting` approves.
        config: its config.
        waveform: ``[T_wav]`` at the model's rate.
        source: who recorded it: a row ``[1]``, or a vector ``[1, D]``.
        target: who is to be heard, likewise.

    Returns:
        ``[T_wav]`` float32 at the model's rate.

    Raises:
        UserError: the recording is shorter than a frame of the model.
    """
    assert isinstance(network, VITS)
    assert isinstance(config, VitsConfig)
    device = next(network.parameters()).device
    rate = config.audio.sample_rate
    if len(waveform) < config.audio.fft_size:
        raise UserError(
            f"--reference_wav: {len(waveform) / rate:.3f} s of sound are too short to be said again; a frame of the "
            f"model is {config.audio.fft_size / rate:.3f} s. Give a recording of speech."
        )
    resampler = Resampler(source_rate=rate, target_rate=config.model_args.encoder_sample_rate or rate).to(device)
    recorded = resampler(torch.from_numpy(waveform).to(device).float().unsqueeze(0))
    spectrograms = build_spectrogram_front(config).to(device).linear(recorded)
    source_vector, target_vector = network.condition(*source), network.condition(*target)
    assert source_vector is not None
    assert target_vector is not None
    lengths = torch.tensor([spectrograms.shape[2]], device=device)
    converted = network.convert(spectrograms, lengths, source=source_vector, target=target_vector)
    return converted.waveforms[0, 0].float().cpu().numpy()

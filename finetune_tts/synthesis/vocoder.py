"""A vocoder, ready to turn spectrograms into waveforms."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from finetune_tts.audio.pairing import Pairing
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.checkpoints.finding import find_weights
from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.checkpoints.vocoders import restore_vocoder, vocoder_weights
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.checks import require_usable
from finetune_tts.families.divergence import require_finite
from finetune_tts.families.loading import load_vocoder_config
from finetune_tts.families.reading import locate

logger = logging.getLogger(__name__)

CONFIG_NAME = "config.json"
FEWEST_FRAMES = 8
"""Reflection at the ends of a network asks for some frames; a shorter spectrogram is lengthened, and cut again."""


class Vocoder:
    """Turns spectrograms into waveforms.

    Args:
        network: a generator with ``inference(mel [1, M, T]) -> [1, 1, T_wav]``; may be in training.
        config: the vocoder's.
        extractor: of its audio settings.
    """

    def __init__(self, network: nn.Module, config: VocoderConfig, extractor: SpectrogramExtractor) -> None:
        self.network = network
        self.config = config
        self.extractor = extractor
        self._pairing: Pairing | None = None

    @property
    def sample_rate(self) -> int:
        """Of the waveforms, in Hz."""
        return self.extractor.sample_rate

    def pair_with(self, model: SpectrogramExtractor) -> Pairing:
        """Take spectrograms of a model from now on."""
        self._pairing = Pairing(model, self.extractor)
        return self._pairing

    def vocode(self, mel: np.ndarray, *, pair: bool = True) -> np.ndarray:
        """Make a waveform.

        Args:
            mel: ``[M, T]``, of the model that it is paired with.
            pair: False for a spectrogram that has the vocoder's own settings already.

        Returns:
            ``[T_wav]`` float32, ``hop_length`` samples for each frame.

        Raises:
            UserError: the vocoder has diverged.
        """
        if pair and self._pairing is not None:
            mel = self._pairing.bring(mel)
        frames = mel.shape[1]
        if frames == 0:
            return np.zeros(0, dtype=np.float32)
        mel = np.pad(mel, ((0, 0), (0, max(0, FEWEST_FRAMES - frames))), mode="edge")
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            given = torch.from_numpy(np.ascontiguousarray(mel, dtype=np.float32)).unsqueeze(0).to(device)
            made = self.network.inference(given)  # type: ignore[operator]  # of a generator
        waveform = made.reshape(-1).float().cpu().numpy()
        require_finite(waveform, self.network, "The vocoder")
        # Generators lengthen the spectrogram at both ends alike, against clicks.
        wanted, padded = frames * self.extractor.hop_length, mel.shape[1] * self.extractor.hop_length
        first = max(0, (len(waveform) - padded) // 2)
        waveform = waveform[first : first + wanted]
        return np.pad(waveform, (0, wanted - len(waveform)))  # some leave the last frame out


def load_vocoder(
    model_path: str | Path, config_path: str | Path | None = None, *, device: torch.device | str = "cpu"
) -> Vocoder:
    """Load a vocoder.

    Args:
        model_path: a checkpoint, or a folder that holds one.
        config_path: its config; by default the one beside it.
        device: where it is to work.

    Raises:
        UserError: a file is missing, damaged, or does not fit the other.
    """
    path = find_weights(model_path)
    config_path = Path(config_path) if config_path else path.parent / CONFIG_NAME
    if not config_path.is_file():
        raise UserError(f"{config_path}: there is no config of the vocoder. Name it with --vocoder_config_path.")
    config = load_vocoder_config(config_path, quiet=True)
    require_usable(config, str(config_path))
    locate(config, config_path.parent)
    network = build_model(config, for_training=False)
    weights = vocoder_weights(read_checkpoint(path))
    report = restore_vocoder(network, weights.generator, source=weights.source)
    report.raise_for_gap()
    report.raise_for_non_finite()
    network.to(device).eval()
    prepare: Callable[[], None] = network.prepare_for_inference  # type: ignore[assignment]  # of a generator
    prepare()
    return Vocoder(network, config, SpectrogramExtractor(config.audio))

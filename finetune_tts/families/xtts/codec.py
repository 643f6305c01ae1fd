"""Codes of recordings, made by the autoencoder that comes with a release."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from finetune_tts.checkpoints.reading import read_torch_file
from finetune_tts.errors import UserError
from finetune_tts.families.xtts.config import XttsConfig
from finetune_tts.families.xtts.dvae import DVAEEncoder, encoder_weights
from finetune_tts.families.xtts.mels import NUM_MELS, code_mel

CODE_VERSION = 1
"""Goes up when a recording gets other codes for another reason than other weights."""


def read_mel_stats(path: str | Path) -> Tensor:
    """The divisors of the mel bands, ``[n_mels]`` float32.

    Raises:
        UserError: the file is missing, or holds something else.
    """
    stats = read_torch_file(Path(path))
    if not isinstance(stats, Tensor) or stats.shape != (NUM_MELS,) or not stats.is_floating_point():
        raise UserError(f"{path}: is to hold {NUM_MELS} numbers, one for each mel band.")
    stats = stats.detach().float().clone()
    if not bool((torch.isfinite(stats) & (stats != 0)).all()):
        raise UserError(f"{path}: holds numbers that mel bands cannot be divided by.")
    return stats


class DvaeCodec:
    """Makes codes of recordings (see :class:`finetune_tts.data.codes.Codec`).

    Args:
        config: names the weights and the divisors of the mel bands.
        device: where they are made.

    Raises:
        UserError: a file is missing or is not what it should be.
    """

    def __init__(self, config: XttsConfig, device: torch.device) -> None:
        args = config.model_args
        self._path = Path(args.dvae_checkpoint)
        self._num_codes = args.gpt_num_audio_tokens - 2  # all but START and STOP
        self._samples = args.gpt_code_stride_len
        if not args.dvae_checkpoint or not self._path.is_file():
            raise UserError(
                f"model_args.dvae_checkpoint = {args.dvae_checkpoint!r}: fine-tuning needs dvae.pth, which makes the "
                "codes of recordings. It comes with the release: --model_name downloads it; else put it beside the "
                "weights."
            )
        if not args.mel_norm_file or not Path(args.mel_norm_file).is_file():
            raise UserError(
                f"model_args.mel_norm_file = {args.mel_norm_file!r}: fine-tuning needs mel_stats.pth, which comes with "
                "the release; put it beside the weights."
            )
        self._stats = read_mel_stats(args.mel_norm_file)
        self._listen = code_mel()
        self._network: DVAEEncoder | None = None
        self._device = device

    def fingerprint(self) -> str:
        """A hash of everything that decides which codes a recording gets."""
        hasher = hashlib.sha256(f"{CODE_VERSION} {self._num_codes} {self._samples}".encode())
        hasher.update(self._stats.numpy().tobytes())
        for name, tensor in sorted(self._weights().items()):
            hasher.update(name.encode())
            hasher.update(tensor.contiguous().numpy().tobytes())
        return hasher.hexdigest()[:32]

    def close(self) -> None:
        """Give the memory of the network back."""
        self._network = None

    @torch.inference_mode()
    def codes(self, waveform: np.ndarray) -> np.ndarray:
        """The codes ``[N]`` int64 of a recording ``[T_wav]`` at 22,050 Hz, one for each 1,024 samples, rounded up."""
        if self._network is None:
            self._network = self._loaded()
        spectrogram = self._listen.to(self._device)
        samples = torch.from_numpy(np.ascontiguousarray(waveform)).to(self._device)
        if len(samples) < spectrogram.shortest:
            samples = torch.nn.functional.pad(samples, (0, spectrogram.shortest - len(samples)))
        codes = self._network(spectrogram(samples.unsqueeze(0), self._stats.to(self._device)))[0]
        found: np.ndarray = codes[: -(-len(waveform) // self._samples)].cpu().numpy()
        return found

    def _loaded(self) -> DVAEEncoder:
        weights = self._weights()
        try:
            channels = [len(weights[f"encoder.{place}.0.weight"]) for place in range(2)]
            width, codes = weights["codebook.embed"].shape
            network = DVAEEncoder(codes=codes, width=width, channels=channels)
            network.load_state_dict(weights)
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            raise UserError(
                f"{self._path}: is no autoencoder of XTTS ({str(error).splitlines()[-1].strip()})."
            ) from error
        if codes != self._num_codes:
            raise UserError(
                f"{self._path}: makes {codes} codes, and the model knows {self._num_codes}: it belongs to another."
            )
        return network.to(self._device).eval()

    def _weights(self) -> dict[str, Tensor]:
        content: Any = read_torch_file(self._path)
        if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
            content = content["model"]
        if not isinstance(content, Mapping) or not all(isinstance(item, Tensor) for item in content.values()):
            raise UserError(f"{self._path}: holds no weights of an autoencoder. It is dvae.pth of the release.")
        return {name: tensor.detach().float() for name, tensor in encoder_weights(content).items()}

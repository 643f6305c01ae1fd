"""A speaker encoder that is ready for use: recordings to vectors of who speaks.

encoder = load_speaker_encoder(EncoderFiles(Path("model_se.pth"), Path("config_se.json")))
encoder.vector_of_files([Path("first.wav"), Path("second.wav")])    # [D] float32, for Delivery(d_vector=...)
encoder.similarity(Path("recorded.wav"), Path("spoken.wav"))        # cosine, 1 for the same voice
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from finetune_tts.audio.reading import resample
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.checkpoints.finding import find_weights
from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.errors import UserError
from finetune_tts.files import expanded
from finetune_tts.speaker_encoder.building import restored_speaker_encoder
from finetune_tts.speaker_encoder.config import SpeakerEncoderConfig, load_encoder_config
from finetune_tts.speaker_encoder.frozen import FrozenSpeakerEncoder
from finetune_tts.speaker_encoder.windows import (
    NUM_FRAMES,
    NUM_WINDOWS,
    SpeakerEncoderNetwork,
    compute_embeddings,
)

logger = logging.getLogger(__name__)

MODEL_FIELD = "speaker_encoder_model_path"
CONFIG_FIELD = "speaker_encoder_config_path"
#: names under which releases ship an encoder beside a model.
MODEL_NAMES = ("model_se.pth", "model_se.pth.tar")
CONFIG_NAME = "config_se.json"
_CONFIG_NAMES = (CONFIG_NAME, "config.json")

VECTOR_VERSION = 1
"""Goes up when the same recording and the same encoder give another vector."""


@dataclass(frozen=True)
class EncoderFiles:
    """Weights of a speaker encoder and their config."""

    model: Path
    config: Path


class SpeakerEncoder:
    """Tells who speaks in a recording, as a vector.

    Args:
        network: in eval mode, on the device that it is to use.
        config: its config.
        source: where it came from, for messages.
    """

    def __init__(self, network: SpeakerEncoderNetwork, config: SpeakerEncoderConfig, source: str) -> None:
        self.network = network
        self.config = config
        self.source = source
        self.extractor = SpectrogramExtractor(config.audio)

    @property
    def size(self) -> int:
        """``D``, the numbers in a vector."""
        return self.network.proj_dim

    @property
    def sample_rate(self) -> int:
        """Of the waveforms that it takes, in Hz."""
        return self.extractor.sample_rate

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return next(self.network.parameters()).device

    @property
    def shortest(self) -> int:
        """Samples that a recording must have at least."""
        front_end = self.network.torch_spec
        return self.extractor.hop_length if front_end is None else front_end.shortest

    def load(self, path: str | Path) -> np.ndarray:
        """Read a recording as the encoder's audio settings ask: ``[T_wav]`` float32.

        Raises:
            UserError: it cannot be read, or is too short to tell a voice.
        """
        wav = self.extractor.load(path)
        self._require_length(wav, str(path))
        return wav

    def vectors(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Vectors of recordings: ``[N, D]`` float32.

        Args:
            waveforms: ``[T_wav]`` each, as :meth:`load` gives them.
        """
        if self.network.torch_spec is None:
            inputs = [torch.from_numpy(self.extractor.mel(wav)).to(self.device) for wav in waveforms]
        else:
            inputs = [torch.from_numpy(np.ascontiguousarray(wav)).to(self.device) for wav in waveforms]
        return compute_embeddings(self.network, inputs).float().cpu().numpy()

    def vector_of_files(self, paths: Sequence[str | Path]) -> np.ndarray:
        """The mean vector of recordings of one speaker, ``[D]`` float32.

        Raises:
            UserError: there is no recording, or one cannot be used.
        """
        if not paths:
            raise UserError("No recording of the speaker is given.")
        return np.concatenate([self.vectors([self.load(path)]) for path in paths]).mean(axis=0)

    def vector_of_waveform(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        """The vector of something spoken, ``[D]`` float32.

        Args:
            waveform: ``[T_wav]`` float32.
            sample_rate: its rate in Hz.

        Raises:
            UserError: it is too short to tell a voice.
        """
        wav = self.extractor.prepare(resample(waveform, sample_rate, self.sample_rate))
        self._require_length(wav, "the waveform")
        vector: np.ndarray = self.vectors([wav])[0]
        return vector

    def similarity(self, first: str | Path, second: str | Path) -> float:
        """How alike the voices of two recordings are: -1 to 1.

        Raises:
            UserError: a recording cannot be used.
        """
        return cosine_similarity(self.vector_of_files([first]), self.vector_of_files([second]))

    def fingerprint(self) -> str:
        """A hash of everything that decides which vector a recording gets."""
        hasher = hashlib.sha256(f"{VECTOR_VERSION} {NUM_FRAMES} {NUM_WINDOWS} {self.extractor.fingerprint()}".encode())
        hasher.update(repr(sorted(self.config.model_params.items())).encode())
        for name, tensor in self.network.state_dict().items():
            hasher.update(name.encode())
            hasher.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return hasher.hexdigest()[:32]

    def frozen(self, sample_rate: int) -> FrozenSpeakerEncoder:
        """The network as a judge of waveforms of ``sample_rate``, with gradients; this object shares its weights.

        Raises:
            UserError: it takes spectrograms.
        """
        try:
            judge = FrozenSpeakerEncoder(self.network, source_rate=sample_rate, encoder_rate=self.sample_rate)
        except ValueError as error:
            raise UserError(f"{self.source}: {error}") from error
        return judge.to(self.device)

    def _require_length(self, wav: np.ndarray, name: str) -> None:
        if len(wav) < self.shortest:
            raise UserError(
                f"{name}: {len(wav) / self.sample_rate:.3f} s of sound are too short to tell a voice by; "
                f"the speaker encoder needs {self.shortest / self.sample_rate:.3f} s at least, and some seconds to be "
                "of use. Record more, or leave it out."
            )


def cosine_similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Cosine of the angle between two vectors ``[D]``: 1 for the same direction."""
    return float(first @ second / max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1e-12))


def load_speaker_encoder(files: EncoderFiles, *, device: torch.device | str = "cpu") -> SpeakerEncoder:
    """Load a speaker encoder of a release.

    Args:
        files: its weights and its config.
        device: where it is to compute.

    Raises:
        UserError: a file is missing, damaged, or does not fit the other.
    """
    config = load_encoder_config(files.config)
    checkpoint = read_checkpoint(files.model)
    network = restored_speaker_encoder(config, checkpoint.model, source=checkpoint.path)
    logger.info("Speaker encoder: %s (%s, vectors of %d numbers)", checkpoint.path, config.network, config.proj_dim)
    return SpeakerEncoder(network.to(device), config, str(checkpoint.path))


def encoder_files(model: str | Path, config: str | Path | None = None) -> EncoderFiles:
    """The files of an encoder that the user names.

    Args:
        model: the checkpoint, or a folder that holds it.
        config: its config; where it is not given, ``config_se.json`` or ``config.json`` beside the checkpoint.

    Raises:
        UserError: a file is missing.
    """
    model = expanded(model)
    if model.is_dir():
        model = next((model / name for name in MODEL_NAMES if (model / name).is_file()), model)
    model = find_weights(model)
    if config:
        config = expanded(config)
        if not config.is_file():
            raise UserError(f"--encoder_config_path {config}: no such file.")
        return EncoderFiles(model, config)
    beside = [model.parent / name for name in _CONFIG_NAMES if (model.parent / name).is_file()]
    if not beside:
        raise UserError(f"{model.parent}: there is no {CONFIG_NAME} beside the speaker encoder. Name its config with "
                        "--encoder_config_path.")  # fmt: skip
    return EncoderFiles(model, beside[0])


def encoder_of_model(values: Mapping[str, Any], *folders: str | Path) -> EncoderFiles | None:
    """The encoder that came with a model: named by its config, or lying beside it under the usual names.

    Args:
        values: the config of the model, as plain values with located paths; may be empty.
        folders: where one may lie, mostly that of the config.
    """
    models = [*_named(values, MODEL_FIELD), *(Path(folder) / name for folder in folders for name in MODEL_NAMES)]
    configs = [*_named(values, CONFIG_FIELD), *(Path(folder) / CONFIG_NAME for folder in folders)]
    model, config = (next((path for path in paths if path.is_file()), None) for paths in (models, configs))
    return EncoderFiles(model, config) if model is not None and config is not None else None


def _named(values: Mapping[str, Any], field: str) -> list[Path]:
    """What a config says in a field, among the arguments of the network or at the top."""
    groups = [values.get("model_args"), values]
    found = [group.get(field) for group in groups if isinstance(group, Mapping)]
    return [expanded(value) for value in found if isinstance(value, str) and value]

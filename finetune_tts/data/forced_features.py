"""Mel spectrograms that an acoustic model gave for recordings: written by one command, read by a vocoder's training.

A folder of ``<name of the recording below its data set>.npy``, each ``[n_mels, T]`` float32 as the model normalises it,
with ``features.json`` that says how that is; a vocoder that normalises otherwise brings them to its own settings.
🐸TTS's own folders, where the files stand anywhere under the bare name of the recording, are read too, and taken for
spectrograms of the vocoder's settings.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finetune_tts.audio.pairing import Pairing
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.commented_json import read_object
from finetune_tts.config.values import Findings, build
from finetune_tts.data.audio_files import walk_files
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError
from finetune_tts.files import expanded, replacing, write_json

EXTENSION = ".npy"
SETTINGS_NAME = "features.json"
STATISTICS_NAME = "scale_stats.npy"
FRAMES_THAT_MAY_DIFFER = 3
"""Between the spectrogram of a recording and that of a model, which may round to its reduction factor or squeeze."""


def feature_file(folder: Path, sample: Sample) -> Path:
    """Where the spectrogram of a recording stands."""
    return folder / f"{sample.name.partition('#')[2] or sample.name}{EXTENSION}"


def write_feature(folder: Path, sample: Sample, mel: np.ndarray) -> Path:
    """Write a spectrogram ``[n_mels, T]``, whole or not at all.

    Raises:
        UserError: the folder cannot be written.
    """
    path = feature_file(folder, sample)
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(mel, dtype=np.float32), allow_pickle=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(buffer.getvalue())
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}). Choose another folder, or make room."
        ) from error
    return path


def write_settings(folder: Path, audio: AudioConfig) -> None:
    """Write how the spectrograms of a folder are made, with the statistics that they are normalised by.

    Raises:
        UserError: the folder cannot be written.
    """
    values = audio.to_dict()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if audio.stats_path:
            with replacing(folder / STATISTICS_NAME) as file:
                file.write(Path(audio.stats_path).read_bytes())
            values["stats_path"] = STATISTICS_NAME
        write_json(folder / SETTINGS_NAME, {"audio": values})
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}). Choose another folder.") from error


def _read_settings(folder: Path) -> AudioConfig | None:
    path = folder / SETTINGS_NAME
    if not path.is_file():
        return None
    findings = Findings()
    audio = build(AudioConfig, read_object(path).get("audio") or {}, "audio.", findings)
    if findings.faults or not isinstance(audio, AudioConfig):
        raise UserError(f"{path}: {'; '.join(findings.faults) or 'is damaged'}. Make the features again.")
    if audio.stats_path:
        audio.stats_path = str(folder / audio.stats_path)
    return audio


class ForcedFeatures:
    """Finds and reads the spectrograms of recordings.

    Args:
        folder: of :func:`write_feature`.
        extractor: of the vocoder's audio settings.

    Raises:
        UserError: there is no such folder, no feature in it, or they were made with settings that do not fit.
    """

    def __init__(self, folder: str | Path, extractor: SpectrogramExtractor) -> None:
        self.folder = expanded(folder)
        if not self.folder.is_dir():
            raise UserError(
                f"feature_path {folder}: no such folder. Make it with tts-finetune --extract_features {folder}."
            )
        self._n_mels = extractor.audio.num_mels
        settings = _read_settings(self.folder)
        self._pairing = Pairing(SpectrogramExtractor(settings), extractor) if settings is not None else None
        if self._pairing is not None:
            way_out = "Make them with a model of the vocoder's settings, or take another vocoder."
            self._pairing.require_fit(f"feature_path {folder}", way_out)
        self._by_stem: dict[str, list[Path]] = {}
        for path in walk_files(self.folder):
            if path.suffix == EXTENSION and path.name != STATISTICS_NAME:
                self._by_stem.setdefault(path.stem, []).append(path)
        if not self._by_stem:
            raise UserError(f"feature_path {folder}: there are no {EXTENSION} files in it.")

    def find(self, sample: Sample) -> Path | None:
        """The file of a recording, None if there is none."""
        path = feature_file(self.folder, sample)
        if path.is_file():
            return path
        found = self._by_stem.get(path.stem, [])
        if len(found) > 1:
            places = ", ".join(str(other) for other in found[:3])
            raise UserError(f"{sample.audio_file}: its features may be any of {places}. Give the files other names.")
        return found[0] if found else None

    def with_features(self, samples: Sequence[Sample]) -> list[Sample]:
        """Those of the recordings that have features.

        Raises:
            UserError: not one has.
        """
        kept = [sample for sample in samples if self.find(sample) is not None]
        if not kept:
            expected = feature_file(self.folder, samples[0])
            raise UserError(
                f"feature_path {self.folder}: none of the {len(samples)} recordings has features there; of the first "
                f"they would stand in {expected}. Make them from these recordings."
            )
        return kept

    def mel(self, sample: Sample) -> np.ndarray:
        """The spectrogram of a recording, ``[n_mels, T]`` float32.

        Raises:
            UserError: it is missing, cannot be read, or has another shape.
        """
        path = self.find(sample)
        if path is None:
            raise UserError(f"{feature_file(self.folder, sample)}: is missing. Make the features again.")
        try:
            mel: np.ndarray = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise UserError(f"{path}: cannot be read as an array ({error}). Make the features again.") from error
        if mel.ndim != 2 or mel.shape[0] != self._n_mels or mel.shape[1] == 0:
            raise UserError(f"{path}: has the shape {list(mel.shape)}; [{self._n_mels}, frames] is expected.")
        mel = np.asarray(mel, dtype=np.float32)
        return self._pairing.bring(mel) if self._pairing is not None else mel

    def require_aligned(self, sample: Sample, frames: int) -> None:
        """Refuse a spectrogram that does not belong to its recording.

        Args:
            sample: the recording.
            frames: of its own spectrogram, at the vocoder's settings.
        """
        found = self.mel(sample).shape[1]
        if abs(found - frames) > FRAMES_THAT_MAY_DIFFER:
            raise UserError(
                f"{self.find(sample)}: has {found} frames, its recording has {frames} at the vocoder's settings. The "
                "features have to be made from these recordings, with the hop, sample rate and trimming of the vocoder."
            )

"""Mel spectrograms that an acoustic model gave for recordings: written by one command, read by a vocoder's training.

A folder of ``<name of the recording below its data set>.npy``, each ``[n_mels, T]`` float32 as the model normalises it.
🐸TTS's own folders, where the files stand anywhere under the bare name of the recording, are read too.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finetune_tts.data.audio_files import walk_files
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError
from finetune_tts.files import replacing

EXTENSION = ".npy"
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


class ForcedFeatures:
    """Finds and reads the spectrograms of recordings.

    Args:
        folder: of :func:`write_feature`.
        n_mels: bands that the vocoder takes.

    Raises:
        UserError: there is no such folder, or no feature in it.
    """

    def __init__(self, folder: str | Path, n_mels: int) -> None:
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise UserError(
                f"feature_path {folder}: no such folder. Make it with tts-finetune --extract_features {folder}."
            )
        self._n_mels = n_mels
        self._by_stem: dict[str, list[Path]] = {}
        for path in walk_files(self.folder):
            if path.suffix == EXTENSION:
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
        return np.asarray(mel, dtype=np.float32)

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

"""Mel spectrograms that an acoustic model gave for recordings: written by one command, read by a vocoder's training.

A folder of ``<name of the recording below its data set>.npy``, each ``[n_mels, T]`` float32 as the model normalises it,
with ``features.json`` that says how that is; a vocoder that normalises otherwise brings them to its own settings. Which
file belongs to which recording stands in ``recordings.jsonl``, by the content of the recording: two data sets may use
the same names. 🐸TTS's own folders, where the files stand anywhere under the bare name of the recording, are read too,
and taken for spectrograms of the vocoder's settings.
"""

import io
import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from finetune_tts.audio.pairing import Pairing
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.checkpoints.names import shown
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.checks import audio_faults
from finetune_tts.config.commented_json import read_object
from finetune_tts.config.ranges import limited
from finetune_tts.config.values import Findings, build
from finetune_tts.data.audio_files import walk_files
from finetune_tts.data.content import CacheFailure, Digests, Index
from finetune_tts.data.packed import Recording
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError
from finetune_tts.files import expanded, replacing, write_json

EXTENSION = ".npy"
SETTINGS_NAME = "features.json"
STATISTICS_NAME = "scale_stats.npy"
INDEX_NAME = "recordings.jsonl"
FRAMES_THAT_MAY_DIFFER = 3
"""Between the spectrogram of a recording and that of a model, which may round to its reduction factor or squeeze."""


def feature_file(sample: Sample) -> PurePosixPath:
    """Where the spectrogram of a recording stands below a folder of them; never outside, wherever the recording is."""
    name = sample.name.partition("#")[2] or sample.name
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return PurePosixPath(*parts[:-1], f"{parts[-1] if parts else 'recording'}{EXTENSION}")


class FeatureWriter:
    """Writes the spectrograms of recordings below a folder, each into a file of its own.

    Args:
        folder: made if it is not there.
        audio: how the spectrograms are made.
        digests: tells recordings by their content.

    Raises:
        UserError: the folder cannot be written, or holds spectrograms that were made otherwise.
    """

    def __init__(self, folder: Path, audio: AudioConfig, digests: Digests) -> None:
        self._folder = folder
        self._digests = digests
        self._write_settings(audio)
        self._index = Index(folder / INDEX_NAME)
        self._files = {digest: file for file, digest in _recordings(self._index)}

    def write(self, sample: Sample, mel: np.ndarray) -> Path:
        """Write a spectrogram ``[n_mels, T]``, whole or not at all.

        Raises:
            UserError: the folder cannot be written, or the recording cannot be read.
        """
        digest = self._digests.of(sample.audio_file)
        file = self._file(sample, digest)
        path = self._folder / file
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(mel, dtype=np.float32), allow_pickle=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as target:
                target.write(buffer.getvalue())
            self._index.remember(file, digest)
        except (OSError, CacheFailure) as error:
            reason = getattr(error.__cause__ or error, "strerror", error)
            raise UserError(f"{path}: cannot be written ({reason}). Choose another folder, or make room.") from error
        self._files[digest] = file
        return path

    def _file(self, sample: Sample, digest: str) -> str:
        """The file of a recording below the folder: one that is its own already, else one that is no other's."""
        file = feature_file(sample)
        if self._index.get(str(file)) not in (None, digest):
            file = PurePosixPath(self._files.get(digest) or file.with_name(f"{file.stem}-{digest[:12]}{EXTENSION}"))
        return str(file)

    def _write_settings(self, audio: AudioConfig) -> None:
        folder, values = self._folder, audio.to_dict()
        try:
            statistics = Path(audio.stats_path).read_bytes() if audio.stats_path else None
            if statistics is not None:
                values["stats_path"] = STATISTICS_NAME
            self._require_same(values, statistics)
            folder.mkdir(parents=True, exist_ok=True)
            if statistics is not None:
                with replacing(folder / STATISTICS_NAME) as file:
                    file.write(statistics)
            write_json(folder / SETTINGS_NAME, {"audio": values})
        except OSError as error:
            raise UserError(f"{folder}: cannot be written ({error.strerror}). Choose another folder.") from error

    def _require_same(self, values: dict[str, Any], statistics: bytes | None) -> None:
        if not (self._folder / INDEX_NAME).is_file() or not (self._folder / SETTINGS_NAME).is_file():
            return
        before = read_object(self._folder / SETTINGS_NAME).get("audio")
        same = before == json.loads(json.dumps(values))
        if not same or (statistics is not None and (self._folder / STATISTICS_NAME).read_bytes() != statistics):
            raise UserError(
                f"{self._folder}: holds spectrograms of a model with other audio settings ({SETTINGS_NAME} there says "
                "which). Choose another folder."
            )


def _recordings(index: Index) -> list[tuple[str, str]]:
    """File below the folder and content of its recording; lines that lead elsewhere are none of ours."""
    return [
        (file, digest)
        for file, digest in index.items()
        if isinstance(digest, str) and not PurePosixPath(file).is_absolute() and ".." not in PurePosixPath(file).parts
    ]


def _read_settings(folder: Path) -> AudioConfig | None:
    path = folder / SETTINGS_NAME
    if not path.is_file():
        return None
    findings = Findings()
    values = read_object(path).get("audio") or {}
    if not isinstance(values, dict):
        raise UserError(f"{path}: audio is no object of fields. Make the features again.")
    audio = build(AudioConfig, values, "audio", findings)
    assert isinstance(audio, AudioConfig)
    faults = findings.faults or list(audio_faults(audio))
    if faults:
        raise UserError(f"{path}: {'; '.join(limited(faults))}. Make the features again.")
    if audio.stats_path:
        audio.stats_path = str(folder / audio.stats_path)
    return audio


class ForcedFeatures:
    """Finds and reads the spectrograms of recordings.

    Args:
        folder: of :class:`FeatureWriter`, or of 🐸TTS.
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
        self._found: dict[str, Path] = {}

    def with_features(self, samples: Sequence[Sample], digests: Digests) -> list[Sample]:
        """Those of the recordings that have features; their spectrograms can be read from then on.

        The content of a recording decides which file is its own. A recording whose content is not known there, or any
        of a folder that does not say, has the file of its name, unless that is another's.

        Args:
            samples: the recordings.
            digests: tells recordings by their content.

        Raises:
            UserError: not one has, or a file may be that of several.
        """
        files = {digest: self.folder / file for file, digest in _recordings(Index(self.folder / INDEX_NAME))}
        own = {sample.name: files.get(digests.of(sample.audio_file)) for sample in samples} if files else {}
        found = {name: path for name, path in own.items() if path is not None and path.is_file()}
        taken = dict.fromkeys(found.values(), "")
        for sample in samples:
            path = self._by_name(sample) if sample.name not in found else None
            if path is None or taken.get(path) == "":
                continue
            if path in taken:
                raise UserError(
                    f"{path}: may be the features of {taken[path]} or of {sample.audio_file}. Give the files other "
                    "names, or make the features again with --extract_features."
                )
            found[sample.name], taken[path] = path, str(sample.audio_file)
        self._found = found
        kept = [sample for sample in samples if sample.name in found]
        if not kept:
            expected = self.folder / feature_file(samples[0])
            raise UserError(
                f"feature_path {self.folder}: none of the {len(samples)} recordings has features there; of the first "
                f"they would stand in {expected}. Make them from these recordings."
            )
        return kept

    def mel(self, sample: Sample | Recording) -> np.ndarray:
        """The spectrogram of one of the recordings that have features, ``[n_mels, T]`` float32.

        Raises:
            UserError: it cannot be read, or has another shape.
        """
        path = self._found[sample.name]
        try:
            # Mapped: a header may claim more numbers than there is memory for, but not more than the file has.
            mel: np.ndarray = np.lib.format.open_memmap(path, mode="r")
        except Exception as error:  # of a file of any other kind numpy fails in any way
            reason = shown(str(error), 200) or type(error).__name__
            raise UserError(f"{path}: cannot be read as an array ({reason}). Make the features again.") from error
        if mel.dtype.kind not in "fiu":
            raise UserError(f"{path}: is no array of real numbers. Make the features again.")
        if mel.ndim != 2 or mel.shape[0] != self._n_mels or mel.shape[1] == 0:
            raise UserError(f"{path}: has the shape {list(mel.shape)}; [{self._n_mels}, frames] is expected.")
        mel = np.array(mel, dtype=np.float32)
        return self._pairing.bring(mel) if self._pairing is not None else mel

    def require_aligned(self, sample: Sample, frames: int) -> None:
        """Refuse a spectrogram that does not belong to its recording.

        Args:
            sample: the recording, one of those that have features.
            frames: of its own spectrogram, at the vocoder's settings.
        """
        found = self.mel(sample).shape[1]
        if abs(found - frames) > FRAMES_THAT_MAY_DIFFER:
            raise UserError(
                f"{self._found[sample.name]}: has {found} frames, its recording has {frames} at the vocoder's "
                "settings. The features have to be made from these recordings, with the hop, sample rate and trimming "
                "of the vocoder."
            )

    def _by_name(self, sample: Sample) -> Path | None:
        path = self.folder / feature_file(sample)
        if path.is_file():
            return path
        found = self._by_stem.get(path.stem, [])
        if len(found) > 1:
            places = ", ".join(str(other) for other in found[:3])
            raise UserError(f"{sample.audio_file}: its features may be any of {places}. Give the files other names.")
        return found[0] if found else None

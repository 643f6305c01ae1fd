"""The feature cache: each recording is decoded once for each setting of the features, and never again."""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from finetune_tts.data.codes import Codec
from finetune_tts.data.content import CacheFailure, Digests, Index
from finetune_tts.data.feature_files import FeatureFiles
from finetune_tts.data.packed import PackedRecordings, Recording
from finetune_tts.data.probing import unreadable
from finetune_tts.data.processes import ALONE, Team, in_processes, share_of, those_that_see, workers_for
from finetune_tts.data.progress import progress
from finetune_tts.data.sample import Sample
from finetune_tts.data.shards import FeatureShards
from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)

CACHE_VERSION = 1
"""Goes up when the files of the cache change their form; what is in the features is the extractor's fingerprint."""

_MANY, _LISTED_FOR_EACH = 1000, 8
"""From so many recordings on, folders are listed in which no more than so many others lie for each of them."""
_FEW = 50
"""Recordings that are read before processes for them have begun."""
_FULL_SCALE = 32768  # of 16 bits
SHARDS_NAME = "shards"
MANY_CLIPS = 100_000
"""From so many clips on features are kept in shards, unless a config says otherwise."""


class Extractor(Protocol):
    """What the cache needs of ``audio.spectrogram.SpectrogramExtractor``."""

    hop_length: int

    @property
    def trims(self) -> bool: ...

    def load(self, path: str | Path) -> np.ndarray: ...

    def mel(self, wav: np.ndarray) -> np.ndarray: ...

    def linear(self, wav: np.ndarray) -> np.ndarray: ...

    def pitch(self, wav: np.ndarray) -> np.ndarray: ...

    def energy(self, wav: np.ndarray) -> np.ndarray: ...

    def pitch_settings(self) -> str: ...

    def num_frames(self, num_samples: int) -> int: ...

    def fingerprint(self) -> str: ...


def wants_shards(setting: bool | None, clips: int) -> bool:
    """Whether features of so many clips go into shards, by ``feature_shards`` of the config."""
    return clips >= MANY_CLIPS if setting is None else setting


class FeatureCache:
    """Mel spectrograms of recordings (and linear ones, and waveforms), kept on disk under their content.

    A feature is found by the bytes of the recording and everything that decides its features, so an edited recording
    or a changed setting meets no stale feature, and moved or renamed recordings are found again. An index keeps the
    hash of a file by its path, size and time of change, so that a later start reads no recording at all. Features
    stand in a file each or in shards, whichever they were written to; both are read. Any number of processes may use
    one folder: files are written whole, each process has shards of its own, and the index is only appended to.

    Args:
        folder: where the cache is kept; made if missing.
        extractor: computes the features.
        linear: keep linear spectrograms too.
        waveforms: keep waveforms too.
        contours: keep these of each frame too, of :data:`finetune_tts.data.contours.CONTOURS`.
        digests: of the folder, where somebody has asked for them already.
        shards: write features into shards (see ``data.shards``), and not each into a file.

    Attributes:
        digests: tells recordings by their content.
        codec: makes the codes of recordings, where :meth:`add_codes` was called.

    Raises:
        UserError: the folder cannot be written.
    """

    def __init__(
        self,
        folder: str | Path,
        extractor: Extractor,
        linear: bool = False,
        waveforms: bool = False,
        contours: Sequence[str] = (),
        digests: Digests | None = None,
        shards: bool = False,
    ) -> None:
        self.extractor = extractor
        self.has_linear = linear
        self.has_waveforms = waveforms
        self.contours = tuple(contours)
        self._root = Path(folder)
        settings = hashlib.sha256(f"{CACHE_VERSION} {extractor.fingerprint()}".encode()).hexdigest()
        self._folder = self._root / settings[:16]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{folder}: the feature cache cannot be made there ({error.strerror}).") from error
        self.digests = digests or Digests(self._root)
        self._lengths = Index(self._folder / "lengths.jsonl")
        self._files = FeatureFiles(self._folder)
        self._shards = FeatureShards(self._folder / SHARDS_NAME)
        self._writes_shards = shards
        self._whole: set[str] = set()
        """Digests of recordings all of whose features were seen."""
        self.codec: Codec | None = None
        self._codes = ""

    def mel(self, sample: Sample | Recording) -> np.ndarray:
        """The mel spectrogram of a recording, ``[n_mels, T_mel]`` float32.

        Raises:
            UserError: the recording cannot be read, or the cache cannot be written.
        """
        return self._feature(sample, "mel")

    def linear(self, sample: Sample | Recording) -> np.ndarray:
        """The linear spectrogram of a recording, ``[n_freq, T_mel]`` float32 (raises as ``mel``)."""
        return self._feature(sample, "linear")

    def waveform(self, sample: Sample | Recording) -> np.ndarray:
        """The waveform that the spectrograms were computed from, ``[hop_length * T_mel]`` float32 (raises as ``mel``).

        The last of its frames reaches beyond the recording; it is filled with the last sample, as 🐸TTS does.
        """
        return aligned(_as_float(self._feature(sample, "wav")), self.length(sample), self.extractor.hop_length)

    def contour(self, sample: Sample | Recording, name: str) -> np.ndarray:
        """The pitch or the energy of a recording, ``[T_mel]`` float32 (raises as ``mel``).

        Where it is missing, nothing else is computed: a check looks at the pitch of more recordings than it trains on.
        """
        digest, kind = self._digest(sample), self._contour_kind(name)
        contour = self._read(digest, kind)
        if contour is None:
            contour = self._contour_of(self.extractor.load(sample.audio_file), name)
            self._write(digest, {kind: contour})
        return contour

    def add_codes(self, codec: Codec, samples: Sequence[Sample], team: Team = ALONE) -> None:
        """Compute the codes of recordings that are missing, in this process: its network needs the device.

        Args:
            codec: makes codes of waveforms as :meth:`load` gives them.
            samples: whose recordings to work through.
            team: processes that share the work; all have to ask.

        Raises:
            UserError: a recording cannot be read, or the cache cannot be written.
        """
        self.codec, self._codes = codec, f"codes-{codec.fingerprint()[:16]}"
        files = dict.fromkeys(sample.audio_file for sample in samples)
        team = those_that_see(self._root, team)
        missing = [path for path in files if not self._has(self.digests.of(path), self._codes)]
        missing = list(dict.fromkeys(path for part in team.gathered(missing) for path in part))
        if missing:
            known = len(files) - len(missing)
            logger.info("Computing the codes of %d recordings (%d are in the cache).", len(missing), known)
        share = share_of(missing, team)
        for path in progress(share, len(share), "Codes"):
            self._encode(path)
        codec.close()
        self._share_shards(team)

    def codes(self, sample: Sample | Recording) -> np.ndarray:
        """The codes of a recording, ``[T_codes]`` int64 (raises as ``mel``); see :meth:`add_codes`."""
        codes = self._read(self._digest(sample), self._codes)
        return self._encode(sample.audio_file) if codes is None else codes

    def _encode(self, path: Path) -> np.ndarray:
        assert self.codec is not None
        codes = self.codec.codes(self.extractor.load(path))
        self._write(self.digests.of(path), {self._codes: codes})
        return codes

    def length(self, sample: Sample | Recording) -> int:
        """Number of mel frames of a recording, from the index if it is known there (raises as ``mel``)."""
        if isinstance(sample, Recording):
            return sample.frames
        return self._complete(sample.audio_file, self.digests.of(sample.audio_file))

    def pack(self, samples: Sequence[Sample]) -> PackedRecordings:
        """Look each recording up once (raises as ``mel``); by what comes of it features are found without the index."""
        files = [sample.audio_file for sample in samples]
        digests = list(map(self.digests.of, files))
        frames = list(map(self._complete, files, digests))
        self._shards.refresh()  # what this process has written lies in the array then
        return PackedRecordings(map(str, files), digests, frames, (sample.name for sample in samples))

    def _digest(self, sample: Sample | Recording) -> str:
        return sample.digest if isinstance(sample, Recording) else self.digests.of(sample.audio_file)

    def frame_counts(self, samples: Sequence[Sample], workers: int | None = None) -> dict[Path, int]:
        """Number of mel frames of each recording, its silence trimmed as the settings ask, without any spectrogram.

        Args:
            samples: whose recordings to count.
            workers: processes for those that have to be decoded; by default as many as there are CPUs.

        Raises:
            UserError: as :meth:`precompute`.
        """
        files = dict.fromkeys(sample.audio_file for sample in samples)
        counts = {path: count for path in files if (count := self._known_count(path)) is not None}
        unknown = [path for path in files if path not in counts]
        if workers is None:
            workers = workers_for(len(unknown))
        faults: list[str] = []
        for result in progress(in_processes(self._count, unknown, workers), len(unknown), "Lengths"):
            if isinstance(result, str):
                faults.append(result)
            else:
                self._note(result)
                counts[result.path] = result.frames
        if faults:
            raise unreadable(faults)
        return counts

    def precompute(self, samples: Sequence[Sample], workers: int | None = None, team: Team = ALONE) -> None:
        """Compute all features that are missing.

        Args:
            samples: whose recordings to work through.
            workers: processes that this one has do it; 0 and 1 work in this one, None is for all CPUs.
            team: processes that share the work, each with workers of its own; all have to ask.

        Raises:
            UserError: recordings that cannot be read, all of them, up to ten named; or the cache cannot be written.
        """
        files = dict.fromkeys(sample.audio_file for sample in samples)
        self._look_for_many(len(files))
        alone = team.size == 1
        team = those_that_see(self._root, team)
        found = team.gathered([path for path in files if not self._is_known(path)])
        # What one process found missing another may have found already computed by a third.
        missing = list(dict.fromkeys(path for part in found for path in part))
        if missing:
            known = len(files) - len(missing)
            logger.info("Computing the features of %d recordings (%d are in the cache).", len(missing), known)
        elif alone:
            return
        share = share_of(missing, team)
        work = in_processes(self.compute, share, workers_for(len(share), team) if workers is None else workers)
        own = list(progress(work, len(share), "Features"))
        self._share_shards(team)
        faults: list[str] = []
        for result in (result for part in team.gathered(own) for result in part):
            if isinstance(result, str):
                faults.append(result)
            else:
                self._note(result)
        if faults:
            raise unreadable(faults)

    def compute(self, path: Path) -> "Computed | str":
        """See that the features of one recording are kept; gives what ``precompute`` notes, or what is wrong."""
        return self._worked(path, self._complete)

    def _count(self, path: Path) -> "Computed | str":
        """See that the number of frames of one recording is known, likewise."""
        return self._worked(path, self._counted)

    def _worked(self, path: Path, frames_of: Callable[[Path, str], int]) -> "Computed | str":
        try:
            digest = self.digests.of(path)
            return Computed(path, digest, frames_of(path, digest))
        except CacheFailure:
            raise
        except UserError as error:
            return str(error)

    def _note(self, computed: "Computed") -> None:
        """Take over what another process has found out and written."""
        self.digests.note(computed.path, computed.digest)
        self._lengths.remember(computed.digest, computed.frames, write=False)

    def _known_count(self, path: Path) -> int | None:
        digest = self.digests.known(path)
        return self._known_length(digest) if digest is not None else None

    def _known_length(self, digest: str) -> int | None:
        known = self._lengths.get(digest)
        return known if isinstance(known, int) else self._shards.frames(digest, "mel")

    def _counted(self, path: Path, digest: str) -> int:
        known = self._known_length(digest)
        if known is None:
            known = self.extractor.num_frames(len(self.extractor.load(path)))
            self._lengths.remember(digest, known)
        return known

    def _complete(self, path: Path, digest: str) -> int:
        """See that all features of a recording are kept, and give its number of frames."""
        known = self._known_length(digest)
        if known is not None and self._is_complete(digest):
            return known
        # A lost index is no reason to decode again: the features tell their length.
        mel = self._read(digest, "mel") if self._is_complete(digest) else None
        if mel is None:
            mel = self._compute(path, digest)
        self._lengths.remember(digest, mel.shape[1])
        return mel.shape[1]

    def _feature(self, sample: Sample | Recording, kind: str) -> np.ndarray:
        digest = self._digest(sample)
        feature = self._read(digest, kind)
        return self._compute(sample.audio_file, digest, kind) if feature is None else feature

    def _compute(self, path: Path, digest: str, kind: str = "mel") -> np.ndarray:
        """Compute and keep all features of a recording; gives that of ``kind``."""
        wav = self.extractor.load(path)
        features = {"mel": np.asarray(self.extractor.mel(wav), dtype=np.float32)}
        if self.has_linear or kind == "linear":
            features["linear"] = np.asarray(self.extractor.linear(wav), dtype=np.float32)
        if self.has_waveforms or kind == "wav":
            features["wav"] = _as_stored(wav)
        for name in self.contours:
            features[self._contour_kind(name)] = self._contour_of(wav, name)
        self._write(digest, features)
        self._lengths.remember(digest, features["mel"].shape[1], write=not self._writes_shards)
        return features[kind]

    def _is_known(self, path: Path) -> bool:
        """Whether a recording needs no work: its hash and length are in the index, its features on disk."""
        digest = self.digests.known(path)
        return digest is not None and self._known_length(digest) is not None and self._is_complete(digest)

    def _is_complete(self, digest: str) -> bool:
        if digest not in self._whole and all(self._has(digest, kind) for kind in self._kinds()):
            self._whole.add(digest)
        return digest in self._whole

    def _kinds(self) -> list[str]:
        """The features of a recording."""
        wanted = {"mel": True, "linear": self.has_linear, "wav": self.has_waveforms}
        kinds = [kind for kind, is_wanted in wanted.items() if is_wanted]
        return kinds + [self._contour_kind(name) for name in self.contours]

    def _look_for_many(self, recordings: int) -> None:
        """Find what is complete all at once, which is quicker than to ask for each of many features."""
        if recordings < _MANY or recordings * _LISTED_FOR_EACH < len(self._lengths) + len(self._shards):
            return
        frames = self._shards.complete(self._kinds())
        self._lengths.remember_all(frames.items(), write=False)
        self._whole |= frames.keys() | self._files.complete(self._kinds())

    def _has(self, digest: str, kind: str) -> bool:
        return self._shards.has(digest, kind) or self._files.has(digest, kind)

    def _read(self, digest: str, kind: str) -> np.ndarray | None:
        feature = self._shards.read(digest, kind)
        return self._files.read(digest, kind) if feature is None else feature

    def _write(self, digest: str, features: Mapping[str, np.ndarray]) -> None:
        (self._shards if self._writes_shards else self._files).write(digest, features)

    def _share_shards(self, team: Team) -> None:
        """See what the processes of a team and their workers have written; all have to ask, when they are done."""
        self._shards.seal()
        self._shards.refresh()
        self._shards.refresh(name for names in team.gathered(self._shards.names) for name in names)

    def _contour_of(self, wav: np.ndarray, name: str) -> np.ndarray:
        contour = self.extractor.pitch(wav) if name == "pitch" else self.extractor.energy(wav)
        return np.asarray(contour, dtype=np.float32)

    def _contour_kind(self, name: str) -> str:
        """What a contour is kept under; the pitch has settings that no other feature has."""
        return f"pitch-{self.extractor.pitch_settings()}" if name == "pitch" else name


@dataclass(frozen=True)
class Computed:
    """What a process that computed features found out."""

    path: Path
    digest: str
    frames: int


def aligned(wav: np.ndarray, frames: int, hop_length: int) -> np.ndarray:
    """Bring a waveform ``[T_wav]`` to ``[hop_length * frames]``: cut off, or filled with its last sample."""
    missing = frames * hop_length - len(wav)
    return np.pad(wav, (0, missing), mode="edge") if missing > 0 else wav[: frames * hop_length]


def _as_stored(wav: np.ndarray) -> np.ndarray:
    """16 bits, as recordings mostly have them, in half the room; float32 where a waveform goes beyond full scale."""
    scaled = np.rint(wav * _FULL_SCALE)
    fits = scaled.max(initial=0.0) < _FULL_SCALE and scaled.min(initial=0.0) >= -_FULL_SCALE
    return scaled.astype(np.int16) if fits else np.asarray(wav, dtype=np.float32)


def _as_float(wav: np.ndarray) -> np.ndarray:
    return wav.astype(np.float32) / np.float32(_FULL_SCALE) if wav.dtype == np.int16 else wav

"""``scale_stats.npy``: mean and deviation of every channel over a data set, as 🐸TTS writes and reads them.

The file is a pickle inside a numpy array. An ordinary reading of it runs whatever code the pickle names, so this one
admits the few names that numpy arrays and plain containers need, and nothing else.
"""

import hashlib
import io
import pickle
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from finetune_tts.checkpoints.names import shown
from finetune_tts.checkpoints.scanning import scan_pickle
from finetune_tts.errors import UserError
from finetune_tts.files import replacing

_ARRAYS = ("mel_mean", "mel_std", "linear_mean", "linear_std")
_LARGEST_FILE = 64 * 2**20  # bytes; real ones have some kilobytes
_MOST_CHANNELS = 1_000_000  # that an array may claim to have; few bytes can claim any number


@dataclass(frozen=True)
class ScaleStats:
    """Mean and deviation of every channel, in decibels before any normalisation.

    ``mel_*`` are ``[n_mels]``, ``linear_*`` are ``[n_freq]``, all float32; ``audio_config`` holds the audio settings
    that they were computed with (empty where the file does not say).
    """

    mel_mean: np.ndarray
    mel_std: np.ndarray
    linear_mean: np.ndarray
    linear_std: np.ndarray
    audio_config: Mapping[str, Any] = field(default_factory=dict)

    def digest(self) -> str:
        """A hash of the numbers."""
        content = hashlib.sha256()
        for name in _ARRAYS:
            content.update(getattr(self, name).tobytes())
        return content.hexdigest()


class DecibelExtractor(Protocol):
    """What computing statistics needs of a :class:`~finetune_tts.audio.spectrogram.SpectrogramExtractor`."""

    def load(self, path: str | Path) -> np.ndarray:
        """The waveform of a file, ``[T]``."""
        ...

    def decibels(self, wav: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Linear ``[n_freq, T]`` and mel ``[n_mels, T]`` spectrogram before normalisation."""
        ...


def compute_statistics(
    extractor: DecibelExtractor, paths: Iterable[str | Path], audio_config: Mapping[str, Any] | None = None
) -> ScaleStats:
    """Statistics over all frames of some recordings.

    Args:
        extractor: makes the spectrograms.
        paths: the audio files.
        audio_config: the settings to write beside the numbers.

    Raises:
        UserError: no files, or one that cannot be read.
    """
    frames = 0
    sums: list[np.ndarray] = []
    for path in paths:
        spectrograms = [spectrogram.astype(np.float64) for spectrogram in extractor.decibels(extractor.load(path))]
        frames += spectrograms[0].shape[1]
        parts = [part for s in spectrograms for part in (s.sum(axis=1), np.square(s).sum(axis=1))]
        sums = [total + part for total, part in zip(sums, parts, strict=True)] if sums else parts
    if not frames:
        raise UserError("statistics of no recordings: give at least one audio file.")
    linear_mean, linear_square, mel_mean, mel_square = (total / frames for total in sums)

    def deviation(mean: np.ndarray, square: np.ndarray) -> np.ndarray:
        # A channel that never changes (above the cut-off of an MP3) must not be divided by zero.
        return np.sqrt(np.maximum(square - np.square(mean), 1e-10)).astype(np.float32)

    return ScaleStats(
        mel_mean=mel_mean.astype(np.float32),
        mel_std=deviation(mel_mean, mel_square),
        linear_mean=linear_mean.astype(np.float32),
        linear_std=deviation(linear_mean, linear_square),
        audio_config=dict(audio_config or {}),
    )


def write_statistics(path: str | Path, stats: ScaleStats) -> None:
    """Write ``scale_stats.npy`` in the form that coqui-tts reads, whole or not at all."""
    content = {name: getattr(stats, name) for name in _ARRAYS} | {"audio_config": dict(stats.audio_config)}
    array = np.empty((), dtype=object)
    array[()] = content
    with replacing(path) as file:
        np.save(file, array, allow_pickle=True)


def read_statistics(path: str | Path) -> ScaleStats:
    """Read ``scale_stats.npy`` without running anything that it holds.

    Raises:
        UserError: the file is missing, is not a statistics file, or names code that such a file has no need of.
    """
    content = _read_pickled_dictionary(Path(path))
    missing = [name for name in _ARRAYS if name not in content]
    if missing:
        raise UserError(f"{path}: not a statistics file, it lacks {', '.join(missing)}. Check audio.stats_path.")
    arrays = {name: _channels(path, name, content[name]) for name in _ARRAYS}
    for kind in ("mel", "linear"):
        if arrays[f"{kind}_mean"].shape != arrays[f"{kind}_std"].shape:
            raise UserError(f"{path}: {kind}_mean and {kind}_std differ in length. Compute the statistics again.")
        if not (arrays[f"{kind}_std"] > 0).all():
            raise UserError(f"{path}: {kind}_std holds a value that is not above 0. Compute the statistics again.")
    settings = content.get("audio_config")
    return ScaleStats(**arrays, audio_config=dict(settings) if isinstance(settings, dict) else {})


def _channels(path: str | Path, name: str, value: Any) -> np.ndarray:
    array = np.empty(0, dtype=np.float32)
    plain = (int, float, np.integer, np.floating)
    with np.errstate(over="ignore"):  # what overflows is infinite, and refused below
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and value.size <= _MOST_CHANNELS:
            array = np.asarray(value, dtype=np.float32)
        elif isinstance(value, (list, tuple)) and all(isinstance(number, plain) for number in value):
            with suppress(OverflowError):
                array = np.asarray(value, dtype=np.float32)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise UserError(f"{path}: {name} is not a list of finite numbers. Compute the statistics again.")
    return array


def _read_pickled_dictionary(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else error
        name = shown(str(path), 1000)
        raise UserError(f"{name}: the statistics cannot be read ({reason}). Check audio.stats_path.") from error
    refusal = f"{path}: not a statistics file of 🐸TTS ({{}}). Check audio.stats_path."
    if len(raw) > _LARGEST_FILE:
        raise UserError(refusal.format(f"larger than {_LARGEST_FILE // 2**20} MiB"))
    stream = io.BytesIO(raw)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        _, _, dtype = read_header(stream)
    except Exception as error:  # the header is a Python literal, and a hostile one fails in any way
        raise UserError(refusal.format("no .npy header")) from error
    if not dtype.hasobject:
        raise UserError(refusal.format(f"an array of {dtype}"))
    try:
        start = stream.tell()
        scan_pickle(stream)  # what would never end is not begun
        stream.seek(start)
        value = _PlainUnpickler(stream).load()
    except Exception as error:  # a broken pickle raises nearly any exception
        raise UserError(refusal.format(shown(str(error), 200) or type(error).__name__)) from error
    value = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
    if not isinstance(value, dict):
        raise UserError(refusal.format("no dictionary in it"))
    return value


class _Settings(dict[str, Any]):
    """Stands for the dictionary with attributes in which old releases keep their settings."""


def _encode_latin1(text: str, encoding: str) -> bytes:
    """How pickles from before protocol 3 hold bytes: numpy before 1.17 wrote such."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it holds bytes in the encoding {encoding}")
    return text.encode("latin1")


_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
# Taken from the objects themselves, since the modules have other names in numpy 1 and numpy 2.
_PLAIN_NAMES: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode_latin1,
    ("collections", "OrderedDict"): OrderedDict,
    ("TTS.utils.io", "AttrDict"): _Settings,
    ("mozilla_voice_tts.utils.io", "AttrDict"): _Settings,
    **{(module, "_reconstruct"): np.zeros(1).__reduce__()[0] for module in _MULTIARRAY},
    **{(module, "scalar"): np.float64(0).__reduce__()[0] for module in _MULTIARRAY},
    **{(module, "_frombuffer"): np.zeros(1).__reduce_ex__(5)[0] for module in _NUMERIC},
}


class _PlainUnpickler(pickle.Unpickler):
    """Knows numpy arrays, numpy numbers and plain containers; any other name stops it before anything is called."""

    def find_class(self, module: str, name: str) -> Any:
        """What the pickle means by ``module.name``."""
        try:
            return _PLAIN_NAMES[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no statistics need") from None

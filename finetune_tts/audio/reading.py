"""Audio files: their length without decoding, their samples as mono at the model's rate, and writing WAV files."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from finetune_tts.errors import UserError
from finetune_tts.files import replacing

if TYPE_CHECKING:
    from soundfile import SoundFile

_FRAMES_AT_ONCE = 2**20
_LEAST_OF_PROMISED = 0.9  # the length in the header of an MP3 may be an estimate
_RATES = range(1000, 1_000_001)  # in Hz; a header beyond them is broken, and resampling it would fill the memory


@dataclass(frozen=True)
class AudioInfo:
    """What the header of an audio file says; ``duration`` is in seconds."""

    sample_rate: int
    channels: int
    frames: int
    duration: float


@contextmanager
def _opened(path: str | Path) -> "Iterator[SoundFile]":
    """The open file, or a :class:`UserError` that says why there is none."""
    from soundfile import SoundFile, SoundFileError  # loads a C library that only readers of audio need

    try:
        with open(path, "rb") as file:
            if not file.read(1):
                raise UserError(f"{path}: the file has 0 bytes. Put the recording back or remove its line.")
    except OSError as error:
        raise UserError(f"{path}: the audio file cannot be read ({error.strerror}).") from error
    try:
        with SoundFile(str(path)) as audio:
            if audio.samplerate not in _RATES:
                raise UserError(f"{path}: the header says {audio.samplerate} Hz, which is no rate of a recording.")
            yield audio
    # TypeError: what soundfile raises for a file whose name ends in .raw, which has no header.
    except (SoundFileError, TypeError) as error:
        raise UserError(
            f"{path}: not audio that can be read ({error}). WAV, FLAC, OGG and MP3 files can; convert it with ffmpeg."
        ) from error


def probe(path: str | Path) -> AudioInfo:
    """Rate, channels and length of an audio file, from its header.

    Raises:
        UserError: the file is missing, empty, not audio, or has no samples.
    """
    with _opened(path) as audio:
        if audio.frames <= 0:
            raise UserError(f"{path}: the recording has no samples. Record it again or remove its line.")
        return AudioInfo(audio.samplerate, audio.channels, audio.frames, audio.frames / audio.samplerate)


@dataclass(frozen=True)
class Original:
    """A recording as it is in its file: the mean of its channels, ``[T]`` float32, at its own rate in Hz."""

    waveform: np.ndarray
    sample_rate: int
    channels: int


def read_waveform(path: str | Path, sample_rate: int) -> np.ndarray:
    """Read a whole audio file: the mean of its channels, resampled to ``sample_rate``.

    Args:
        path: any file that libsndfile reads.
        sample_rate: wanted rate in Hz.

    Returns:
        ``[T]`` float32, in [-1, 1] but for what resampling overshoots.

    Raises:
        UserError: the file is missing, empty, not audio, has no samples, or has samples that are not finite.
    """
    original = read_original(path)
    return resample(original.waveform, original.sample_rate, sample_rate)


def read_original(path: str | Path, at_most: float = math.inf) -> Original:
    """Read an audio file at its own rate.

    Args:
        path: any file that libsndfile reads.
        at_most: seconds, at which no more is read.

    Raises:
        UserError: as :func:`read_waveform`.
    """
    with _opened(path) as audio:
        found_rate, channels = audio.samplerate, audio.channels
        most = at_most * found_rate
        promised, frames, parts = min(audio.frames, most), 0, []
        # Not soundfile's blocks(), which fills up a recording that ends too early with whatever is in its buffer.
        while frames < most and len(block := audio.read(_FRAMES_AT_ONCE, dtype="float32", always_2d=True)):
            frames += len(block)
            parts.append(block.mean(axis=1, dtype=np.float32) if block.shape[1] > 1 else block[:, 0])
    wav = np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)
    if not len(wav):
        raise UserError(f"{path}: the recording has no samples. Record it again or remove its line.")
    if len(wav) < _LEAST_OF_PROMISED * promised:
        raise UserError(
            f"{path}: the recording is cut off, {len(wav) / found_rate:.1f} of {promised / found_rate:.1f} s can be "
            "read. Copy it again from where it came from."
        )
    if not np.isfinite(wav).all():
        raise UserError(f"{path}: the recording has samples that are not numbers (NaN or infinite). Export it again.")
    return Original(wav, found_rate, channels)


def resample(wav: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Bring a waveform ``[T]`` float32 from one sample rate in Hz to another, at high quality."""
    if from_rate == to_rate:
        return wav
    import soxr  # as soundfile: a C library that not every user of this module needs

    return soxr.resample(wav, from_rate, to_rate, quality="HQ")


def write_waveform(path: str | Path, wav: np.ndarray, sample_rate: int) -> None:
    """Write a mono WAV file of 16 bits, whole or not at all.

    A waveform that goes beyond full scale is turned down until it fits, since clipping is heard.

    Args:
        path: where; the folder must exist.
        wav: ``[T]`` float.
        sample_rate: in Hz.

    Raises:
        ValueError: ``wav`` is not one row of finite numbers.
        OSError: the file cannot be written.
    """
    try:
        content = wav_bytes(wav, sample_rate)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    with replacing(path) as file:
        file.write(content)


def wav_bytes(wav: np.ndarray, sample_rate: int) -> bytes:
    """The content of the WAV file that :func:`write_waveform` writes.

    Raises:
        ValueError: ``wav`` is not one row of finite numbers.
    """
    import soundfile

    wav = np.asarray(wav, dtype=np.float32)
    if wav.ndim != 1 or not np.isfinite(wav).all():
        raise ValueError(f"a waveform is one row of finite samples, not an array of shape {wav.shape}.")
    loudest = float(np.abs(wav).max(initial=0.0))
    buffer = BytesIO()
    soundfile.write(buffer, wav / max(1.0, loudest), sample_rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()

"""Audio files: their length without decoding, their samples as mono at the model's rate, and writing WAV files."""

import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from finetune_tts.audio.containers import shortage
from finetune_tts.errors import UserError
from finetune_tts.files import replacing

if TYPE_CHECKING:
    from soundfile import SoundFile

_SAMPLES_AT_ONCE = 2**20
_ESTIMATED_FORMATS = ("MP3", "OGG")  # whose length libsndfile finds out without decoding, as well as it can
_LEAST_OF_ESTIMATED = 0.9
_FLOATS = ("FLOAT", "DOUBLE")
_LOUDEST = 100.0  # 40 decibels above full scale; 16-bit numbers that were not divided are at 90
_MOST_CHANNELS = 64
_DENSE_FORMATS, _DENSE_SUBTYPE = ("FLAC", "MP3", "OGG"), "ALAC"  # which write minutes of silence into few bytes
_MOST_OF_DENSE = 20_000  # samples for a byte: the longest blocks of FLAC, constant
_MOST_OF_BYTE = 16  # likewise, of all others
_NO_WAITING = getattr(os, "O_NONBLOCK", 0)  # Windows has none
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

    size = _require_whole(path)
    opened = False
    try:
        # By bytes, as the system has it: a name need not be UTF-8.
        with SoundFile(os.fsencode(path) if os.name == "posix" else str(path)) as audio:
            opened = True
            _require_sense(path, audio, size)
            yield audio
    # TypeError: what soundfile raises for a file whose name ends in .raw, which has no header.
    except (SoundFileError, TypeError) as error:
        reason = getattr(error, "error_string", error)  # without the path once more
        if opened:
            raise UserError(
                f"{path}: the recording is damaged or cut off ({reason}). Copy it again from where it came from."
            ) from error
        raise UserError(
            f"{path}: not audio that can be read ({reason}). WAV, FLAC, OGG, MP3 and AIFF files can; convert it with "
            "ffmpeg."
        ) from error


def _require_whole(path: str | Path) -> int:
    """Refuse what is no file, is empty, or ends before its sound does; gives the size in bytes."""
    try:
        # Without waiting for whoever might write into a pipe.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | _NO_WAITING)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UserError(f"{path}: is no file but a device or a pipe. Save the recording to a file first.")
            if not status.st_size:
                raise UserError(f"{path}: the file has 0 bytes. Put the recording back or remove its line.")
            missing = shortage(file)
    except OSError as error:
        raise UserError(f"{path}: the audio file cannot be read ({error.strerror}).") from error
    if missing:
        raise UserError(f"{path}: the recording is cut off: {missing}. Copy it again from where it came from.")
    return status.st_size


def _require_sense(path: str | Path, audio: "SoundFile", size: int) -> None:
    """Refuse a header that asks for work out of all proportion to the file."""
    if audio.samplerate not in _RATES:
        raise UserError(f"{path}: the header says {audio.samplerate} Hz, which is no rate of a recording.")
    if audio.channels > _MOST_CHANNELS:
        raise UserError(f"{path}: the header says {audio.channels} channels; {_MOST_CHANNELS} can be read at most.")
    dense = audio.format in _DENSE_FORMATS or audio.subtype.startswith(_DENSE_SUBTYPE)
    most = size * (_MOST_OF_DENSE if dense else _MOST_OF_BYTE)
    if audio.frames * audio.channels > most:
        raise UserError(
            f"{path}: the header is broken: it says {audio.frames / audio.samplerate:.1f} s, and the file has "
            f"{size:,} bytes. Copy it again from where it came from."
        )


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
    """A recording as it is in its file: the mean of its channels, ``[T]`` float32, at its own rate in Hz.

    ``ceiling`` says whether its samples end at full scale; those that are stored as floats do not.
    """

    waveform: np.ndarray
    sample_rate: int
    channels: int
    ceiling: bool = True


def read_waveform(path: str | Path, sample_rate: int) -> np.ndarray:
    """Read a whole audio file: the mean of its channels, resampled to ``sample_rate``.

    Args:
        path: any file that libsndfile reads.
        sample_rate: wanted rate in Hz.

    Returns:
        ``[T]`` float32 with T > 0, in [-1, 1] but for what resampling overshoots and floats that go beyond.

    Raises:
        UserError: the file is missing, empty, not audio, cut off, has no samples, or has samples that are not finite.
    """
    original = read_original(path)
    wav = resample(original.waveform, original.sample_rate, sample_rate)
    if not len(wav):
        raise UserError(
            f"{path}: the recording is so short ({len(original.waveform)} samples at {original.sample_rate} Hz) that "
            f"nothing is left of it at {sample_rate} Hz. Record it again or remove its line."
        )
    return wav


def read_original(path: str | Path, at_most: float = math.inf) -> Original:
    """Read an audio file at its own rate.

    Args:
        path: any file that libsndfile reads.
        at_most: seconds, at which no more is read.

    Raises:
        UserError: as :func:`read_waveform`.
    """
    with _opened(path) as audio:
        found_rate, channels, ceiling = audio.samplerate, audio.channels, audio.subtype not in _FLOATS
        most = at_most * found_rate
        promised, frames, parts = min(audio.frames, most), 0, []
        at_once = _SAMPLES_AT_ONCE // channels
        # Not soundfile's blocks(), which fills up a recording that ends too early with whatever is in its buffer.
        while frames < most and len(block := audio.read(at_once, dtype="float32", always_2d=True)):
            frames += len(block)
            parts.append(block.mean(axis=1, dtype=np.float32) if block.shape[1] > 1 else block[:, 0])
        needed = promised * (_LEAST_OF_ESTIMATED if audio.format in _ESTIMATED_FORMATS else 1)
    wav = np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)
    if not len(wav):
        raise UserError(f"{path}: the recording has no samples. Record it again or remove its line.")
    if len(wav) < needed:
        raise UserError(
            f"{path}: the recording is cut off, {len(wav) / found_rate:.1f} of {promised / found_rate:.1f} s can be "
            "read. Copy it again from where it came from."
        )
    if not np.isfinite(wav).all():
        raise UserError(f"{path}: the recording has samples that are not numbers (NaN or infinite). Export it again.")
    if (loudest := float(np.abs(wav).max())) > _LOUDEST:
        raise UserError(
            f"{path}: the recording goes up to {loudest:.6g} times full scale: numbers of another scale, written as "
            "floats. Export it again, with samples between -1 and 1."
        )
    return Original(wav, found_rate, channels, ceiling)


def read_part(path: str | Path, start: float, end: float) -> Original:
    """Read what lies between two places of a recording, in seconds, without decoding what comes before.

    Raises:
        UserError: as :func:`read_original`; or the recording ends before ``start``.
    """
    with _opened(path) as audio:
        rate, channels, ceiling = audio.samplerate, audio.channels, audio.subtype not in _FLOATS
        first, last = max(0, round(start * rate)), min(audio.frames, round(end * rate))
        if first >= last:
            raise UserError(
                f"{path}: nothing to read from {start:.2f} to {end:.2f} s, the recording has "
                f"{audio.frames / rate:.2f} s. It has changed: put the old one back."
            )
        audio.seek(first)
        block = audio.read(last - first, dtype="float32", always_2d=True)
    if len(block) < _LEAST_OF_ESTIMATED * (last - first):
        raise UserError(f"{path}: the recording is cut off at {start:.2f} s. Copy it again from where it came from.")
    return Original(np.nan_to_num(block.mean(axis=1, dtype=np.float32)), rate, channels, ceiling)


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
    """The content of the WAV file that :func:`write_waveform` writes; raises likewise."""
    return sound_bytes(wav, sample_rate, "WAV")


def sound_bytes(wav: np.ndarray, sample_rate: int, kind: str) -> bytes:
    """The content of a mono file of 16 bits of ``kind`` (``WAV``, ``FLAC``), turned down where it is beyond full scale.

    Raises:
        ValueError: ``wav`` is not one row of finite numbers.
    """
    import soundfile

    wav = np.asarray(wav, dtype=np.float32)
    if wav.ndim != 1 or not np.isfinite(wav).all():
        raise ValueError(f"a waveform is one row of finite samples, not an array of shape {wav.shape}.")
    loudest = float(np.abs(wav).max(initial=0.0))
    buffer = BytesIO()
    soundfile.write(buffer, wav / max(1.0, loudest), sample_rate, format=kind, subtype="PCM_16")
    return buffer.getvalue()

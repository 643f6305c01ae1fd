"""Recordings that libsndfile cannot read, or whose length it only estimates, as FLAC files: video, m4a, MP3, OGG.

Video and m4a are decoded by PyAV where it is installed, else by the program ffmpeg.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from finetune_tts.audio.reading import probe
from finetune_tts.errors import UserError, excerpt
from finetune_tts.files import replacing

_DECODED = "decoded"
_SEEKABLE = ("WAV", "WAVEX", "RF64", "W64", "FLAC", "AIFF", "AU", "CAF", "SD2", "NIST")
_AT_ONCE = 2**20


def readable(recording: Path, folder: Path) -> Path:
    """The recording itself, or a copy of it in ``folder`` that is read instead; decoded if it is not there yet.

    Raises:
        UserError: the recording is missing, is no sound, or nothing that is installed can decode it.
    """
    if not recording.is_file():
        raise UserError(f"--recordings {recording}: there is no such file.")
    if not recording.stat().st_size:
        raise UserError(f"--recordings {recording}: the file has 0 bytes. Record it again or leave it out.")
    decode = _decoder_for(recording)
    if decode is None:
        probe(recording)
        return recording
    copy = copy_of(recording, folder)
    if not copy.is_file():
        copy.parent.mkdir(parents=True, exist_ok=True)
        decode(recording, copy)
    return copy


def copy_of(recording: Path, folder: Path) -> Path:
    """Where the copy of a recording is that needs one."""
    status = recording.stat() if recording.exists() else None
    key = f"{recording.resolve()} {status.st_size} {status.st_mtime_ns}" if status else str(recording.resolve())
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return folder / _DECODED / f"{recording.stem[:60]}-{digest}.flac"


def _decoder_for(recording: Path) -> Callable[[Path, Path], None] | None:
    """What makes a copy; None for a recording that needs none."""
    import soundfile

    try:
        with soundfile.SoundFile(str(recording)) as audio:
            return None if audio.format in _SEEKABLE else _by_libsndfile
    except (soundfile.SoundFileError, TypeError) as error:
        if _is_sound(recording):
            return None  # broken, and for its reader to refuse
        if find_spec("av"):
            return _by_av
        if shutil.which("ffmpeg"):
            return _by_ffmpeg
        raise UserError(
            f"--recordings {recording}: libsndfile cannot read it ({error}). Install PyAV (pip install av) or ffmpeg, "
            "which can decode m4a and video, or convert it to WAV or FLAC."
        ) from error


def _is_sound(recording: Path) -> bool:
    """Whether a file begins as one of libsndfile's formats, though it cannot be read."""
    with recording.open("rb") as file:
        start = file.read(12)
    return start[:4] in (b"RIFF", b"fLaC", b"OggS", b"FORM")


def _by_libsndfile(recording: Path, copy: Path) -> None:
    import soundfile

    def blocks() -> Iterator[np.ndarray]:
        with soundfile.SoundFile(str(recording)) as audio:
            while len(block := audio.read(_AT_ONCE // audio.channels, dtype="float32", always_2d=True)):
                yield block.mean(axis=1)

    try:
        _write(copy, soundfile.info(str(recording)).samplerate, blocks(), recording)
    except soundfile.SoundFileError as error:
        raise UserError(f"--recordings {recording}: is damaged or cut off ({error}). Copy it again.") from error


def _by_av(recording: Path, copy: Path) -> None:
    import av

    try:
        with av.open(str(recording)) as container:
            if not container.streams.audio:
                raise UserError(f"--recordings {recording}: has no sound in it.")
            stream = container.streams.audio[0]
            rate = stream.codec_context.sample_rate
            resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)

            def blocks() -> Iterator[np.ndarray]:
                for frame in container.decode(stream):
                    for part in resampler.resample(frame):
                        yield part.to_ndarray()[0]
                for part in resampler.resample(None):
                    yield part.to_ndarray()[0]

            _write(copy, rate, blocks(), recording)
    except av.FFmpegError as error:
        raise UserError(
            f"--recordings {recording}: is no recording that can be decoded ({excerpt(str(error))})."
        ) from error


def _by_ffmpeg(recording: Path, copy: Path) -> None:
    with TemporaryDirectory(dir=copy.parent) as folder:
        made = Path(folder) / "decoded.flac"
        command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(recording.resolve()), "-vn", "-ac", "1", str(made)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode or not made.is_file():
            raise UserError(
                f"--recordings {recording}: ffmpeg cannot decode it ({excerpt(done.stderr.strip() or 'no reason')})."
            )
        made.replace(copy)


def _write(copy: Path, rate: int, blocks: Iterator[np.ndarray], recording: Path) -> None:
    """Write blocks ``[T]`` float32 of a mono recording, whole or not at all."""
    import soundfile

    written = 0
    with replacing(copy) as file, soundfile.SoundFile(file, "w", rate, 1, "PCM_16", format="FLAC") as audio:
        for block in blocks:
            audio.write(np.clip(np.nan_to_num(block), -1.0, 1.0))
            written += len(block)
        if not written:
            raise UserError(f"--recordings {recording}: has no sound in it.")

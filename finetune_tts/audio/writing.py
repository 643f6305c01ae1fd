"""Speech as a file of whichever kind its name says."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from finetune_tts.audio.reading import resample, wav_bytes
from finetune_tts.files import replacing


@dataclass(frozen=True)
class SoundKind:
    """A kind of audio file that can be written."""

    media_type: str
    format: str
    """As libsndfile calls it."""
    subtype: str
    rates: tuple[int, ...] = ()
    """Sample rates in Hz that it can have; none for any."""


_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_WAV = SoundKind("audio/wav", "WAV", "PCM_16")

#: ending of a file's name → what is written.
SOUND_KINDS = {
    ".wav": _WAV,
    ".wave": _WAV,
    ".flac": SoundKind("audio/flac", "FLAC", "PCM_16"),
    ".ogg": SoundKind("audio/ogg", "OGG", "VORBIS"),
    ".opus": SoundKind("audio/ogg", "OGG", "OPUS", _OPUS_RATES),
    ".mp3": SoundKind("audio/mpeg", "MP3", "MPEG_LAYER_III", _MP3_RATES),
}


def encoded(wav: np.ndarray, sample_rate: int, kind: SoundKind) -> bytes:
    """The content of a mono file; what goes beyond full scale is turned down until it fits.

    Args:
        wav: ``[T]`` float.
        sample_rate: in Hz; a kind that lacks it is written at the next higher one that it has.
        kind: of file.

    Raises:
        ValueError: ``wav`` is not one row of finite numbers.
    """
    if kind is _WAV:
        return wav_bytes(wav, sample_rate)
    import soundfile

    wav = np.asarray(wav, dtype=np.float32)
    if wav.ndim != 1 or not np.isfinite(wav).all():
        raise ValueError(f"a waveform is one row of finite samples, not an array of shape {wav.shape}.")
    rate = sample_rate
    if kind.rates and sample_rate not in kind.rates:
        rate = next((known for known in kind.rates if known > sample_rate), kind.rates[-1])
        wav = resample(wav, sample_rate, rate)
    buffer = BytesIO()
    loudest = max(1.0, float(np.abs(wav).max(initial=0.0)))
    soundfile.write(buffer, wav / loudest, rate, format=kind.format, subtype=kind.subtype)
    return buffer.getvalue()


def write_sound(path: Path, wav: np.ndarray, sample_rate: int) -> None:
    """Write a mono file of the kind that its name says, WAV where it says none, whole or not at all.

    Raises:
        ValueError: ``wav`` is not one row of finite numbers.
        OSError: the file cannot be written.
    """
    content = encoded(wav, sample_rate, SOUND_KINDS.get(path.suffix.lower(), _WAV))
    with replacing(path) as file:
        file.write(content)


def pcm(wav: np.ndarray) -> bytes:
    """A waveform ``[T]`` as 16-bit samples, clipped at full scale."""
    return (np.clip(wav, -1.0, 1.0) * 32767).round().astype("<i2").tobytes()

"""Sounds and pictures as data URIs, small enough for a page that is sent by mail."""

import base64
from io import BytesIO

import numpy as np

from finetune_tts.audio.reading import resample, wav_bytes

#: what MPEG layer III can hold, in Hz.
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def sound_uri(wav: np.ndarray, sample_rate: int) -> str:
    """A waveform ``[T]`` as MP3, which browsers and phones play; as WAV where libsndfile is too old to write it."""
    import soundfile

    wav = np.asarray(wav, dtype=np.float32)
    wav = wav / max(1.0, float(np.abs(wav).max(initial=0.0)))
    if "MP3" not in soundfile.available_formats():
        return data_uri("audio/wav", wav_bytes(wav, sample_rate))
    rate = min((rate for rate in _MP3_RATES if rate >= sample_rate), default=_MP3_RATES[-1])
    content = BytesIO()
    soundfile.write(content, resample(wav, sample_rate, rate), rate, format="MP3", subtype="MPEG_LAYER_III")
    return data_uri("audio/mpeg", content.getvalue())


def picture_uri(png: bytes) -> str:
    """A PNG file."""
    return data_uri("image/png", png)


def data_uri(media_type: str, content: bytes) -> str:
    """Any file as a URI that holds it."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"

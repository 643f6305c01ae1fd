"""Audio files that were changed at random are read, or refused by name; nothing else comes of them."""

import io
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetune_tts.audio.clip_metrics import measure_file
from finetune_tts.audio.reading import probe
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.audio import AudioConfig
from finetune_tts.errors import UserError

EXAMPLES = max(300, settings().max_examples)

KINDS = (
    ("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "MS_ADPCM"), ("WAV", "IMA_ADPCM"), ("WAV", "GSM610"),
    ("AIFF", "PCM_16"), ("AIFF", "FLOAT"), ("AIFF", "GSM610"), ("AIFF", "IMA_ADPCM"), ("RF64", "PCM_16"),
    ("W64", "PCM_16"), ("AU", "PCM_16"), ("AU", "G723_24"), ("CAF", "PCM_16"), ("CAF", "ALAC_16"),
    ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"),
)  # fmt: skip
_HEADER = st.integers(0, 120)
_ANYWHERE = st.integers(0, 20_000)
_NUMBERS = st.sampled_from(
    [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\0\0\0\1", b"\1\0\0\0"]
)
_EDITS = st.lists(st.tuples(_HEADER | _HEADER | _ANYWHERE, _NUMBERS | st.binary(min_size=1, max_size=2)), max_size=4)


@cache
def whole_file(kind: str, subtype: str) -> bytes:
    """A twentieth of a second of a tone with some noise."""
    import soundfile

    time = np.arange(800) / 16000
    wav = 0.4 * np.sin(2 * np.pi * 440 * time) + 0.01 * np.random.RandomState(0).standard_normal(len(time))
    buffer = io.BytesIO()
    soundfile.write(buffer, wav, 16000, format=kind, subtype=subtype)
    return buffer.getvalue()


@cache
def extractor() -> SpectrogramExtractor:
    return SpectrogramExtractor(AudioConfig(do_trim_silence=True, do_rms_norm=True, db_level=-27))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from(KINDS), edits=_EDITS, cut=st.none() | _HEADER | _ANYWHERE)
def test_a_changed_file_is_read_or_refused_in_words(
    kind: tuple[str, str], edits: list[tuple[int, bytes]], cut: int | None
) -> None:
    content = bytearray(whole_file(*kind))
    for place, new in edits:
        place %= len(content)
        content[place : place + len(new)] = new
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a.{kind[0].lower()}")
        path.write_bytes(content[:cut])
        complaints = [complaint for use in (probe, measure_file, spectrogram_of) if (complaint := refused(use, path))]
    assert all(str(path) in complaint for complaint in complaints)


def refused(use: Callable[[Path], object], path: Path) -> str:
    """What is said against a file, nothing where it can be used."""
    try:
        use(path)
    except UserError as error:
        return str(error)
    return ""


def spectrogram_of(path: Path) -> None:
    """Take a recording through everything that is done to it before training."""
    wav = extractor().load(path)
    mel = extractor().mel(wav)
    assert np.isfinite(mel).all()
    assert mel.shape[1] == extractor().num_frames(len(wav)) >= 1

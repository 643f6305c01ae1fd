import base64
from io import BytesIO

import numpy as np
import pytest
import soundfile

from finetune_tts.report.sound import sound_uri


def decoded(uri):
    head, content = uri.split(",", 1)
    return head, soundfile.read(BytesIO(base64.b64decode(content)))


@pytest.mark.parametrize("rate", [8000, 16000, 20000, 22050, 24000, 44100])
def test_a_sound_keeps_its_length_and_its_pitch(rate):
    wav = (0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.float32)
    head, (heard, heard_rate) = decoded(sound_uri(wav, rate))
    assert head == "data:audio/mpeg;base64"
    assert len(heard) / heard_rate == pytest.approx(1.0, abs=0.1)
    spectrum = np.abs(np.fft.rfft(heard))
    assert spectrum.argmax() * heard_rate / len(heard) == pytest.approx(440, abs=5)


def test_without_mp3_it_is_a_wav(monkeypatch):
    monkeypatch.setattr(soundfile, "available_formats", lambda: {"WAV": ""})
    head, (heard, rate) = decoded(sound_uri(np.full(800, 3.0, np.float32), 8000))
    assert head == "data:audio/wav;base64"
    assert (len(heard), rate) == (800, 8000)
    assert np.abs(heard).max() <= 1.0

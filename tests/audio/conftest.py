from collections.abc import Callable

import numpy as np
import pytest

from finetune_tts.config.audio import AudioConfig

SAMPLE_RATE = 16000


@pytest.fixture
def make_audio() -> Callable[..., AudioConfig]:
    """Settings of a small 16 kHz model; keywords change fields."""

    def make(**fields: object) -> AudioConfig:
        config = AudioConfig(sample_rate=SAMPLE_RATE, mel_fmax=8000, do_trim_silence=False)
        for name, value in fields.items():
            assert hasattr(config, name), name
            setattr(config, name, value)
        return config

    return make


@pytest.fixture(scope="session")
def voice() -> np.ndarray:
    """A second that is shaped like speech: a gliding tone with overtones, swelling four times, at 16 kHz."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    phase = 2 * np.pi * (120 * time + 20 * time**2)
    tones = sum(np.sin(n * phase) / n for n in range(1, 20))
    noise = np.random.RandomState(3).standard_normal(len(time)) * 0.001
    wav = (0.2 * tones * np.sin(4 * np.pi * time) ** 2 + noise).astype(np.float32)
    wav.setflags(write=False)
    return wav

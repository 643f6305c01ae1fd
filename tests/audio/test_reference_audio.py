import json
import os
from pathlib import Path

import numpy as np
import pytest

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.audio import AudioConfig

TOLERANCE = 1e-4
FOLDER = Path(os.environ.get("TTS_REFERENCE_DIR", Path(__file__).parents[1] / "reference")) / "audio"
CASES = sorted(path.stem for path in FOLDER.glob("*.json"))


def read_config(name: str) -> AudioConfig:
    config = AudioConfig()
    config.from_dict(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))
    return config


def relative_difference(ours: np.ndarray, expected: np.ndarray) -> float:
    assert ours.shape == expected.shape
    assert ours.dtype == np.float32
    return float(np.linalg.norm(ours - expected) / np.linalg.norm(expected))


def test_reference_cases_are_found() -> None:
    assert CASES, f"no audio configs in {FOLDER}"


@pytest.mark.parametrize("name", CASES)
def test_reference_spectrograms(name: str) -> None:
    wav = np.load(FOLDER / "wav.npy")
    expected = np.load(FOLDER / "expected.npz")
    extractor = SpectrogramExtractor(read_config(name))
    assert relative_difference(extractor.mel(wav), expected[f"{name}.mel"]) <= TOLERANCE
    assert relative_difference(extractor.linear(wav), expected[f"{name}.spectrogram"]) <= TOLERANCE


def test_reference_mel_normalised_by_statistics() -> None:
    audio = read_config("default")
    audio.stats_path = str(FOLDER / "scale_stats.npy")
    mel = SpectrogramExtractor(audio).mel(np.load(FOLDER / "wav.npy"))
    assert relative_difference(mel, np.load(FOLDER / "expected.npz")["stats.mel"]) <= TOLERANCE

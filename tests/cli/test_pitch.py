"""``tts --pitch``: how high a model speaks, where it predicts the pitch."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune_tts.config.making import save_config
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import config_from_dict
from finetune_tts.families.reading import tokenizer_of

TINY = Path(__file__).parents[1] / "families" / "tiny"

pytestmark = pytest.mark.usefixtures("small_widths")


@pytest.fixture
def release_of(tmp_path):
    def make(name, **fields):
        folder = tmp_path / name
        folder.mkdir()
        values = json.loads((TINY / f"{name}.json").read_text(encoding="utf-8"))
        config = config_from_dict({**values, **fields}, quiet=True)
        torch.manual_seed(1)
        network = build_model(config, len(tokenizer_of(config).vocabulary), for_training=False)
        torch.save({"model": network.state_dict()}, folder / "model_file.pth")
        save_config(config, folder / "config.json")
        return folder

    return make


def spectrogram(tts, *words):
    outcome = tts(*words, "--text", "a bad egg.", "--out_path", "egg.wav", "--save_spectrogram")
    assert outcome.status == 0, outcome.err
    return np.load("egg.npy"), outcome.err


def test_a_model_that_predicts_the_pitch_speaks_higher(tts, release_of):
    folder = release_of("fast_pitch", pitch_mean=150.0, pitch_std=30.0)
    plain, _ = spectrogram(tts, "--model_path", folder)
    same, _ = spectrogram(tts, "--model_path", folder, "--pitch", 1)
    higher, said = spectrogram(tts, "--model_path", folder, "--pitch", 1.2)
    np.testing.assert_array_equal(plain, same)
    assert plain.shape == higher.shape
    assert np.abs(plain - higher).max() > 1e-3
    assert "pitch_mean" not in said


def test_it_is_told_where_the_height_of_the_recordings_is_not_known(tts, release_of):
    _, said = spectrogram(tts, "--model_path", release_of("fast_pitch"), "--pitch", 1.2)
    assert "pitch_mean" in said


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("speedy_speech", "predicts no pitch"),
        ("glow_tts", "predicts no pitch"),
        ("tacotron2", "a tacotron2 model has no such flag"),
    ],
)
def test_other_models_refuse_it(name, why, tts, release_of):
    tts("--model_path", release_of(name), "--text", "a bad egg.", "--pitch", 1.2).refused("--pitch", why)


def test_a_model_that_predicts_the_pitch_takes_no_style_of_another(tts, release_of):
    words = ("--model_path", release_of("fast_pitch"), "--text", "a bad egg.", "--temperature", 0.5)
    tts(*words).refused("--temperature", "a fast_pitch model has no such flag")


def test_a_factor_that_is_no_number_is_refused(tts, release_of):
    words = ("--model_path", release_of("fast_pitch"), "--text", "a bad egg.", "--pitch", "high")
    tts(*words).refused("--pitch high", "must be a number")

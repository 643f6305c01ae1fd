"""How high a feed-forward model speaks, as the user says."""

import json
import logging
from pathlib import Path

import pytest
import torch

from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.feed_forward.speech import USUAL_MEAN, USUAL_STD, PitchChange, style_of
from finetune_tts.families.feed_forward.style_flags import Melody, read_melody
from finetune_tts.families.loading import config_from_dict
from finetune_tts.families.speaking import answer_of
from finetune_tts.families.speech import Request, StyleContext

TINY = Path(__file__).parents[1] / "tiny"


def config_of(name, **fields):
    return config_from_dict({**json.loads((TINY / f"{name}.json").read_text(encoding="utf-8")), **fields}, quiet=True)


def context(name="fast_pitch", **fields):
    return StyleContext(config_of(name, **fields), None, None, torch.nn.Linear(1, 1))


def test_a_factor_of_the_pitch_is_one_in_hertz():
    mean, std = 120.0, 20.0
    change = style_of(context(pitch_mean=mean, pitch_std=std), Melody(1.25))
    for hertz in (100.0, 120.0, 155.0):
        told = change.factor * (hertz - mean) / std + change.shift
        assert told * std + mean == pytest.approx(1.25 * hertz)


def test_without_a_factor_nothing_changes():
    assert style_of(context(), None) == PitchChange(1.0, 0.0)


def test_a_config_that_does_not_know_its_recordings_is_told_of(caplog):
    with caplog.at_level(logging.WARNING):
        change = style_of(context(), Melody(2.0))
    assert change == PitchChange(2.0, USUAL_MEAN / USUAL_STD)
    assert "pitch_mean" in caplog.text


def test_a_model_that_predicts_no_pitch_refuses():
    with pytest.raises(UserError, match="predicts no pitch"):
        style_of(context("speedy_speech"), Melody(1.1))


@pytest.mark.parametrize("given", ["high", "0", "-1", "nan", "9"])
def test_a_factor_that_makes_no_sense_is_refused(given):
    with pytest.raises(UserError, match=f"--pitch {given}: must be"):
        read_melody({"pitch": given})


def test_the_factor_is_read():
    assert read_melody({"pitch": "1.1"}) == Melody(1.1)
    assert read_melody({"pitch": None}) is None


def test_pitch_and_duration_factor_change_what_is_spoken():
    config = config_of("fast_pitch")
    torch.manual_seed(1)
    network = build_model(config, 11, for_training=False).eval()
    torch.nn.init.constant_(network.duration_predictor.proj.bias, 1.5)
    ids = torch.tensor([[1, 2, 3, 4]])
    plain, higher, slower = (
        answer_of(network, config, Request(ids, **options)).mel
        for options in ({}, {"style": PitchChange(1.0, 2.0)}, {"length_scale": 2.0})
    )
    assert plain.shape == higher.shape
    assert abs(plain - higher).max() > 1e-3
    assert len(slower) > 1.5 * len(plain)

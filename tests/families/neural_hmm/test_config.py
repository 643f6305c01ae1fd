"""Configs of neural HMMs: what releases call them, and what is wrong with one."""

import pytest

from finetune_tts.families.checks import check_config
from finetune_tts.families.loading import config_from_dict
from finetune_tts.families.registry import family_of


@pytest.mark.parametrize("spelling", ["NeuralHMM_TTS", "neuralhmm_tts", "neural_hmm"])
def test_neural_hmm_is_known_by_its_names(spelling):
    config = config_from_dict({"model": spelling}, quiet=True)
    assert config.model == "neuralhmm_tts"
    assert (config.sampling_temp, config.duration_threshold, config.std_floor) == (0.0, 0.43, 0.001)


def test_overflow_has_its_own_defaults():
    config = config_from_dict({"model": "Overflow"}, quiet=True)
    assert config.model == "overflow"
    assert (config.sampling_temp, config.duration_threshold, config.std_floor) == (0.334, 0.55, 0.01)
    assert not config.prenet_dropout_at_inference


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"out_channels": 40}, "out_channels = 40: must be audio.num_mels = 80"),
        ({"encoder_in_out_features": 15}, "encoder_in_out_features = 15: must be even"),
        ({"outputnet_size": []}, "outputnet_size has 0 items: must have at least 1 and at most 256"),
        ({"outputnet_size": [8, 0]}, "outputnet_size.1 = 0: must be at least 1 and at most 65536"),
        ({"flat_start_params": {"mean": 0.0, "std": 1.0}}, "flat_start_params.transition_p = null"),
        ({"flat_start_params": {"mean": 0.0, "std": 0, "transition_p": 0.1}}, "flat_start_params.std = 0"),
        ({"flat_start_params": {"mean": 0.0, "std": 1.0, "transition_p": 1.0}}, "flat_start_params.transition_p = 1"),
        (
            {"flat_start_params": {"mean": 0.0, "std": 1.0, "transition_p": 0.1, "variance": 1}},
            "flat_start_params.variance: there is no such value; there are mean, std, transition_p",
        ),
        ({"prenet_type": "bm"}, 'prenet_type = "bm": must be one of original, bn'),
        ({"duration_threshold": 1.0}, "duration_threshold = 1.0: must be above 0 and below 1"),
        (
            {"use_speaker_embedding": True},
            "use_speaker_embedding = true: must be false, as the model knows one speaker",
        ),
        ({"r": 2}, "r = 2: must be 1"),
        ({"kernel_size_dec": 4}, "kernel_size_dec = 4: must be odd"),
        ({"num_splits": 3}, "num_splits = 3: must be even"),
        ({"num_splits": 6}, "num_splits = 6: must divide out_channels times num_squeeze, 160"),
        ({"c_in_channels": 4}, "c_in_channels = 4: must be 0"),
    ],
)
def test_what_makes_no_sense_is_named(fields, fault):
    faults = check_config(config_from_dict({"model": "overflow", **fields}, quiet=True))
    assert any(found.startswith(fault) for found in faults), faults


@pytest.mark.parametrize(
    ("model", "fields", "frames"),
    [
        ("neural_hmm", {"state_per_phone": 3}, 3),
        ("overflow", {}, 2),
        ("overflow", {"state_per_phone": 3}, 4),  # the flow takes frames in pairs
        ("overflow", {"state_per_phone": 1, "num_squeeze": 4}, 4),
    ],
)
def test_a_symbol_needs_a_frame_for_each_state_in_whole_groups(model, fields, frames):
    config = config_from_dict({"model": model, **fields}, quiet=True)
    assert family_of(config.model).aligned_frames(config) == frames

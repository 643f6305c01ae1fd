"""What a Tacotron cannot be built with is found; whatever stands in its fields, nothing else happens."""

import json
from contextlib import suppress

import pytest

from finetune_tts.config.field_help import field_help
from finetune_tts.errors import UserError
from finetune_tts.families.checks import check_config
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.loading import config_from_dict
from finetune_tts.families.overrides import apply_overrides, parse_overrides
from finetune_tts.families.tacotron.config import Tacotron2Config, TacotronConfig, frames_per_step_at

OWN_NAMES = sorted({entry.name for entry in field_help(TacotronConfig)} - {e.name for e in field_help(GlowTTSConfig)})
VALUES = [
    *(None, True, 0, -1, 2.5, -(10**400), float("inf"), float("nan"), "", "???", "x", [], [[]], [[0, 2]], [["a"]]),
    *([None], [[5, 1, 1], [0, 1, 1]], [[0, 0, 0]], {}, {"a": None}, {"0": "x"}, {"gst_num_heads": 0}, [{}]),
]  # fmt: skip


def checked(config, *argv):
    apply_overrides(config, parse_overrides([f"--coqpit.{word}" for word in argv]))
    return check_config(config)


@pytest.mark.parametrize("kind", [TacotronConfig, Tacotron2Config])
def test_the_defaults_are_valid(kind):
    assert checked(kind()) == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("r=0", "r = 0: must be at least 1"),
        ("ddc_r=0", "ddc_r = 0"),
        ("attention_type=bahdanau", "attention_type"),
        ("attention_norm=relu", "attention_norm"),
        ("attention_type=graves", "attention_heads = null: must be the number of Gaussians"),
        ("prenet_type=new", "prenet_type"),
        ("spectrogram_error=l3", "spectrogram_error"),
        ("ga_alpha=-1", "ga_alpha = -1.0: must be at least 0"),
        ("stopnet_pos_weight=0", "stopnet_pos_weight = 0.0: must be above 0"),
        ("max_decoder_steps=0", "max_decoder_steps = 0"),
        ("memory_size=-2", "memory_size = -2"),
        ("audio.num_mels=40", "out_channels = 80: must be audio.num_mels = 40"),
        ("encoder_in_features=511", "encoder_in_features = 511: must be even"),
        ("encoder_in_features=256", "decoder_in_features = 512: must be encoder_in_features = 256"),
        ("gradual_training=[[0,7]]", "gradual_training.0 = [0, 7]: must be [step, r, batch size]"),
        ("gradual_training=[[9,2,8],[0,1,8]]", "gradual_training.1 = [0, 1, 8]: its step must not be below"),
        ("use_d_vector_file=true", "d_vector_dim = 0: must be the size of the vectors"),
    ],
)
def test_a_value_without_sense_is_found(word, expected):
    assert any(fault.startswith(expected) for fault in checked(Tacotron2Config(), word))


def test_values_that_go_against_each_other_are_found():
    two = checked(TacotronConfig(), "bidirectional_decoder=true", "double_decoder_consistency=true")
    assert two == ["bidirectional_decoder and double_decoder_consistency are both true: a model has one second decoder"]
    (fault,) = checked(TacotronConfig(), "audio.fft_size=2048")
    assert fault == "out_channels = 513: must be half of audio.fft_size and one, 1025"
    config = config_from_dict({"model": "tacotron2", "use_gst": True, "gst": {"gst_embedding_dim": 10}})
    (fault,) = check_config(config)
    assert fault == "gst.gst_embedding_dim = 10: must be a multiple of two times gst.gst_num_heads = 4"


@pytest.mark.parametrize("name", OWN_NAMES)
@pytest.mark.parametrize("model", ["tacotron", "tacotron2", "Tacotron2"])
def test_a_file_with_any_value_in_any_field(model, name):
    for value in VALUES:
        held = value
        for part in reversed(name.split(".")):
            held = {part: held}
        with suppress(UserError):
            config = config_from_dict({"model": model, **held})
            assert all(isinstance(fault, str) for fault in check_config(config))
            json.dumps(config.to_dict())


def test_the_schedule_of_r_says_what_r_is_at_a_step():
    config = Tacotron2Config(r=7, gradual_training=[[0, 7, 64], [10, 5, 32], [20, 2, 32]])
    assert [frames_per_step_at(config, step) for step in (0, 9, 10, 19, 20, 999)] == [7, 7, 5, 5, 2, 2]
    assert frames_per_step_at(Tacotron2Config(r=3), 5) == 3

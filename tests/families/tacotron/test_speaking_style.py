"""A style is a recording, weights of tokens, or what the config names; anything else is refused."""

import json

import numpy as np
import pytest
import soundfile

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.errors import UserError
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.tacotron.config import GSTConfig, Tacotron2Config
from finetune_tts.families.tacotron.speaking_style import style_for
from finetune_tts.families.tacotron.style_flags import read_style


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "style.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).normal(size=8000), 22050)
    return path


def styled(given, **fields):
    config = Tacotron2Config(use_gst=True, gst=GSTConfig(gst_num_style_tokens=3, **fields))
    return style_for(config, SpectrogramExtractor(config.audio), given)


def test_a_recording_becomes_a_spectrogram(recording):
    for given in (recording, str(recording)):
        style = styled(given)
        assert style.shape[0] == 1
        assert style.shape[2] == 80
    assert read_style(str(recording)) == str(recording)


def test_weights_come_as_json_or_in_a_file(tmp_path):
    path = tmp_path / "weights.json"
    path.write_text(json.dumps({"1": 0.5}))
    assert styled(read_style('{"0": 0.3, "2": -1}')) == {0: 0.3, 2: -1.0}
    assert styled(read_style(str(path))) == {1: 0.5}


def test_the_config_names_a_style_for_where_none_is_given(recording):
    assert styled(None) is None
    assert styled(None, gst_style_input_weights={"0": 1.0}) == {0: 1.0}
    assert styled(None, gst_style_input_wav=str(recording)).shape[2] == 80
    assert styled(None, gst_style_input_wav="/home/someone/else.wav") is None


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"3": 1.0}, "there is no token 3; the model has 0 to 2"),
        ({"x": 1.0}, "there is no token x"),
        ({"9" * 5000: 1.0}, "there is no token 999"),
        ({"0": "much"}, "the weight of token 0 is 'much'"),
        ({"0": float("nan")}, "the weight of token 0 is nan"),
        ({"0": True}, "the weight of token 0 is True"),
        ("no-such-file.wav", "no-such-file.wav"),
    ],
)
def test_a_style_that_there_is_not_is_refused(given, part):
    with pytest.raises(UserError, match=part.replace("(", r"\(")):
        styled(given)


def test_a_style_for_a_model_without_tokens_is_refused(recording):
    for config in (GlowTTSConfig(), Tacotron2Config()):
        extractor = SpectrogramExtractor(config.audio)
        assert style_for(config, extractor, None) is None
        with pytest.raises(UserError, match="no global style tokens"):
            style_for(config, extractor, recording)


@pytest.mark.parametrize(
    ("given", "part"),
    [("{", "not JSON"), ("missing.json", "cannot be read"), ('{"0": NaN}', "NaN")],
)
def test_json_that_cannot_be_read_is_refused(given, part):
    with pytest.raises(UserError, match=f"--gst_style.*{part}"):
        styled(read_style(given))

"""A model with Capacitron speaks from the prior, or like a recording."""

import numpy as np
import pytest
import soundfile
import torch

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.tacotron.style_flags import StyleRecording
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.voice import Voice

pytestmark = pytest.mark.usefixtures("small_widths")

SIZES = {"capacitron_VAE_embedding_dim": 4, "capacitron_text_summary_embedding_dim": 3}


@pytest.fixture
def make_voice(make_config):
    def make(**vae):
        config = make_config(
            model="tacotron2", decoder_output_dim=8, encoder_in_features=8, decoder_in_features=8, max_decoder_steps=6,
            use_capacitron_vae=True, capacitron_vae={**SIZES, **vae},
        )  # fmt: skip
        tokenizer = build_tokenizer(config)
        torch.manual_seed(1)
        network = build_model(config, len(tokenizer.vocabulary))
        with torch.no_grad():
            network.decoder.stopnet[1].linear_layer.bias.fill_(-100.0)
        return Voice(network.eval(), config, tokenizer, SpectrogramExtractor(config.audio))

    return make


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "reference.wav"
    soundfile.write(path, 0.3 * np.random.default_rng(0).normal(size=8000), 22050)
    return path


def test_without_a_recording_it_speaks_from_the_prior_the_same_way_each_time(make_voice):
    voice = make_voice()
    first, again = voice.speak("a bad egg.").mel, voice.speak("a bad egg.").mel
    assert np.array_equal(first, again)
    assert not np.allclose(first, voice.speak("a bad egg.", Delivery(noise_scale=0.0)).mel)
    assert np.array_equal(first, voice.speak("a bad egg.", Delivery(noise_scale=1.0)).mel)


def test_it_speaks_like_a_recording_of_which_it_is_told_the_text(make_voice, recording):
    voice = make_voice()
    spoken = [
        voice.speak("a bad egg.", Delivery(style=style, noise_scale=0.0)).mel
        for style in (None, StyleRecording(recording, "a head."), StyleRecording(recording, "bad bad bad."))
    ]
    assert not np.allclose(spoken[0], spoken[1])
    assert not np.allclose(spoken[1], spoken[2])


def test_a_model_that_does_not_look_at_the_text_needs_none(make_voice, recording):
    voice = make_voice(capacitron_use_text_summary_embeddings=False)
    spoken = [
        voice.speak("a bad egg.", Delivery(style=style, noise_scale=0.0)).mel
        for style in (None, StyleRecording(recording))
    ]
    assert not np.allclose(spoken[0], spoken[1])


@pytest.mark.parametrize("text", [None, "", "  ", "12"])
def test_a_text_that_is_missing_is_asked_for(make_voice, recording, text):
    with pytest.raises(UserError, match="capacitron_style_text is missing"):
        make_voice().speak("a bad egg.", Delivery(style=StyleRecording(recording, text)))


def test_a_recording_that_there_is_not_is_named(make_voice, tmp_path):
    with pytest.raises(UserError, match="nothing.wav"):
        make_voice().speak("a bad egg.", Delivery(style=StyleRecording(tmp_path / "nothing.wav", "a head")))


def test_a_model_without_capacitron_is_refused(make_config, recording):
    config = make_config()
    tokenizer = build_tokenizer(config)
    network = build_model(config, len(tokenizer.vocabulary))
    voice = Voice(network.eval(), config, tokenizer, SpectrogramExtractor(config.audio))
    with pytest.raises(UserError, match="capacitron_style_wav: this model has no Capacitron"):
        voice.speak("a bad egg.", Delivery(style=StyleRecording(recording, "a head")))

"""How Tacotrons speak: linear spectrograms, styles, and a sentence without an end."""

import numpy as np
import pytest
import torch

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.building import build_model
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.voice import Voice

pytestmark = pytest.mark.usefixtures("small_widths")

FIELDS = {"encoder_in_features": 8, "decoder_in_features": 8, "max_decoder_steps": 15}


@pytest.fixture
def make_tacotron(make_config):
    def make(model, stop, **fields):
        linear = {"out_channels": 129} if model == "tacotron" else {}
        config = make_config(model=model, decoder_output_dim=8, **{**FIELDS, **linear, **fields})
        torch.manual_seed(1)
        network = build_model(config, len(build_tokenizer(config).vocabulary))
        stopnet = network.decoder.stopnet
        with torch.no_grad():
            (stopnet.linear if model == "tacotron" else stopnet[1].linear_layer).bias.fill_(100.0 if stop else -100.0)
        extractor = SpectrogramExtractor(config.audio)
        return Voice(network.eval(), config, build_tokenizer(config), extractor)

    return make


@pytest.mark.parametrize("model", ["tacotron", "tacotron2"])
def test_a_sentence_ends_when_the_network_says_so(model, make_tacotron, caplog):
    speech = make_tacotron(model, stop=True).speak("a bad egg.")
    assert len(speech.waveform) > 0
    assert speech.mel.shape[1] == 8
    assert "cut" not in caplog.text


def test_a_sentence_without_an_end_is_cut_and_that_is_said(make_tacotron, caplog):
    speech = make_tacotron("tacotron2", stop=False).speak("a bad egg.")
    assert speech.mel.shape[0] == 30
    assert "found no end of a sentence of 10 symbols: it is cut after 0.2 s" in caplog.text


def test_a_short_sentence_is_not_followed_by_minutes_of_noise(make_tacotron):
    speech = make_tacotron("tacotron2", stop=False, max_decoder_steps=10000).speak("a")
    assert speech.mel.shape[0] == 2 * (200 + 20)


def test_a_style_changes_how_it_sounds(make_tacotron):
    gst = {"gst_embedding_dim": 8, "gst_num_heads": 2, "gst_num_style_tokens": 3}
    voice = make_tacotron("tacotron2", stop=False, use_gst=True, gst=gst)
    plain, styled = voice.speak("a bad egg."), voice.speak("a bad egg.", Delivery(style={"0": 2.0}))
    assert not np.allclose(plain.mel, styled.mel)

"""Models that have diverged: what they ask for is cut, and what cannot be heard is a clean error."""

import numpy as np
import pytest
import torch
from torch import nn

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.vits.config import VitsArgs, VitsConfig
from finetune_tts.synthesis.vocoder import Vocoder
from finetune_tts.synthesis.voice import Voice

INF, NAN = float("inf"), float("nan")
TINY_VITS = {
    "hidden_channels": 8, "hidden_channels_ffn_text_encoder": 8, "num_layers_text_encoder": 1,
    "num_layers_posterior_encoder": 1, "num_layers_flow": 1, "upsample_initial_channel_decoder": 16,
    "resblock_kernel_sizes_decoder": [3], "resblock_dilation_sizes_decoder": [[1]], "use_sdp": False,
    "init_discriminator": False,
}  # fmt: skip


class FakeVocoder(nn.Module):
    """Makes a waveform of 64 samples a frame, all of them its one weight."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def inference(self, mel):
        return self.value.expand(1, 1, mel.shape[2] * 64)


@pytest.fixture
def vits_voice():
    config = VitsConfig(model_args=VitsArgs(**TINY_VITS))
    tokenizer = build_tokenizer(config)
    torch.manual_seed(4)
    network = build_model(config, len(tokenizer.vocabulary)).eval()
    return Voice(network, config, tokenizer, SpectrogramExtractor(config.audio))


def fill(parameter, value):
    with torch.no_grad():
        parameter.fill_(value)


@pytest.mark.parametrize(("bias", "wanted"), [(7.0, "s"), (INF, "for ever")])
def test_a_sentence_of_glow_tts_that_would_not_end_is_cut_and_that_is_said(make_voice, caplog, bias, wanted):
    voice = make_voice()
    fill(voice.network.encoder.duration_predictor.proj.bias, bias)
    speech = voice.speak("a bad egg.")
    assert len(speech.mel) == 500 + 50 * 10
    (message,) = caplog.messages
    assert message.startswith("A sentence of 10 symbols would last ")
    assert f"{wanted}: it is cut after 8.0 s" in message


def test_a_sentence_of_vits_that_would_not_end_is_cut_and_that_is_said(vits_voice, caplog):
    fill(vits_voice.network.duration_predictor.proj.bias, 9.0)
    speech = vits_voice.speak("Ah.")
    assert len(speech.waveform) == (500 + 50 * 7) * 256  # with the blanks between the symbols
    (message,) = caplog.messages
    assert "it is cut after 9.9 s" in message


def test_of_a_sound_model_nothing_is_said(make_voice, vits_voice, caplog):
    make_voice().speak("a bad egg.")
    vits_voice.speak("Ah.")
    assert not caplog.messages


@pytest.mark.parametrize(
    "name", ["encoder.duration_predictor.proj.bias", "encoder.proj_m.weight", "decoder.flows.0.bias"]
)
def test_a_weight_that_is_no_number_is_named(make_voice, name):
    voice = make_voice()
    with torch.no_grad():
        voice.network.get_parameter(name).view(-1)[0] = NAN
    with pytest.raises(UserError, match=f"The model makes no sound: .* first in {name}. Its training has diverged"):
        voice.speak("a bad egg.")


@pytest.mark.parametrize("name", ["duration_predictor.proj.bias", "waveform_decoder.conv_post.weight"])
def test_a_weight_of_vits_that_is_no_number_is_named(vits_voice, name):
    with torch.no_grad():
        vits_voice.network.get_parameter(name).view(-1)[0] = NAN
    with pytest.raises(UserError, match=f"first in {name}"):
        vits_voice.speak("Ah.")


def test_numbers_that_overflow_on_the_way_to_a_sound_are_told(make_voice):
    voice = make_voice()
    fill(voice.network.decoder.flows[0].logs, -200.0)
    with pytest.raises(UserError, match="The model makes no sound: its numbers grow beyond all bounds"):
        voice.speak("a bad egg.")


def test_the_vocoder_is_to_blame_for_what_it_makes(make_voice):
    voice = make_voice()
    voice.vocoder = Vocoder(FakeVocoder(0.5), voice.config, voice.extractor)
    assert np.all(voice.speak("a bad egg.").waveform == 0.5)
    voice.vocoder = Vocoder(FakeVocoder(NAN), voice.config, voice.extractor)
    with pytest.raises(UserError, match="The vocoder makes no sound: .* first in value"):
        voice.speak("a bad egg.")


def test_a_single_frame_is_too_little_for_griffin_lim(make_voice, make_config):
    voice = make_voice(make_config(num_squeeze=1))
    fill(voice.network.encoder.duration_predictor.proj.bias, -20.0)
    with pytest.raises(UserError, match="'a': the model makes no sound of so short a text"):
        voice.speak("a")
    assert voice.speak("a. bad").seconds > 0
    voice.vocoder = Vocoder(FakeVocoder(0.5), voice.config, voice.extractor)
    assert len(voice.speak("a").waveform) == 64

"""``tts --reference_wav``: a recording in another voice, or a mistake that is named."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.building import build_model
from finetune_tts.families.vits.config import VitsArgs, VitsConfig

RATE = 8000


@pytest.fixture
def model_of(tmp_path):
    """A small VITS of two speakers, with the fields given changed."""

    def make(**fields):
        args = {
            "hidden_channels": 8, "hidden_channels_ffn_text_encoder": 8, "num_layers_text_encoder": 1,
            "num_layers_posterior_encoder": 1, "num_layers_flow": 1, "upsample_initial_channel_decoder": 16,
            "use_speaker_embedding": True, "speaker_embedding_channels": 4, "speakers_file": "speakers.json", **fields,
        }  # fmt: skip
        folder = tmp_path / "model"
        folder.mkdir()
        config = VitsConfig(model_args=VitsArgs(**args))
        config.audio.sample_rate = RATE
        (folder / "speakers.json").write_text(json.dumps({"ana": 0, "rui": 1}))
        (folder / "config.json").write_text(json.dumps(config.to_dict()))
        torch.manual_seed(6)
        network = build_model(config, len(build_tokenizer(config).vocabulary), 2, for_training=False)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 0.05 * torch.randn_like(parameter)
        torch.save({"model": network.state_dict()}, folder / "model_file.pth")
        return folder

    return make


@pytest.fixture
def recording(tmp_path, make_wav):
    path = tmp_path / "mine.wav"
    make_wav(path, 0.3 * np.sin(np.arange(6000) * 0.2), RATE)
    return path


def read(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


@pytest.mark.parametrize("encoder_rate", [None, 4000])
def test_a_recording_is_said_again_in_each_voice(tts, model_of, recording, encoder_rate):
    model = model_of(encoder_sample_rate=encoder_rate)
    spoken = {}
    for speaker in ("ana", "rui"):
        words = ["--reference_wav", recording, "--reference_speaker_idx", "ana", "--speaker_idx", speaker]
        outcome = tts("--model_path", model, *words, "--out_path", f"{speaker}.wav")
        assert outcome.status == 0, outcome.err
        spoken[speaker] = read(f"{speaker}.wav")
    assert len(spoken["ana"]) == len(spoken["rui"])
    assert abs(len(spoken["ana"]) - 6000) <= 512
    assert not np.array_equal(spoken["ana"], spoken["rui"])


def test_who_it_is_has_to_be_said(tts, model_of, recording):
    model = model_of()
    tts("--model_path", model, "--reference_wav", recording, "--speaker_idx", "ana").refused("--reference_speaker_idx")


def test_a_model_of_one_voice_or_another_architecture_cannot(tts, model_of, release, recording):
    words = ["--reference_wav", recording]
    tts("--model_path", model_of(use_speaker_embedding=False, speakers_file=None), *words).refused("one voice")
    tts("--model_path", release, *words).refused("glow_tts cannot convert voices")


def test_flags_that_contradict_each_other_are_named(tts, release, recording):
    tts("--model_path", release, "--reference_wav", recording, "--text", "a").refused("leave --text out")
    tts("--model_path", release, "--reference_wav", "nothing.wav").refused("nothing.wav: no such file")
    tts("--model_path", release, "--text", "a", "--reference_speaker_idx", "ana").refused("give both")


@pytest.mark.parametrize("samples", [1, 50, 1023])
def test_a_recording_of_next_to_nothing_is_refused(tts, model_of, make_wav, samples):
    make_wav(Path("short.wav"), 0.3 * np.ones(samples), RATE)
    words = ["--reference_wav", "short.wav", "--reference_speaker_idx", "ana", "--speaker_idx", "rui"]
    tts("--model_path", model_of(), *words).refused("--reference_wav", "too short", "a frame of the model is 0.128 s")
    assert not Path("tts_output.wav").exists()


def test_a_recording_of_one_frame_is_said_again(tts, model_of, make_wav):
    make_wav(Path("short.wav"), 0.3 * np.ones(1024), RATE)
    words = ["--reference_wav", "short.wav", "--reference_speaker_idx", "ana", "--speaker_idx", "rui"]
    outcome = tts("--model_path", model_of(), *words)
    assert outcome.status == 0, outcome.err
    assert len(read("tts_output.wav")) == 1024

"""The program that speaks with exported models and without torch."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune_tts.cli import finetune
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import any_config_from_dict
from finetune_tts.families.reading import tokenizer_of
from finetune_tts.synthesis.loading import load_voice
from finetune_tts.synthesis.vocoder import load_vocoder

TINY = Path(__file__).parents[1] / "families" / "tiny"


@pytest.fixture
def make_model(tmp_path):
    def make(name, **fields):
        folder = tmp_path / name
        folder.mkdir()
        values = json.loads((TINY / f"{name}.json").read_text(encoding="utf-8"))
        config = any_config_from_dict({**values, **fields}, quiet=True)
        symbols = 0 if "generator_model" in values else len(tokenizer_of(config).vocabulary)
        torch.manual_seed(1)
        network = build_model(config, symbols, for_training=False)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 0.02 * torch.randn_like(parameter)
        torch.save({"model": network.state_dict()}, folder / "model_file.pth")
        (folder / "config.json").write_text(json.dumps(config.to_dict()), encoding="utf-8")
        pytest.importorskip("onnxruntime")
        assert finetune.main(["--export", "onnx", str(folder)]) == 0
        return folder

    return make


@pytest.mark.parametrize("vocoder", ["hifigan", "parallel_wavegan"])
def test_model_and_vocoder_speak_as_they_speak_in_torch(vocoder, make_model, run_program, tmp_path):
    model = make_model("glow_tts", add_blank=True, inference_noise_scale=0.0)
    generator = make_model(vocoder)
    out = tmp_path / "speech.wav"
    words = [model / "model.onnx", "--vocoder", generator / "model.onnx", "--text", "a bad egg", "--out", out]
    assert run_program("recipes/onnx/speak.py", *words) == 0
    with wave.open(str(out), "rb") as file:
        rate, spoken = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    voice = load_voice(model)
    mel = voice.speak("a bad egg").mel
    made = load_vocoder(generator)
    assert rate == made.sample_rate
    if vocoder == "hifigan":  # the other draws noise
        expected = made.network.inference(torch.from_numpy(mel.T.copy())[None]).reshape(-1).numpy()
        assert len(spoken) == len(expected)
        assert np.abs(spoken / 32767 - expected.clip(-1, 1)).max() < 1e-3
    else:
        assert len(spoken) == (len(mel) + 4) * made.extractor.hop_length


def test_a_model_that_draws_spectrograms_asks_for_a_vocoder(make_model, run_program):
    model = make_model("glow_tts")
    assert run_program("recipes/onnx/speak.py", model / "model.onnx", "--text", "a") != 0

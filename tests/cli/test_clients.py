"""A voice that was fine-tuned here is spoken by the programs that it is exported for, and says the same there.

Each test walks the whole road: recordings, ``tts-finetune``, ``--export``, and the real program.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import any_config_from_dict
from finetune_tts.synthesis.loading import load_voice
from finetune_tts.synthesis.vocoder import load_vocoder

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("small_widths")]

TINY = Path(__file__).parents[1] / "families" / "tiny"
RECIPE = Path(__file__).parents[2] / "recipes" / "onnx" / "speak.py"
TEXT = "a bad egg, head bed."
BRIEFLY = ("--coqpit.batch_size", 4, "--max_steps", 3, "--no_check", "--no_report")
PHONEMES = {"use_phonemes": True, "phonemizer": "espeak", "phoneme_language": "en-us", "characters": None}
SILENT = {"inference_noise_scale": 0.0, "inference_noise_scale_dp": 0.0}
#: transformers has one kind of residual blocks, and the duration predictor as wide as the text encoder
NARROW = {
    "resblock_type_decoder": "1", "resblock_dilation_sizes_decoder": [[1, 3, 5]], "hidden_channels_dp": 8,
    "num_heads_text_encoder": 2,
}  # fmt: skip
PROGRAMS = {
    "piper": """
from piper import PiperVoice, SynthesisConfig
quiet = SynthesisConfig(noise_scale=0, noise_w_scale=0, normalize_audio=False)
chunks = list(PiperVoice.load(given["run"] + "/voice.onnx").synthesize(given["text"], quiet))
samples = [sample for chunk in chunks for sample in chunk.audio_float_array.tolist()]
""",
    "sherpa": """
import sherpa_onnx
folder, names = given["run"] + "/sherpa-onnx", sherpa_onnx.OfflineTtsModelConfig
files = {"tokens": f"{folder}/tokens.txt", "data_dir": f"{folder}/espeak-ng-data", "lexicon": "",
         "noise_scale": 0.0, "length_scale": 1.0}
if given["vocoder"]:
    model = names(matcha=sherpa_onnx.OfflineTtsMatchaModelConfig(
        acoustic_model=f"{folder}/model.onnx", vocoder=f"{folder}/vocoder.onnx", **files))
else:
    model = names(vits=sherpa_onnx.OfflineTtsVitsModelConfig(model=f"{folder}/model.onnx", noise_scale_w=0.0, **files))
tts = sherpa_onnx.OfflineTts(sherpa_onnx.OfflineTtsConfig(model=model, max_num_sentences=1, silence_scale=1.0))
exact = sherpa_onnx.GenerationConfig()
exact.sid, exact.speed, exact.silence_scale = 0, 1.0, 1.0
samples = list(map(float, tts.generate(given["text"], exact).samples))
""",
    "onnx": """
import pathlib, runpy
recipe = runpy.run_path(given["recipe"])
samples = recipe["speak"](given["spelled"], pathlib.Path(given["run"]) / "model.onnx", None, 0, 0)[0].tolist()
""",
    "transformers": """
import torch
from transformers import VitsModel, VitsTokenizer
folder = given["run"] + "/transformers"
model, tokenizer = VitsModel.from_pretrained(folder).eval(), VitsTokenizer.from_pretrained(folder)
model.noise_scale = model.noise_scale_duration = 0.0
with torch.no_grad():
    samples = model(**tokenizer(given["text"], return_tensors="pt")).waveform[0].tolist()
""",
}


@pytest.fixture
def base(tmp_path):
    """Writes a model that something is fine-tuned from."""

    def make(name, **fields):
        folder = tmp_path / f"base-{name}"
        folder.mkdir()
        values = json.loads((TINY / f"{name}.json").read_text(encoding="utf-8")) | fields
        config = any_config_from_dict(values, quiet=True)
        torch.manual_seed(6)
        symbols = () if "generator_model" in values else (len(build_tokenizer(config).vocabulary), 0)
        network = build_model(config, *symbols, for_training=True)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 0.05 * torch.randn_like(parameter)
        torch.save({"model": network.state_dict()}, folder / "model_file.pth")
        (folder / "config.json").write_text(json.dumps(config.to_dict()))
        return folder

    return make


@pytest.fixture
def fine_tuned(base, tune, recordings, tmp_path):
    """Fine-tunes a model on the recordings for three steps; returns the run folder."""

    def make(name, **fields):
        words = ("--restore_path", base(name, **fields), "--dataset_path", recordings)
        return tune(*words, "--output_path", tmp_path / "runs", *BRIEFLY).run_folder

    return make


def vits(args=None, **fields):
    own = json.loads((TINY / "vits.json").read_text(encoding="utf-8"))["model_args"]
    return {**fields, "model_args": own | SILENT | (args or {})}


@pytest.fixture
def same(client, tune):
    """Exports a run, lets the program speak it, and compares with what is spoken here."""

    def check(kind, run, *words, vocoder=None):
        assert tune("--export", kind, run, *words).status == 0
        voice = load_voice(run)
        if vocoder is not None:
            voice.vocoder = load_vocoder(vocoder)
            voice.vocoder.pair_with(voice.extractor)
        program = f"import json, sys\ngiven = json.loads(sys.argv[1])\n{PROGRAMS[kind]}\nprint(json.dumps(samples))"
        text = TEXT.replace(",", "").rstrip(".") if kind == "transformers" else TEXT
        spelled = voice.tokenizer.encode(text).spelled
        said = np.array(client(program, run=run, text=text, spelled=spelled, recipe=RECIPE, vocoder=vocoder))
        expected = voice.speak(text).waveform
        assert len(said) == len(expected)
        assert np.abs(expected).max() > 1e-3
        assert np.abs(said - expected).max() < 1e-3

    return check


@pytest.mark.parametrize("kind", ["piper", "sherpa", "onnx"])
def test_a_vits_on_phonemes(kind, fine_tuned, same):
    same(kind, fine_tuned("vits", **vits(**PHONEMES)))


def test_a_vits_on_letters_in_transformers(fine_tuned, same):
    same("transformers", fine_tuned("vits", **vits(NARROW)))


def test_a_glow_tts_with_a_vocoder_that_was_fine_tuned_too(fine_tuned, same):
    run = fine_tuned("glow_tts", **PHONEMES, inference_noise_scale=0.0)
    vocoder = fine_tuned("hifigan")
    same("sherpa", run, "--vocoder_path", vocoder, vocoder=vocoder)

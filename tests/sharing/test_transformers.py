"""A VITS goes to transformers and comes back, and says the same there and here."""

import json

import numpy as np
import pytest
import torch

from finetune_tts.cli import finetune
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.loading import load_voice

SPOKEN = """
import json, sys
import torch
from transformers import VitsModel, VitsTokenizer
given = json.loads(sys.argv[1])
model = VitsModel.from_pretrained(given["folder"]).eval()
tokenizer = VitsTokenizer.from_pretrained(given["folder"])
model.noise_scale = model.noise_scale_duration = 0.0
ids = tokenizer(given["text"], return_tensors="pt")
told = {} if given["speaker"] is None else {"speaker_id": given["speaker"]}
with torch.no_grad():
    waveform = model(**ids, **told).waveform[0]
print(json.dumps([ids["input_ids"][0].tolist(), waveform.tolist()]))
"""
SAME = {"hidden_channels_dp": 8, "inference_noise_scale_dp": 0.0, "num_heads_text_encoder": 2, "length_scale": 0.5}
LETTERS = {"use_phonemes": False, "phonemizer": None, "text_cleaner": "basic_cleaners"}


def exported(folder):
    assert finetune.main(["--export", "transformers", str(folder)]) == 0
    return folder / "transformers"


@pytest.mark.parametrize("speakers", [0, 2])
@pytest.mark.parametrize("use_sdp", [True, False])
def test_a_folder_that_is_read_again_speaks_as_before(speakers, use_sdp, vits_of):
    folder = vits_of(speakers=speakers, args=SAME | {"use_sdp": use_sdp}, **LETTERS)
    there = exported(folder)
    before, after = load_voice(folder), load_voice(there)
    name = after.speaker_names[1] if speakers else None
    said = after.speak("Hello, world!", Delivery(speaker=name, noise_scale=0.0)).waveform
    expected = before.speak("Hello, world!", Delivery(speaker="ana-1" if speakers else None, noise_scale=0.0)).waveform
    assert len(said) == len(expected)
    assert np.abs(said - expected).max() < 1e-5
    vocabulary = json.loads((there / "vocab.json").read_text(encoding="utf-8"))
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "hidden_channels_dp 192 with hidden_channels 8"),
        ({"args": SAME | {"resblock_type_decoder": "2"}}, "resblock_type_decoder 2"),
        ({"args": SAME, "speakers": 1}, "a table of one speaker"),
    ],
)
def test_a_network_that_it_cannot_have_is_refused_in_words(fields, message, vits_of, capsys):
    assert finetune.main(["--export", "transformers", str(vits_of(**LETTERS, **fields))]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("speaker", [None, 1])
@pytest.mark.parametrize("use_sdp", [True, False])
def test_transformers_speaks_it_as_it_is_spoken_here(speaker, use_sdp, vits_of, client):
    folder = vits_of(speakers=0 if speaker is None else 2, args=SAME | {"use_sdp": use_sdp}, **LETTERS)
    there = exported(folder)
    ids, samples = client(SPOKEN, folder=there, text="hello world", speaker=speaker)
    after = load_voice(there)
    assert after.tokenizer.encode("hello world").ids == ids
    name = None if speaker is None else "ana-1"
    expected = load_voice(folder).speak("hello world", Delivery(speaker=name, noise_scale=0.0)).waveform
    assert len(samples) == len(expected)
    assert np.abs(np.array(samples) - expected).max() < 1e-3


def test_weights_of_the_older_form_are_read(vits_of):
    folder = vits_of(args=SAME, **LETTERS)
    there = exported(folder)
    from finetune_tts.checkpoints.safetensors import read_safetensors

    torch.save(read_safetensors(there / "model.safetensors")[0], there / "pytorch_model.bin")
    (there / "model.safetensors").unlink()
    assert load_voice(there).speak("Hello").seconds > 0

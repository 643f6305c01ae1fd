"""An exported voice says what the voice says, whatever the text, the speaker and the language."""

import json

import numpy as np
import pytest
import torch

from finetune_tts.cli import finetune
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.vits.config import VitsArgs, VitsConfig
from finetune_tts.sharing.onnx import export_voice
from finetune_tts.synthesis.loading import load_voice

TINY = {
    "hidden_channels": 8, "hidden_channels_ffn_text_encoder": 8, "num_layers_text_encoder": 1,
    "num_layers_posterior_encoder": 1, "num_layers_flow": 1, "upsample_initial_channel_decoder": 16,
    "resblock_kernel_sizes_decoder": [3], "resblock_dilation_sizes_decoder": [[1]],
}  # fmt: skip
VARIANTS = {
    "one voice": {},
    "speakers and languages": {
        "use_speaker_embedding": True, "speaker_embedding_channels": 4, "use_language_embedding": True,
    },
    "d-vectors, one number for durations": {"use_d_vector_file": True, "d_vector_dim": 5, "use_sdp": False},
}  # fmt: skip


@pytest.fixture
def model_of(tmp_path):
    def make(**args):
        folder = tmp_path / "run"
        folder.mkdir()
        config = VitsConfig(model_args=VitsArgs(**TINY, **args))
        if config.use_speaker_embedding:
            config.speakers_file = config.model_args.speakers_file = "speakers.json"
            (folder / "speakers.json").write_text(json.dumps({"ana": 0, "rui": 1}))
            config.language_ids_file = config.model_args.language_ids_file = "language_ids.json"
            (folder / "language_ids.json").write_text(json.dumps({"en": 0, "pt": 1}))
        (folder / "config.json").write_text(json.dumps(config.to_dict()))
        torch.manual_seed(2)
        network = build_model(config, len(build_tokenizer(config).vocabulary), 2, 2, for_training=False)
        with torch.no_grad():
            for parameter in network.parameters():  # a fresh flow passes everything through
                parameter += 0.05 * torch.randn_like(parameter)
        torch.save({"model": network.state_dict()}, folder / "model_file.pth")
        return folder

    return make


@pytest.mark.parametrize("args", VARIANTS.values(), ids=VARIANTS)
def test_onnxruntime_says_what_torch_says(args, model_of, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    voice = load_voice(model_of(**args))
    exported = export_voice(voice, tmp_path / "voice.onnx")
    assert exported.difference < 1e-3
    session = onnxruntime.InferenceSession(exported.path, providers=["CPUExecutionProvider"])
    ids, lengths = torch.randint(0, 50, (2, 40)), torch.tensor([40, 11])
    feed = {"input": ids, "input_lengths": lengths, "scales": torch.tensor([0.0, 1.5, 0.0])}
    conditions = {"sid": torch.tensor([1, 0]), "langid": torch.tensor([0, 1]), "d_vectors": torch.randn(2, 5)}
    feed |= {name: value for name, value in conditions.items() if name in exported.inputs}
    (spoken,) = session.run(None, {name: value.numpy() for name, value in feed.items()})
    expected = voice.network.inference(
        ids, lengths, speaker_ids=feed.get("sid"), language_ids=feed.get("langid"), d_vectors=feed.get("d_vectors"),
        noise_scale=0.0, duration_noise_scale=0.0, length_scale=1.5,
    )  # fmt: skip
    assert np.abs(spoken - expected.waveforms.numpy()).max() < 1e-3


def test_the_command_writes_it_beside_the_weights(model_of, capsys):
    pytest.importorskip("onnxruntime")
    folder = model_of()
    assert finetune.main(["--export", "onnx", str(folder)]) == 0
    assert (folder / "model.onnx").is_file()
    assert "largest difference from torch" in capsys.readouterr().out


def test_another_format_and_missing_packages_are_named(model_of, tmp_path, monkeypatch, capsys):
    assert finetune.main(["--export", "tflite", str(tmp_path)]) == 2
    assert "unknown format; there is onnx" in capsys.readouterr().err
    voice = load_voice(model_of())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs onnx and onnxruntime: pip install 'finetune-tts\[export\]'"):
        export_voice(voice, tmp_path / "voice.onnx")

"""An exported model draws what the model draws, whatever the text, the speaker and the pitch."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import config_from_dict
from finetune_tts.sharing.onnx import export_voice
from finetune_tts.synthesis.loading import load_voice

TINY = Path(__file__).parents[1] / "tiny"
VARIANTS = {
    "fast_pitch": ("fast_pitch", {}),
    "speedy_speech": ("speedy_speech", {}),
    "fastspeech2 with speakers": ("fastspeech2", {"use_speaker_embedding": True}),
    "fast_pitch with d-vectors": ("fast_pitch", {"use_d_vector_file": True, "d_vector_dim": 5}),
}


@pytest.fixture
def model_of(tmp_path):
    def make(name, fields):
        folder = tmp_path / "run"
        folder.mkdir()
        values = json.loads((TINY / f"{name}.json").read_text(encoding="utf-8"))
        config = config_from_dict({**values, **fields}, quiet=True)
        if config.use_speaker_embedding:
            config.speakers_file = config.model_args.speakers_file = "speakers.json"
            (folder / "speakers.json").write_text(json.dumps({"ana": 0, "rui": 1}))
        (folder / "config.json").write_text(json.dumps(config.to_dict()))
        torch.manual_seed(2)
        network = build_model(config, len(build_tokenizer(config).vocabulary), 2)
        torch.nn.init.constant_(network.duration_predictor.proj.bias, 1.5)
        torch.save({"model": network.state_dict()}, folder / "model_file.pth")
        return folder

    return make


@pytest.mark.parametrize(("name", "fields"), VARIANTS.values(), ids=VARIANTS)
def test_onnxruntime_draws_what_torch_draws(name, fields, model_of, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    voice = load_voice(model_of(name, fields))
    exported = export_voice(voice, tmp_path / "voice.onnx")
    session = onnxruntime.InferenceSession(exported.path, providers=["CPUExecutionProvider"])
    ids, lengths = torch.randint(0, 10, (1, 40)), torch.tensor([40])
    feed = {"input": ids, "input_lengths": lengths, "scales": torch.tensor([1.5, 1.2, 0.5])}
    conditions = {"sid": torch.tensor([1]), "d_vectors": torch.randn(1, 5)}
    feed |= {name: value for name, value in conditions.items() if name in exported.inputs}
    wanted = {entry.name for entry in session.get_inputs()}
    (drawn,) = session.run(None, {name: value.numpy() for name, value in feed.items() if name in wanted})
    expected = voice.network.inference(
        ids, lengths, speaker_ids=feed.get("sid"), d_vectors=feed.get("d_vectors"), length_scale=1.5, pitch_factor=1.2,
        pitch_shift=0.5,
    )  # fmt: skip
    assert np.abs(drawn - expected.mels.numpy()).max() < 1e-3

"""Speaker encoders give the numbers of the reference: front end, vectors of excerpts, vectors of recordings."""

import pytest
import torch

from finetune_tts.speaker_encoder.building import build_speaker_encoder, restored_speaker_encoder
from finetune_tts.speaker_encoder.config import load_encoder_config
from finetune_tts.speaker_encoder.windows import compute_embedding

REFERENCE_MODEL = "speaker_encoder"


@pytest.fixture
def config(reference_case):
    return load_encoder_config(reference_case.folder / "config.json")


@pytest.fixture
def network(reference_case, config, with_rule_weights):
    released = {name: torch.zeros(shape) for name, shape in reference_case.read("shapes.json").items()}
    network = restored_speaker_encoder(config, released, source="a release")
    return with_rule_weights(network, reference_case.buffers())


def test_reference_names_and_shapes_are_those_of_released_checkpoints(reference_case, network):
    ours = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    assert ours == reference_case.read("shapes.json")


def test_reference_front_end(reference_case, config, assert_close):
    ours = build_speaker_encoder(config).state_dict()
    for name, expected in reference_case.buffers().items():
        assert_close(name, ours[name], expected.numpy())


@torch.no_grad()
def test_reference_embedding(reference_case, network, assert_close):
    assert_close("embedding", network(reference_case.tensors()["input"]), reference_case.expected()["embedding"])


def test_reference_embedding_of_a_recording(reference_case, network, assert_close):
    expected = reference_case.expected()
    if "compute_embedding_of_first" not in expected:
        pytest.skip("the case has none")
    first = reference_case.tensors()["input"][0]
    vector = compute_embedding(network, first, num_frames=100, num_windows=5)
    assert_close("mean of windows", vector.unsqueeze(0), expected["compute_embedding_of_first"])

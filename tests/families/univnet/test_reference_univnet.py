"""UnivNet gives the numbers of the reference."""

import pytest
import torch

from finetune_tts.families.building import build_discriminator, build_generator

REFERENCE_MODEL = "univnet"
NOISE_SEED = 1234  # with which the reference drew the noise


@pytest.fixture
def parts(reference_case):
    config = reference_case.vocoder_config
    return torch.nn.ModuleDict({"model_g": build_generator(config), "model_d": build_discriminator(config)})


def test_reference_names_and_shapes_are_those_of_released_checkpoints(reference_case, parts):
    ours = {name: list(tensor.shape) for name, tensor in parts.state_dict().items()}
    assert ours == reference_case.read("shapes.json")


def test_reference_windows(reference_case, parts, assert_close):
    for name, buffer in reference_case.buffers().items():
        assert_close(name, parts.state_dict()[name], buffer.numpy())


def test_reference_waveforms(reference_case, parts, with_rule_weights, assert_close):
    with_rule_weights(torch.nn.ModuleDict({"model_g": parts["model_g"]}))
    torch.manual_seed(NOISE_SEED)
    assert_close("generator", parts["model_g"](reference_case.tensors()["mel"]), reference_case.expected()["generator"])

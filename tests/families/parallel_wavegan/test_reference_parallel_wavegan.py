"""Parallel WaveGAN gives the numbers of the reference."""

import pytest
import torch

from finetune_tts.families.building import build_discriminator, build_generator

REFERENCE_MODEL = "parallel_wavegan"
NOISE_SEED = 1234  # with which the reference drew the noise


@pytest.fixture
def parts(reference_case):
    config = reference_case.vocoder_config
    return torch.nn.ModuleDict({"model_g": build_generator(config), "model_d": build_discriminator(config)})


def test_reference_names_and_shapes_are_those_of_released_checkpoints(reference_case, parts):
    ours = {name: list(tensor.shape) for name, tensor in parts.state_dict().items()}
    assert ours == reference_case.read("shapes.json")


def test_reference_waveforms_and_scores(reference_case, parts, with_rule_weights, assert_close):
    with_rule_weights(parts)
    batch, expected = reference_case.tensors(), reference_case.expected()
    torch.manual_seed(NOISE_SEED)
    assert_close("generator", parts["model_g"](batch["mel"]), expected["generator"])
    (score,) = parts["model_d"](batch["real"]).scores
    assert_close("score", score, expected["discriminator_of_real"])

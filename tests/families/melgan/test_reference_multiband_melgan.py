"""Multi-band MelGAN gives the numbers of the reference: sub-bands, filter bank, scores."""

import pytest
import torch

from finetune_tts.families.building import build_discriminator, build_generator

REFERENCE_MODEL = "multiband_melgan"


@pytest.fixture
def parts(reference_case):
    config = reference_case.vocoder_config
    return torch.nn.ModuleDict({"model_g": build_generator(config), "model_d": build_discriminator(config)})


def test_reference_names_and_shapes_are_those_of_released_checkpoints(reference_case, parts):
    ours = {name: list(tensor.shape) for name, tensor in parts.state_dict().items()}
    assert ours == reference_case.read("shapes.json")


def test_reference_filter_bank(reference_case, parts, assert_close):
    for name, buffer in reference_case.buffers().items():
        assert_close(name, parts.state_dict()[name], buffer.numpy())


def test_reference_waveforms_and_scores(reference_case, parts, with_rule_weights, assert_close):
    with_rule_weights(parts, buffers=reference_case.buffers())
    batch, expected = reference_case.tensors(), reference_case.expected()
    bands = parts["model_g"](batch["mel"])
    assert_close("generator", bands, expected["generator"])
    assert_close("synthesis", parts["model_g"].pqmf_synthesis(bands), expected["pqmf_synthesis"])
    assert_close("inference", parts["model_g"].inference(batch["mel"][:1]), expected["inference"])
    for index, score in enumerate(parts["model_d"](batch["real"]).scores):
        assert_close(f"score {index}", score, expected[f"discriminator_of_real.{index}"])

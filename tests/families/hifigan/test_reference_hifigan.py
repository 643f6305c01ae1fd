"""HiFi-GAN gives the numbers of the reference, and has the tensors of released checkpoints."""

import pytest
import torch

from finetune_tts.families.building import build_discriminator, build_generator

REFERENCE_MODEL = "hifigan"


@pytest.fixture
def generator(reference_case):
    return build_generator(reference_case.vocoder_config)


def test_reference_names_and_shapes_are_those_of_released_checkpoints(reference_case, generator):
    with torch.device("meta"):
        discriminator = build_discriminator(reference_case.vocoder_config)
    parts = torch.nn.ModuleDict({"model_g": generator, "model_d": discriminator})
    ours = {name: list(tensor.shape) for name, tensor in parts.state_dict().items()}
    assert ours == reference_case.read("shapes.json")


def test_reference_waveforms(reference_case, generator, with_rule_weights, assert_close):
    with_rule_weights(torch.nn.ModuleDict({"model_g": generator}))
    mel, expected = reference_case.tensors()["mel"], reference_case.expected()
    assert_close("generator", generator(mel), expected["generator"])
    assert_close("inference", generator.inference(mel[:1]), expected["inference"])
    generator.prepare_for_inference()
    assert_close("generator without weight norm", generator(mel), expected["generator"])

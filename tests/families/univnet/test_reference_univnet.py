"""UnivNet gives the numbers of the reference."""

import pytest
import torch

from finetune_tts.families.building import build_discriminator, build_generator

REFERENCE_MODEL = "univnet"
NOISE_SEED = 1234  # with which the reference drew the noise
FLOAT32_ROUNDING = 2.0**-24  # relative; the most that one rounding changes


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


def test_reference_waveforms(reference_case, parts, with_rule_weights, in_float64):
    # The case amplifies what enters it, so that the reference's own rounding shows. It is held against what rounding
    # can do, measured on our network: how far the waveforms move when every weight is rounded once more.
    network = with_rule_weights(torch.nn.ModuleDict({"model_g": parts["model_g"]}))["model_g"].double()
    mel, expected = reference_case.tensors()["mel"], torch.from_numpy(reference_case.expected()["generator"])
    torch.manual_seed(NOISE_SEED)
    noise = torch.randn(len(mel), network.in_channels, mel.shape[2], dtype=torch.float32).double()

    def distance(waveforms, others):
        return (torch.linalg.vector_norm(waveforms - others) / torch.linalg.vector_norm(others)).item()

    with torch.no_grad():
        ours = network(mel, noise)
        generator = torch.Generator().manual_seed(0)
        for weight in network.parameters():
            weight *= 1 + FLOAT32_ROUNDING * (2 * torch.rand(weight.shape, generator=generator) - 1)
        rounding = distance(network(mel, noise), ours)
    assert 1e-8 < rounding < 1e-3
    assert distance(ours, expected) < max(1e-4, 10 * rounding)

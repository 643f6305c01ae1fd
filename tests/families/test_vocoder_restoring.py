"""Weights of vocoders in every form that releases have: one file, two parts."""

import pytest
import torch

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.checkpoints.vocoders import restore_vocoder, vocoder_weights
from finetune_tts.errors import UserError
from finetune_tts.families.melgan.discriminator import MelganDiscriminator
from finetune_tts.families.melgan.network import MultibandMelganGenerator

SMALL = {"in_channels": 5, "base_channels": 16, "upsample_factors": (4, 4), "num_res_blocks": 1}
JUDGE = {"base_channels": 4, "max_channels": 8, "downsample_factors": (2,)}
MEL = torch.linspace(-1, 1, 40).reshape(1, 5, 8)


@pytest.fixture
def pair():
    torch.manual_seed(0)
    return MultibandMelganGenerator(**SMALL), MelganDiscriminator(**JUDGE)


def read(folder, content):
    torch.save(content, folder / "model_file.pth")
    return vocoder_weights(read_checkpoint(folder / "model_file.pth"))


def prefixed(prefix, state):
    return {prefix + name: tensor for name, tensor in state.items()}


def restored(weights):
    generator, discriminator = MultibandMelganGenerator(**SMALL), MelganDiscriminator(**JUDGE)
    restore_vocoder(generator, weights.generator, source=weights.source).raise_for_gap()
    if weights.discriminator is not None:
        restore_vocoder(discriminator, weights.discriminator, source=weights.source).raise_for_gap()
    return generator, discriminator


def same(first, second):
    return all(torch.equal(tensor, second.state_dict()[name]) for name, tensor in first.state_dict().items())


def test_both_parts_in_one_dictionary(pair, tmp_path):
    state = prefixed("model_g.", pair[0].state_dict()) | prefixed("model_d.", pair[1].state_dict())
    generator, discriminator = restored(read(tmp_path, {"model": state, "step": 3}))
    assert same(generator, pair[0])
    assert same(discriminator, pair[1])


@pytest.mark.parametrize("wrapper", ["", "module."])
def test_discriminator_beside_the_generator(pair, tmp_path, wrapper):
    content = {
        "model": prefixed(wrapper, pair[0].state_dict()),
        "model_disc": prefixed(wrapper, pair[1].state_dict()),
        "optimizer": None,
    }
    generator, discriminator = restored(read(tmp_path, content))
    assert same(generator, pair[0])
    assert same(discriminator, pair[1])


@pytest.mark.parametrize("content", [{}, {"model_disc": None}, {"model_disc": {}}, {"model_disc": {"epoch": 3}}])
def test_a_file_without_discriminator(pair, tmp_path, content):
    weights = read(tmp_path, {"model": pair[0].state_dict(), **content})
    assert weights.discriminator is None
    assert same(restored(weights)[0], pair[0])


def test_only_the_generator_under_its_prefix(pair, tmp_path):
    weights = read(tmp_path, {"model": prefixed("model_g.", pair[0].state_dict())})
    assert weights.discriminator is None
    assert same(restored(weights)[0], pair[0])


def test_folded_weights_without_filters(pair, tmp_path):
    before = pair[0].inference(MEL)
    pair[0].prepare_for_inference()
    state = {name: tensor for name, tensor in pair[0].state_dict().items() if not name.startswith("pqmf_layer")}
    assert any(name.endswith(".weight") for name in state)
    generator, _ = restored(read(tmp_path, {"model": state}))
    torch.testing.assert_close(generator.inference(MEL), before)


def test_a_generator_of_another_size_is_a_gap(pair, tmp_path):
    weights = read(tmp_path, {"model": pair[0].state_dict()})
    other = MultibandMelganGenerator(**{**SMALL, "base_channels": 32})
    with pytest.raises(UserError, match="shape"):
        restore_vocoder(other, weights.generator, source=weights.source).raise_for_gap()

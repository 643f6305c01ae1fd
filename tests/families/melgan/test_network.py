"""The MelGAN generators: odd factors and kernels, sub-bands, and arguments that make no network."""

import pytest
import torch

from finetune_tts.families.melgan.network import MelganGenerator, MultibandMelganGenerator

SMALL = {"in_channels": 5, "base_channels": 16, "upsample_factors": (4, 3), "num_res_blocks": 2}


def test_odd_factor_and_other_kernels(chirp, with_rule_weights, assert_golden):
    generator = with_rule_weights(MelganGenerator(**SMALL, res_kernel=5, proj_kernel=5), seed=7)
    assert_golden(generator(chirp(100, batch=2).reshape(2, 5, 20)), -220.825, 18.5314)
    assert_golden(generator.inference(chirp(100).reshape(1, 5, 20)), -129.53, 15.0978)


def test_sub_bands_and_their_synthesis(chirp, with_rule_weights, assert_golden):
    generator = MultibandMelganGenerator(**SMALL)
    filters = {name: tensor for name, tensor in generator.state_dict().items() if name.startswith("pqmf_layer")}
    with_rule_weights(generator, buffers=filters, seed=7)
    assert_golden(generator(chirp(100, batch=2).reshape(2, 5, 20)), -536.315, 26.4101)
    assert_golden(generator.inference(chirp(100).reshape(1, 5, 20)), -478.459, 40.8512)


def test_folding_keeps_the_output(chirp):
    torch.manual_seed(0)
    generator = MelganGenerator(**SMALL)
    mel = chirp(100).reshape(1, 5, 20)
    before = generator(mel)
    generator.prepare_for_inference()
    assert not any(name.endswith("weight_g") for name in generator.state_dict())
    torch.testing.assert_close(generator(mel), before)


@pytest.mark.parametrize(("argument", "value"), [("res_kernel", 4), ("proj_kernel", 2), ("base_channels", 3)])
def test_contradictions_name_the_argument(argument, value):
    with pytest.raises(ValueError, match=argument):
        MelganGenerator(**{**SMALL, argument: value})

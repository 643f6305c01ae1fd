"""Builders of vocoders: what counts of a config, and what a person hears of a config that makes no network."""

import logging

import pytest
import torch

from finetune_tts.config.vocoder_loading import vocoder_config_from_dict
from finetune_tts.errors import UserError
from finetune_tts.vocoders.building import (
    build_discriminator,
    build_discriminator_loss,
    build_generator,
    build_generator_loss,
    needs_mel_filters,
)

SMALL_HIFIGAN = {
    "upsample_factors": [16, 16],
    "upsample_kernel_sizes": [32, 32],
    "upsample_initial_channel": 8,
    "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1]],
    "resblock_type": "2",
}


def config(**fields):
    return vocoder_config_from_dict(fields)


def test_mel_bands_come_from_the_audio_where_the_parameters_do_not_say():
    generator = build_generator(config(model="hifigan", audio={"num_mels": 13}, generator_model_params=SMALL_HIFIGAN))
    assert generator(torch.zeros(1, 13, 4)).shape == (1, 1, 4 * 256)


def test_channels_that_releases_name_and_do_not_have_are_said_not_used(caplog):
    caplog.set_level(logging.INFO)
    params = {"upsample_factors": [8, 4, 2], "num_res_blocks": 1, "base_channels": 64}
    generator = build_generator(config(model="multiband_melgan", generator_model_params=params))
    assert generator.state_dict()["layers.1.bias"].shape == (384,)
    assert "base_channels" in caplog.text


@pytest.mark.parametrize("model", ["melgan", "fullband_melgan", "multiband_melgan", "parallel_wavegan", "univnet"])
def test_generators_make_a_hop_of_samples_for_each_frame(model):
    generator = build_generator(config(model=model))
    wave = generator.inference(torch.zeros(1, 80, 6))
    assert wave.shape[:2] == (1, 1)
    assert wave.shape[2] % 256 == 0


@pytest.mark.parametrize("model", ["hifigan", "melgan", "multiband_melgan", "parallel_wavegan", "univnet"])
def test_discriminators_and_losses_work_together(model):
    settings = config(model=model)
    with torch.device("meta"):
        discriminator = build_discriminator(settings)
    assert sum(parameter.numel() for parameter in discriminator.parameters()) > 0
    filters = torch.ones(80, 513) if needs_mel_filters(settings) else None
    assert needs_mel_filters(settings) == (model == "hifigan")
    bands = {"generated_bands": torch.rand(1, 4, 1024), "recorded_bands": torch.rand(1, 4, 1024)}
    losses = build_generator_loss(settings, filters)(torch.rand(1, 1, 4096), torch.rand(1, 1, 4096), **bands)
    assert losses.spectral > 0
    assert build_discriminator_loss(settings).adversarial == "mse"


def test_networks_that_are_no_gan():
    small = {"x_conv_channels": 8, "dblock_out_channels": [4] * 4, "ublock_out_channels": [4] * 5}
    settings = config(
        model="wavegrad", model_params=small, test_noise_schedule={"min_val": 0.1, "max_val": 0.5, "num_steps": 2}
    )
    assert build_generator(settings).inference(torch.zeros(1, 80, 3)).shape == (1, 1, 3 * 256)
    args = {"rnn_dims": 4, "fc_dims": 4, "num_res_blocks": 1, "compute_dims": 4, "res_out_dims": 8, "mode": "9"}
    settings = config(model="wavernn", model_args=args, target_samples=100, overlap_samples=10)
    assert build_generator(settings).inference(torch.zeros(1, 80, 3)).shape == (1, 1, 2 * 256)


def test_residual_discriminator():
    params = {"num_layers": 4, "stacks": 2}
    settings = config(
        model="parallel_wavegan",
        discriminator_model="residual_parallel_wavegan_discriminator",
        discriminator_model_params=params,
    )
    assert len(build_discriminator(settings).conv_layers) == 4


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"generator_model": "hifigan2_generator"}, 'generator_model = "hifigan2_generator"'),
        ({"generator_model_params": {**SMALL_HIFIGAN, "resblock_type": "7"}}, "resblock_type '7'"),
        ({"generator_model_params": {**SMALL_HIFIGAN, "color": 1}}, "color"),
        ({"generator_model_params": {"upsample_factors": [256]}}, "missing"),
    ],
)
def test_configs_that_make_no_generator(fields, message):
    with pytest.raises(UserError) as caught:
        build_generator(config(model="hifigan", **fields))
    assert message in str(caught.value)


def test_configs_that_make_no_discriminator():
    with pytest.raises(UserError, match="known are hifigan_discriminator"):
        build_discriminator(config(model="hifigan", discriminator_model="judge"))
    with pytest.raises(UserError, match="both false"):
        build_discriminator_loss(config(model="hifigan", use_mse_gan_loss=False))

"""Builders of vocoders: what counts of a config, and what the user hears of a config that makes no network."""

import logging

import pytest
import torch

from finetune_tts.errors import UserError
from finetune_tts.families.building import build_discriminator, build_generator, build_model
from finetune_tts.families.loading import vocoder_config_from_dict
from finetune_tts.families.melgan.discriminator import MelganDiscriminator
from finetune_tts.layers.judgement import Judgement
from finetune_tts.tasks.vocoder_losses import build_discriminator_loss, build_generator_loss, needs_mel_filters

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


def test_the_block_type_may_be_a_number():
    params = {**SMALL_HIFIGAN, "resblock_type": 2}
    assert build_generator(config(model="hifigan", generator_model_params=params)).ups


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("hifigan", SMALL_HIFIGAN),
        ("multiband_melgan", {"upsample_factors": [8, 8], "num_res_blocks": 1}),
        ("parallel_wavegan", {"upsample_factors": [16, 16], "num_res_blocks": 2, "stacks": 1}),
        ("univnet", {"upsample_factors": [16, 16], "lvc_layers_each_block": 1, "kpnet_hidden_channels": 4}),
    ],
)
def test_a_step_in_lower_precision_has_finite_losses_and_gradients(model, params, chirp):
    torch.manual_seed(0)
    settings = config(model=model, generator_model_params=params)
    generator, discriminator = (
        build_model(settings, for_training=False),
        MelganDiscriminator(base_channels=4, downsample_factors=(2,)),
    )
    loss = build_generator_loss(settings, torch.rand(80, 513) if needs_mel_filters(settings) else None)
    recorded = chirp(2048)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        generated, bands = generator(torch.randn(1, 80, 8)), {}
        if settings.use_pqmf:
            bands = {"generated_bands": generated, "recorded_bands": generator.pqmf_analysis(recorded)}
            generated = generator.pqmf_synthesis(generated)
        judgements = [Judgement([score], [hidden]) for score, hidden in map(discriminator, (generated, recorded))]
        judged = {"judged_generated": judgements[0], "judged_recorded": judgements[1]}
        losses = loss(generated, recorded, **judged, **bands)
    losses.total.backward()
    assert torch.isfinite(losses.total)
    assert losses.total.dtype == torch.float32
    assert all(torch.isfinite(weight.grad).all() for weight in generator.parameters() if weight.grad is not None)


def test_channels_that_releases_name_and_do_not_have_are_said_not_used(caplog):
    caplog.set_level(logging.INFO)
    params = {"upsample_factors": [8, 4, 2], "num_res_blocks": 1, "base_channels": 64}
    generator = build_generator(config(model="multiband_melgan", generator_model_params=params))
    assert generator.state_dict()["layers.1.bias"].shape == (384,)
    assert "base_channels" in caplog.text


@pytest.mark.parametrize("model", ["melgan", "fullband_melgan", "multiband_melgan", "parallel_wavegan", "univnet"])
def test_generators_make_a_hop_of_samples_for_each_frame(model):
    generator = build_model(config(model=model), for_training=False)
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
    assert build_model(settings, for_training=False).inference(torch.zeros(1, 80, 3)).shape == (1, 1, 3 * 256)
    args = {"rnn_dims": 4, "fc_dims": 4, "num_res_blocks": 1, "compute_dims": 4, "res_out_dims": 8, "mode": "9"}
    settings = config(model="wavernn", model_args=args, target_samples=100, overlap_samples=10)
    assert build_model(settings, for_training=False).inference(torch.zeros(1, 80, 3)).shape == (1, 1, 2 * 256)


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


@pytest.mark.parametrize("model", ["hifigan", "multiband_melgan"])
def test_sub_bands_are_no_choice_of_the_user(model):
    wrong = config(model=model, use_pqmf=model == "hifigan")
    with pytest.raises(UserError, match="use_pqmf = (true: .* gives no|false: .* gives) sub-bands"):
        build_model(wrong)


def test_configs_that_make_no_discriminator():
    with pytest.raises(UserError, match="known are hifigan_discriminator"):
        build_discriminator(config(model="hifigan", discriminator_model="judge"))
    with pytest.raises(UserError, match="both false"):
        build_discriminator_loss(config(model="hifigan", use_mse_gan_loss=False))

"""The config of a Tacotron 2 with Capacitron, in the form of the two releases."""

import pytest

from finetune_tts.families.checks import check_config
from finetune_tts.families.loading import config_from_dict
from finetune_tts.families.overrides import apply_overrides, parse_overrides

RELEASED = {
    "model": "tacotron2",
    "use_capacitron_vae": True,
    "capacitron_vae": {
        "capacitron_loss_alpha": 1,
        "capacitron_capacity": 50,
        "capacitron_VAE_embedding_dim": 128,
        "capacitron_use_text_summary_embeddings": True,
        "capacitron_text_summary_embedding_dim": 128,
        "capacitron_use_speaker_embedding": False,
        "capacitron_VAE_loss_alpha": 1.0,
        "capacitron_grad_clip": 5.0,
    },
    "attention_type": "dynamic_convolution",
    "optimizer": "CapacitronOptimizer",
    "optimizer_params": {"RAdam": {"betas": [0.9, 0.998], "weight_decay": 1e-6}, "SGD": {"lr": 1e-5, "momentum": 0.9}},
    "lr": 0.001,
    "lr_scheduler": "StepwiseGradualLR",
    "lr_scheduler_params": {"gradual_learning_rates": [[0, 0.001], [20000.0, 0.0005], [40000.0, 0.0003]]},
    "scheduler_after_epoch": False,
    "grad_clip": 0.0,
    "loss_masking": False,
    "seq_len_norm": True,
}


def faults(*overrides):
    config = config_from_dict(RELEASED)
    apply_overrides(config, parse_overrides([f"--coqpit.{override}" for override in overrides]))
    return check_config(config)


def test_the_released_form_is_read_and_written_as_it_is():
    config = config_from_dict(RELEASED)
    assert check_config(config) == []
    assert config.capacitron_vae.capacitron_capacity == 50
    written = config.to_dict()
    assert {name: written[name] for name in RELEASED} == RELEASED


def test_fields_of_the_group_can_be_overridden_even_where_it_is_null():
    config = config_from_dict({"model": "tacotron2"})
    assert config.capacitron_vae is None
    apply_overrides(config, parse_overrides(["--coqpit.capacitron_vae.capacitron_capacity", "77"]))
    assert config.capacitron_vae.capacitron_capacity == 77
    assert config.capacitron_vae.capacitron_VAE_embedding_dim == 128


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("capacitron_vae=null", "capacitron_vae = null: must be an object of fields"),
        ("capacitron_vae.capacitron_capacity=0", "capacitron_vae.capacitron_capacity = 0: must be above 0"),
        ("capacitron_vae.capacitron_VAE_embedding_dim=0", "capacitron_VAE_embedding_dim = 0: must be at least 1"),
        ("capacitron_vae.capacitron_grad_clip=-1", "capacitron_grad_clip = -1.0: must be at least 0"),
        ("capacitron_vae.capacitron_use_speaker_embedding=true", "is true, but the model has no speakers"),
        ("optimizer=AdamW", 'optimizer = "AdamW": must be CapacitronOptimizer'),
        ("use_capacitron_vae=false", 'optimizer = "CapacitronOptimizer": must be one of RAdam'),
        ('optimizer_params={"betas": [0.9, 0.998]}', "must name two optimizers"),
        ('optimizer_params={"RAdam": {}}', "must name two optimizers"),
        ('optimizer_params={"RAdamm": {}, "SGD": {"lr": 1e-5}}', '"RAdamm": must be one of RAdam'),
        ('optimizer_params={"RAdam": {}, "SGD": {}}', "optimizer_params.SGD.lr = null: must be above 0"),
        ('optimizer_params={"RAdam": {}, "SGD": {"lr": "fast"}}', 'optimizer_params.SGD.lr = "fast"'),
        ("optimizer_params.RAdam.weight_decay=-1", "optimizer_params.RAdam.weight_decay = -1: must be at least 0"),
        ("optimizer_params.SGD.momentum=2", "optimizer_params.SGD.momentum = 2: must be at least 0"),
    ],
)
def test_what_makes_no_sense_is_named(override, message):
    (fault,) = faults(override)
    assert message in fault


def test_rates_of_both_optimizers_can_be_set():
    assert faults("lr=0.0001", "optimizer_params.SGD.lr=0.001") == []

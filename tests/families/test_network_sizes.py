"""Sizes that no machine holds are refused with field and number before anything is built; usual ones are let through.

Every architecture of the registry is asked; a new one gets these tests with its line.
"""

import json
import logging
from pathlib import Path

import pytest
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.vocoder import GANVocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.checks import check_config, network_faults, require_valid
from finetune_tts.families.loading import any_config_from_dict, load_any_config
from finetune_tts.families.overrides import apply_overrides, parse_overrides
from finetune_tts.families.registry import ENTRIES
from finetune_tts.layers.parameter_count import MOST_TENSORS, UNQUESTIONED, count_parameters

TESTS = Path(__file__).parents[1]
CONFIGS = sorted((TESTS.parent / "configs").glob("*.json"))
RELEASED = sorted((TESTS / "reference").glob("*/config.json"))
SPEAKER_ENCODERS = ("speaker_encoder_lstm", "speaker_encoder_resnet")


def build(config):
    symbols = {"num_symbols": 100, "num_speakers": 3, "num_languages": 2} if isinstance(config, SpeechConfig) else {}
    return build_model(config, **symbols)


@pytest.fixture
def made():
    """Parameters of tensors with content, each one's number, as they were made."""
    numbers = []

    def register(module, name, parameter):
        if parameter is not None and parameter.device.type != "meta":
            numbers.append(parameter.numel())

    handle = register_module_parameter_registration_hook(register)
    yield numbers
    handle.remove()


@pytest.mark.parametrize(
    ("model", "word", "told"),
    [
        ("glow_tts", "num_flow_blocks_dec=1000000000", "num_flow_blocks_dec = 1000000000: must be .*at most 256"),
        ("glow_tts", "num_squeeze=65536", "num_squeeze = 65536: must be .*at most 64"),
        ("glow_tts", "audio.num_mels=2147483648", "audio.num_mels = 2147483648: must be .*at most 1024"),
        ("glow_tts", "encoder_params.num_layers=1000000000", "encoder_params.num_layers = 1000000000: must be"),
        ("vits", "model_args.num_layers_posterior_encoder=1000000000", "model_args.num_layers_posterior_encoder = "),
        ("vits", "model_args.resblock_kernel_sizes_decoder.1=1000000000", "sizes_decoder.1 = 1000000000: must be"),
        ("tacotron2", "attention_heads=1000000000", "attention_heads = 1000000000: must be .*at most 256"),
        ("univnet", "generator_model_params.hidden_channels=-1", "params.hidden_channels = -1: must be a whole number"),
        ("univnet", "generator_model_params.dropout=-1", "generator_model_params.dropout = -1: must be at least 0"),
        (
            "univnet",
            "generator_model_params.lvc_kernel_size=1e9",
            "params.lvc_kernel_size = .*: must be a whole number",
        ),
        ("melgan", "discriminator_model_params.base_channels=0", "discriminator_model_params.base_channels = 0: must"),
        ("wavernn", "model_args.rnn_dims=1000000000", "model_args.rnn_dims = 1000000000: must be"),
        ("wavegrad", "test_noise_schedule={}", "test_noise_schedule: min_val = null"),
        ("wavegrad", "test_noise_schedule.num_steps=1000000000", "test_noise_schedule.num_steps = 1000000000: must"),
        ("hifigan", "seq_len=1000000000000", "seq_len = 1000000000000: must be"),
        ("hifigan", "stft_loss_params.n_ffts=[1000000000]", "stft_loss_params = "),
    ],
)
def test_a_size_out_of_all_bounds_is_refused_with_its_field(model, word, told):
    config = any_config_from_dict({"model": model, **({"use_stft_loss": True} if model == "hifigan" else {})})
    apply_overrides(config, parse_overrides([f"--coqpit.{word}"]))
    with pytest.raises(UserError, match=told):
        require_valid(config)


@pytest.mark.parametrize(
    ("model", "words", "told"),
    [
        ("glow_tts", ["hidden_channels_enc=20000"], "hidden_channels_enc = 20000: the glow_tts would have more than"),
        (
            "vits",
            ["model_args.upsample_initial_channel_decoder=60000"],
            "model_args.upsample_initial_channel_decoder = 60000: the vits would have more than",
        ),
        (
            "tacotron2",
            ["encoder_in_features=60000", "decoder_in_features=60000"],
            "coder_in_features = 60000: the tacotron2 would have more than",
        ),
        (
            "hifigan",
            ["generator_model_params.upsample_initial_channel=60000"],
            "generator_model_params.upsample_initial_channel = 60000: the hifigan_generator would have more than",
        ),
    ],
)
def test_a_network_that_sizes_within_their_bounds_make_too_large_is_refused_with_its_field(model, words, told, made):
    config = any_config_from_dict({"model": model})
    apply_overrides(config, parse_overrides([f"--coqpit.{word}" for word in words]))
    require_valid(config)
    with pytest.raises(UserError, match=told):
        build(config)
    assert sum(made[:-1]) < UNQUESTIONED  # the last one was refused before it was filled
    assert len(made) < MOST_TENSORS


def test_a_network_that_a_small_machine_does_not_hold_is_refused(monkeypatch):
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**10}.__getitem__)
    with pytest.raises(UserError, match=r"The glow_tts would have more than 0.0 billion parameters \(0 GiB\)"):
        build(any_config_from_dict({"model": "glow_tts"}))


@pytest.mark.usefixtures("small_widths")
@pytest.mark.parametrize("name", ENTRIES)
def test_the_parameters_of_every_architecture_can_be_counted_without_memory_for_them(name, caplog):
    config = any_config_from_dict(json.loads((TESTS / "families" / "tiny" / f"{name}.json").read_text()), quiet=True)
    with caplog.at_level(logging.INFO):
        counted = count_parameters(lambda: build(config), 2**30)
    assert not caplog.records
    assert counted == sum(parameter.numel() for parameter in build(config).parameters())


@pytest.mark.parametrize("name", ENTRIES)
def test_the_usual_sizes_of_every_architecture_are_far_from_the_bounds(name):
    config = any_config_from_dict({"model": name}, quiet=True)
    assert check_config(config) == []
    assert count_parameters(lambda: build(config), 2**31) < UNQUESTIONED / 2


@pytest.mark.parametrize("path", [*CONFIGS, *RELEASED], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_sizes_of_a_config_that_is_used_pass(path):
    if path.parent.name in SPEAKER_ENCODERS:
        pytest.skip("a speaker encoder")
    config = load_any_config(path, quiet=True)
    assert network_faults(config) == []
    assert count_parameters(lambda: build(config), 2**30) < UNQUESTIONED


def test_a_transformer_of_the_largest_released_models_is_let_through():
    # A language model over codes of audio, and the embedding of those.
    def make():
        layers = [nn.TransformerEncoderLayer(1024, 16, 4096) for _ in range(30)]
        return nn.ModuleList([nn.Embedding(8194, 1024), nn.Embedding(6681, 1024), *layers])

    assert 3e8 < count_parameters(make, UNQUESTIONED) < UNQUESTIONED


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.is_vocoder])
def test_what_only_training_reads_does_not_keep_a_vocoder_from_speaking(name):
    config = any_config_from_dict({"model": name}, quiet=True)
    config.seq_len = -1
    config.optimizer = "Sgdd"
    if isinstance(config, GANVocoderConfig):
        config.discriminator_model_params = {"base_channels": 10**9}
        config.lr_gen = -1.0
    assert network_faults(config) == []
    assert len(check_config(config)) == 2 + 2 * isinstance(config, GANVocoderConfig)

"""Configs of vocoders: coqui-tts's defaults, every age of released file, and values that make no sense."""

import json
from pathlib import Path

import pytest

from finetune_tts.config.making import save_config
from finetune_tts.errors import UserError
from finetune_tts.families.checks import check_config, require_valid
from finetune_tts.families.loading import load_vocoder_config, vocoder_config_from_dict, vocoder_name
from finetune_tts.families.registry import family_of, names

#: What coqui-tts 0.28.0 fills in: under "all" what its vocoders have in common.
DEFAULTS = json.loads((Path(__file__).parent / "vocoder_defaults.json").read_text(encoding="utf-8"))
OLD_MULTIBAND = """{
    "run_name": "multiband-melgan", // a comment
    "audio": {"num_freq": 513, "hop_length": 256, "win_length": 1024, "sample_rate": 22050},
    "distributed": {"backend": "nccl", "url": "tcp://localhost:54321"},
    "use_pqmf": true,
    "target_loss": "avg_G_loss",
    "generator_model": "multiband_melgan_generator",
    "generator_model_params": {"upsample_factors": [8, 4, 2], "num_res_blocks": 4},
    "gen_clip_grad": -1,
    "disc_clip_grad": 2,
    "num_val_loader_workers": 3,
    "reinit_layers": []
}"""


@pytest.mark.parametrize("name", names(vocoders=True))
def test_defaults_are_those_of_coqui(name):
    ours = family_of(name).config_class().to_dict()
    for field, value in {**DEFAULTS["all"], **DEFAULTS[name]}.items():
        assert ours[field] == value, field


@pytest.mark.parametrize("name", names(vocoders=True))
def test_every_field_has_help_and_the_defaults_make_sense(name):
    config = family_of(name).config_class()
    assert all(member.metadata.get("help") for member in config.__dataclass_fields__.values())
    assert check_config(config) == []


@pytest.mark.parametrize("name", names(vocoders=True))
def test_a_written_config_comes_back(name, tmp_path):
    config = vocoder_config_from_dict({"model": name, "of_another_program": [1, 2], "seq_len": 512})
    save_config(config, tmp_path / "config.json")
    again = load_vocoder_config(tmp_path / "config.json")
    assert again.to_dict() == config.to_dict()
    assert again.to_dict()["of_another_program"] == [1, 2]


def test_old_config_without_a_model(tmp_path):
    (tmp_path / "config.json").write_text(OLD_MULTIBAND)
    config = load_vocoder_config(tmp_path / "config.json")
    assert config.model == "multiband_melgan"
    assert config.audio.fft_size == 1024
    assert config.grad_clip == [2.0, 0.0]
    assert config.target_loss == "loss_0"
    assert config.num_eval_loader_workers == 3
    assert config.distributed_url == "tcp://localhost:54321"
    assert config.kept_fields() == {"reinit_layers": []}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"model": "HifiGAN"}, "hifigan"),
        ({"model": "hifigan_generator"}, "hifigan"),
        ({"generator_model": "fullband_melgan_generator"}, "fullband_melgan"),
        ({"model": "", "generator_model": "wavegrad"}, "wavegrad"),
        ({"model": "WaveRNN"}, "wavernn"),
        ({"model": "parallel-wavegan"}, "parallel_wavegan"),
        ({"model": "glow_tts", "generator_model": "hifigan_generator"}, None),
        ({"model": 3}, None),
        ({}, None),
    ],
)
def test_which_vocoder(fields, name):
    assert vocoder_name(fields) == name


def test_wavernn_fields_of_earlier_places():
    config = vocoder_config_from_dict({"model": "wavernn", "mode": 9, "model_params": {"rnn_dims": 64}})
    assert config.model_args.mode == 9
    assert config.model_args.rnn_dims == 64


def test_a_model_that_is_no_vocoder_is_refused():
    with pytest.raises(UserError, match='x.json: model = "glow_tts" is no vocoder.*hifigan'):
        vocoder_config_from_dict({"model": "glow_tts"}, "x.json")


def test_wrong_types_are_named():
    with pytest.raises(UserError, match="2 values have a wrong type"):
        vocoder_config_from_dict({"model": "hifigan", "seq_len": "long", "lr_gen": [1]})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "hifigan", "lr_gen": 0}, "lr_gen = 0.0: must be above 0"),
        ({"model": "hifigan", "seq_len": 0}, "seq_len = 0"),
        ({"model": "hifigan", "use_hinge_gan_loss": True}, "both true"),
        ({"model": "hifigan", "use_subband_stft_loss": True}, "no sub-bands"),
        (
            {"model": "hifigan", "generator_model_params": {"upsample_factors": [8, 8, 2]}},
            "is 128, not audio.hop_length",
        ),
        ({"model": "hifigan", "generator_model_params": {}}, "must be a list of whole numbers"),
        ({"model": "hifigan", "audio": {"sample_rate": 16000}}, "l1_spec_loss_params.sample_rate = 22050"),
        ({"model": "hifigan", "lr_scheduler_gen": "Nome"}, 'lr_scheduler_gen = "Nome"'),
        ({"model": "univnet", "stft_loss_params": {"n_ffts": [512]}}, "must hold n_ffts"),
        (
            {"model": "univnet", "stft_loss_params": {"n_ffts": [512], "hop_lengths": [50], "win_lengths": [600]}},
            "600 is longer",
        ),
        (
            {"model": "multiband_melgan", "generator_model_params": {"upsample_factors": [8, 8, 4]}},
            "4 sub-bands is 1024",
        ),
        ({"model": "wavegrad", "train_noise_schedule": {"min_val": 0}}, "train_noise_schedule"),
        ({"model": "wavegrad", "model_params": {"ublock_out_channels": [4]}}, "must have 5 items"),
        ({"model": "wavernn", "model_args": {"mode": "loud"}}, 'model_args.mode = "loud"'),
        ({"model": "wavernn", "overlap_samples": -1}, "overlap_samples = -1"),
    ],
)
def test_values_that_make_no_sense_are_named(fields, message):
    config = vocoder_config_from_dict(fields)
    with pytest.raises(UserError, match="my.json: ") as caught:
        require_valid(config, "my.json")
    assert message in str(caught.value)

"""Values without sense are found, all at once; what releases hold is let through."""

import pytest

from finetune_tts.errors import UserError
from finetune_tts.families.checks import check_config, require_valid
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.loading import config_from_dict
from finetune_tts.families.overrides import apply_overrides, parse_overrides


def checked(*argv: str) -> list[str]:
    config = GlowTTSConfig()
    apply_overrides(config, parse_overrides([f"--coqpit.{word}" for word in argv]))
    return check_config(config)


def test_the_defaults_are_valid():
    assert checked() == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("lr=0", "lr = 0.0: must be above 0"),
        ("lr=-1", "lr = -1.0: must be above 0"),
        ("lr=inf", "lr = Infinity: must be above 0"),
        ("lr=[0.1,0]", "lr.1 = 0.0: must be above 0"),
        ("batch_size=0", "batch_size = 0: must be at least 1"),
        ("epochs=0", "epochs = 0"),
        ("grad_clip=-1", "grad_clip"),
        ("training_seed=-1", "training_seed"),
        ("num_loader_workers=-1", "num_loader_workers"),
        ("precision=fp8", 'precision = "fp8": must be one of fp16'),
        ("optimizer=Adamm", 'optimizer = "Adamm": must be one of RAdam'),
        ("optimizer_params.weight_decay=-1", "optimizer_params.weight_decay = -1: must be at least 0"),
        ("optimizer_params.betas=[0.9,1.5]", "optimizer_params.betas"),
        ("lr_scheduler=Noam", 'lr_scheduler = "Noam": must be one of NoamLR'),
        ("lr_scheduler_params.warmup_steps=0", "lr_scheduler_params.warmup_steps = 0: must be at least 1"),
        ("max_audio_len=0", "min_audio_len = 1 is above max_audio_len = 0"),
        ("eval_split_size=-0.1", "eval_split_size"),
        ("eval_split_size=2.5", "eval_split_size = 2.5"),
        ("eval_split_size=0", "eval_split_size = 0 holds no clip out"),
        ('test_sentences=["Hello.",""]', 'test_sentences.1 = ""'),
        ("audio.sample_rate=100", "audio.sample_rate = 100: must be at least 4000 and at most 192000"),
        ("audio.fft_size=512", "audio.win_length = 1024: must be at most audio.fft_size = 512"),
        ("audio.hop_length=2048", "audio.hop_length = 2048: must be at most audio.win_length = 1024"),
        ("audio.hop_length=null", "audio.hop_length = null: must be given"),
        ("audio.mel_fmax=12000", "audio.mel_fmax = 12000: must be at most half of audio.sample_rate, 11025"),
        ("audio.mel_fmin=20000", "audio.mel_fmin = 20000: must be below audio.mel_fmax, 11025"),
        ("audio.preemphasis=1", "audio.preemphasis"),
        ("audio.log_func=log", "audio.log_func"),
        ("audio.do_rms_norm=true", "audio.db_level = null"),
        ("audio.min_level_db=0", "audio.min_level_db = 0: must be below 0"),
        ("audio.num_mels=40", "out_channels = 80: must be audio.num_mels = 40"),
        ("num_splits=3", "num_splits = 3: must be even"),
        ("num_splits=6", "num_splits = 6: must divide out_channels times num_squeeze, 160"),
        ("num_squeeze=0", "num_squeeze = 0"),
        ("kernel_size_dec=4", "kernel_size_dec = 4: must be odd"),
        ("dropout_p_dec=1", "dropout_p_dec = 1.0: must be at least 0 and below 1"),
        ("length_scale=0", "length_scale"),
        ("r=2", "r = 2: must be 1"),
        ("use_d_vector_file=true", "d_vector_dim = 0"),
        ("encoder_type=lstm", 'encoder_type = "lstm": must be one of rel_pos_transformer'),
        ("encoder_type=gated_conv", "encoder_params.num_heads: gated_conv has no such argument"),
        ("encoder_params.num_heads=5", "encoder_params.num_heads = 5: must divide hidden_channels_enc = 192"),
        ("encoder_params.num_heads=0", "encoder_params.num_heads = 0: must be a whole number, at least 1"),
        ("encoder_params.num_layers=1.5", "encoder_params.num_layers = 1.5: must be a whole number"),
        ("encoder_params.dropout_p=2", "encoder_params.dropout_p = 2"),
        ('encoder_params={"kernel_size": 3}', "encoder_params.num_layers: is missing"),
    ],
)
def test_a_value_without_sense_is_found(word, expected):
    assert any(expected in fault for fault in checked(word)), checked(word)


@pytest.mark.parametrize(
    "words",
    [
        ["optimizer=radam"],
        ["lr_scheduler=null", "lr_scheduler_params={}"],
        ["lr_scheduler=ExponentialLR", 'lr_scheduler_params={"gamma": 0.99}'],
        ["eval_split_size=10"],
        ["eval_split_size=0", "run_eval=false"],
        ["test_delay_epochs=-1"],
        ["grad_clip=0"],
        ["audio.num_mels=40", "out_channels=40"],
        ["audio.sample_rate=16000", "audio.mel_fmax=8000"],
        ["use_d_vector_file=true", "d_vector_dim=256"],
        ["use_speaker_embedding=true"],
        ["encoder_type=gated_conv", 'encoder_params={"kernel_size": 5, "dropout_p": 0.1, "num_layers": 3}'],
    ],
)
def test_a_value_that_makes_sense_passes(words):
    assert checked(*words) == []


def test_of_many_faults_ten_are_named():
    config = GlowTTSConfig(test_sentences=["", *[[]] * 40])
    with pytest.raises(UserError) as refused:
        require_valid(config, "my.json")
    lines = str(refused.value).splitlines()
    assert lines[0] == "my.json: 41 values cannot be used:"
    assert len(lines) == 12
    assert lines[-1] == "  … and 31 more"
    values = {"model": "glow_tts", "test_sentences": [7] * 50}
    with pytest.raises(UserError, match="50 values have a wrong type") as refused:
        config_from_dict(values)
    assert len(str(refused.value).splitlines()) == 12
    with pytest.raises(UserError, match="50 overrides fail") as refused:
        apply_overrides(GlowTTSConfig(), parse_overrides([f"--coqpit.field_{number}=1" for number in range(50)]))
    assert len(str(refused.value).splitlines()) == 12


@pytest.mark.parametrize(
    "words",
    [
        "output_path=a\0b",
        "audio.stats_path=a\0b",
        "d_vector_file=a\0b",
        "datasets.0.path=\0",
        "datasets.0.meta_file_val=\0",
    ],
)
def test_a_nul_in_the_name_of_a_file_is_found(words):
    (fault,) = [fault for fault in checked(words) if "NUL" in fault]
    assert fault.startswith(words.partition("=")[0] + " = ")
    assert fault.isprintable()


def test_names_that_nobody_can_read_are_shown_so_that_they_fit_on_a_line():
    faults = check_config(GlowTTSConfig(encoder_params={**GlowTTSConfig().encoder_params, "a\0b": 1, "c" * 1000: 2}))
    assert len(faults) == 2
    assert all(fault.isprintable() and len(fault) < 400 for fault in faults)


def test_all_faults_are_one_error():
    config = GlowTTSConfig(lr=0.0, batch_size=0)
    with pytest.raises(UserError, match="my.json: 2 values cannot be used") as error:
        require_valid(config, "my.json")
    assert len(str(error.value).splitlines()) == 3
    with pytest.raises(UserError, match=r"^config: lr = 0\.0: must be above 0\.$"):
        require_valid(GlowTTSConfig(lr=0.0))
    require_valid(GlowTTSConfig())

"""Configs of releases from 2020 to 2023 mean the same under today's names."""

import pytest

from finetune_tts.config.making import unknown_fields
from finetune_tts.families.checks import check_config
from finetune_tts.families.loading import config_from_dict, current_form, load_config

FIRST_RELEASES = """{
    "model": "glow_tts",
    "run_name": "glow-tts-gatedconv",
    // AUDIO
    "audio": {
        "fft_size": 1024,       // number of frequencies
        "win_length": 1024, "hop_length": 256, "frame_length_ms": null, "frame_shift_ms": null,
        "sample_rate": 22050, "preemphasis": 0.0, "ref_level_db": 0, "power": 1.1, "griffin_lim_iters": 60,
        "do_trim_silence": true, "trim_db": 60.0, "num_mels": 80, "mel_fmin": 50.0, "mel_fmax": 7600,
        "spec_gain": 1.0, "signal_norm": false, "min_level_db": -100, "symmetric_norm": true, "max_norm": 1.0,
        "clip_norm": true, "stats_path": "/home/someone/scale_stats.npy"
    },
    "characters": {
        "pad": "_", "eos": "~", "bos": "^", "characters": "ABC abc", "punctuations": "!'(),-.:;? ", "phonemes": "iy"
    },
    "distributed": {"backend": "nccl", "url": "tcp:\\/\\/localhost:54323"},
    "reinit_layers": [],
    "use_mas": false,
    "hidden_channels_encoder": 128,
    "hidden_channels_decoder": 160,
    "hidden_channels_duration_predictor": 64,
    "use_encoder_prenet": true,
    "encoder_type": "gatedconv",
    "batch_size": 32, "eval_batch_size": 16, "r": 1, "loss_masking": true, "data_dep_init_iter": 7,
    "run_eval": true, "test_delay_epochs": -1, "test_sentences_file": null,
    "noam_schedule": true, "grad_clip": 5.0, "epochs": 10000, "lr": 1e-3, "wd": 0.000002, "warmup_steps": 3000,
    "seq_len_norm": false,
    "tb_plot_step": 50, "checkpoint": false, "keep_all_best": true, "keep_after": 123, "tb_model_param_stats": true,
    "apex_amp_level": null,
    "text_cleaner": "phoneme_cleaners", "enable_eos_bos_chars": true,
    "num_loader_workers": 4, "num_val_loader_workers": 3, "min_seq_len": 3, "max_seq_len": Infinity,
    "phoneme_cache_path": "/home/someone/cache", "use_phonemes": true, "phoneme_language": "en-us",
    "use_speaker_embedding": false,
    "use_external_speaker_embedding_file": false,
    "external_speaker_embedding_file": false,
    "datasets": [
        {"name": "ljspeech", "path": "/data/LJSpeech-1.1/", "meta_file_train": "metadata.csv", "meta_file_val": null}
    ]
}"""


def test_a_config_of_the_first_releases(config_file):
    config = load_config(config_file(FIRST_RELEASES))
    assert (config.hidden_channels_enc, config.hidden_channels_dec, config.hidden_channels_dp) == (128, 160, 64)
    assert config.encoder_type == "gated_conv"
    assert config.encoder_params == {"kernel_size": 5, "dropout_p": 0.1, "num_layers": 9}
    assert config.data_dep_init_steps == 7
    assert config.optimizer_params == {"betas": [0.9, 0.998], "weight_decay": 0.000002}
    assert (config.lr_scheduler, config.lr_scheduler_params) == ("NoamLR", {"warmup_steps": 3000})
    assert config.scheduler_after_epoch is False
    assert (config.plot_step, config.save_checkpoints, config.save_all_best) == (50, False, True)
    assert (config.save_best_after, config.model_param_stats, config.num_eval_loader_workers) == (123, True, 3)
    assert config.distributed_url == "tcp://localhost:54323"
    assert (config.use_d_vector_file, config.d_vector_file) == (False, None)
    assert config.audio.spec_gain == 1
    assert config.audio.trim_db == 60
    assert config.audio.mel_fmax == 7600.0
    assert config.audio.stats_path == "/home/someone/scale_stats.npy"
    assert config.characters.phonemes == "iy"
    assert config.characters.characters_class is None
    assert config.datasets[0].formatter == "ljspeech"
    assert config.datasets[0].meta_file_val == ""
    assert config.max_seq_len == float("inf")
    assert set(unknown_fields(config)) == {"reinit_layers", "use_mas", "seq_len_norm", "apex_amp_level"}
    assert check_config(config) == []


def test_today_s_names_count_where_both_stand():
    config = config_from_dict({"model": "glow_tts", "tb_plot_step": 50, "plot_step": 70})
    assert config.plot_step == 70
    assert unknown_fields(config) == {"tb_plot_step": 50}


def test_speaker_vectors_under_their_old_names():
    config = config_from_dict(
        {
            "model": "glow_tts",
            "use_external_speaker_embedding_file": True,
            "external_speaker_embedding_file": "/home/someone/speakers.json",
        }
    )
    assert config.use_d_vector_file is True
    assert config.d_vector_file == "/home/someone/speakers.json"
    assert config.d_vector_files == ["/home/someone/speakers.json"]


@pytest.mark.parametrize("group", ["characters", "audio", "text", "model_args"])
def test_text_fields_are_found_in_other_groups(group):
    config = config_from_dict(
        {"model": "glow_tts", group: {"text_cleaner": "basic_cleaners", "phoneme_language": "de", "use_phonemes": True}}
    )
    assert (config.text_cleaner, config.phoneme_language, config.use_phonemes) == ("basic_cleaners", "de", True)
    assert unknown_fields(config) == {}


def test_phonemes_at_top_level_belong_to_the_characters():
    config = config_from_dict({"model": "glow_tts", "phonemes": "iy", "characters": {"pad": "_", "unique": False}})
    assert config.characters.phonemes == "iy"
    assert config.characters.is_unique is False
    assert config_from_dict({"model": "glow_tts", "phonemes": "iy", "characters": None}).characters.phonemes == "iy"


def test_no_schedule_where_the_old_switch_is_off():
    config = config_from_dict({"model": "glow_tts", "noam_schedule": False, "warmup_steps": 4000})
    assert config.lr_scheduler is None
    assert config.lr_scheduler_params == {}


def test_the_old_phonemizer_switch():
    config = config_from_dict({"model": "glow_tts", "use_phonemes": True, "use_espeak_phonemes": True})
    assert config.phonemizer == "espeak"


def test_speakers_listed_as_metadata_are_left_out():
    config = config_from_dict({"model": "glow_tts", "datasets": [{"name": "vctk", "meta_file_train": ["p225"]}]})
    assert config.datasets[0].ignored_speakers == ["p225"]
    assert config.datasets[0].meta_file_train == ""


def test_one_data_set_outside_a_list_and_frequencies_for_a_size():
    config = config_from_dict({"model": "glow_tts", "datasets": {"name": "x"}, "audio": {"num_freq": 513}})
    assert config.datasets[0].formatter == "x"
    assert config.audio.fft_size == 1024


def test_frames_in_milliseconds_stay_null_in_samples():
    audio = {"hop_length": None, "win_length": None, "frame_shift_ms": 12.5, "frame_length_ms": 50}
    config = config_from_dict({"model": "glow_tts", "audio": audio})
    assert config.audio.hop_length is None
    assert check_config(config) == []


@pytest.mark.parametrize(
    "values",
    [
        {"model": ["x"], "datasets": [3], "characters": 5, "audio": "x", "distributed": 3, "encoder_type": 1},
        {"datasets": None, "characters": None, "audio": None, "wd": None, "noam_schedule": 3, "d_vector_file": 3},
        {"audio": {"num_freq": "x"}, "characters": {"unique": None}, "text": {}},
    ],
)
def test_values_of_a_wrong_type_pass_through_for_the_reader_to_name(values):
    assert isinstance(current_form(values), dict)


def test_old_tacotrons_are_brought_up_to_date():
    old = {
        "model": "Tacotron2",
        "audio": {"num_mels": 60, "num_freq": 513},
        "r": 7,
        "gradual_training": [[0, 7, 64], [1, 5, 64]],
        "use_gst": True,
        "gst": {"gst_style_tokens": 5, "gst_style_input": {"0": 0.5}, "gst_embedding_dim": 16},
        "external_speaker_embedding_file": "vectors.json",
        "use_external_speaker_embedding_file": True,
    }
    config = config_from_dict(old)
    assert config.model == "tacotron2"
    assert (config.decoder_output_dim, config.out_channels) == (60, 60)
    assert config.gradual_training == [[0, 7, 64], [1, 5, 64]]
    assert (config.gst.gst_num_style_tokens, config.gst.gst_style_input_weights) == (5, {"0": 0.5})
    assert config.use_d_vector_file
    assert config.d_vector_dim == 512
    assert config.spectrogram_error == "mse"


def test_a_model_called_tacotron_with_a_capital_was_trained_with_absolute_errors():
    old = config_from_dict({"model": "Tacotron", "audio": {"fft_size": 2048}, "gst": {"gst_style_input": "a.wav"}})
    assert (old.model, old.spectrogram_error, old.out_channels) == ("tacotron", "l1", 1025)
    assert old.gst.gst_style_input_wav == "a.wav"
    assert config_from_dict({"model": "tacotron"}).spectrogram_error == "mse"
    # What was brought up to date stays what it is.
    assert config_from_dict(old.to_dict()).spectrogram_error == "l1"


@pytest.mark.parametrize("written", [None, "Infinity", "inf"])
def test_no_bound_of_a_length_in_every_spelling(written):
    assert current_form({"max_text_len": written})["max_text_len"] == float("inf")

"""Vocoders from the command line: tuned, stopped, resumed, and spoken with."""

import json
import shutil
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.families.building import build_discriminator, build_generator, build_model
from finetune_tts.families.loading import load_vocoder_config, vocoder_config_from_dict
from finetune_tts.layers.gan import GANVocoder
from finetune_tts.runs.history import read_history

AUDIO = {"sample_rate": 8000, "fft_size": 256, "win_length": 256, "hop_length": 64, "num_mels": 20,
         "mel_fmax": 4000.0, "do_trim_silence": False}  # fmt: skip
LOSSES = {
    "stft_loss_params": {"n_ffts": [128], "hop_lengths": [32], "win_lengths": [64]},
    "subband_stft_loss_params": {"n_ffts": [64], "hop_lengths": [16], "win_lengths": [32]},
    "l1_spec_loss_params": {"use_mel": True, "sample_rate": 8000, "n_fft": 256, "hop_length": 64, "win_length": 256,
                            "n_mels": 20, "mel_fmin": 0.0, "mel_fmax": None},
}  # fmt: skip
TINY_JUDGE = {
    "discriminator_model": "melgan_multiscale_discriminator",
    "discriminator_model_params": {"base_channels": 4, "max_channels": 8, "downsample_factors": [4]},
}
FAMILIES: dict[str, dict[str, Any]] = {
    "hifigan": {
        "generator_model_params": {
            "upsample_factors": [8, 8], "upsample_kernel_sizes": [16, 16], "upsample_initial_channel": 16,
            "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1, 3]], "resblock_type": "2",
        },
    },
    "melgan": {"generator_model_params": {"upsample_factors": [8, 8], "num_res_blocks": 1}},
    "fullband_melgan": {"generator_model_params": {"upsample_factors": [8, 8], "num_res_blocks": 1}},
    "multiband_melgan": {"generator_model_params": {"upsample_factors": [4, 4], "num_res_blocks": 1}},
    "parallel_wavegan": {
        "generator_model_params": {"upsample_factors": [8, 8], "num_res_blocks": 2, "stacks": 1},
        "discriminator_model": "parallel_wavegan_discriminator",
        "discriminator_model_params": {"num_layers": 3},
    },
    "univnet": {
        "generator_model_params": {
            "upsample_factors": [8, 8], "in_channels": 4, "hidden_channels": 4, "kpnet_hidden_channels": 8,
            "lvc_layers_each_block": 1,
        },
    },
}  # fmt: skip


OTHERS: dict[str, dict[str, Any]] = {
    "wavegrad": {
        "model_params": {
            "in_channels": 20, "x_conv_channels": 8, "y_conv_channels": 4, "upsample_factors": [8, 8],
            "ublock_out_channels": [8, 4], "dblock_out_channels": [8], "upsample_dilations": [[1, 2, 1, 2]] * 2,
        },
        "test_noise_schedule": {"min_val": 1e-4, "max_val": 0.05, "num_steps": 3},
    },
    "wavernn": {
        "model_args": {
            "rnn_dims": 8, "fc_dims": 8, "compute_dims": 8, "res_out_dims": 8, "num_res_blocks": 1, "feat_dims": 20,
            "upsample_factors": [8, 8], "mode": "mold",
        },
        "target_samples": 800, "overlap_samples": 64,
    },
}  # fmt: skip
LARGE = ("melgan", "fullband_melgan", "univnet")


def write_vocoder(folder: Path, family: str, **fields: Any) -> Path:
    """A release without discriminator, in the form of early ones: the generator's tensors without a prefix."""
    folder.mkdir(parents=True)
    values = {
        "model": family, "audio": AUDIO, "output_path": "/home/someone", "data_path": "/home/someone/wavs",
        "seq_len": 512, "pad_short": 64, "batch_size": 4, "eval_batch_size": 4,
        "mixed_precision": False,
    }  # fmt: skip
    if family in FAMILIES:
        values |= {"lr_gen": 1e-3, "lr_disc": 1e-3, "steps_to_start_discriminator": 200_000, **LOSSES, **TINY_JUDGE}
    values |= {**FAMILIES, **OTHERS}[family] | fields
    torch.manual_seed(1)
    network = build_model(vocoder_config_from_dict(values, quiet=True), for_training=False)
    torch.save({"model": network.state_dict(), "step": 7}, folder / "model_file.pth")
    (folder / "config.json").write_text(json.dumps(values))
    return folder


@pytest.fixture
def make_vocoder(tmp_path):
    return lambda family="hifigan", name="vocoder", **fields: write_vocoder(tmp_path / name, family, **fields)


@pytest.fixture
def wavs(recordings):
    """A folder of recordings without transcripts."""
    return recordings / "wavs"


def samples(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2"), file.getframerate()


def weights(folder, step):
    return read_checkpoint(folder / f"checkpoint_{step}.pth").model


@pytest.mark.parametrize(
    "family",
    # These have channels that a config cannot lower.
    [pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE)) for name in FAMILIES],
)
def test_a_vocoder_is_tuned_stopped_resumed_and_spoken_with(tune, tts, make_vocoder, wavs, release, family):
    start = ["--restore_path", make_vocoder(family), "--dataset_path", wavs, "--discriminator_warm_up", 1]
    straight = tune(*start, "--output_path", "straight", "--max_steps", 3).run_folder
    stopped = tune(*start, "--output_path", "stopped", "--max_steps", 2)
    assert "the discriminator, which is fresh" in stopped.err
    again = tune("--continue_path", stopped.run_folder, "--max_steps", 3)

    assert again.run_folder == stopped.run_folder
    for name, tensor in weights(straight, 3).items():
        assert torch.equal(weights(again.run_folder, 3)[name], tensor), name
    outcome = tts(
        "--model_path", release, "--vocoder_path", again.run_folder, "--text", "a bad egg", "--out_path", "egg.wav"
    )
    assert outcome.status == 0, outcome.err
    spoken, rate = samples("egg.wav")
    assert rate == 8000
    assert len(spoken) > 2000
    assert spoken.any()


@pytest.mark.parametrize("family", OTHERS)
def test_a_vocoder_without_discriminator_is_tuned_stopped_resumed_and_spoken_with(
    tune, tts, make_vocoder, wavs, release, family
):
    start = ["--restore_path", make_vocoder(family), "--dataset_path", wavs, "--coqpit.lr", 0.001]
    straight = tune(*start, "--output_path", "straight", "--max_steps", 3).run_folder
    stopped = tune(*start, "--output_path", "stopped", "--max_steps", 2).run_folder
    again = tune("--continue_path", stopped, "--max_steps", 3).run_folder

    for name, tensor in weights(straight, 3).items():
        assert torch.equal(weights(again, 3)[name], tensor), name
    assert list(again.glob("samples/step_*/*.wav"))
    speak = ["--model_path", release, "--vocoder_path", again, "--text", "a bad egg", "--out_path", "egg.wav"]
    assert tts(*speak).status == 0
    assert samples("egg.wav")[0].any()


def test_a_run_folder_holds_the_whole_vocoder_and_what_it_sounds_like(tune, make_vocoder, wavs):
    outcome = tune("--restore_path", make_vocoder(), "--dataset_path", wavs, "--output_path", "out", "--max_steps", 4)
    folder = outcome.run_folder

    assert {"config.json", "best_model.pth", "history.jsonl", "restore_report.json"} <= {
        p.name for p in folder.iterdir()
    }
    names = {name.split(".")[0] for name in weights(folder, 4)}
    assert names == {"model_g", "model_d"}
    assert any(name.endswith("weight_g") for name in weights(folder, 4))
    heard = [path.name for path in folder.glob("samples/step_*/*.wav")]
    assert any("recorded" in name for name in heard)
    assert any("recorded" not in name for name in heard)
    config = load_vocoder_config(folder / "config.json")
    assert config.steps_to_start_discriminator == 0
    assert config.data_path == ""
    assert "/home/someone" not in (folder / "config.json").read_text()
    held_out = [entry for entry in read_history(folder) if entry.split == "eval"]
    assert {"loss_0", "loss_1", "mel_error", "G_l1_spec_loss"} <= set(held_out[-1].losses)
    assert float(outcome.line("best held-out loss:").split()[0]) == pytest.approx(
        min(entry.losses["mel_error"] for entry in held_out), abs=1e-4
    )
    assert f"--vocoder_path {folder}/best_model.pth" in outcome.line("synthesise with it:")


def test_a_release_with_its_discriminator_needs_no_warm_up(tune, make_vocoder, wavs):
    folder = make_vocoder()
    config = load_vocoder_config(folder / "config.json", quiet=True)
    network = GANVocoder(generator=build_generator(config), discriminator=build_discriminator(config))
    torch.save({"model": network.state_dict()}, folder / "model_file.pth")
    outcome = tune("--restore_path", folder, "--dataset_path", wavs, "--output_path", "out", "--max_steps", 1)
    assert outcome.status == 0, outcome.err
    assert "Steps 1 to" not in outcome.err


def test_the_generator_stays_as_it_is_while_a_fresh_discriminator_learns(tune, make_vocoder, wavs):
    folder = make_vocoder()
    released = torch.load(folder / "model_file.pth", weights_only=True)["model"]
    words = ["--dataset_path", wavs, "--output_path", "out", "--max_steps", 2, "--discriminator_warm_up", 2]
    run = tune("--restore_path", folder, *words).run_folder
    tuned = weights(run, 2)
    for name, tensor in released.items():
        assert torch.equal(tuned[f"model_g.{name}"], tensor), name


def test_lr_sets_both_rates_of_a_vocoder(tune, make_vocoder, wavs):
    words = ["--restore_path", make_vocoder(), "--dataset_path", wavs, "--output_path", "out", "--max_steps", 1]
    outcome = tune(*words, "--coqpit.lr", "0.00001", "--coqpit.lr_disc", "0.00002")
    assert "Learning rate of step 1, discriminator: 2e-05" in outcome.err
    assert "Learning rate of step 1, generator: 1e-05" in outcome.err


def test_the_field_of_coqui_for_recordings_and_a_config_of_ones_own(tune, make_vocoder, wavs):
    folder = make_vocoder(steps_to_start_discriminator=5)
    config = folder / "config.json"
    values = json.loads(config.read_text())
    own = Path("own.json")
    own.write_text(json.dumps({**values, "data_path": str(wavs), "output_path": "out", "epochs": 1}))
    outcome = tune("--config_path", own, "--max_steps", 1)
    assert outcome.status == 0, outcome.err
    assert "Steps 1 to 5: the generator learns alone" in outcome.err


def test_a_vocoder_learns_from_the_spectrograms_of_an_acoustic_model(tune, make_vocoder, release, recordings, tmp_path):
    mels = tmp_path / "mels"
    outcome = tune("--restore_path", release, "--extract_features", mels, "--dataset_path", recordings)
    assert outcome.status == 0, outcome.err
    assert outcome.line("features: ") == f"{mels} (9 recordings)"
    written = sorted(path.name for path in mels.rglob("clip*.npy"))
    assert written == [f"clip{number}.npy" for number in range(9)]
    words = ["--restore_path", make_vocoder(), "--dataset_path", recordings, "--output_path", "out", "--max_steps", 2]
    run = tune(*words, "--coqpit.feature_path", mels)
    assert run.status == 0, run.err
    assert load_vocoder_config(run.run_folder / "config.json", quiet=True).feature_path.endswith("mels")


def test_spectrograms_of_recordings_outside_the_data_set_stay_in_their_folder(
    tune, make_vocoder, release, recordings, tmp_path
):
    lines = [f"{recordings}/wavs/clip{number}.wav|a bad egg\n" for number in range(9)]
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metadata.csv").write_text("audio_file|text\n" + "".join(lines))
    mels = tmp_path / "deep" / "mels"
    for name in ("first", "second"):
        words = ("--restore_path", release, "--extract_features", mels, "--dataset_path", tmp_path / name)
        assert tune(*words).status == 0
    written = [path for path in tmp_path.rglob("clip*.npy")]
    assert sorted(path.name for path in written) == [f"clip{number}.npy" for number in range(9)]
    assert all(path.is_relative_to(mels) for path in written)
    words = ("--restore_path", make_vocoder(), "--dataset_path", recordings, "--output_path", "out", "--max_steps", 1)
    assert tune(*words, "--coqpit.feature_path", mels).status == 0


def test_spectrograms_that_cannot_be_extracted_or_used_are_refused(
    tune, make_vocoder, wavs, recordings, release, tmp_path
):
    words = ["--restore_path", make_vocoder(), "--dataset_path", wavs, "--output_path", "out", "--max_steps", 1]
    tune(*words, "--coqpit.feature_path", tmp_path / "none").refused("feature_path", "--extract_features")
    tune("--extract_features", tmp_path / "mels", "--dataset_path", recordings).refused("--restore_path")
    tune("--restore_path", release, "--extract_features", release / "config.json").refused("is a file")
    tune("--restore_path", release, "--extract_features", tmp_path / "mels").refused("--dataset_path")


def test_mistakes_about_vocoders_are_refused(tune, tts, make_vocoder, wavs, release, tmp_path):
    folder = make_vocoder()
    tune("--restore_path", folder).refused("Where are the recordings?", "--dataset_path")
    tune("--restore_path", folder, "--dataset_path", wavs, "--coqpit.seq_len", 500).refused("seq_len", "512")
    tune("--restore_path", folder, "--dataset_path", wavs, "--coqpit.audio.hop_length", 32).refused("upsample_factors")
    speak = ["--model_path", release, "--text", "egg"]
    tts(*speak, "--vocoder_config_path", folder / "config.json").refused("--vocoder_path")
    tts(*speak, "--vocoder_name", "x", "--vocoder_path", folder).refused("--vocoder_name brings its own files")
    tts(*speak, "--vocoder_name", "tts_models/en/ljspeech/glow-tts").refused("is no vocoder")
    tts(*speak, "--vocoder_path", tmp_path / "gone").refused("gone")
    other = make_vocoder(name="other", audio={**AUDIO, "num_mels": 30})
    tts(*speak, "--vocoder_path", other).refused("20 mel bands and the vocoder 30", "Griffin-Lim")


def test_a_vocoder_of_another_normalisation_speaks_alike(tts, make_vocoder, release):
    words = ["--model_path", release, "--text", "a bad egg"]
    first = make_vocoder()
    config = json.loads((first / "config.json").read_text())
    assert tts(*words, "--vocoder_path", first, "--out_path", "a.wav", "--save_spectrogram").status == 0
    mel = np.load("a.npy")
    assert mel.shape[0] == config["audio"]["num_mels"]
    assert len(samples("a.wav")[0]) == mel.shape[1] * 64


def test_griffin_lim_is_said_where_no_vocoder_is_named(tts, release):
    outcome = tts("--model_path", release, "--text", "egg")
    assert "Griffin-Lim" in outcome.err


@pytest.mark.parametrize(
    "family", [pytest.param(family, marks=[pytest.mark.slow] if family in LARGE else []) for family in FAMILIES]
)
def test_a_vocoder_can_be_checked_and_needs_no_text(tune, make_vocoder, wavs, tmp_path, family):
    words = ("--restore_path", make_vocoder(family), "--dataset_path", wavs, "--check")
    outcome = tune(*words, "--check_json", tmp_path / "check.json")
    assert outcome.status == 0, outcome.err
    report = json.loads((tmp_path / "check.json").read_text())
    ids = {finding["id"]: finding["severity"] for finding in report["findings"]}
    assert ids["restore"] == "advises"  # the release has no discriminator
    assert ids["memory"] == ids["steps"] == ids["disk"] == ids["audio_settings"] == "fine"
    assert not {"coverage", "no_text", "text_settings", "pace"} & set(ids)
    assert report["data"]["clips"] == len(list(wavs.iterdir()))
    assert report["trial"]["measured_steps"] == 3
    assert report["trial"]["longest_seconds"] == 512 / 8000
    assert {"lr_gen", "lr_disc", "batch_size"} <= {advice["field"] for advice in report["advice"]}
    assert not list(tmp_path.glob("output/*-*-*"))


@pytest.mark.parametrize("family", OTHERS)
def test_vocoders_without_a_discriminator_can_be_checked(tune, make_vocoder, wavs, tmp_path, family):
    words = ("--restore_path", make_vocoder(family), "--dataset_path", wavs, "--check")
    outcome = tune(*words, "--check_json", tmp_path / "check.json")
    assert outcome.status == 0, outcome.err
    report = json.loads((tmp_path / "check.json").read_text())
    ids = {finding["id"]: finding["severity"] for finding in report["findings"]}
    assert ids["restore"] == ids["memory"] == ids["steps"] == ids["disk"] == "fine"
    assert report["trial"]["measured_steps"] == 3
    assert {"lr", "batch_size"} <= {advice["field"] for advice in report["advice"]}


def test_a_vocoders_run_begins_with_a_short_check(tune, make_vocoder, wavs):
    words = ("--restore_path", make_vocoder(), "--dataset_path", wavs, "--max_steps", 1)
    assert "Check of " in tune(*words).err
    assert "Check of " not in tune(*words, "--no_check").err


def test_a_vocoder_that_is_given_other_spectrograms_is_told(tune, make_vocoder, wavs):
    words = ("--restore_path", make_vocoder(), "--dataset_path", wavs, "--check")
    outcome = tune(*words, "--coqpit.audio.mel_fmax", "3500.0")
    assert "audio.mel_fmax 4000.0 → 3500.0" in outcome.out


@pytest.fixture
def paired_catalog(make_vocoder, release, monkeypatch):
    """A catalog with a model in the cache, and the vocoder that it names, in the cache too."""
    home = Path("home").absolute()
    monkeypatch.setenv("TTS_HOME", str(home))
    names = ("tts_models/xx/test/glow-tts", "vocoder_models/xx/test/hifigan")
    shutil.copytree(release, home / "tts" / names[0].replace("/", "--"))
    shutil.copytree(make_vocoder(), home / "tts" / names[1].replace("/", "--"))
    entries = [
        {"name": names[0], "architecture": "glow_tts", "addresses": ["http://127.0.0.1:9/a.zip"],
         "default_vocoder": names[1]},
        {"name": names[1], "architecture": "hifigan", "addresses": ["http://127.0.0.1:9/b.zip"]},
    ]  # fmt: skip
    Path("catalog.json").write_text(json.dumps({"models": entries}))
    monkeypatch.setenv("TTS_MODELS_FILE", str(Path("catalog.json").absolute()))
    return names


def test_a_model_speaks_with_the_vocoder_of_the_catalog_and_so_does_its_run(tune, tts, paired_catalog, recordings):
    model, vocoder = paired_catalog
    outcome = tts("--model_name", model, "--text", "a bad egg", "--out_path", "a.wav")
    assert outcome.line("vocoder: ") == vocoder, outcome.err
    named = tts("--model_name", model, "--vocoder_name", vocoder, "--text", "a bad egg", "--out_path", "b.wav")
    assert named.line("vocoder: ") == vocoder
    assert np.array_equal(samples("a.wav")[0], samples("b.wav")[0])

    run = tune("--model_name", model, "--dataset_path", recordings, "--output_path", "out", "--max_steps", 1)
    assert run.status == 0, run.err
    assert "Samples are generated with the vocoder hifigan" in run.err
    assert tts("--model_path", run.run_folder, "--text", "a bad egg").line("vocoder: ") == vocoder


def test_a_model_in_the_cache_speaks_without_network_although_its_vocoder_is_not_there(tts, paired_catalog):
    model, vocoder = paired_catalog
    shutil.rmtree(Path("home/tts") / vocoder.replace("/", "--"))
    outcome = tts("--model_name", model, "--text", "a bad egg", "--out_path", "a.wav")
    assert outcome.status == 0
    assert "so Griffin-Lim generates the waveform" in outcome.err
    tts("--model_name", model, "--vocoder_name", vocoder, "--text", "egg").refused(vocoder)


def test_a_vocoder_is_tuned_by_its_catalog_name(tune, paired_catalog, wavs):
    run = tune("--model_name", paired_catalog[1], "--dataset_path", wavs, "--output_path", "out", "--max_steps", 1)
    assert run.status == 0, run.err


def test_the_report_of_a_vocoder_makes_recordings_anew(tune, make_vocoder, wavs):
    outcome = tune("--restore_path", make_vocoder(), "--dataset_path", wavs, "--max_steps", 2)
    text = Path(outcome.line("report:")).read_text(encoding="utf-8")
    assert text.count("<audio ") == 3  # one held-out recording: itself, by the base, by the fine-tuned vocoder
    assert "mel-cepstral distortion" in text
    assert "--vocoder_path" in text


def test_what_is_heard_of_a_vocoder_is_how_far_it_is_from_the_recordings(tune, make_vocoder, wavs):
    start = ["--restore_path", make_vocoder(), "--dataset_path", wavs, "--output_path", "out", "--no_report"]
    folder = tune(*start, "--max_steps", 2, "--select_by", "mcd", "--coqpit.eval_split_size", 3).run_folder
    look = [entry for entry in read_history(folder) if entry.split == "heard"][-1]
    assert look.step == 2
    assert {"mcd", "duration", "energy"} <= look.losses.keys()
    assert not {"wer", "focus"} & look.losses.keys()
    assert look.losses["duration"] == pytest.approx(1, abs=0.3)
    assert (folder / "best_by_ear.pth").is_file()

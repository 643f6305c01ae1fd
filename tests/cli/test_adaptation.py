"""What of a network learns, and how fast, in whole runs."""

import json
from pathlib import Path

import pytest
import torch

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model, make_task
from finetune_tts.families.loading import any_config_from_dict

TINY = Path(__file__).parents[1] / "families" / "tiny"


def task_of(name, **fields):
    config = any_config_from_dict({**json.loads((TINY / f"{name}.json").read_text()), **fields}, quiet=True)
    torch.manual_seed(0)
    return make_task(build_model(config, 9), config)


@pytest.mark.parametrize("value", ["encoder.emb,decoder.*", ["encoder.emb", "decoder.*"]])
def test_a_list_and_commas_freeze_the_same(value):
    task = task_of("glow_tts", freeze=value)
    frozen = {name for name, weight in task.network.named_parameters() if not weight.requires_grad}
    assert frozen == {
        name for name, _ in task.network.named_parameters() if name.startswith(("encoder.emb.", "decoder."))
    }
    assert len(frozen) > 5


@pytest.mark.parametrize("name", ["hifigan", "vits"])
def test_a_whole_part_of_an_adversarial_task_has_to_learn(name):
    discriminator = {"hifigan": "model_d", "vits": "disc"}[name]
    with pytest.raises(UserError, match="leaves nothing of the discriminator to learn"):
        task_of(name, freeze=discriminator).get_optimizer()


QUICK = ("--no_report", "--no_check", "--coqpit.batch_size", 4, "--coqpit.epochs", 50)


def weights(folder, step):
    return read_checkpoint(folder / f"checkpoint_{step}.pth").model


def moved(folder, first=1, last=2):
    before, after = weights(folder, first), weights(folder, last)
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_the_parts_of_a_gan_that_are_frozen_stay_and_the_others_move(tmp_path, recordings, tune):
    (tmp_path / "config.json").write_text((TINY / "hifigan.json").read_text())
    outcome = tune(
        "--config_path", "config.json", "--dataset_path", recordings, *QUICK, "--max_steps", 2,
        "--coqpit.save_step", 1, "--coqpit.freeze", "model_g.conv_pre,model_d.discriminators.0.*",
    )  # fmt: skip
    found = moved(outcome.run_folder)
    assert not {name for name in found if name.startswith(("model_g.conv_pre.", "model_d.discriminators.0."))}
    assert any(name.startswith("model_g.ups.") for name in found)
    assert any(name.startswith("model_d.discriminators.1.") for name in found)


def test_a_frozen_encoder_stays_with_its_statistics_and_a_run_is_resumed_with_it(release, recordings, tune):
    start = ("--restore_path", release, "--dataset_path", recordings, *QUICK, "--coqpit.save_step", 1)
    start += ("--coqpit.save_n_checkpoints", 9)
    start += ("--coqpit.freeze", "encoder", "--coqpit.lr_by", '{"decoder.flows.*": 0.5}')
    outcome = tune(*start, "--output_path", "straight", "--max_steps", 3)
    run = outcome.run_folder
    assert {name.split(".")[0] for name in moved(run)} == {"decoder"}
    stopped = tune(*start, "--output_path", "stopped", "--max_steps", 2).run_folder
    tune("--continue_path", stopped, "--max_steps", 3, "--coqpit.freeze", "decoder").refused("freeze decoder", "keeps")
    tune("--continue_path", stopped, "--max_steps", 3, "--coqpit.lr_by", '{"decoder": 2.0}').refused("lr_by", "keeps")
    again = tune("--continue_path", stopped, "--max_steps", 3, "--no_report", "--no_check")
    expected, found = weights(run, 3), weights(again.run_folder, 3)
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    config = json.loads((run / "config.json").read_text())
    assert (config["freeze"], config["lr_by"]) == ("encoder", {"decoder.flows.*": 0.5})


def test_a_config_without_such_fields_tells_nothing_of_them(tuned):
    assert not {"freeze", "lr_by"} & json.loads((tuned / "config.json").read_text()).keys()


def test_a_rate_by_pattern_is_a_factor_of_the_runs(release, recordings, tune):
    start = ("--restore_path", release, "--dataset_path", recordings, *QUICK, "--max_steps", 1)
    start += ("--coqpit.optimizer", "SGD", "--coqpit.optimizer_params", "{}", "--coqpit.grad_clip", 0)
    plain = tune(*start, "--output_path", "plain").run_folder
    other = tune(*start, "--output_path", "other", "--coqpit.lr_by", '{"encoder": 0.5, "encoder.emb": 3.0}').run_folder
    before = read_checkpoint(release).model
    plainly, otherwise = weights(plain, 1), weights(other, 1)
    for name, factor in (("encoder.emb.weight", 3.0), ("encoder.proj_m.weight", 0.5), ("decoder.flows.0.logs", 1.0)):
        step = plainly[name] - before[name]
        assert step.abs().max() > 0
        torch.testing.assert_close(otherwise[name] - before[name], factor * step, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--coqpit.freeze", "decodr.*"), ("freeze decodr.*", "names no weight", "decoder")),
        (("--coqpit.freeze", "*"), ("freeze *", "leaves nothing")),
        (("--coqpit.lr_by", '{"encodr": 2}'), ("lr_by encodr", "names no weight", "encoder")),
        (("--coqpit.lr_by", '{"encoder": 0}'), ("lr_by.encoder = 0", "above 0", "freeze")),
        (("--coqpit.lr_by", '{"encoder": 2}', "--coqpit.freeze", "encoder"), ("lr_by encoder", "frozen")),
    ],
)
def test_what_makes_no_sense_is_refused(flags, said, release, recordings, tune):
    start = ("--restore_path", release, "--dataset_path", recordings, *QUICK, "--max_steps", 1)
    tune(*start, *flags).refused(*said)


ADAPTERS = ("--coqpit.lora_rank", 2)


def test_adapters_stand_where_the_user_wants_them_and_new_speakers_learn(choir, tmp_path, make_recordings, tune):
    data = make_recordings(tmp_path / "data")
    lines = [line.split("|") for line in (data / "metadata.csv").read_text().splitlines()]
    table = [f"wavs/{clip}.wav|{text}|eve" for clip, text, _ in lines]
    (data / "metadata.csv").write_text("\n".join(["audio_file|text|speaker_name", *table]) + "\n")
    start = ("--restore_path", choir, "--dataset_path", data, *QUICK, "--max_steps", 2, "--coqpit.lr", 0.01)
    outcome = tune(*start, *ADAPTERS, "--coqpit.lora_targets", "decoder.flows.2.*", "--coqpit.save_step", 1)
    found = weights(outcome.run_folder, 2)
    places = {name.partition(".adapter.")[0] for name in found if ".adapter." in name}
    assert places
    assert all(name.startswith("decoder.flows.2.") for name in places)
    (speakers,) = {name: tensor for name, tensor in found.items() if name.startswith("emb_g")}.values()
    assert len(speakers) == 3
    assert {"encoder.emb.weight", "emb_g.weight"} <= found.keys()


def test_a_run_with_adapters_is_reported_and_checked(release, recordings, tune):
    start = ("--restore_path", release, "--dataset_path", recordings, *ADAPTERS, "--max_steps", 2)
    outcome = tune(*start, "--coqpit.batch_size", 4)
    assert outcome.status == 0, outcome.err
    assert (outcome.run_folder / "report.html").is_file()
    assert (outcome.run_folder / "model.pth").is_file()
    again = tune("--restore_path", outcome.run_folder, "--dataset_path", recordings, "--check")
    assert again.status == 0, again.err


def test_a_run_with_adapters_whose_base_is_gone_says_so(release, recordings, tune, tts):
    start = ("--restore_path", release, "--dataset_path", recordings, *QUICK, *ADAPTERS, "--max_steps", 1)
    run = tune(*start).run_folder
    (run / "base_model.pth").unlink()
    tune("--continue_path", run, "--max_steps", 2).refused("base_model.pth is missing", "model.pth")
    assert tts("--model_path", run, "--text", "a bad egg.").status == 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--coqpit.lora_rank", 2, "--coqpit.lora_targets", "decodr"), ("lora_targets decodr", "decoder")),
        (("--coqpit.lora_rank", 4000), ("lora_rank 4000", "lower rank")),
        (("--coqpit.lora_rank", -1), ("lora_rank = -1", "at least 0")),
    ],
)
def test_adapters_that_cannot_stand_anywhere_are_refused(flags, said, release, recordings, tune):
    tune("--restore_path", release, "--dataset_path", recordings, *QUICK, *flags).refused(*said)


def test_adapters_beside_random_weights_are_refused(config_file, tune):
    tune("--config_path", config_file(), *ADAPTERS, "--no_check").refused("lora_rank 2", "--restore_path")


def test_adapters_of_a_vocoder_are_refused_with_the_reason(recordings, tune):
    start = ("--config_path", TINY / "hifigan.json", "--dataset_path", recordings)
    tune(*start, *ADAPTERS).refused("lora_rank = 2", "activations", "freeze")


def test_new_rows_of_an_averaged_run_are_known_and_survive_resuming(choir, tmp_path, make_recordings, tune):
    data = make_recordings(tmp_path / "data")
    lines = [line.split("|") for line in (data / "metadata.csv").read_text().splitlines()]
    table = [f"wavs/{clip}.wav|{text}|eve" for clip, text, _ in lines]
    (data / "metadata.csv").write_text("\n".join(["audio_file|text|speaker_name", *table]) + "\n")
    start = ("--restore_path", choir, "--dataset_path", data, *QUICK, "--coqpit.ema_decay", 0.99, *ADAPTERS)
    straight = tune(*start, "--max_steps", 3, "--output_path", "straight").run_folder
    stopped = tune(*start, "--max_steps", 2, "--output_path", "stopped").run_folder
    again = tune("--continue_path", stopped, "--max_steps", 3, "--no_report", "--no_check").run_folder
    expected, found = (torch.load(folder / "checkpoint_3.pth") for folder in (straight, again))
    assert found["run_state"]["new_rows"] == {"emb_g.weight": [2]}
    assert torch.equal(found["ema"]["emb_g.weight"][2], found["model"]["emb_g.weight"][2])
    assert not torch.equal(found["ema"]["encoder.emb.weight"], found["model"]["encoder.emb.weight"])
    for part in ("model", "ema"):
        assert expected[part].keys() == found[part].keys()
        assert all(torch.equal(tensor, found[part][name]) for name, tensor in expected[part].items())
    tune("--continue_path", again, "--max_steps", 4, "--coqpit.ema_decay", 0.5).refused("ema_decay 0.5", "keeps")


def test_a_run_for_a_small_gpu_is_resumed_to_the_last_bit(release, recordings, tune):
    start = (
        "--restore_path",
        release,
        "--dataset_path",
        recordings,
        "--no_report",
        "--no_check",
        "--coqpit.epochs",
        50,
    )
    start += (
        "--coqpit.batch_frames",
        1500,
        "--coqpit.optimizer",
        "AdamW8bit",
        "--coqpit.recompute_activations",
        "true",
    )
    start += ("--coqpit.optimizer_params", '{"betas": [0.9, 0.99]}', "--coqpit.save_step", 2)
    whole = tune(*start, "--output_path", "whole", "--max_steps", 4)
    assert "batches of up to 1,500 frames" in whole.err
    stopped = tune(*start, "--output_path", "stopped", "--max_steps", 2)
    again = tune("--continue_path", stopped.run_folder, "--max_steps", 4, "--no_report", "--no_check")
    expected, found = weights(whole.run_folder, 4), weights(again.run_folder, 4)
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_a_batch_is_found_from_the_command_line(release, recordings, tune):
    outcome = tune(
        "--restore_path", release, "--dataset_path", recordings, "--no_report", "--no_check", "--max_steps", 1,
        "--coqpit.batch_size", 3, "--grad_accum_steps", 2, "--auto_batch",
    )  # fmt: skip
    assert "A batch of 3 clips fits into the memory of cpu; a step takes 2 of them." in outcome.err
    assert json.loads((outcome.run_folder / "config.json").read_text())["batch_size"] == 3

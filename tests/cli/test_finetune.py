"""``tts-finetune`` from its flags to a run folder."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.families.loading import load_config
from finetune_tts.runs.record import read_record
from finetune_tts.training import dashboard

NAME = "tts_models/xx/test/glow-tts"
ROOT = Path(__file__).parents[2]


def history(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def test_a_run_leaves_the_files_that_the_documentation_names(tuned):
    names = sorted(path.name for path in tuned.iterdir() if not path.name.startswith("events.out.tfevents."))
    assert names == [
        "about_run.json",
        "best_model.pth",
        "best_model_3.pth",
        "checkpoint_3.pth",
        "config.json",
        "history.jsonl",
        "loss_curve.png",
        "report.html",
        "restore_report.json",
        "samples",
        "trainer_0_log.txt",
    ]
    assert sorted(path.name for path in tuned.glob("samples/*/*")) == ["1_a_bad_egg.alignment.png", "1_a_bad_egg.wav"]
    assert len(list(tuned.glob("events.out.tfevents.*"))) == 1
    assert not list(tuned.rglob("*.part"))


def test_a_released_config_keeps_the_model_and_is_filled_in_for_the_recordings(tuned, recordings):
    config = load_config(tuned / "config.json")
    assert config.hidden_channels_enc == 16
    assert config.kept_fields() == {"a_field_of_tomorrow": 7}
    # What its makers chose for their own run and machine counts no more.
    assert config.run_name == f"glow_tts-{recordings.name}"
    assert config.save_best_after == 0
    assert (tuned / config.output_path).resolve() == tuned.parent
    assert config.lr < 1e-3
    assert config.eval_split_size == 0.05
    assert len(config.datasets) == 1
    assert (tuned / config.datasets[0].path).resolve() == recordings
    assert config.datasets[0].formatter == "auto"


def test_the_weights_were_tuned_and_not_initialised_anew(tuned, release):
    before, after = read_checkpoint(release).model, read_checkpoint(tuned / "best_model.pth").model
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert "encoder.emb.weight" in moved
    assert all(torch.allclose(before[name], after[name], atol=0.01) for name in before)


def test_several_data_sets_are_several_flags(tune, release, make_recordings):
    first = make_recordings(Path("first"), ("abba had", "a bad egg", "dad fed a cab", "head bed"), start="one")
    second = make_recordings(Path("second"), ("deaf aged", "cage faced", "beef"), start="two")
    words = ("--dataset_path", first, "--dataset_path", second, "--max_steps", 1, "--no_report")
    outcome = tune("--restore_path", release, *words)
    assert "4 samples in first" in outcome.err
    assert "3 samples in second" in outcome.err
    assert len(load_config(outcome.run_folder / "config.json").datasets) == 2
    outcome = tune("--restore_path", release, "--dataset_path", first, "--dataset_path", "no/such", "--max_steps", 1)
    outcome.refused("no/such")


def test_results_go_to_standard_output_and_the_rest_to_standard_error(tune, release, recordings):
    outcome = tune("--restore_path", release, "--dataset_path", recordings, "--max_steps", 1, "--run_name", "mine")
    folder = outcome.run_folder
    assert folder.parent == Path("output").resolve()
    assert folder.name.startswith("mine-")
    assert [line.split(":")[0] for line in outcome.out.splitlines()] == [
        "run folder",
        "best held-out loss",
        "loss curve",
        "synthesise with it",
        "report",
    ]
    assert "tensors restored" in outcome.err
    assert "Settings for these recordings" in outcome.err
    rate = load_config(folder / "config.json").lr
    assert f"\nlr = {rate:g} " in outcome.err
    assert f"Learning rate of step 1: {rate:g} " in outcome.err


def test_the_command_that_is_printed_speaks(tune, tts, release, recordings):
    outcome = tune("--restore_path", release, "--dataset_path", recordings, "--max_steps", 1)
    words = shlex.split(outcome.line("synthesise with it: "))
    assert words[0] == "tts"
    assert tts(*words[1:]).status == 0
    assert Path("mine.wav").stat().st_size > 1000


def test_a_catalog_name_is_downloaded_and_tuned(tune, catalog, recordings, tmp_path):
    words = ("--models_file", catalog, "--model_name", NAME, "--dataset_path", recordings, "--max_steps", 2)
    outcome = tune(*words)
    assert outcome.line("model: ") == str(tmp_path / "home" / "tts" / "tts_models--xx--test--glow-tts")
    assert outcome.run_folder.is_dir()
    # The second time it is there.
    assert "Getting" in outcome.err
    assert "Getting" not in tune(*words).err


def test_what_only_fine_tuning_needs_is_brought_for_it_and_its_check_alone(
    tune, tts, release, recordings, make_catalog
):
    catalog = make_catalog(release, beside={"codebook.pth": b"weights", "divisors.npy": b"numbers"})
    words = ("--models_file", catalog, "--model_name", NAME)
    folder = Path(tts(*words, "--text", "egg").line("model: "))
    assert not (folder / "codebook.pth").exists()
    assert tune(*words, "--dataset_path", recordings, "--check").status in (0, 1)
    assert (folder / "codebook.pth").read_bytes() == b"weights"
    assert (folder / "divisors.npy").read_bytes() == b"numbers"
    assert [line.rsplit(" (")[1] for line in tts("--models_file", catalog, "--model_info", NAME).out.splitlines()
            if line.startswith("to fine-tune:")] == ["downloaded)"] * 2  # fmt: skip


def test_run_and_report_tell_the_licence_whose_terms_were_accepted(tune, release, recordings, make_catalog):
    catalog = make_catalog(release, license="CPML", terms_required=True)
    words = ("--models_file", catalog, "--model_name", NAME, "--dataset_path", recordings, "--max_steps", 1)
    tune(*words).refused("--yes")
    run = tune(*words, "--yes").run_folder
    base = read_record(run).base
    assert (base.name, base.licence) == (NAME, "CPML")
    assert re.fullmatch(r"on \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", base.terms_accepted)
    assert f"CPML (terms accepted {base.terms_accepted})" in (run / "report.html").read_text(encoding="utf-8")
    # Whoever trains the run further does so on the same terms.
    again = tune("--restore_path", run, "--dataset_path", recordings, "--max_steps", 1, "--no_report").run_folder
    assert (read_record(again).base.licence, read_record(again).base.terms_accepted) == ("CPML", base.terms_accepted)


def test_a_record_beside_the_base_that_cannot_be_read_stops_no_run(tune, release, recordings, tmp_path):
    base = Path(shutil.copytree(release, tmp_path / "base"))
    (base / "about_run.json").write_text("{}")
    outcome = tune("--restore_path", base, "--dataset_path", recordings, "--max_steps", 1, "--no_report")
    assert "The licence of the base is not known" in outcome.err
    assert read_record(outcome.run_folder).base.licence == ""


def test_a_config_of_the_persons_own_is_taken_as_it_stands(tune, config_file, release):
    path = config_file(lr=2e-4, batch_size=3, run_name="as-it-stands")
    outcome = tune("--config_path", path, "--restore_path", release, "--max_steps", 2)
    config = load_config(outcome.run_folder / "config.json")
    assert (config.lr, config.batch_size, config.run_name) == (2e-4, 3, "as-it-stands")
    assert config.epochs == 1000
    assert "Settings for these recordings" not in outcome.err
    assert "Learning rate of step 1: 0.0002 " in outcome.err


def test_a_config_without_a_checkpoint_trains_from_nothing(tune, config_file):
    outcome = tune("--config_path", config_file(), "--max_steps", 1)
    assert "Restored from" not in outcome.err
    assert not (outcome.run_folder / "restore_report.json").exists()
    # NoamLR warms fresh weights up.
    assert "Learning rate of step 1: 2.5e-07 " in outcome.err


def test_the_rate_that_is_set_is_the_one_of_step_1(tune, config_file, release, recordings):
    for words in (
        ("--config_path", config_file(), "--restore_path", release, "--coqpit.lr", "0.00001"),
        ("--config_path", config_file(), "--coqpit.lr", "0.00001"),
        ("--restore_path", release, "--dataset_path", recordings, "--coqpit.lr=1e-5"),
    ):
        outcome = tune(*words, "--max_steps", 1, "--coqpit.print_step", 1)
        assert "Learning rate of step 1: 1e-05 " in outcome.err
        (first,) = [entry for entry in history(outcome.run_folder) if entry["split"] == "train"]
        assert first["rate"] == pytest.approx(1e-5)
        assert load_config(outcome.run_folder / "config.json").lr == 1e-5


def test_what_is_set_is_not_filled_in(tune, release, recordings):
    words = ("--coqpit.batch_size", 2, "--coqpit.eval_split_size", 3, "--coqpit.run_name", "set")
    outcome = tune("--restore_path", release, "--dataset_path", recordings, "--max_steps", 1, *words)
    config = load_config(outcome.run_folder / "config.json")
    assert (config.batch_size, config.eval_split_size, config.run_name) == (2, 3, "set")
    table = outcome.err.split("Settings for these recordings")[1].split("Restored from")[0]
    assert "batch_size = " not in table.replace("eval_batch_size = ", "")


def test_tuning_starts_from_ones_own_run_with_its_recordings(tune, tuned):
    outcome = tune("--restore_path", tuned / "best_model.pth", "--max_steps", 1)
    config = load_config(outcome.run_folder / "config.json")
    assert len(config.datasets) == 1
    assert outcome.run_folder.parent == Path("output").resolve()


def test_a_run_goes_on_where_it_stopped(tune, tuned, tmp_path):
    folder = tmp_path / "runs" / "moved"
    shutil.copytree(tuned, folder)
    data = json.loads((folder / "config.json").read_text())["datasets"][0]["path"]
    moved = ("--dataset_path", (tuned / data).resolve())
    outcome = tune("--continue_path", folder, *moved, "--max_steps", 5)
    assert outcome.run_folder == folder
    assert "Resuming after step 3" in outcome.err
    assert (folder / "checkpoint_5.pth").is_file()
    steps = [entry["step"] for entry in history(folder)]
    assert steps == sorted(steps)
    assert steps[-1] == 5


def test_a_run_folder_is_never_used_again(tune, release, recordings):
    words = ("--restore_path", release, "--dataset_path", recordings, "--run_name", "same", "--max_steps", 1)
    first = tune(*words).run_folder
    before = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    second = tune(*words).run_folder
    assert first != second
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*")} == before


def test_features_are_computed_once(tune, release, recordings):
    words = ("--restore_path", release, "--dataset_path", recordings, "--max_steps", 1)
    assert "Computing the features of 9 recordings" in tune(*words).err
    assert "Computing the features" not in tune(*words).err


def test_new_speakers_get_rows_of_their_own(tune, tts, choir, make_recordings, tmp_path):
    old_rows = read_checkpoint(choir).model["emb_g.weight"]
    words = ("--restore_path", choir, "--max_steps", 1, "--coqpit.datasets.0.dataset_name", "cleo")
    outcome = tune(*words, "--dataset_path", make_recordings(tmp_path / "cleo"), "--coqpit.lr", 1e-9)
    folder = outcome.run_folder
    assert "New speakers: cleo; the 2 of the model keep their rows." in outcome.err
    assert json.loads((folder / "speakers.json").read_text()) == {"ann": 0, "bob": 1, "cleo": 2}
    rows = read_checkpoint(folder).model["emb_g.weight"]
    assert rows.shape == (3, old_rows.shape[1])
    assert torch.allclose(rows[:2], old_rows, atol=1e-5)
    assert "--speaker_idx cleo" in outcome.line("synthesise with it: ")
    moved = shutil.move(folder, tmp_path / "given away")
    assert tts("--model_path", moved, "--list_speaker_idxs").out.split() == ["ann", "bob", "cleo"]
    spoken = tts("--model_path", moved, "--text", "a bad egg", "--speaker_idx", "cleo", "--out_path", "cleo.wav")
    assert spoken.status == 0, spoken.err


def test_new_symbols_get_rows_and_old_ones_follow_theirs(tune, release, config_file):
    old = read_checkpoint(release).model["encoder.emb.weight"]
    words = ("--config_path", config_file(), "--restore_path", release, "--max_steps", 1, "--coqpit.lr", 1e-9)
    outcome = tune(*words, "--coqpit.characters.characters", "zabcdefgh")
    assert "1 symbols are new (z), 0 are not asked for" in outcome.err
    rows = read_checkpoint(outcome.run_folder).model["encoder.emb.weight"]
    # _, a to h, z, space, full stop: everything from z on has moved by one.
    assert len(rows) == len(old) + 1
    assert torch.allclose(rows[:9], old[:9], atol=1e-5)
    assert torch.allclose(rows[10:], old[9:], atol=1e-5)
    assert load_config(outcome.run_folder / "config.json").num_chars == len(rows)


def test_old_symbols_that_are_not_asked_for_stay(tune, release, config_file):
    words = ("--config_path", config_file(), "--restore_path", release, "--max_steps", 1)
    outcome = tune(*words, "--coqpit.characters.characters", "abcdefghij", "--coqpit.characters.punctuations", ". ")
    assert outcome.status == 0, outcome.err
    outcome = tune(*words, "--coqpit.characters.characters", "abcdefg")
    assert "0 symbols are new (none), 1 are not asked for and stay (h)" in outcome.err


def test_the_alphabet_inside_the_checkpoint_counts_if_the_config_beside_it_was_edited(tune, make_release, recordings):
    folder = make_release(Path("edited"))
    values = json.loads((folder / "config.json").read_text())
    values["characters"]["characters"] = "zabcdefgh"
    (folder / "config.json").write_text(json.dumps(values))
    outcome = tune("--restore_path", folder, "--dataset_path", recordings, "--max_steps", 1)
    assert outcome.status == 0
    assert "1 symbols are new (z)" in outcome.err


def test_a_test_sentence_that_cannot_be_spoken_is_left_out(tune, config_file, release):
    path = config_file(test_sentences=["a bad egg", "ΩΩ", ["dad", "nobody", None, None]])
    outcome = tune("--config_path", path, "--restore_path", release, "--max_steps", 1)
    assert "The test sentence 'ΩΩ' is left out" in outcome.err
    assert load_config(outcome.run_folder / "config.json").test_sentences == ["a bad egg"]


def test_test_sentences_are_read_from_their_file(tune, config_file, release):
    Path("sentences.txt").write_text("a hag.\n\ndad had a bag.\n", encoding="utf-8")
    path = config_file(test_sentences_file="sentences.txt")
    outcome = tune("--config_path", path, "--restore_path", release, "--max_steps", 1)
    names = sorted(path.name for path in outcome.run_folder.glob("samples/*/*.wav"))
    assert names == ["1_a_hag.wav", "2_dad_had_a_bag.wav"]


def test_other_spectrograms_than_those_of_the_weights_are_named(tune, config_file, release):
    values = json.loads(config_file().read_text())["audio"]
    path = config_file(audio=values | {"sample_rate": 16000})
    outcome = tune("--config_path", path, "--restore_path", release, "--max_steps", 1)
    assert "audio.sample_rate 8000 → 16000" in outcome.err


def test_a_recipe_brings_its_config_and_its_formatter(tune, config_file, release, recordings):
    def two_clips(root_path, meta_file, ignored_speakers=None):
        return [
            {"text": text, "audio_file": str(recordings / "wavs" / f"clip{number}.wav"), "speaker_name": "me"}
            for number, text in enumerate(["abba had", "a bad egg"])
        ]

    config = load_config(config_file())
    outcome = tune("--restore_path", release, "--max_steps", 1, config=config, formatter=two_clips)
    assert "1 clips to train on, 1 held out" in outcome.err


def test_help_lists_the_flags_and_the_fields(tune):
    outcome = tune("--help")
    assert outcome.status == 0
    assert "--continue_path" in outcome.out
    assert "--coqpit.lr  " in outcome.out
    assert "--coqpit.audio.sample_rate  a whole number; default 22050" in outcome.out
    assert "Sampling rate of the model, in Hz." in outcome.out
    assert "--coqpit.datasets.0.path" in outcome.out


def test_help_begins_with_an_example_and_has_its_flags_in_groups(tune):
    text = tune("--help").out
    example = "  tts-finetune --model_name tts_models/en/ljspeech/glow-tts --dataset_path recordings --check"
    groups = {
        "what to do:": "--demo",
        "model:": "--model_name",
        "recordings:": "--dataset_path",
        "run:": "--max_steps",
        "check:": "--write_filtered",
        "report:": "--select_by",
    }
    parts = [example, *(part for title, flag in groups.items() for part in (f"\n{title}\n", f"\n  {flag} "))]
    places = [text.index(part) for part in [*parts, "more examples:", "The fields of glow_tts"]]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("words", "title", "fields"),
    [
        (["--config_path", ROOT / "configs/hifigan_ljspeech.json"], "The fields of hifigan:", ["lr_gen", "pad_short"]),
        (["--config_path", ROOT / "configs/vits_ljspeech.json"], "The fields of vits:", ["model_args.use_sdp"]),
        (["--model_name", "tts_models/en/ljspeech/vits"], "The fields of vits:", ["model_args.use_sdp"]),
        (["--model_name", "tts_models/por/fairseq/vits"], "The fields of vits:", ["lr_disc"]),
        (["--model_name", "tts_models/en/blizzard2013/capacitron-t2-c50"], "The fields of tacotron2:", ["use_gst"]),
        (["--model_name", "vocoder_models/en/ljspeech/hifigan_v2"], "The fields of hifigan:", ["seq_len"]),
        (["--model_name", "tts_models/multilingual/multi-dataset/bark"], "bark (bark) are not known here", []),
        ([], "The fields of glow_tts; name a model or a config for its own:", ["num_flow_blocks_dec"]),
    ],
)
def test_help_lists_the_fields_of_the_model_that_is_named(tune, words, title, fields):
    outcome = tune(*words, "--help")
    assert outcome.status == 0
    assert title in outcome.out
    for field in fields:
        assert f"--coqpit.{field}  " in outcome.out


def test_help_lists_the_fields_of_a_model_on_disk(tune, release, tuned):
    for words in (("--restore_path", release), ("--continue_path", tuned)):
        assert "The fields of glow_tts:" in tune(*words, "--help").out
    tune("--config_path", "none.json", "--help").refused("none.json")


def test_the_classic_script_is_the_same_program():
    script = ROOT / "finetune_tts" / "bin" / "train_tts.py"
    run = subprocess.run([sys.executable, script, "--model_info", "no/such"], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        (("dashboard_logger", "wandb"), ["--coqpit.dashboard_logger wandb", "not installed", "tensorboard"]),
        (("num_flow_blocks_dec", 2), ["does not fit the network", "leave out what changes them (num_flow_blocks_dec)"]),
        (("optimizer", "SGD"), ["SGD refuses them"]),
        (("optimizer", "SGD", "--coqpit.optimizer_params", "{}"), ["was not trained with SGD", "momentum"]),
        (("lr", "-1"), ["lr = -1"]),
        (("batch_size", "x"), ["--coqpit.batch_size x"]),
    ],
)
def test_an_override_that_is_refused_leaves_the_run_as_it_was(
    tune, tts, tuned, recordings, tmp_path, monkeypatch, override, parts
):
    monkeypatch.setattr(dashboard, "find_spec", lambda package: None)
    folder = Path(shutil.copytree(tuned, tmp_path / "run" / tuned.name))
    before = {path.name: path.read_bytes() for path in folder.glob("*.json*")}
    name, *values = override
    words = ("--dataset_path", recordings, "--max_steps", 4)
    tune("--continue_path", folder, f"--coqpit.{name}", *values, *words).refused(*parts)
    assert {path.name: path.read_bytes() for path in folder.glob("*.json*")} == before
    assert tts("--model_path", folder, "--text", "a bad egg").status == 0


def test_an_override_that_is_accepted_stays_in_the_run(tune, tuned, recordings, tmp_path):
    folder = Path(shutil.copytree(tuned, tmp_path / "run" / tuned.name))
    words = ("--dataset_path", recordings, "--coqpit.print_step", 2, "--no_report")
    assert tune("--continue_path", folder, *words, "--max_steps", 4).status == 0
    assert load_config(folder / "config.json").print_step == 2


def test_a_new_run_that_is_refused_leaves_no_folder(tune, release, recordings, monkeypatch):
    monkeypatch.setattr(dashboard, "find_spec", lambda package: None)
    words = ("--restore_path", release, "--dataset_path", recordings, "--coqpit.dashboard_logger", "aim")
    tune(*words).refused("--coqpit.dashboard_logger aim")
    assert not list(Path().glob("output/*-*-*"))


@pytest.mark.slow
def test_ctrl_c_saves_and_says_how_to_go_on(release, recordings):
    command = [sys.executable, "-m", "finetune_tts"]
    words = ["--restore_path", release, "--dataset_path", recordings, "--coqpit.print_step", 1]
    with subprocess.Popen([*command, *map(str, words)], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("step 2/"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
        assert process.wait(timeout=60) == 130, rest
    assert "Traceback" not in rest
    last = rest.splitlines()[-1]
    assert last.startswith("Stopped after step ")
    folder = last.split("Resume with: tts-finetune --continue_path ")[1]
    assert list(Path(folder).glob("checkpoint_*.pth"))
    more = [*command, "--continue_path", folder, "--time_limit", "0.001"]
    assert subprocess.run(more, capture_output=True).returncode == 0


def test_a_run_tells_where_it_comes_from_and_what_was_held_out(tuned, release):
    record = read_record(tuned)
    assert Path(record.base.model_file) == release / "model_file.pth"
    assert record.data.clips + record.data.held_out == 9
    assert [Path(clip.audio_file).is_file() for clip in record.clips] == [True] * record.data.held_out
    assert "epochs" in [name for name, _, _ in record.changes]
    assert not [name for name, _, _ in record.changes if name == "output_path"]
    assert {"torch", "python"} <= record.versions.keys()


def test_a_patience_of_nothing_is_refused(tune, release, recordings):
    outcome = tune("--restore_path", release, "--dataset_path", recordings, "--early_stop_patience", 0)
    outcome.refused("--early_stop_patience 0")


def test_the_flag_for_accelerate_takes_what_the_pypi_trainer_takes_and_nothing_else(tune, release, recordings):
    outcome = tune("--restore_path", release, "--dataset_path", recordings, "--use_accelerate", "maybe")
    outcome.refused("--use_accelerate: invalid choice: 'maybe'")

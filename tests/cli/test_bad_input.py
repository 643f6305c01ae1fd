"""What people get wrong: each is named, with what to do, before anything is trained; nothing is lost by it."""

import errno
import json
import os
import pickle
import shutil
import struct
import zipfile
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def own(make_recordings, tmp_path):
    """Recordings that a test may spoil."""
    return make_recordings(tmp_path / "mine")


@pytest.fixture
def refuse(tune, release, tmp_path):
    """Fine-tune the release, to be refused: the message has all parts, and no run folder was left."""

    def run(*words, parts):
        outcome = tune("--restore_path", release, "--max_steps", 1, *words)
        outcome.refused(*parts)
        assert outcome.out == ""
        assert not list(tmp_path.glob("output/*-*-*"))
        return outcome

    return run


@pytest.mark.parametrize("start", ["--report", "--watch", "--review", "--export"])
@pytest.mark.parametrize("words", [("--max_steps", 3), ("--no_report",), ("--coqpit.lr", 3), ("--stop_when", "flat")])
def test_what_only_a_run_heeds_is_refused_beside_what_starts_none(tune, start, words):
    target = ("onnx", "RUN") if start == "--export" else ("RUN",)
    tune(start, *target, *words).refused(words[0].removesuffix(".lr"), start, "starts none")


def test_a_model_is_not_chosen_by_what_nobody_measures(refuse, own):
    words = ("--dataset_path", own, "--select_by", "mcd", "--no_report", "--no_hearing")
    refuse(*words, parts=["--select_by mcd", "--no_report", "--no_hearing"])


def test_a_licence_is_a_line_that_can_be_printed(tune):
    words = ("--export", "card", "RUN", "--data_licence")
    tune(*words, "CC0\x1b[31m").refused("--data_licence", "\\x1b", "one line")


# Recordings and their metadata. --------------------------------------------------------------------------------------


def test_no_recordings_are_named(refuse):
    refuse(parts=["Where are the recordings?", "--dataset_path DIR"])


def test_no_data_set_at_the_path(refuse):
    refuse("--dataset_path", "recrodings", parts=["recrodings", "no such folder", "--dataset_path"])


def test_nothing_is_downloaded_for_a_run_without_recordings(tune, catalog):
    words = ("--models_file", catalog, "--model_name", "tts_models/xx/test/glow-tts")
    for more, part in {(): "Where are the recordings?", ("--dataset_path", "none"): "--dataset_path none"}.items():
        outcome = tune(*words, *more)
        outcome.refused(part)
        assert "Getting" not in outcome.err


def test_a_folder_without_recordings(refuse):
    Path("empty").mkdir()
    refuse("--dataset_path", "empty", parts=["empty"])


def test_empty_metadata(refuse, own):
    (own / "metadata.csv").write_text("")
    refuse("--dataset_path", own, parts=[str(own), "the metadata is empty"])
    refuse("--dataset_path", own, "--dataset_format", "ljspeech", parts=["the metadata is empty"])


def test_missing_recordings(refuse, own):
    (own / "wavs" / "clip3.wav").unlink()
    refuse("--dataset_path", own, parts=["1 of 9 recordings are missing", "clip3", "line 4", "remove the lines"])


def test_a_line_with_too_few_columns(refuse, own):
    with (own / "metadata.csv").open("a") as file:
        file.write("clip9 a bad egg\n")
    words = ("--dataset_path", own, "--dataset_format", "ljspeech")
    refuse(*words, parts=["metadata.csv", "line 10", "column", "clip9 a bad egg"])


def test_text_in_latin_1(refuse, own):
    with (own / "metadata.csv").open("ab") as file:
        file.write("clip9|h\xe4d|h\xe4d\n".encode("latin-1"))
    refuse("--dataset_path", own, parts=["metadata.csv, line 10", "0xe4", "not UTF-8", "iconv"])


def test_two_columns_that_may_hold_the_text_are_asked_about(refuse, own):
    lines = (f"clip{number}|a bad egg {number}|head bed and {number} hag\n" for number in range(9))
    (own / "metadata.csv").write_text("".join(lines))
    refuse("--dataset_path", own, parts=["columns 2 ('a bad egg 0') and 3", "--columns file,text,_"])


def test_columns_that_the_user_names_wrongly(refuse, own):
    words = ("--dataset_path", own, "--columns")
    refuse(*words, "file,txt", parts=["--columns file,txt", "'txt' is no field", "audio, text, speaker"])
    refuse(*words, "text=Satz", parts=["metadata.csv, line 1", "--columns text=Satz", "no column 'Satz'"])
    refuse(*words, "file,text", "--dataset_format", "ljspeech", parts=["ljspeech has its own columns"])
    refuse(*words, "file,text", "--coqpit.datasets.0.columns", "text,file", parts=["differ: give one of them"])


@pytest.mark.parametrize("flag", ["--dataset_path", "--output_path", "--encoder_path", "--report", "--write_filtered"])
def test_a_home_folder_of_nobody(tune, release, own, flag):
    words = ["--restore_path", release, "--dataset_path", own] if flag != "--report" else []
    words = [word for word in words if flag != "--dataset_path" or word not in ("--dataset_path", own)]
    outcome = tune(*words, flag, "~nobody-of-this-name/x", *(["--max_steps", 1] if words else []))
    assert outcome.status == 2
    assert "~nobody-of-this-name/x" in outcome.err + outcome.out
    assert "is no home folder" in outcome.err + outcome.out
    assert "Could not determine" not in outcome.err
    assert not Path("~nobody-of-this-name").exists()


def test_a_pipe_or_a_device_in_the_place_of_a_file(tune, release, own):
    os.mkfifo("pipe")
    for path in ("pipe", "/dev/zero"):
        tune("--list_models", "--models_file", path).refused(path, "not a regular file")
        tune("--config_path", path, "--restore_path", release).refused(path, "not a regular file")
        words = ("--restore_path", release, "--dataset_path", own, "--coqpit.use_speaker_embedding", "true")
        tune(*words, "--coqpit.speakers_file", path).refused(path, "not a regular file")


def test_text_in_another_script(refuse, own):
    (own / "metadata.csv").write_text("clip0|привет|привет\nclip1|a bad egg|a bad egg\n", encoding="utf-8")
    refuse("--dataset_path", own, parts=["vocabulary lacks 6 of", "'п' (U+043F) 1×", "characters.characters"])


def test_an_unknown_format(refuse, own):
    refuse("--dataset_path", own, "--dataset_format", "ljspech", parts=["ljspech", "ljspeech"])


def test_a_recording_of_0_bytes(refuse, own):
    (own / "wavs" / "clip3.wav").write_bytes(b"")
    refuse("--dataset_path", own, parts=["clip3.wav", "0 bytes"])


def test_a_recording_that_is_something_else(refuse, own):
    (own / "wavs" / "clip3.wav").write_bytes(b"<html>not found</html>" * 20)
    refuse("--dataset_path", own, parts=["clip3.wav", "not audio"])


def test_a_recording_of_three_hours_is_left_out_and_does_not_fill_the_memory(tune, release, own):
    # A header that promises three hours, and a sparse file that keeps the promise.
    path, frames = own / "wavs" / "clip3.wav", 3 * 3600 * 8000
    head = path.read_bytes()[:44]
    with path.open("wb") as file:
        file.write(head[:4] + struct.pack("<I", 36 + 2 * frames) + head[8:40] + struct.pack("<I", 2 * frames))
        file.truncate(44 + 2 * frames)
    outcome = tune("--restore_path", release, "--dataset_path", own, "--max_steps", 1)
    assert outcome.status == 0
    assert "recording longer than 120 s (set max_audio_len to keep it) (#wavs/clip3)" in outcome.err


def test_a_recording_of_noise_is_trained_on(tune, release, own, make_wav):
    make_wav(own / "wavs" / "clip3.wav", np.random.default_rng(0).uniform(-1, 1, 8000))
    assert tune("--restore_path", release, "--dataset_path", own, "--max_steps", 1).status == 0


def test_recordings_too_short_for_their_texts(refuse, own, make_wav):
    for path in (own / "wavs").iterdir():
        make_wav(path, np.zeros(100))
    refuse("--dataset_path", own, parts=["none of the 9", "fewer mel frames than tokens"])


# Configs. ------------------------------------------------------------------------------------------------------------


def test_a_config_that_is_not_json(tune, release):
    Path("config.json").write_text('{\n  "model": "glow_tts",\n  "lr": 1e-4\n  "epochs": 3\n}')
    tune("--config_path", "config.json", "--restore_path", release).refused("config.json", "line 4")


def test_a_config_that_is_missing(tune, release):
    tune("--config_path", "confg.json", "--restore_path", release).refused("confg.json")


def test_a_config_of_an_unknown_architecture(tune):
    Path("config.json").write_text('{"model": "wavenet"}')
    tune("--config_path", "config.json").refused("config.json", "wavenet", "glow_tts")


def test_values_of_a_wrong_type_are_named_together(refuse, own):
    words = ("--dataset_path", own, "--coqpit.lr", "abc", "--coqpit.batch_sise", 4, "--coqpit.audio.hop_length", "1.5")
    refuse(*words, parts=["--coqpit.lr abc", "batch_sise", "--coqpit.batch_size", "--coqpit.audio.hop_length 1.5"])


def test_a_value_out_of_range(refuse, own):
    refuse("--dataset_path", own, "--coqpit.lr", "-1", parts=["lr", "-1", "above 0"])


def test_a_field_that_is_set_twice(refuse, own):
    words = ("--dataset_path", own, "--coqpit.datasets.0.path", "elsewhere")
    refuse(*words, parts=["--dataset_path", str(own), "--coqpit.datasets.0.path elsewhere", "give one of them"])
    refuse("--output_path", "a", "--coqpit.output_path", "b", parts=["--output_path a", "--coqpit.output_path b"])


def test_the_same_value_said_twice_is_no_mistake(tune, release, own):
    words = ("--dataset_path", own, "--coqpit.datasets.0.path", own, "--max_steps", 1)
    assert tune("--restore_path", release, *words).status == 0


def test_mel_bands_that_the_network_does_not_write(refuse, own):
    refuse("--dataset_path", own, "--coqpit.audio.num_mels", 40, parts=["out_channels = 20", "audio.num_mels = 40"])


# Checkpoints. --------------------------------------------------------------------------------------------------------


@pytest.fixture
def broken(release, tmp_path):
    """A copy of the release, whose weights a test spoils."""
    return Path(shutil.copytree(release, tmp_path / "broken")) / "model_file.pth"


def test_a_restore_path_that_does_not_exist(tune, broken, own):
    words = ("--dataset_path", own)
    outcome = tune("--restore_path", broken.with_name("model_fil.pth"), *words)
    outcome.refused("model_fil.pth: does not exist", "Did you mean model_file.pth?")
    tune("--restore_path", "no/such/folder", *words).refused("no/such/folder: does not exist")


def test_a_checkpoint_that_is_cut_off(tune, broken, own):
    broken.write_bytes(broken.read_bytes()[:20_000])
    tune("--restore_path", broken, "--dataset_path", own).refused("model_file.pth", "cut off", "again")


def test_a_checkpoint_that_is_a_zip_of_something_else(tune, broken, own):
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("holiday/beach.jpg", b"...")
    tune("--restore_path", broken, "--dataset_path", own).refused("model_file.pth", "zip", "holiday/beach.jpg")


class Hostile:
    def __reduce__(self):
        return os.system, ("touch was_run",)


@pytest.mark.parametrize("write", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_a_checkpoint_that_would_run_code(tune, tts, broken, own, write):
    write({"model": Hostile()}, broken)
    tune("--restore_path", broken, "--dataset_path", own).refused("model_file.pth", "refused", "system")
    tts("--model_path", broken, "--text", "egg").refused("model_file.pth", "refused", "system")
    assert not Path("was_run").exists()


def test_weights_that_do_not_fit_the_config(tune, release, config_file):
    words = ("--config_path", config_file(), "--restore_path", release, "--coqpit.hidden_channels_dec", 32)
    tune(*words).refused("tensors do not fit", "decoder.", "--allow_partial_restore")
    outcome = tune(*words, "--allow_partial_restore", "--max_steps", 1)
    assert outcome.status == 0
    assert "Going on, as --allow_partial_restore says" in outcome.err


def test_weights_that_are_not_finite(tune, broken, own):
    checkpoint = torch.load(broken, weights_only=True)
    checkpoint["model"]["encoder.emb.weight"][3] = float("nan")
    torch.save(checkpoint, broken)
    tune("--restore_path", broken, "--dataset_path", own).refused("NaN", "encoder.emb.weight", "earlier checkpoint")


def test_a_checkpoint_without_a_config(tune, broken, own):
    broken.with_name("config.json").unlink()
    torch.save({"model": torch.load(broken)["model"]}, broken)  # without the one inside
    tune("--restore_path", broken, "--dataset_path", own).refused("config.json", "--config_path")


def test_a_run_that_is_not_there(tune, tmp_path):
    tune("--continue_path", "output/none").refused("output/none", "no such folder")
    Path("output/none").mkdir(parents=True)
    tune("--continue_path", "output/none").refused("no checkpoint there")


def test_a_release_is_no_run_to_go_on_with(tune, broken):
    shutil.copy(broken, broken.with_name("checkpoint_1000.pth"))
    tune("--continue_path", broken.parent).refused("was not written by a run of this program", "--restore_path")


# The machine. --------------------------------------------------------------------------------------------------------


def test_an_output_folder_that_is_a_file(refuse, own):
    Path("taken").write_text("")
    refuse("--dataset_path", own, "--output_path", "taken", parts=["--output_path taken", "is a file"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_folder_without_write_permission(refuse, own):
    Path("locked").mkdir(mode=0o500)
    refuse("--dataset_path", own, "--output_path", "locked", parts=["--output_path locked", "cannot be written to"])


def test_write_permission_is_looked_at_first(refuse, own, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    refuse("--dataset_path", own, "--output_path", "locked", parts=["--output_path locked", "cannot be written to"])


def test_a_disk_too_small_for_the_run(tune, release, own, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 1000))
    outcome = tune("--restore_path", release, "--dataset_path", own, "--max_steps", 1)
    outcome.refused("free")
    assert not list(Path("output").glob("*/*.pth"))


def test_a_disk_that_is_full_in_the_middle(tune, release, own, monkeypatch):
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    tune("--restore_path", release, "--dataset_path", own, "--max_steps", 1).refused(
        "No space left on device", "Make room"
    )
    assert not list(Path("output").rglob("*.part"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_where_there_is_none(refuse, tts, release, own):
    refuse("--dataset_path", own, "--device", "cuda", parts=["--device cuda", "no GPU", "--device cpu"])
    tts("--model_path", release, "--text", "egg", "--device", "cuda:1").refused("--device cuda:1", "--device cpu")


def test_a_device_that_is_none(refuse, own):
    refuse("--dataset_path", own, "--device", "gpu", parts=["--device gpu", "cuda:N"])


# Flags. --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ([], ["What is to be fine-tuned?", "--model_name NAME"]),
        (["--restor_path", "x"], ["--restor_path", "Did you mean --restore_path"]),
        (["--model-name", "x"], ["--model-name", "--model_name"]),
        (["my_recordings"], ["my_recordings", "not a flag"]),
        (["--demo", "--max_steps", "many"], ["--max_steps", "many"]),
        (["--demo", "--max_steps", "0"], ["--max_steps 0", "above 0"]),
        (["--demo", "--time_limit", "nan"], ["--time_limit nan", "above 0"]),
        (["--demo", "--dataset_path", "x"], ["--demo", "--dataset_path"]),
        (["--demo", "--model_name", "x"], ["--demo", "--model_name"]),
        (["--model_name", "x", "--restore_path", "y"], ["--model_name", "--restore_path"]),
        (["--continue_path", "x", "--config_path", "y"], ["--continue_path", "--config_path"]),
        (["--continue_path", "x", "--run_name", "y"], ["--continue_path", "--run_name"]),
        (
            ["--model_name", "tts_models/en/ljspeech/glow-ttss", "--dataset_path", "."],
            ["tts_models/en/ljspeech/glow-tts"],
        ),
        (["--model_name", "vocoder_models/en/ljspeech/hifigan_v2", "--dataset_path", "."], ["hifigan_v2"]),
        (["--models_file", "none.json", "--model_name", "x", "--dataset_path", "."], ["none.json"]),
        (["--config_path"], ["--config_path", "expected one argument"]),
    ],
)
def test_flags_that_say_nothing_sensible(tune, words, parts):
    tune(*words).refused(*parts)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ([], ["Nothing to do", "--model_path"]),
        (["--txt", "x"], ["--txt", "--text"]),
        (["--model_path", "x"], ["--text is missing"]),
        (["--model_path", "x", "--text", " "], ["--text is empty"]),
        (["--model_path", "x", "--text", "a", "--text_file", "b"], ["--text", "--text_file"]),
        (["--model_path", "x", "--text_file", "none.txt"], ["none.txt"]),
        (["--model_path", "x", "--text", "a"], ["x: does not exist"]),
        (["--model_path", "x", "--model_name", "y", "--text", "a"], ["--model_name", "--model_path"]),
        (["--model_path", "x", "--text", "a", "--out_path", "no/such/a.wav"], ["no/such/a.wav", "does not exist"]),
        (["--model_path", "x", "--text", "a", "--out_path", "."], ["--out_path .", "is a folder"]),
        (["--model_path", "x", "--text", "a", "--length_scale", "0"], ["--length_scale 0"]),
        (["--model_path", "x", "--text", "a", "--noise_scale", "-1"], ["--noise_scale -1"]),
        (["--model_path", "x", "--text", "a", "--vocoder_name", "y", "--vocoder_path", "z"], ["--vocoder_path"]),
        (["--model_name", "tts_models/xx/none", "--text", "a"], ["tts_models/xx/none"]),
    ],
)
def test_flags_of_tts_that_say_nothing_sensible(tts, words, parts):
    tts(*words).refused(*parts)


def test_metadata_of_a_run_are_whole_json(tuned):
    """A run folder that a program reads: every JSON file is one."""
    for path in tuned.glob("*.json"):
        json.loads(path.read_text())

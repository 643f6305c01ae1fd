"""``--check`` finds what is wrong, says it in three ways, and trains nothing."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import finetune_tts
from finetune_tts.check import measuring
from finetune_tts.cli import check as check_view

DEMO = Path(finetune_tts.__file__).parent / "assets" / "demo" / "recordings"
RATE = 16000
NAMES = ("voice_0001", "voice_0002", "voice_0003", "voice_0004", "voice_0005", "voice_0006")
TEXTS = ("abba had", "a bad egg", "dad fed a cab", "head bed", "deaf aged", "cage faced")


@pytest.fixture
def voices(tmp_path):
    """A data set of clean recordings of a real voice, whose texts the small model can read."""
    folder = tmp_path / "voices"
    (folder / "wavs").mkdir(parents=True)
    lines = []
    for name, text in zip(NAMES, TEXTS, strict=True):
        wav, rate = soundfile.read(DEMO / "wavs" / f"{name}.flac")
        soundfile.write(folder / "wavs" / f"{name}.wav", wav, rate)
        lines.append(f"{name}|{text}|{text}\n")
    (folder / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def check(tune, release, voices, tmp_path):
    """Check the voices for the small model; ``report`` reads the JSON."""

    def run(*words, status=0, folder=voices, model=release):
        target = tmp_path / "check.json"
        outcome = tune("--restore_path", model, "--dataset_path", folder, "--check", "--check_json", target, *words)
        assert outcome.status == status, outcome.err
        assert not list(tmp_path.glob("output/*-*-*"))  # no run folder
        return outcome, json.loads(target.read_text()) if target.exists() else None

    return run


def change(folder, name, change):
    path = folder / "wavs" / f"{name}.wav"
    wav, rate = soundfile.read(path)
    soundfile.write(path, change(wav), rate)


def ids(report, severity):
    return {finding["id"] for finding in report["findings"] if finding["severity"] == severity}


def test_good_recordings_are_ready_to_run(check):
    outcome, report = check()
    assert report["status"] == "fine", [f for f in report["findings"] if f["severity"] != "fine"]
    assert "Ready to run; nothing to complain about." in outcome.out
    assert outcome.out.count("✓") == len(report["findings"])
    for title in ("Recordings", "Findings", "Audio settings", "Model and machine", "Advice"):
        assert f"\n{title}\n" in f"\n{outcome.out}"


def test_how_the_metadata_was_read_is_shown(check, voices):
    outcome, report = check()
    (finding,) = [finding for finding in report["findings"] if finding["id"] == "metadata"]
    assert finding["title"] == (
        f"{voices}: metadata.csv with columns audio|…|text separated by '|', recordings at wavs/{{id}}: 6 clips"
    )
    assert f"✓ {finding['title']}" in outcome.out


def test_held_out_metadata_becomes_the_held_out_set(check, tune, release, voices, tmp_path):
    lines = (voices / "metadata.csv").read_text().splitlines(keepends=True)
    (voices / "metadata.csv").unlink()
    for name, part in {"train": lines[:3], "eval": lines[3:5], "test": lines[5:]}.items():
        (voices / f"metadata_{name}.csv").write_text("".join(part))
    outcome, report = check()
    told = "3 clips; 2 clips held out (metadata_eval.csv); left alone: metadata_test.csv"
    assert any(told in finding["title"] for finding in report["findings"])
    assert report["data"]["clips"] == 5
    outcome = tune("--restore_path", release, "--dataset_path", voices, "--max_steps", 1, "--no_report")
    assert "metadata_train.csv with columns" in outcome.err
    assert "3 clips to train on, 2 clips held out (metadata_eval.csv); left alone: metadata_test.csv" in outcome.err


def test_the_choice_of_columns_is_shown(check, voices, tune, release):
    lines = (voices / "metadata.csv").read_text().splitlines()
    table = "".join(f"{line.split('|')[1]};anna;{line.split('|')[0]}\n" for line in lines)
    (voices / "metadata.csv").write_text(table)
    for words in (("--columns", "text,speaker,file"), ("--coqpit.datasets.0.columns", "text,speaker,file")):
        outcome, report = check(*words)
        assert "metadata.csv with columns text,speaker,file (--columns): 6 clips" in outcome.out
        assert report["data"]["speakers"] == {"anna": 6}


def test_the_report_holds_what_a_program_needs(check, release):
    _, report = check()
    assert list(report) == [
        "version", "status", "findings", "data", "audio", "model", "machine", "trial", "advice", "notes",
    ]  # fmt: skip
    assert report["version"] == 1
    assert set(report["findings"][0]) == {"id", "severity", "title", "advice", "count", "spoils", "clips"}
    assert report["data"]["clips"] == report["data"]["measured"] == 6
    assert report["data"]["sample_rates"] == {str(RATE): 6}
    assert sum(bar["clips"] for bar in report["data"]["lengths"]) == 6
    assert {verdict["setting"] for verdict in report["audio"]} >= {"sample rate", "mel range", "loudness"}
    assert report["audio"][0]["verdict"].startswith("resample")
    assert report["model"]["source"] == str(release / "model_file.pth")
    assert report["model"]["fresh"] == 0
    assert report["machine"]["device"] == "cpu"
    assert report["trial"]["measured_steps"] == 3
    assert report["trial"]["run_seconds"] > 0
    advice = {advice["field"]: advice for advice in report["advice"]}
    assert {"lr", "epochs", "batch_size", "eval_split_size", "freezing"} <= advice.keys()
    assert all(entry["reason"] for entry in advice.values())
    assert advice["lr"]["used"] == advice["lr"]["value"] == 3e-4


def test_what_the_person_set_is_kept_and_told(check):
    outcome, report = check("--coqpit.lr", "1e-5", "--max_steps", 7)
    advice = {advice["field"]: advice for advice in report["advice"]}
    assert (advice["lr"]["value"], advice["lr"]["used"]) == (3e-4, 1e-5)
    assert "(this run uses 1e-05)" in outcome.out
    assert report["trial"]["steps"] == 7


def clipped(wav):
    return 0.5 * np.clip(2 * wav / np.abs(wav).max(), -1, 1)


def silent(wav):
    return wav * 0.003


def noisy(wav):
    return wav + 0.05 * np.random.default_rng(0).standard_normal(len(wav))


def long_silence(wav):
    return np.pad(wav, (2 * RATE, 0))


def cut_off(wav):
    return wav[8000:10000]


def narrow(wav):
    """What a telephone leaves of it."""
    spectrum = np.fft.rfft(wav)
    spectrum[int(len(spectrum) * 2000 / 8000) :] = 0
    return np.fft.irfft(spectrum, len(wav))


@pytest.mark.parametrize(
    ("change_of", "id"),
    [
        (clipped, "clipped"),
        (silent, "silent"),
        (noisy, "noisy"),
        (long_silence, "end_silence"),
        (cut_off, "pace"),
        (narrow, "narrow"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_recording_is_named_with_what_to_do(check, voices, change_of, id):
    change(voices, "voice_0003", change_of)
    outcome, report = check()
    assert ids(report, "advises") == {id}
    (finding,) = [finding for finding in report["findings"] if finding["id"] == id]
    assert [Path(clip["file"]).stem for clip in finding["clips"]] == ["voice_0003"]
    assert "#wavs/voice_0003: " in outcome.out
    assert f"→ {finding['advice']}" in outcome.out
    assert "Ready to run; 1 of the findings" in outcome.out


def test_the_same_recording_under_two_names_is_found(check, voices):
    shutil.copyfile(voices / "wavs" / "voice_0001.wav", voices / "wavs" / "voice_0002.wav")
    _, report = check()
    assert ids(report, "advises") == {"duplicate_audio"}


@pytest.mark.parametrize(
    ("text", "id"), [("bad €", "unknown_symbols"), ("a bad egg", "duplicate_text"), ("", "no_text")]
)
def test_a_faulty_transcript_is_found(check, voices, text, id):
    lines = (voices / "metadata.csv").read_text().splitlines()
    lines[4] = f"voice_0005|{text}|{text}"
    (voices / "metadata.csv").write_text("\n".join(lines) + "\n")
    _, report = check(status=2 if id == "unknown_symbols" else 0)
    assert id in ids(report, "advises") | ids(report, "stops")


def test_what_would_make_the_run_fail_makes_the_status_2(check, voices):
    (voices / "wavs" / "voice_0002.wav").write_bytes(b"no audio")
    (voices / "wavs" / "voice_0004.wav").unlink()
    outcome, report = check(status=2)
    outcome.refused("This run would fail", "1 more")
    assert ids(report, "stops") == {"absent", "unreadable"}
    assert report["status"] == "stops"
    # What can be told of the rest is told.
    assert report["data"]["clips"] == 5
    assert report["data"]["measured"] == 4
    assert report["model"] is not None
    assert report["advice"]


def test_metadata_that_cannot_be_read_stop(check, voices):
    (voices / "metadata.csv").write_text("")
    outcome, report = check(status=2)
    assert ids(report, "stops") == {"data_set"}
    assert report["data"] is None
    outcome.refused("This run would fail", "the metadata is empty")


def test_nothing_is_filtered_where_nothing_could_be_read(check, voices, tmp_path):
    (voices / "metadata.csv").write_text("")
    outcome, _ = check("--write_filtered", tmp_path / "filtered", status=2)
    outcome.refused("This run would fail")
    assert not (tmp_path / "filtered").exists()


def test_weights_that_do_not_fit_stop(check, voices):
    outcome, report = check("--coqpit.hidden_channels_enc", 8, status=2)
    assert ids(report, "stops") == {"run"}
    assert "do not fit this model" in outcome.out
    assert report["data"]["clips"] == 6


def test_a_device_that_is_not_there_stops(check):
    _, report = check("--device", "cuda:7", status=2)
    assert ids(report, "stops") == {"run"}
    assert report["machine"] is None


def test_a_disk_that_is_full_stops(check, monkeypatch):
    monkeypatch.setattr("finetune_tts.check.checking.free_space", lambda folder: 1000)
    outcome, report = check(status=2)
    assert ids(report, "stops") == {"disk"}
    assert "save_n_checkpoints" in outcome.out


def test_audio_settings_that_the_weights_depend_on_are_never_changed_without_a_word(check):
    outcome, report = check("--coqpit.audio.hop_length", 128)
    (finding,) = [finding for finding in report["findings"] if finding["id"] == "audio_settings"]
    assert finding["severity"] == "advises"
    assert "audio.hop_length 64 → 128" in outcome.out
    assert all("hop_length" not in verdict["set"] for verdict in report["audio"])


def test_a_model_that_starts_from_nothing_is_told_so(tune, config_file, voices, tmp_path):
    words = ("--config_path", config_file(), "--dataset_path", voices, "--check")
    outcome = tune(*words, "--check_json", tmp_path / "check.json")
    assert outcome.status == 0, outcome.err
    report = json.loads((tmp_path / "check.json").read_text())
    assert ids(report, "advises") == {"restore"}
    assert {advice["field"]: advice["value"] for advice in report["advice"]}["lr"] == 1e-3


def test_another_reading_of_the_text_is_told(check):
    outcome, _ = check("--coqpit.add_blank", "true")
    assert "add_blank False → True" in outcome.out


def test_new_speakers_and_symbols_are_shown(check, choir, voices):
    words = ("--coqpit.datasets.0.dataset_name", "cleo", "--coqpit.characters.characters", "abcdefghz")
    outcome, report = check(*words, model=choir)
    rows = {row["tensor"]: row for row in report["model"]["rows"]}
    assert rows["emb_g.weight"]["new"] == ["cleo"]
    assert rows["encoder.emb.weight"]["new"] == ["z"]
    assert "2 rows kept, 1 new: cleo" in outcome.out
    (finding,) = [finding for finding in report["findings"] if finding["id"] == "coverage"]
    assert "'z' 0×" in finding["title"]


@pytest.mark.parametrize("count", [1, 2])
def test_the_smallest_data_sets_can_be_checked(check, voices, count):
    lines = (voices / "metadata.csv").read_text().splitlines()[:count]
    (voices / "metadata.csv").write_text("\n".join(lines) + "\n")
    _, report = check()
    assert report["status"] == "fine"
    assert report["data"]["clips"] == count


def test_a_second_check_decodes_nothing(check, monkeypatch):
    check()

    def measure_file(path):
        raise AssertionError(f"{path} is decoded again")

    monkeypatch.setattr(measuring, "measure_file", measure_file)
    check()


def test_the_filtered_metadata_can_be_tuned_to(check, tune, release, voices, tmp_path):
    change(voices, "voice_0003", noisy)
    (voices / "wavs" / "voice_0005.wav").write_bytes(b"no audio")
    (voices / "wavs" / "voice_0006.wav").unlink()
    outcome, _ = check("--write_filtered", tmp_path / "filtered", status=2)
    assert "filtered: 3 clips kept, 3 left out" in outcome.out
    left_out = (tmp_path / "filtered" / "left_out.csv").read_text()
    for name, reason in (("voice_0003", "noisy"), ("voice_0005", "unreadable"), ("voice_0006", "absent")):
        (line,) = [line for line in left_out.splitlines() if name in line]
        assert f"|{reason}: " in line
    command = outcome.line("fine-tune with them: ").split()
    again = tune("--restore_path", release, *command, "--check")
    assert again.status == 0, again.out
    assert "3 clips" in again.out
    assert tune("--restore_path", release, *command, "--max_steps", 1).status == 0


def test_a_data_set_is_not_filtered_onto_itself(check, voices):
    before = (voices / "metadata.csv").read_bytes()
    outcome, report = check("--write_filtered", voices, status=2)
    outcome.refused("--write_filtered", "would be lost", "another folder")
    assert report is None  # it is said before the recordings are read
    assert (voices / "metadata.csv").read_bytes() == before


def test_a_run_begins_with_a_short_check(tune, release, voices):
    change(voices, "voice_0003", noisy)
    words = ("--restore_path", release, "--dataset_path", voices, "--max_steps", 1)
    outcome = tune(*words)
    assert outcome.status == 0
    assert "Check of 6 clips: one thing to look at (--check tells more)" in outcome.err
    assert "! 1 clip noisy" in outcome.err
    assert "voice_0003" in outcome.err.split("Check of")[1]
    assert "Check of" not in outcome.out
    assert "Check of" not in tune(*words, "--no_check").err


def test_what_the_run_leaves_out_the_check_says(check, tune, release, voices):
    """Zeros at the ends are frames until they are trimmed."""
    lines = [f"{name}|{text} " + "a bad egg " * 20 + "\n" for name, text in zip(NAMES, TEXTS, strict=True)]
    (voices / "metadata.csv").write_text("".join(lines))
    change(voices, "voice_0001", lambda wav: np.tile(wav, 8))
    for name in NAMES[1:]:
        change(voices, name, lambda wav: np.pad(wav[: RATE // 2], 3 * RATE))
    words = ("--coqpit.audio.do_trim_silence", "true", "--coqpit.max_audio_len", 10**9)
    _, report = check(*words)
    found = {finding["title"]: finding["count"] for finding in report["findings"] if finding["id"] == "left_out"}
    assert found == {"5 clips left out: fewer mel frames than tokens": 5}
    run = tune("--restore_path", release, "--dataset_path", voices, "--max_steps", 1, *words)
    assert run.status == 0, run.err
    assert "5 of 6 samples are left out" in run.err
    assert "5  fewer mel frames than tokens" in run.err


def test_nothing_can_be_learned_from_silence(check, tune, release, voices):
    for name in NAMES:
        change(voices, name, silent)
    outcome, report = check(status=2)
    outcome.refused("6 clips nearly silent, and no other")
    assert "This run would fail." in outcome.out
    assert report["status"] == "stops"
    words = ("--restore_path", release, "--dataset_path", voices, "--max_steps", 1)
    tune(*words).refused("6 clips nearly silent", "--no_check")
    assert tune(*words, "--no_check").status == 0


def test_a_recording_that_is_cut_off_is_named_by_the_check_and_by_the_run(check, tune, release, voices):
    path = voices / "wavs" / "voice_0004.wav"
    path.write_bytes(path.read_bytes()[:52000])
    outcome, report = check(status=2)
    (finding,) = [finding for finding in report["findings"] if finding["id"] == "unreadable"]
    assert [clip["name"] for clip in finding["clips"]] == ["#wavs/voice_0004"]
    assert "cut off: 51,956 of " in finding["clips"][0]["note"]
    run = tune("--restore_path", release, "--dataset_path", voices, "--max_steps", 1)
    run.refused("voice_0004.wav: the recording is cut off")


@pytest.mark.parametrize(
    "words",
    [
        ("--check", "--no_check", "--restore_path", "x"),
        ("--check", "--continue_path", "x"),
        ("--write_filtered", "out", "--compute_embeddings", "out.json", "--config_path", "x"),
    ],
)
def test_flags_that_contradict_each_other_are_refused(tune, words):
    tune(*words).refused("do not go together")


def test_a_report_that_cannot_be_written_is_named(check, tmp_path):
    outcome, _ = check("--check_json", tmp_path / "no" / "where.json", status=2)
    outcome.refused("--check_json", "where.json")


class Terminal:
    def isatty(self):
        return True


def test_colours_are_for_terminals_and_for_those_who_want_them(monkeypatch, capsys):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert check_view.Paint(Terminal())("stops", "no") == "\033[31mno\033[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert check_view.Paint(Terminal())("stops", "no") == "no"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert check_view.Paint(Terminal())("stops", "no") == "no"
    monkeypatch.setenv("TERM", "xterm")
    assert check_view.Paint(sys.stdout)("stops", "no") == "no"


def test_the_table_has_no_colours_where_it_is_piped(check):
    outcome, _ = check()
    assert "\033[" not in outcome.out


def test_fields_that_do_nothing_here_are_named_once_where_the_user_set_them(release, recordings, tune, tmp_path):
    start = ["--restore_path", release, "--dataset_path", recordings, "--check"]
    assert "Kept for coqui-tts" not in tune(*start).err
    outcome = tune(*start, "--coqpit.use_grad_scaler", "true", "--coqpit.audio.resample", "false")
    assert outcome.err.count("Kept for coqui-tts, has no effect here: use_grad_scaler, audio.resample.") == 1
    values = json.loads((release / "config.json").read_text())
    own = tmp_path / "own.json"
    own.write_text(json.dumps({**values, "compute_f0": True}))
    outcome = tune("--config_path", own, *start)
    assert outcome.err.count("Kept for coqui-tts, has no effect here: compute_f0.") == 1

import json
import os
import shutil

import pytest

from finetune_tts.errors import UserError
from finetune_tts.watch.watched_run import PATIENCE, PATIENCE_BEFORE_START, WatchedRun


def curve(shown, name, split="train"):
    (found,) = [curve[split] for curve in shown["curves"] if curve["name"] == name]
    return found and dict(zip(found["steps"], found["means"], strict=True))


def set_times(folder, when):
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (when, when))


def test_curves_and_numbers_follow_the_history(run, watched):
    for step, loss in ((100, 3.0), (200, 2.0)):
        run.add(step, loss=loss)
    run.add(200, "eval", 2.5)
    shown = watched.look()
    assert [one["name"] for one in shown["curves"]] == ["loss", "loss_mle", "learning rate", "steps per second"]
    assert [one["decides"] for one in shown["curves"]] == [True, False, False, False]
    assert curve(shown, "loss") == {100: 3, 200: 2}
    assert curve(shown, "loss", "eval") == {200: 2.5}
    assert curve(shown, "loss_mle", "eval") == {200: 1.25}
    assert curve(shown, "learning rate") == {100: 0.001, 200: 0.001}
    assert curve(shown, "learning rate", "eval") is None
    assert curve(shown, "steps per second") == {100: 2, 200: 2}
    progress = shown["progress"]
    assert (progress["step"], progress["total"], progress["epoch"]) == (200, 1000, 2)
    assert (progress["speed"], progress["left"], progress["seconds"]) == (2, 400, 100)
    assert (progress["best"], progress["since_best"]) == ((200, 2.5), 0)
    assert watched.look(shown["version"])["curves"] is None
    run.add(300, "eval", 2.75)
    later = watched.look(shown["version"])
    assert curve(later, "loss", "eval") == {200: 2.5, 300: 2.75}
    assert (later["progress"]["best"], later["progress"]["since_best"]) == ((200, 2.5), 1)


def test_a_last_line_that_is_only_half_written_is_no_error_and_comes_later(run, watched):
    run.add(100)
    path = run.path / "history.jsonl"
    run.add(200)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    shown = watched.look()
    assert (list(curve(shown, "loss")), shown["warnings"]) == ([100], [])
    path.write_bytes(whole)
    assert list(curve(watched.look(), "loss")) == [100, 200]


def test_a_run_that_is_resumed_from_before_is_drawn_from_its_new_lines(run, watched):
    for step in (100, 200, 300):
        run.add(step, loss=step)
    before = watched.look()
    history = run.path / "history.jsonl"
    history.write_bytes(b"".join(history.read_bytes().splitlines(keepends=True)[:1]))
    for step in (200, 300, 400, 500):
        run.add(step, loss=1.0, seconds=step / 2 - 99)
    shown = watched.look(before["version"])
    assert curve(shown, "loss") == {100: 100, 200: 1, 300: 1, 400: 1, 500: 1}
    assert shown["progress"]["seconds"] == 50 + 151  # before it was stopped, and since


def test_the_speed_is_that_of_late_and_of_this_continuation(run, watched):
    for step in range(100, 200):
        run.add(step)
    for step in range(200, 230):
        run.add(step, seconds=(step - 199) / 10)  # resumed on a faster machine
    assert watched.look()["progress"]["speed"] == pytest.approx(10)


@pytest.mark.parametrize(
    "line",
    ["nonsense", "[]", "3", '{"step": 1}', '{"step": true, "epoch": 0, "split": "train", "losses": {}}',
     '{"step": 1, "epoch": 0, "split": "test", "losses": {}}', '{"step": 1, "epoch": 0, "split": "eval", "losses": []}',
     '{"step": 1, "epoch": 0, "split": "eval", "losses": {"loss": "1"}}', "[" * 5000, "\\ud800", '{"step": -1}'],
)  # fmt: skip
def test_a_line_that_is_no_entry_is_a_warning_and_the_rest_is_shown(run, watched, line):
    run.add(100)
    with open(run.path / "history.jsonl", "a") as file:
        file.write(f"{line}\n")
    run.add(200)
    shown = watched.look()
    assert list(curve(shown, "loss")) == [100, 200]
    assert "history.jsonl: line 2 is not an entry" in shown["warnings"][0]["text"]


def test_losses_that_are_not_finite_are_counted(run, watched):
    run.add(100, loss=float("nan"))
    run.add(200)
    shown = watched.look()
    assert curve(shown, "loss") == {200: 1}
    assert "training loss: 1 value not finite (NaN or infinite)." in [w["text"] for w in shown["warnings"]]
    json.dumps(shown, allow_nan=False)  # browsers know no NaN


def test_names_without_end_are_said_to_be_left_out(run, watched):
    losses = {f"loss_{number}": 1.0 for number in range(100)}
    line = json.dumps({"step": 1, "epoch": 0, "split": "train", "losses": losses, "target": None})
    (run.path / "history.jsonl").write_text(line + "\n")
    shown = watched.look()
    assert len(shown["curves"]) == 64
    assert "more than 64 curves" in shown["warnings"][0]["text"]


def test_it_runs_while_its_files_are_young_and_may_be_dead_when_they_are_old(run, watched):
    set_times(run.path, 1000)
    run.now = 1000 + PATIENCE_BEFORE_START
    assert watched.look()["state"]["word"] == "starting"
    run.now += 1
    assert watched.look()["state"]["word"] == "silent"
    run.add(100)
    set_times(run.path, 2000)
    run.now = 2000 + max(PATIENCE, 3 * 50)
    assert watched.look()["state"] == {"word": "running", "text": "", "age": 150}
    run.now += 1
    state = watched.look()["state"]
    assert (state["word"], state["age"]) == ("silent", 151)
    assert "killed" in state["text"]


def test_a_run_that_has_long_pauses_by_habit_gets_more_time(run, watched):
    run.add(100)
    run.add(101, "eval", seconds=1050)
    set_times(run.path, 2000)
    run.now = 2000 + 3000
    assert watched.look()["state"]["word"] == "running"


def test_files_from_the_future_of_another_clock_are_young(run, watched):
    set_times(run.path, 5000)
    assert watched.look()["state"] == {"word": "starting", "text": "No step is shown yet.", "age": 0}


@pytest.mark.parametrize(
    ("level", "text", "word", "said"),
    [
        ("INFO", "The run has ended after step 1000", "ended", ""),
        ("INFO", "Stopped after step 12. Resume with: tts-finetune …", "stopped", "Resume with"),
        ("ERROR", "the disk is full", "failed", "the disk is full"),
    ],
)
def test_the_log_tells_how_it_ended_until_it_is_resumed(run, watched, level, text, word, said):
    run.add(100)
    run.log("INFO", "Run folder: x")
    run.log(level, text)
    with open(run.path / "trainer_0_log.txt", "a") as file:
        file.write("Traceback (most recent call last):\n  of no account\n")
    state = watched.look()["state"]
    assert state["word"] == word
    assert said in state["text"]
    run.log("INFO", "Run folder: x")
    set_times(run.path, 0)
    assert watched.look()["state"]["word"] == "running"


def test_the_last_warnings_of_the_log_are_shown_newest_first(run, watched):
    run.log("INFO", "nothing")
    for number in range(60):
        run.log("WARNING", f"warning {number}")
    shown = watched.look()
    assert (len(shown["warnings"]), shown["warned"]) == (50, 60)
    assert shown["warnings"][0] == {"time": "2026-11-28 21:10:07", "text": "warning 59"}


def test_samples_are_shown_newest_step_first_with_their_sentences(run, watched):
    run.speak(200)
    run.speak(1000, alignment=False)
    shown = watched.look()["samples"]
    assert [one["step"] for one in shown] == [1000, 200]
    assert [sound["text"] for sound in shown[1]["sounds"]] == [
        "Be a voice, not an echo.",
        "Größer als zuvor? <b>Yes</b>, and for that reason longer too.",
    ]
    assert [sound["picture"] for sound in shown[0]["sounds"]] == [None, None]
    assert shown[1]["sounds"][0]["picture"].startswith("sample/step_0000200/1_Be_a_voice_not_an_echo.alignment.png?at=")
    run.write_config(test_sentences=[["Another one.", "speaker"]])
    assert watched.look()["samples"][0]["sounds"][0]["text"] == "Be a voice not an echo"


def test_a_sample_that_is_written_again_has_another_address(run, watched):
    run.speak(200)
    set_times(run.path, 1000)
    first = watched.look()["samples"]
    run.speak(200)
    set_times(run.path, 1001)
    assert first[0]["sounds"][0]["sound"] != watched.look()["samples"][0]["sounds"][0]["sound"]


def test_no_link_among_the_samples_is_followed(run, watched, tmp_path):
    (tmp_path / "secret.wav").write_text("secret")
    run.speak(200)
    (run.path / "samples" / "step_0000200" / "9_secret.wav").symlink_to(tmp_path / "secret.wav")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1_secret.wav").write_text("secret")
    (run.path / "samples" / "step_0000300").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (shown,) = watched.look()["samples"]
    assert len(shown["sounds"]) == 2
    for step, name in (("step_0000200", "9_secret.wav"), ("step_0000300", "1_secret.wav"), ("..", "config.json")):
        with pytest.raises(UserError, match="no such sample"):
            watched.sample(step, name)


def test_checkpoints_are_listed_and_the_best_is_marked(run, watched):
    for name in ("checkpoint_200.pth", "best_model_100.pth", "best_model.pth"):
        (run.path / name).touch()
    (run.path / "report.html").touch()
    shown = watched.look()
    assert shown["models"] == [
        {"step": 100, "name": "best_model_100.pth", "best": True},
        {"step": 200, "name": "checkpoint_200.pth", "best": False},
    ]
    assert shown["report"]


def test_a_copied_folder_without_anything_but_its_history_is_shown(run, tmp_path):
    run.add(100)
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(run.path / "history.jsonl", copy)
    shown = WatchedRun(copy).look()
    assert (shown["name"], list(curve(shown, "loss")), shown["facts"]) == ("copy", [100], [])


@pytest.mark.parametrize("name", ["config.json", "about_run.json"])
@pytest.mark.parametrize("content", ["{", "[]", '"x"', '{"run_name": 3, "test_sentences": 7, "model": [1]}', "\0"])
def test_files_that_are_not_what_they_should_be_keep_nothing_from_being_shown(run, watched, name, content):
    run.add(100)
    run.speak(100)
    (run.path / name).write_text(content)
    shown = watched.look()
    assert list(curve(shown, "loss")) == [100]
    assert len(shown["samples"][0]["sounds"]) == 2


def test_a_record_with_values_of_other_types_is_a_warning(run, watched):
    data = {"folders": [], "clips": "many", "held_out": 1, "minutes": "long", "dropped": []}
    record = {"started": "now", "device": "cpu", "versions": {}, "data": data | {"speakers": [], "languages": []}}
    record |= {"base": None, "speaker": "", "changes": [], "chosen": [], "filled_in": [], "clips": []}
    (run.path / "about_run.json").write_text(json.dumps(record))
    assert "not the record of a run" in watched.look()["warnings"][0]["text"]


def test_a_folder_that_is_gone_is_said(run, watched):
    shutil.rmtree(run.path)
    with pytest.raises(UserError, match="the folder is gone"):
        watched.look()


def test_what_is_no_run_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        WatchedRun(tmp_path / "missing")
    with pytest.raises(UserError, match=r"is no folder of a run, as it has no history\.jsonl"):
        WatchedRun(tmp_path)


def test_what_was_heard_is_drawn_at_its_step_and_sets_the_run_not_back(run, watched):
    run.add(100)
    run.add(300)
    run.hear(100, 6.5, seconds=151)
    run.add(400, "eval", 2.0)
    run.hear(400, 5.5, seconds=201)
    shown = watched.look()
    assert shown["progress"]["step"] == 400
    assert shown["progress"]["best"] == (400, 2.0)
    assert [one["name"] for one in shown["curves"]] == [
        "loss", "loss_mle", "mel-cepstral distortion (dB)", "word error rate (%)", "learning rate", "steps per second",
    ]  # fmt: skip
    assert curve(shown, "mel-cepstral distortion (dB)", "heard") == {100: 6.5, 400: 5.5}
    assert curve(shown, "word error rate (%)", "heard") == {100: 25, 400: 25}
    assert shown["warnings"] == []


def test_the_best_model_by_ear_is_among_the_models(run, watched):
    run.add(100)
    (run.path / "best_by_ear.pth").touch()
    (run.path / "hearing").mkdir()
    (run.path / "hearing" / "best.json").write_text('{"step": 100, "metric": "wer", "value": 0.1}')
    (model,) = watched.look()["models"]
    assert model == {"step": 100, "name": "best_by_ear.pth", "by_ear": "word error rate", "best": False}
    (run.path / "hearing" / "best.json").write_text("nonsense")
    shown = watched.look()
    assert shown["models"] == []
    assert "best.json" in shown["warnings"][0]["text"]

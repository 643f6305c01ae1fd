import math

import pytest

from finetune_tts.errors import UserError
from finetune_tts.runs.history import History, HistoryEntry, read_history


def entry(step, split="train", loss=1.0):
    return HistoryEntry(step, 0, split, {"loss": loss}, rate=0.1)


def test_entries_come_back_as_they_were_written(tmp_path):
    written = [entry(1), entry(2, "eval", -0.5)]
    with History(tmp_path) as history:
        for one in written:
            history.add(one)
    assert read_history(tmp_path) == written


def test_a_history_that_goes_on_forgets_what_came_after_its_checkpoint(tmp_path):
    with History(tmp_path) as history:
        history.add(entry(1))
        position = history.position
        history.add(entry(2))
    with History(tmp_path, position) as history:
        history.add(entry(3))
    assert [one.step for one in read_history(tmp_path)] == [1, 3]


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path):
    with History(tmp_path) as history:
        history.add(entry(1))
    with open(tmp_path / "history.jsonl", "a") as file:
        file.write('{"step": 2, "ep')
    assert [one.step for one in read_history(tmp_path)] == [1]


def test_a_loss_that_is_not_finite_is_kept_as_such_in_valid_json(tmp_path):
    with History(tmp_path) as history:
        history.add(entry(1, loss=math.inf))
    assert "Infinity" not in (tmp_path / "history.jsonl").read_text()
    assert math.isnan(read_history(tmp_path)[0].losses["loss"])


@pytest.mark.parametrize("line", ["[]", "{}", "nonsense", '{"step": 1, "losses": 3}'])
def test_a_line_that_is_no_entry_is_named(tmp_path, line):
    (tmp_path / "history.jsonl").write_text(f"{line}\n")
    with pytest.raises(UserError, match=r"history.jsonl, line 1"):
        read_history(tmp_path)

import json
import os
import shutil

import pytest

from finetune_tts.errors import UserError
from finetune_tts.runs.record import (
    BaseModel,
    Choice,
    Clip,
    DataFacts,
    RunRecord,
    differences,
    read_record,
    write_record,
)


def record_in(place):
    return RunRecord(
        started="2026-11-25T02:00:00+00:00",
        device="cpu",
        versions={"torch": "2"},
        data=DataFacts((str(place / "data"),), 9, 1, 1.5, ("me",), (), (("too long", 2),), "ß (3)"),
        base=BaseModel(str(place / "base" / "model_file.pth"), name="tts_models/xx/y/z", licence="MIT"),
        changes=(("lr", 0.001, 0.0001),),
        chosen=("lr",),
        filled_in=(Choice("batch_size", 4, "nine clips"),),
        clips=(Clip("d#a", "a <b>", str(place / "data" / "a.wav"), "me"),),
    )


def test_a_record_comes_back_as_it_was_written(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    write_record(folder, record_in(tmp_path))
    assert read_record(folder) == record_in(tmp_path)


def test_it_holds_no_absolute_path_and_moves_with_its_folder(tmp_path):
    folder = tmp_path / "here" / "run"
    folder.mkdir(parents=True)
    write_record(folder, record_in(tmp_path / "here"))
    assert str(tmp_path) not in (folder / "about_run.json").read_text()
    shutil.move(tmp_path / "here", tmp_path / "there")
    read = read_record(tmp_path / "there" / "run")
    assert read.clips[0].audio_file == os.path.join(tmp_path, "there", "data", "a.wav")
    assert read.base.config_file == ""


def test_a_folder_without_one_has_none(tmp_path):
    assert read_record(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"started": 1}', "null", '{"data": {"dropped": 3}}'])
def test_a_file_that_is_no_record_is_named(tmp_path, text):
    (tmp_path / "about_run.json").write_text(text)
    with pytest.raises(UserError, match=r"about_run\.json(: not the record of a run|, line 1, column 1: not JSON)"):
        read_record(tmp_path)


def test_a_record_with_a_part_of_the_wrong_kind_is_named(tmp_path):
    write_record(tmp_path, record_in(tmp_path))
    values = json.loads((tmp_path / "about_run.json").read_text())
    for part in ("data", "clips", "changes", "base", "versions"):
        (tmp_path / "about_run.json").write_text(json.dumps(values | {part: [7]}))
        with pytest.raises(UserError, match="not the record of a run"):
            read_record(tmp_path)


def test_only_fields_that_change_the_model_count_as_differences():
    base = {"lr": 1, "audio": {"sample_rate": 1, "stats_path": "a"}, "output_path": "x", "only_there": 3, "epochs": 2}
    run = {"lr": 2, "audio": {"sample_rate": 2, "stats_path": "b"}, "output_path": "y", "new": True, "epochs": 2}
    assert differences(base, run) == (("lr", 1, 2), ("audio.sample_rate", 1, 2), ("new", None, True))

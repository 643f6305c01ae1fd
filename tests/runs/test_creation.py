import re
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from finetune_tts.config.paths import absolute_paths, relative_paths
from finetune_tts.errors import UserError
from finetune_tts.runs.creation import RunAsset, create_run_folder, place_assets

NOON = datetime(2024, 11, 3, 12, 5)


def test_the_name_has_the_form_of_the_family(tmp_path):
    folder = create_run_folder(tmp_path / "new" / "output", "my-voice", NOON)
    assert re.fullmatch(r"my-voice-November-03-2024_12\+05PM-[0-9a-f]{7}", folder.name)
    assert folder.is_dir()
    assert not list(folder.iterdir())


def test_an_existing_folder_is_never_used_again(tmp_path, monkeypatch):
    hashes = iter(["aaaaaaaa", "aaaaaaaa", "bbbbbbbb"])
    monkeypatch.setattr("secrets.token_hex", lambda count: next(hashes))
    folders = [create_run_folder(tmp_path, "run", NOON) for _ in range(2)]
    assert folders[0].name.endswith("-aaaaaaa")
    assert folders[1].name.endswith("-bbbbbbb")


@pytest.mark.parametrize("name", ["a/b", "../../up", "", "/"])
def test_a_run_name_stays_below_the_output_folder(tmp_path, name):
    folder = create_run_folder(tmp_path, name, NOON)
    assert folder.parent == tmp_path.resolve()


def test_a_run_name_that_is_not_utf_8_is_spelt_out_and_such_a_folder_is_refused(tmp_path):
    assert create_run_folder(tmp_path, "caf\udce9", NOON).name.startswith("caf\\xe9-November")
    with pytest.raises(UserError, match=r"--output_path .*caf\\xe9: .* is a name that is not UTF-8"):
        create_run_folder(tmp_path / "caf\udce9", "run", NOON)
    assert not (tmp_path / "caf\udce9").exists()


def test_assets_are_copied_and_named_in_the_config(tmp_path):
    source = tmp_path / "stats.npy"
    source.write_bytes(b"123")
    folder = tmp_path / "run"
    folder.mkdir()
    config = SimpleNamespace(speakers_file=None, audio=SimpleNamespace(stats_path=str(source)), model_args={})
    place_assets(config, folder, [
        RunAsset("scale_stats.npy", source, ("audio.stats_path",)),
        RunAsset("speakers.json", {"ä": 0}, ("speakers_file", "model_args.speakers_file")),
    ])  # fmt: skip

    assert (folder / "scale_stats.npy").read_bytes() == b"123"
    assert config.audio.stats_path == str(folder / "scale_stats.npy")
    assert config.speakers_file == config.model_args["speakers_file"] == str(folder / "speakers.json")


def test_a_missing_asset_is_an_error_that_leaves_no_half_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        place_assets(SimpleNamespace(), tmp_path, [RunAsset("a", tmp_path / "missing")])
    assert not list(tmp_path.iterdir())


def test_paths_survive_a_move_of_data_and_run_together(tmp_path):
    run = tmp_path / "out" / "run"
    values = {
        "output_path": str(tmp_path / "out"),
        "audio": {"stats_path": str(run / "scale_stats.npy"), "sample_rate": 16000},
        "d_vector_file": [str(run / "d_vectors.pth")],
        "speakers_file": None,
        "phoneme_cache_path": "",
        "model_args": {"speakers_file": str(run / "speakers.json")},
        "datasets": [{"path": str(tmp_path / "data"), "meta_file_train": str(tmp_path / "data" / "meta.csv"),
                      "meta_file_val": "val.csv"}],
    }  # fmt: skip

    relative = relative_paths(values, run)

    assert relative["output_path"] == ".."
    assert relative["audio"] == {"stats_path": "scale_stats.npy", "sample_rate": 16000}
    assert relative["d_vector_file"] == ["d_vectors.pth"]
    assert relative["model_args"]["speakers_file"] == "speakers.json"
    assert relative["datasets"][0] == {"path": str(Path("..", "..", "data")), "meta_file_train": "meta.csv",
                                       "meta_file_val": "val.csv"}  # fmt: skip
    moved = absolute_paths(relative, Path("/elsewhere/out/run"))
    assert moved["datasets"][0]["path"] == "/elsewhere/data"
    assert moved["audio"]["stats_path"] == "/elsewhere/out/run/scale_stats.npy"
    assert moved["speakers_file"] is None


def test_a_folder_that_cannot_be_made_is_a_mistake_of_the_person(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--output_path .*file"):
        create_run_folder(tmp_path / "file" / "below", "run")

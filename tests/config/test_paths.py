"""Paths of a config lead to files, wherever it was written."""

import pytest

from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.config.paths import absolute_paths, locate_paths, relative_paths
from finetune_tts.families.vits.config import VitsArgs, VitsConfig


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "model" / "recordings").mkdir(parents=True)
    for name in ("language_ids.json", "model_se.pth", "config.json", "d_vectors.json"):
        (tmp_path / "model" / name).write_text("{}")
    (tmp_path / "here.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "model"


def test_files_are_found_from_the_config_from_here_and_by_name(folder):
    args = VitsArgs(
        d_vector_file=["d_vectors.json", "here.json", "none.json"],
        language_ids_file="C:\\Users\\someone\\language_ids.json",
        speaker_encoder_model_path="/home/someone/model_se.pth",
        speaker_encoder_config_path="/home/someone/encoder/config.json",
    )
    config = VitsConfig(model_args=args, output_path="/home/someone/recordings")
    config.datasets = [DatasetConfig(path="/home/someone/recordings"), DatasetConfig(path="recordings")]
    config.kept_fields()["speaker_encoder_model_path"] = "/home/someone/model_se.pth"
    locate_paths(config, folder)
    assert args.d_vector_file == [str(folder / "d_vectors.json"), "here.json", "none.json"]
    assert args.language_ids_file == config.language_ids_file == str(folder / "language_ids.json")
    assert args.speaker_encoder_model_path == str(folder / "model_se.pth")
    assert config.kept_fields()["speaker_encoder_model_path"] == str(folder / "model_se.pth")
    # The config beside is the model's, and folders of others are not one's own.
    assert args.speaker_encoder_config_path == "/home/someone/encoder/config.json"
    assert config.output_path == "/home/someone/recordings"
    assert [dataset.path for dataset in config.datasets] == ["/home/someone/recordings", str(folder / "recordings")]


def test_relative_to_a_folder_and_back(folder):
    args = VitsArgs(d_vector_file=[str(folder / "d_vectors.json")], speaker_encoder_model_path=str(folder / "x.pth"))
    values = VitsConfig(model_args=args, output_path=str(folder.parent)).to_dict()
    relative = relative_paths(values, folder)
    assert relative["output_path"] == ".."
    assert relative["model_args"]["d_vector_file"] == ["d_vectors.json"]
    assert relative["model_args"]["speaker_encoder_model_path"] == "x.pth"
    assert absolute_paths(relative, folder) == values

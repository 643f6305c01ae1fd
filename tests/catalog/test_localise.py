"""Paths in released configs point at the files beside them."""

import json
import logging

import pytest

from finetune_tts.catalog.localise import localise, read_config
from finetune_tts.errors import UserError


@pytest.fixture
def put(tmp_path):
    def write(config, *files):
        for name in files:
            (tmp_path / name).write_text("{}")
        path = tmp_path / "config.json"
        path.write_text(config if isinstance(config, str) else json.dumps(config))
        return path

    return write


def test_every_field_at_every_level_is_pointed_at_its_file(put, tmp_path):
    fields = {
        "speakers_file": "/root/train/speaker_ids.json",
        "d_vector_file": ["/root/train/speakers.pth"],
        "language_ids_file": "C:\\train\\language_ids.json",
        "speaker_encoder_config_path": "/root/se/config.json",
        "speaker_encoder_model_path": "/root/se/best_model.pth.tar",
    }
    files = [
        "scale_stats.npy",
        "speaker_ids.json",
        "speakers.pth",
        "language_ids.json",
        "config_se.json",
        "model_se.pth",
    ]
    path = put({**fields, "audio": {"stats_path": "/root/scale_stats.npy"}, "model_args": dict(fields)}, *files)
    assert localise(path)
    config = json.loads(path.read_text())
    expected = {
        "speakers_file": str(tmp_path / "speaker_ids.json"),
        "d_vector_file": [str(tmp_path / "speakers.pth")],
        "language_ids_file": str(tmp_path / "language_ids.json"),
        "speaker_encoder_config_path": str(tmp_path / "config_se.json"),
        "speaker_encoder_model_path": str(tmp_path / "model_se.pth"),
    }
    assert config == {**expected, "audio": {"stats_path": str(tmp_path / "scale_stats.npy")}, "model_args": expected}
    assert not localise(path)


def test_the_file_that_the_config_names_goes_before_the_usual_one(put, tmp_path):
    path = put({"audio": {"stats_path": "/x/stats_16k.npy"}}, "stats_16k.npy", "scale_stats.npy")
    localise(path)
    assert read_config(path)["audio"]["stats_path"] == str(tmp_path / "stats_16k.npy")


def test_a_file_under_another_name_is_found(put, tmp_path):
    path = put(
        {"speakers_file": "/x/ids_of_run_7.json", "audio": {"stats_path": "/x/a.npy"}},
        "speakers.json",
        "scale_stats.npy",
    )
    localise(path)
    assert read_config(path)["speakers_file"] == str(tmp_path / "speakers.json")
    assert read_config(path)["audio"]["stats_path"] == str(tmp_path / "scale_stats.npy")


def test_empty_fields_are_filled_only_where_the_file_is_meant_for_them(put, tmp_path):
    path = put({"speakers_file": None, "d_vector_file": None, "use_d_vector_file": False}, "speakers.json")
    assert not localise(path)
    path = put(
        {"speakers_file": None, "d_vector_file": None, "use_d_vector_file": True}, "speakers.json", "speaker_ids.json"
    )
    localise(path)
    config = read_config(path)
    assert config["speakers_file"] == str(tmp_path / "speaker_ids.json")
    assert config["d_vector_file"] == str(tmp_path / "speakers.json")


def test_the_old_name_of_the_d_vector_file_is_known(put, tmp_path):
    path = put({"external_speaker_embedding_file": "/x/speakers.json"}, "speakers.json")
    localise(path)
    assert read_config(path)["external_speaker_embedding_file"] == str(tmp_path / "speakers.json")


def test_the_same_file_is_not_listed_twice(put, tmp_path):
    path = put({"d_vector_file": ["/a/speakers.pth", "/b/speakers.pth", "/c/lost.pth"]}, "speakers.pth")
    localise(path)
    assert read_config(path)["d_vector_file"] == [str(tmp_path / "speakers.pth")]


def test_a_file_that_is_missing_is_told_and_its_field_kept(put, caplog):
    path = put('{"audio": {"stats_path": "/x/scale_stats.npy"}} // kept as it is')
    with caplog.at_level(logging.WARNING):
        assert not localise(path)
    assert "stats_path names scale_stats.npy" in caplog.text
    assert "kept as it is" in path.read_text()


def test_paths_can_be_those_of_the_folder_to_come(put, tmp_path):
    path = put({"language_ids_file": ""}, "language_ids.json")
    localise(path, tmp_path / "final")
    assert read_config(path)["language_ids_file"] == str(tmp_path / "final" / "language_ids.json")


def test_comments_are_passed_over_and_addresses_are_not_comments(put):
    first = '\ufeff{\n // a comment with "quotes"\n "a": "http://x.y/z", /* and\n'
    text = first + ' this */ "b": "tab\there \\"//\\"" // end\n}'
    assert read_config(put(text)) == {"a": "http://x.y/z", "b": 'tab\there "//"'}


@pytest.mark.parametrize(
    ("text", "told"), [("{\n1}", "line 2, column 1: not JSON"), ("[1]", "this is a list"), ("", "line 1")]
)
def test_a_config_that_is_none_is_told(put, text, told):
    with pytest.raises(UserError, match=told):
        localise(put(text))

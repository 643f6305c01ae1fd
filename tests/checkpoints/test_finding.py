"""The file that a path means is found, or the message says what stands there instead."""

import pytest

from finetune_tts.checkpoints.finding import find_weights
from finetune_tts.errors import UserError


def test_the_documented_order_decides_among_several_files(tmp_path):
    order = ["model_file.pth", "model_file.pth.tar", "model.pth", "best_model.pth", "best_model_200.pth"]
    order += ["best_model_99.pth", "checkpoint_1000.pth", "checkpoint_999.pth", "G_100000.pth"]
    for name in [*order, "speakers.pth", "model_se.pth", "checkpoint_5000.pth.part", "config.json"]:
        (tmp_path / name).touch()
    for name in order:
        assert find_weights(tmp_path).name == name
        (tmp_path / name).unlink()
    with pytest.raises(UserError, match=r"no weights, only .*speakers\.pth"):
        find_weights(tmp_path)


def test_a_missing_file_is_answered_with_the_nearest_names(tmp_path):
    (tmp_path / "model_file.pth").touch()
    with pytest.raises(UserError, match=r"does not exist in .*mean model_file\.pth"):
        find_weights(tmp_path / "modle_file.pth")
    with pytest.raises(UserError, match=r"mean model_file\.pth"):
        find_weights(tmp_path / "x")
    with pytest.raises(UserError, match="the part that does is " + str(tmp_path)):
        find_weights(tmp_path / "a" / "b" / "model_file.pth")


def test_folders_without_weights_say_what_they_hold(tmp_path):
    with pytest.raises(UserError, match="empty"):
        find_weights(tmp_path)
    (tmp_path / "release").mkdir()
    with pytest.raises(UserError, match="no weights, only release/"):
        find_weights(tmp_path)
    (tmp_path / "release" / "model.pth").touch()
    with pytest.raises(UserError, match="release/ does. Give that folder"):
        find_weights(tmp_path)

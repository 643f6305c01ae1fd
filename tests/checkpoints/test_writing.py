"""Weight files are written whole or not at all, in the released form, and read back without an allow-list."""

import collections
import enum
import os
import pathlib
import shutil
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrizations

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.checkpoints.writing import (
    check_free_space,
    estimate_bytes,
    estimate_run_bytes,
    prune,
    readable,
    released_payload,
    write_checkpoint,
)
from finetune_tts.errors import UserError


def test_what_is_written_has_the_released_fields_and_reads_back(tmp_path, tensors):
    optimizer = {"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 1e-3}]}
    schedule = {"last_epoch": 3, "_last_lr": [1e-3], "lr_lambdas": [None]}
    config = {"model": "glow_tts", "lr": 1e-3, "datasets": [{"path": pathlib.Path("a/b")}]}
    payload = released_payload(
        model=tensors,
        config=config,
        step=12,
        epoch=3,
        optimizer=[optimizer],
        scheduler=[schedule],
        model_loss=np.float32(0.5),
    )
    path = tmp_path / "checkpoint_12.pth"
    write_checkpoint(path, payload)
    names = ["config", "model", "optimizer", "scheduler", "scaler", "step", "epoch", "date", "model_loss"]
    assert list(torch.load(path, weights_only=True)) == names
    checkpoint = read_checkpoint(path)
    assert all(torch.equal(checkpoint.model[name], tensors[name]) for name in tensors)
    assert checkpoint.config == {"model": "glow_tts", "lr": 1e-3, "datasets": [{"path": "a/b"}]}
    assert (checkpoint.step, checkpoint.epoch, checkpoint.model_loss) == (12, 3, 0.5)
    assert torch.equal(checkpoint.optimizer[0]["state"][0]["exp_avg"], torch.ones(2))
    assert checkpoint.optimizer[0]["param_groups"] == [{"lr": 1e-3}]
    assert checkpoint.scheduler == [schedule]
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint_12.pth"]


def test_unusual_plain_values_become_plain_ones(tmp_path, tensors):
    color = enum.IntEnum("color", "red blue")
    extra = {
        "counts": collections.Counter("aab"),
        "nested": collections.defaultdict(dict, {1: {2: np.int64(3)}}),
        "tuple": (1, None, True, b"x", 2j),
        "set": frozenset({1}),
        "color": color.blue,
        "kind": torch.float16,
    }
    write_checkpoint(tmp_path / "a.pth", {"model": tensors, **extra})
    read = torch.load(tmp_path / "a.pth", weights_only=True)
    assert read["counts"] == {"a": 2, "b": 1}
    assert read["nested"] == {1: {2: 3}}
    assert read["tuple"] == (1, None, True, b"x", 2j)
    assert (read["set"], read["color"], read["kind"]) == ({1}, 2, torch.float16)


def test_what_a_restricted_reader_would_refuse_is_refused_with_its_place(tmp_path, tensors):
    payload = {"model": tensors, "optimizer": [{"a": {"b": SimpleNamespace()}}]}
    with pytest.raises(TypeError, match=r"optimizer\[0\]\.a\.b is a SimpleNamespace"):
        write_checkpoint(tmp_path / "a.pth", payload)
    assert list(tmp_path.iterdir()) == []


def test_weight_norm_is_written_under_the_released_names(tmp_path):
    network = parametrizations.weight_norm(torch.nn.Conv1d(2, 3, 1))
    write_checkpoint(tmp_path / "a.pth", {"model": network.state_dict()})
    assert set(read_checkpoint(tmp_path / "a.pth").model) == {"bias", "weight_g", "weight_v"}


def test_half_precision_halves_the_model_and_nothing_that_it_cannot_hold(tmp_path):
    model = {
        "weight": torch.randn(100, 100),
        "large": torch.tensor([1.0, 1e6]),
        "count": torch.tensor(3),
        "infinite": torch.tensor([float("inf")]),
    }
    write_checkpoint(tmp_path / "a.pth", {"model": model, "optimizer": {"m": torch.ones(3)}}, half=True)
    read = read_checkpoint(tmp_path / "a.pth")
    assert {name: tensor.dtype for name, tensor in read.model.items()} == {
        "weight": torch.float16,
        "large": torch.float32,
        "count": torch.int64,
        "infinite": torch.float16,
    }
    assert torch.allclose(read.model["weight"].float(), model["weight"], rtol=1e-3, atol=1e-6)
    assert read.optimizer["m"].dtype == torch.float32
    assert (tmp_path / "a.pth").stat().st_size < 25_000


def test_a_view_does_not_carry_its_whole_storage_along(tmp_path):
    large = torch.zeros(1_000_000)
    write_checkpoint(tmp_path / "a.pth", {"model": {"a": large[:10], "b": large[10:20]}})
    assert (tmp_path / "a.pth").stat().st_size < 10_000


def test_tied_weights_are_written_once(tmp_path):
    tied = torch.zeros(100_000)
    write_checkpoint(tmp_path / "a.pth", {"model": {"a": tied, "b": tied}})
    assert (tmp_path / "a.pth").stat().st_size < 500_000


def test_the_estimated_size_is_close_to_the_real_one(tmp_path):
    network = torch.nn.Sequential(*(torch.nn.Linear(100, 100) for _ in range(20)))
    payload = released_payload(model=network.state_dict(), config={"a": 1}, step=1, epoch=1)
    write_checkpoint(tmp_path / "a.pth", payload)
    size = (tmp_path / "a.pth").stat().st_size
    assert size * 0.98 <= estimate_bytes(payload) <= size * 1.05
    assert estimate_run_bytes(network, kept=2) == pytest.approx(5 * 3 * size, rel=0.06)


@pytest.fixture
def small_disk(monkeypatch):
    """Says that 20 MB are free."""
    usage = shutil.disk_usage("/")._replace(free=20_000_000)
    monkeypatch.setattr("finetune_tts.checkpoints.writing.shutil.disk_usage", lambda _: usage)


@pytest.mark.usefixtures("small_disk")
def test_a_file_that_will_not_fit_is_not_begun(tmp_path):
    path = tmp_path / "checkpoint_1.pth"
    path.write_text("the last one")
    with pytest.raises(UserError, match="25 MB needed") as caught:
        write_checkpoint(path, {"model": {"a": torch.zeros(2_000_000)}})
    assert "20 MB free" in str(caught.value)
    assert path.read_text() == "the last one"
    assert len(list(tmp_path.iterdir())) == 1
    check_free_space(tmp_path, 3_000_000)
    with pytest.raises(UserError, match="save_n_checkpoints"):
        check_free_space(tmp_path, 4_000_000)


@pytest.fixture
def full_disk():
    """Lets no file grow beyond 1 MB, as a disk without room does."""
    resource = pytest.importorskip("resource")
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("full_disk")
def test_a_disk_that_fills_up_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "best_model.pth"
    path.write_text("the last one")
    with pytest.raises(UserError, match=r"disk is full.*4\.0 MB needed"):
        write_checkpoint(path, {"model": {"a": torch.zeros(1_000_000)}})
    assert path.read_text() == "the last one"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_without_write_permission_is_named(tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("finetune_tts.files.tempfile.mkstemp", refuse)
    with pytest.raises(UserError, match=r"cannot be written \(Permission denied\)"):
        write_checkpoint(tmp_path / "a.pth", {"model": {"a": torch.ones(1)}})
    with pytest.raises(UserError, match=r"cannot be written \(No such file"):
        write_checkpoint(tmp_path / "no" / "a.pth", {"model": {"a": torch.ones(1)}})


def test_pruning_keeps_the_latest_checkpoints_and_everything_else(tmp_path):
    names = ["best_model.pth", "best_model_3.pth", "config.json", "checkpoint_notes.pth", "checkpoint_5.pth.bak"]
    for name in [*names, *(f"checkpoint_{step}.pth" for step in (5, 1000, 200, 90)), ".checkpoint_7.pth.a1b_.part"]:
        (tmp_path / name).touch()
    assert [path.name for path in prune(tmp_path, keep=2)] == ["checkpoint_5.pth", "checkpoint_90.pth"]
    assert sorted(os.listdir(tmp_path)) == sorted([*names, "checkpoint_1000.pth", "checkpoint_200.pth"])
    assert prune(tmp_path, keep=2) == []
    with pytest.raises(ValueError, match="keep is 0"):
        prune(tmp_path, keep=0)


def test_sizes_are_written_for_people():
    assert [readable(size) for size in (12, 3_200, 45_000_000, 1_900_000_000)] == [
        "12 bytes",
        "3.2 kB",
        "45 MB",
        "1.9 GB",
    ]

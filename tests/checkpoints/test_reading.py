"""Released checkpoints of every age load; nothing that a file asks for is ever run."""

import collections
import datetime
import logging
import os
import pathlib
import pickle
import sys
import types
import zipfile

import numpy as np
import pytest
import torch

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.errors import UserError


def assert_same(got, expected):
    assert got.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(got[name], tensor), name


class Payload:
    """Runs a call of the attacker's when an unrestricted unpickler meets it."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_all_fields_of_a_released_checkpoint_are_read(tmp_path, tensors, zipped):
    released = {
        "model": tensors,
        "optimizer": [{"state": {0: {"step": 3}}, "param_groups": []}],
        "scheduler": [{"last_epoch": 3}],
        "scaler": None,
        "step": 1200,
        "epoch": 7,
        "date": "May 01, 2022",
        "model_loss": {"train_loss": 0.5, "eval_loss": None},
        "config": {"model": "glow_tts", "audio": {"sample_rate": 16000}},
        "amp": "something else",
    }
    torch.save(released, tmp_path / "model_file.pth", _use_new_zipfile_serialization=zipped)
    checkpoint = read_checkpoint(tmp_path)
    assert_same(checkpoint.model, tensors)
    for name in ("optimizer", "scheduler", "scaler", "step", "epoch", "date", "model_loss", "config"):
        assert getattr(checkpoint, name) == released[name]
    assert checkpoint.extra == {"amp": "something else"}
    assert checkpoint.path == tmp_path / "model_file.pth"
    assert checkpoint.non_finite == ()


def test_missing_fields_are_none_and_a_plain_state_dict_is_a_model(tmp_path, tensors):
    torch.save({"model": tensors}, tmp_path / "a.pth")
    torch.save(collections.OrderedDict(tensors), tmp_path / "b.pth")
    for name in ("a.pth", "b.pth"):
        checkpoint = read_checkpoint(tmp_path / name)
        assert_same(checkpoint.model, tensors)
        assert (checkpoint.step, checkpoint.config, checkpoint.optimizer) == (None, None, None)


def test_prefixes_of_wrappers_are_stripped_only_where_all_names_have_them(tmp_path, tensors):
    torch.save({"model": {f"module._orig_mod.{name}": tensor for name, tensor in tensors.items()}}, tmp_path / "a.pth")
    assert_same(read_checkpoint(tmp_path / "a.pth").model, tensors)
    mixed = {"module.a": torch.ones(1), "b": torch.ones(1)}
    torch.save({"model": mixed}, tmp_path / "b.pth")
    assert_same(read_checkpoint(tmp_path / "b.pth").model, mixed)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_plain_objects_of_old_checkpoints_become_plain_values(tmp_path, tensors, zipped):
    old = {
        "model": tensors,
        "step": np.int64(1200),
        "epoch": torch.tensor(4),
        "model_loss": np.float32(0.25),
        "date": datetime.datetime(2021, 5, 1, 12, 30),
        "optimizer": collections.defaultdict(dict, {0: {"step": 1}}),
        "scheduler": collections.Counter("aab"),
        "place": pathlib.PurePosixPath("/data/voice"),
        "windows": pathlib.PureWindowsPath("C:/data/voice"),
        "flag": np.bool_(True),
        "text": np.str_("olá"),
        "kind": np.dtype("float32"),
        "factories": collections.defaultdict(list, {"a": [1]}),
        "day": datetime.date(2021, 5, 1),
    }
    torch.save(old, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    checkpoint = read_checkpoint(tmp_path / "a.pth")
    assert (checkpoint.step, checkpoint.epoch, checkpoint.model_loss) == (1200, 4, 0.25)
    assert type(checkpoint.model_loss) is float
    assert checkpoint.date == "2021-05-01 12:30:00"
    assert checkpoint.optimizer == {0: {"step": 1}}
    assert checkpoint.scheduler == {"a": 2, "b": 1}
    assert checkpoint.extra == {
        "place": "/data/voice",
        "windows": "C:\\data\\voice",
        "flag": True,
        "text": "olá",
        "kind": "float32",
        "factories": {"a": [1]},
        "day": "2021-05-01",
    }


def test_numbers_written_under_numpy_1_and_2_are_read(tmp_path, tensors, rewrite_pickle):
    module = b"numpy._core.multiarray" if np.__version__ >= "2" else b"numpy.core.multiarray"
    for name in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
        torch.save({"model": tensors, "model_loss": np.float64(-1.5)}, tmp_path / "a.pth")
        rewrite_pickle(tmp_path / "a.pth", b"c" + module + b"\n", b"c" + name + b"\n")
        assert read_checkpoint(tmp_path / "a.pth").model_loss == -1.5


def test_values_in_the_other_byte_order_are_read(tmp_path, tensors):
    torch.save({"model": tensors, "model_loss": np.array([1.5], ">f8")[0], "x": np.dtype(">i4")}, tmp_path / "a.pth")
    assert read_checkpoint(tmp_path / "a.pth").model_loss == 1.5


@pytest.fixture
def coqui(monkeypatch):
    """Classes that look like those of 🐸TTS to pickle, and count how often they are made."""
    module = types.ModuleType("TTS.tts.configs.glow_tts_config")
    made = []

    def setstate(self, state):
        made.append(self)
        self.__dict__.update(state)

    for name, base in (("GlowTTSConfig", object), ("BaseAudioConfig", object), ("AttrDict", dict)):
        namespace = {"__module__": module.__name__, "__setstate__": setstate}
        setattr(module, name, type(name, (base,), namespace))
    for name in ("TTS", "TTS.tts", "TTS.tts.configs"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    module.made = made
    return module


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_config_objects_of_coqui_become_dictionaries_without_their_classes(tmp_path, tensors, coqui, zipped):
    audio = coqui.BaseAudioConfig()
    audio.__dict__.update(sample_rate=16000, _initialized=True)
    config = coqui.GlowTTSConfig()
    config.__dict__.update(model="glow_tts", audio=audio, loss=np.float64(2.0), _initialized=True)
    old = coqui.AttrDict(hop_length=256)
    old["audio"] = coqui.AttrDict(sample_rate=22050)
    old.note = "kept as an attribute"
    checkpoint = {"model": tensors, "config": config, "old": old, "type": coqui.GlowTTSConfig}
    torch.save(checkpoint, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    del coqui.made[:]
    checkpoint = read_checkpoint(tmp_path / "a.pth")
    assert checkpoint.config == {"model": "glow_tts", "audio": {"sample_rate": 16000}, "loss": 2.0}
    assert type(checkpoint.config) is dict
    assert checkpoint.extra["old"] == {
        "hop_length": 256,
        "audio": {"sample_rate": 22050},
        "note": "kept as an attribute",
    }
    assert checkpoint.extra["type"] == "TTS.tts.configs.glow_tts_config.GlowTTSConfig"
    assert coqui.made == []
    assert not any("TTS" in str(item) for item in torch.serialization.get_safe_globals())


HARM = {
    "os.system": lambda target: Payload(os.system, f"touch '{target}'"),
    "eval": lambda target: Payload(eval, f"open({str(target)!r}, 'w')"),
    "open": lambda target: Payload(open, str(target), "w"),
    "Path.touch": lambda target: Payload(getattr, target, "touch"),
    "torch": lambda target: Payload(torch.save, {}, str(target)),
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("form", ["zip", "legacy", "pickle 2", "pickle 4", "in the model"])
def test_a_pickle_that_would_run_code_is_refused_by_name_and_runs_nothing(tmp_path, tensors, harm, form):
    target = tmp_path / "harm"
    payload = HARM[harm](target)
    names = {"os.system": f"{os.system.__module__}.system", "Path.touch": "builtins.getattr", "torch": "torch."}
    path = tmp_path / "a.pth"
    if form in ("zip", "legacy"):
        content = {"model": tensors, "config": payload}
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    elif form == "in the model":
        torch.save({"model": {**tensors, "x": payload}}, path)
    else:
        path.write_bytes(pickle.dumps(payload, protocol=int(form[-1])))
    with pytest.raises(UserError) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    if harm != "torch" or form in ("zip", "legacy", "in the model"):
        assert names.get(harm, harm) in str(caught.value)
        assert "Nothing was run" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not target.exists()


def test_numpy_arrays_and_unknown_classes_are_refused(tmp_path, tensors):
    for name, value in (("array", np.zeros(3)), ("network", torch.nn.Linear(2, 2)), ("error", UserError("x"))):
        torch.save({"model": tensors, name: value}, tmp_path / "a.pth")
        with pytest.raises(UserError, match="refused"):
            read_checkpoint(tmp_path / "a.pth")


@pytest.mark.parametrize("kept", [0.999, 0.6, 0.1, 30])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_file_that_is_cut_off_says_so(tmp_path, tensors, zipped, kept):
    path = tmp_path / "a.pth"
    torch.save({"model": tensors}, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: kept if kept > 1 else int(kept * len(whole))])
    with pytest.raises(UserError, match=r"a\.pth: is cut off"):
        read_checkpoint(path)


def test_damaged_bytes_never_cause_anything_but_a_user_error(tmp_path, tensors):
    path = tmp_path / "a.pth"
    generator = np.random.default_rng(0)
    for zipped in (True, False):
        torch.save({"model": tensors, "step": np.int64(3)}, path, _use_new_zipfile_serialization=zipped)
        whole = path.read_bytes()
        messages = []
        for _ in range(100):
            damaged = bytearray(whole)
            for place in generator.integers(0, len(whole), 8):
                damaged[place] = generator.integers(0, 256)
            path.write_bytes(damaged)
            try:
                read_checkpoint(path)
            except UserError as error:
                messages.append(str(error))
        assert len(messages) > 20
        assert all(message.startswith(str(path)) and "\n" not in message for message in messages)


def zip_of(**entries):
    def write(path):
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in entries.items():
                archive.writestr(name.replace("__", "/"), data)

    return write


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_text("\n<!DOCTYPE html><html>404"), "web page"),
        (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "Git LFS"),
        (lambda path: path.write_text("hello, these are no weights"), "not a PyTorch checkpoint"),
        (lambda path: path.write_bytes((2).to_bytes(8, "little") + b"{}"), "safetensors"),
        (zip_of(readme="x", wavs__a="y"), "zip of something else .*readme, wavs/a"),
        (zip_of(**{"voice__model_file.pth": "x"}), "zip that holds voice/model_file.pth. Unpack it"),
        (lambda path: torch.save([1, 2], path), "holds a list"),
        (lambda path: torch.save(torch.ones(2), path), "holds a Tensor"),
        (lambda path: torch.save({"speakers": {"a": 1}}, path), "no tensors under 'model' .*speakers"),
        (lambda path: torch.save({"model": {}}, path), "no tensors under 'model'"),
        (lambda path: torch.save({"model": torch.ones(1)}, path, pickle_protocol=4), "cut off or damaged"),
        (lambda path: path.write_bytes(pickle.dumps({"model": 1}, 2)), "cut off, or a pickle that torch.save did not"),
    ],
)
def test_files_of_other_kinds_are_named_for_what_they_are(tmp_path, write, message):
    path = tmp_path / "file.pth"
    write(path)
    with pytest.raises(UserError, match=message) as caught:
        read_checkpoint(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_torchscript_program_is_refused(tmp_path):
    path = tmp_path / "a.pth"
    zip_of(**{"a__data.pkl": pickle.dumps(1), "a__constants.pkl": "x"})(path)
    with pytest.raises(UserError, match="TorchScript"):
        read_checkpoint(path)


def test_a_file_without_permission_says_so(tmp_path, tensors, monkeypatch):
    path = tmp_path / "a.pth"
    torch.save({"model": tensors}, path)

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pathlib.Path, "open", refuse)
    with pytest.raises(UserError, match=r"Permission denied.*permissions"):
        read_checkpoint(path)


def test_tensors_that_are_not_finite_are_named(tmp_path, tensors, caplog):
    tensors["encoder.emb.weight"][1, 2] = float("nan")
    torch.save({"model": {**tensors, "steps": torch.tensor(3)}}, tmp_path / "a.pth")
    with caplog.at_level(logging.WARNING):
        checkpoint = read_checkpoint(tmp_path / "a.pth")
    assert checkpoint.non_finite == ("encoder.emb.weight",)
    assert "encoder.emb.weight" in caplog.text


def test_a_pickle_that_contains_itself_is_refused(tmp_path, tensors):
    loop = []
    loop.append(loop)
    torch.save({"model": tensors, "loop": loop}, tmp_path / "a.pth")
    with pytest.raises(UserError):
        read_checkpoint(tmp_path / "a.pth")

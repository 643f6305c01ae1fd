"""Weight files that ask for more than they hold: each is refused by name, at once, and nothing of it is used."""

import collections
import os
import pickle
import pickletools
import struct
import zipfile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finetune_tts.checkpoints.reading import read_checkpoint, read_torch_file
from finetune_tts.errors import UserError

BOTH = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
HUGE = 10**10


def in_itself(make, times=40):
    """Two to the power of ``times`` values, in as many lines of pickle."""
    value = 1
    for _ in range(times):
        value = make(value)
    return value


def write(path, content, zipped=True):
    torch.save(content, path, _use_new_zipfile_serialization=zipped)


def refused(path, message):
    with pytest.raises(UserError, match=message) as caught:
        read_checkpoint(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 600


def read_or_refused(path):
    message = ""
    try:
        read_checkpoint(path)
    except UserError as error:
        message = str(error)
    assert "\n" not in message


UNFIT = {
    "a view that repeats one number": (lambda: torch.ones(1).expand(HUGE), "'model.x' is larger than such a file"),
    "many such views": (lambda: [torch.ones(1).expand(2**20) for _ in range(200)], "is larger than such a file"),
    "no numbers": (lambda: torch.empty(3, device="meta"), "'model.x' is a tensor without numbers"),
    "sparse": (lambda: torch.eye(3).to_sparse(), "'model.x' is a sparse, quantised or nested tensor"),
    "quantised": (lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), "sparse, quantised or nested"),
    "complex": (lambda: torch.ones(3, dtype=torch.complex64), "'model.x' holds complex numbers"),
    "lists in lists": (lambda: in_itself(lambda x: [x, x]), "holds more than 1,000,000 values"),
    "dictionaries in dictionaries": (lambda: in_itself(lambda x: {"a": x, "b": x}), "more than 1,000,000 values"),
    "tuples in tuples": (lambda: in_itself(lambda x: (x, x)), "refused: it nests values"),
    "a tuple in a tuple": (lambda: in_itself(lambda x: (x,), 200), "refused: it nests values"),
    "a list in a list": (lambda: in_itself(lambda x: [x], 200), "lies too deep"),
}


@BOTH
@pytest.mark.parametrize("unfit", UNFIT)
@pytest.mark.filterwarnings("ignore:torch.quantize")
def test_what_no_weights_need_is_refused(tmp_path, tensors, unfit, zipped):
    make, message = UNFIT[unfit]
    write(tmp_path / "a.pth", {"model": {**tensors, "x": make()}}, zipped)
    refused(tmp_path / "a.pth", message)
    assert os.path.getsize(tmp_path / "a.pth") < 100_000


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.complex32])
@pytest.mark.filterwarnings("ignore:ComplexHalf")
def test_types_that_only_the_newer_format_has_are_refused(tmp_path, tensors, dtype):
    write(tmp_path / "a.pth", {"model": {**tensors, "x": torch.ones(3).to(dtype)}})
    refused(tmp_path / "a.pth", "'model.x' holds (numbers of the type float8_e4m3fn|complex numbers)")


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_a_nested_tensor_is_refused(tmp_path, tensors):
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
    write(tmp_path / "a.pth", {"model": {**tensors, "x": nested}})
    refused(tmp_path / "a.pth", "sparse, quantised or nested")


def test_a_tuple_as_a_key_is_not_hashed_for_ever(tmp_path, tensors):
    # Not by pickle.dumps, which would have to hash it.
    nested = pickle.dumps(in_itself(lambda x: (x, x)), 2)[2:-1]
    data = b"\x80\x02}" + nested + b"K\x01s."
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("a/data.pkl", data)
        archive.writestr("a/version", "3\n")
    refused(tmp_path / "a.pth", "refused: it nests values")


@BOTH
def test_more_operations_than_any_weights_need_are_not_begun(tmp_path, zipped):
    data = b"\x80\x02" + b"N0" * 501 + b"}."
    if zipped:
        with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
            archive.writestr("a/data.pkl", data)
    else:
        (tmp_path / "a.pth").write_bytes(data)
    with pytest.raises(UserError, match="refused: it has more than 1,000 operations"):
        read_torch_file(tmp_path / "a.pth", most_values=1000)


def legacy(operations):
    """A file of torch's older format whose object is made by ``operations``."""
    heads = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    return b"".join(pickle.dumps(head, 2) for head in heads) + b"\x80\x02" + operations + b"." + pickle.dumps([], 2)


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        # A codec whose time grows with the square of the text, and bytes by their number.
        (b"c_codecs\nencode\nX\x03\0\0\0abcX\x08\0\0\0punycode\x86R", "encodes text in a way"),
        (b"c__builtin__\nbytearray\nJ\xff\xff\xff\x7f\x85R", "asks for memory"),
        (b"ctorch\nFloatTensor\n\x8a\x06" + (10**12).to_bytes(6, "little") + b"\x85R", "larger than such|damaged"),
        (b"R", "cut off, or a pickle that torch.save did not write"),
        (b"(0t", "cut off, or a pickle"),
        (b"h\x05", "cut off, or a pickle"),
        (b"}(ctorch\nsave\nK\x01u", "holds a dict|refused|no tensors|damaged"),
    ],
)
def test_operations_that_ask_for_much_and_hold_little(tmp_path, operations, message):
    (tmp_path / "a.pth").write_bytes(legacy(operations))
    refused(tmp_path / "a.pth", message)


def test_a_pickle_that_is_longer_than_its_file_is_not_waited_for(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"\x80\x02X" + struct.pack("<I", 2**32 - 1) + b"abc")
    refused(tmp_path / "a.pth", "cut off, or a pickle|refused: it has more than")


def test_attributes_of_a_tensor_do_not_take_the_place_of_its_methods(tmp_path, tensors):
    weight = torch.ones(3)
    weight.detach = weight.numel = weight.is_floating_point = "not to be called"
    write(tmp_path / "a.pth", {"model": {**tensors, "x": weight}})
    found = read_checkpoint(tmp_path / "a.pth").model["x"]
    assert found.numel() == 3
    assert found.detach().tolist() == [1, 1, 1]


def test_weights_have_no_gradients_and_shared_ones_stay_shared(tmp_path, tensors):
    shared = torch.nn.Parameter(torch.ones(3))
    write(tmp_path / "a.pth", {"model": {**tensors, "x": shared, "y": shared}})
    model = read_checkpoint(tmp_path / "a.pth").model
    assert not model["x"].requires_grad
    assert model["x"] is model["y"]


@pytest.mark.parametrize("damage", ["compressed", "twice", "two pickles"])
def test_zips_that_another_program_packed(tmp_path, tensors, damage):
    path = tmp_path / "a.pth"
    write(path, {"model": tensors})
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if damage == "compressed" else zipfile.ZIP_STORED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
        if damage == "twice":
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr("a/data.pkl", pickle.dumps({}))
        if damage == "two pickles":
            archive.writestr("b/data.pkl", pickle.dumps({}))
    refused(path, "compressed parts" if damage == "compressed" else "stands there twice")


def test_settings_of_strange_types_become_plain_ones(tmp_path, tensors):
    strange = {"config": {3: {(1, 2): b"x"}, "n": (1, None)}, "date": 2**2000, "step": 2**2000, "epoch": float("inf")}
    write(tmp_path / "a.pth", {"model": {**tensors, 5: torch.ones(1)}, **strange, 2**2000: 1, "loss": {2**2000: 1}})
    checkpoint = read_checkpoint(tmp_path / "a.pth")
    assert checkpoint.config == {"3": {"(1, 2)": "b'x'"}, "n": [1, None]}
    assert (checkpoint.date, checkpoint.step, checkpoint.epoch) == (None, None, None)
    assert checkpoint.model.keys() == tensors.keys()


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.pth")
    refused(tmp_path / "a.pth", "is no file")


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(min_size=1, max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=4)
        | st.tuples(inner, inner)
        | st.builds(collections.OrderedDict, st.dictionaries(st.text(max_size=4), inner, max_size=3))
        | st.just(torch.Size([1, 2]))
        | st.builds(torch.zeros, st.lists(st.integers(0, 3), max_size=3))
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(["model", "config", "step", "epoch", "date", "model_loss", "optimizer", "scaler", "other"])


@given(content=st.dictionaries(FIELDS, PLAIN) | PLAIN, model=st.booleans(), zipped=st.booleans())
def test_fuzz_any_plain_content_is_read_or_refused(tmp_path, tensors, content, model, zipped):
    whole = isinstance(content, dict) and model
    write(tmp_path / "a.pth", {**content, "model": tensors} if whole else content, zipped)
    if whole:
        assert read_checkpoint(tmp_path / "a.pth").model.keys() == tensors.keys()
    else:
        read_or_refused(tmp_path / "a.pth")


CHANGES = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=6)), min_size=1, max_size=6
)


@given(changes=CHANGES, kept=st.floats(0.3, 1) | st.just(1.0), zipped=st.booleans(), insert=st.booleans())
def test_fuzz_damaged_bytes_are_read_or_refused(tmp_path, tensors, changes, kept, zipped, insert):
    path = tmp_path / "a.pth"
    if not path.with_suffix(f".{zipped}").exists():
        write(path.with_suffix(f".{zipped}"), {"model": tensors, "config": {"lr": 1.0}, "step": 3}, zipped)
    data = bytearray(path.with_suffix(f".{zipped}").read_bytes())
    for place, new in changes:
        start = int(place * len(data))
        data[start : start + (0 if insert else len(new))] = new
    path.write_bytes(data[: max(1, int(kept * len(data)))])
    read_or_refused(path)


ARGUMENTS = {
    "BINGET": st.integers(0, 5).map(lambda number: bytes([number])),
    "BINPUT": st.integers(0, 5).map(lambda number: bytes([number])),
    "BININT1": st.integers(0, 255).map(lambda number: bytes([number])),
    "BINUNICODE": st.sampled_from(["storage", "cpu", "0", "x", "model"]).map(
        lambda text: struct.pack("<I", len(text)) + text.encode()
    ),
    "BINFLOAT": st.floats().map(lambda number: struct.pack(">d", number)),
    "GLOBAL": st.sampled_from(
        ["torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter", "torch FloatStorage", "torch Size",
         "torch FloatTensor", "collections OrderedDict", "collections Counter", "TTS.x Config", "pathlib PosixPath",
         "numpy dtype", "numpy.core.multiarray scalar", "datetime datetime", "torch.nn.parameter Parameter"]
    ).map(lambda name: name.replace(" ", "\n").encode() + b"\n"),
}  # fmt: skip
BARE = [code for code in pickletools.opcodes if code.arg is None and code.proto <= 2]
OPERATION = st.sampled_from(BARE).map(lambda code: code.code.encode("latin1")) | st.sampled_from(
    [code for code in pickletools.opcodes if code.name in ARGUMENTS]
).flatmap(lambda code: ARGUMENTS[code.name].map(lambda argument: code.code.encode("latin1") + argument))


@given(operations=st.lists(OPERATION, max_size=30).map(b"".join))
def test_fuzz_any_operations_of_a_pickle_are_followed_or_refused(tmp_path, operations):
    (tmp_path / "a.pth").write_bytes(legacy(b"}" + operations))
    with pytest.raises(UserError):
        read_checkpoint(tmp_path / "a.pth")

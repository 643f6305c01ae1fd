"""Files of safetensors: what is written comes back, in the format's own program too; what is damaged is refused."""

import importlib.util
import json
import struct

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finetune_tts.checkpoints.reading import read_checkpoint, read_torch_file
from finetune_tts.checkpoints.safetensors import read_safetensors, write_safetensors
from finetune_tts.errors import UserError

ALL_KINDS = {
    "a": torch.tensor([True, False, True]),
    "b": torch.tensor([[1.5, -2.0]], dtype=torch.float64),
    "c": torch.tensor(3, dtype=torch.int8),
    "d": torch.arange(6, dtype=torch.int32).reshape(2, 3).t(),
    "e": torch.tensor([0.1, 7.0], dtype=torch.bfloat16),
    "f": torch.empty(0, 4),
    "g": torch.tensor([0.1], dtype=torch.float16),
    "h": torch.tensor([2**60], dtype=torch.int64),
    "é": torch.tensor([250], dtype=torch.uint8),
}


def entry(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def write_raw(path, header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def test_all_kinds_of_tensors_come_back_with_the_texts_beside_them(tmp_path):
    path = tmp_path / "model.safetensors"
    write_safetensors(path, ALL_KINDS, {"licence": "CC BY 4.0"})
    found, metadata = read_safetensors(path)
    assert metadata == {"licence": "CC BY 4.0"}
    assert found.keys() == ALL_KINDS.keys()
    for name, tensor in ALL_KINDS.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name


@pytest.mark.skipif(importlib.util.find_spec("safetensors") is None, reason="the package safetensors is not there")
def test_the_formats_own_program_reads_what_is_written_and_the_other_way_round(tmp_path):
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    write_safetensors(tmp_path / "ours.safetensors", ALL_KINDS, {"a": "b"})
    theirs = load_file(tmp_path / "ours.safetensors")
    with safe_open(tmp_path / "ours.safetensors", framework="pt") as opened:
        assert opened.metadata() == {"a": "b"}
    save_file({name: tensor.contiguous() for name, tensor in ALL_KINDS.items()}, tmp_path / "theirs.safetensors")
    ours, _ = read_safetensors(tmp_path / "theirs.safetensors")
    for name, tensor in ALL_KINDS.items():
        assert torch.equal(theirs[name], tensor), name
        assert torch.equal(ours[name], tensor), name


def test_a_change_of_a_tensor_that_was_read_does_not_reach_the_file(tmp_path):
    write_safetensors(tmp_path / "model.safetensors", {"x": torch.ones(3)})
    read_safetensors(tmp_path / "model.safetensors")[0]["x"].zero_()
    assert read_safetensors(tmp_path / "model.safetensors")[0]["x"].tolist() == [1, 1, 1]


def test_it_is_read_as_a_checkpoint_whatever_its_name_and_found_in_a_folder(tmp_path, tensors):
    wrapped = {f"module.{name}": tensor for name, tensor in tensors.items()}
    write_safetensors(tmp_path / "model.safetensors", wrapped, {"step": "70"})
    checkpoint = read_checkpoint(tmp_path)
    assert checkpoint.path == tmp_path / "model.safetensors"
    assert checkpoint.step == 70
    assert all(torch.equal(checkpoint.model[name], tensor) for name, tensor in tensors.items())
    (tmp_path / "model.safetensors").rename(tmp_path / "other.pth")
    assert read_checkpoint(tmp_path / "other.pth").model.keys() == tensors.keys()


def test_numbers_that_are_none_are_noticed(tmp_path, caplog):
    write_safetensors(tmp_path / "x.safetensors", {"x": torch.tensor([float("nan")])})
    assert read_checkpoint(tmp_path / "x.safetensors").non_finite == ("x",)
    assert "NaN or infinity" in caplog.text


def test_a_table_of_something_else_cannot_be_one(tmp_path):
    write_safetensors(tmp_path / "speakers.pth", {"x": torch.ones(1)})
    with pytest.raises(UserError, match=r"speakers\.pth: is a safetensors file, which holds weights"):
        read_torch_file(tmp_path / "speakers.pth")


BAD = {
    "two on one place": ({"a": entry([1], 0, 4), "b": entry([1], 0, 4)}, bytes(4), "'b' overlaps another tensor"),
    "two that overlap": ({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, bytes(12), "'b' overlaps another tensor"),
    "a gap": ({"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, bytes(12), "'b' leaves a gap"),
    "a gap before": ({"a": entry([1], 4, 8)}, bytes(8), "'a' leaves a gap"),
    "cut off": ({"a": entry([2], 0, 8)}, bytes(5), "is cut off: its tensors have 8 bytes, of which 5 are there"),
    "far too large": ({"a": entry([2**40], 0, 2**42)}, bytes(4), "is cut off: its tensors have 4,398,046,511,104"),
    "too long": ({"a": entry([1], 0, 4)}, bytes(9), "5 bytes behind its last tensor belong to none"),
    "a wrong size": ({"a": entry([3], 0, 4)}, bytes(4), "does not fill 4 bytes"),
    "a size beyond all numbers": ({"a": entry([2**61, 2**61], 0, 4)}, bytes(4), "does not fill 4 bytes"),
    "backwards": ({"a": entry([1], 4, 0)}, bytes(4), "does not fill -4 bytes"),
    "negative": ({"a": entry([-1], 0, 4)}, bytes(4), "are not whole numbers from 0 on"),
    "broken numbers": ({"a": entry([1.0], 0, 4)}, bytes(4), "are not whole numbers from 0 on"),
    "truth": ({"a": entry([True], 0, 4)}, bytes(4), "are not whole numbers from 0 on"),
    "three offsets": ({"a": {**entry([1], 0, 4), "data_offsets": [0, 4, 4]}}, bytes(4), "are not whole numbers"),
    "no offsets": ({"a": {"dtype": "F32", "shape": [1]}}, bytes(4), "does not say dtype, shape and data_offsets"),
    "a text": ({"a": "F32"}, bytes(4), "does not say dtype, shape and data_offsets of 'a'"),
    "eight bits": ({"a": entry([4], 0, 4, "F8_E4M3")}, bytes(4), "numbers of the type F8_E4M3; known are F64"),
    "a type that is a list": ({"a": entry([4], 0, 4, [])}, bytes(4), r"numbers of the type \[\]"),
    "metadata of numbers": ({"__metadata__": {"a": 1}}, b"", "__metadata__ in its header holds something else"),
    "nothing": ({}, b"", "without tensors"),
    "only metadata": ({"__metadata__": {"a": "b"}}, b"", "without tensors"),
    "the same name twice": (b'{"a":{},"a":{}}', b"", "header of this safetensors file is damaged .'a' stands there tw"),
    "NaN": (b'{"a":NaN}', b"", "NaN is not a value that can stand here"),
    "not JSON": (b'{"a":', b"", "is damaged .not JSON"),
    "not UTF-8": (b'{"\xff":1}', b"", "is damaged .not UTF-8"),
    "brackets without end": (b'{"a":' + b"[" * 99, b"", "brackets are nested deeper"),
    "a name of control characters": ({"\x1b[2J\n": entry([2], 0, 4)}, bytes(4), r"'\?\[2J\?'"),
    "a name that is empty": ({"": entry([1], 0, 4)}, bytes(4), "a tensor has the name ''"),
}


@pytest.mark.parametrize(("header", "data", "message"), BAD.values(), ids=BAD.keys())
def test_a_damaged_file_is_refused_in_one_line(header, data, message, tmp_path):
    path = write_raw(tmp_path / "x.safetensors", header, data)
    with pytest.raises(UserError, match=message) as caught:
        read_checkpoint(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 300


@pytest.mark.parametrize(("length", "message"), [(10**9, "its header has 1,000,000,000 bytes"), (99, "is cut off")])
def test_a_header_longer_than_the_file_or_than_any_is_refused(length, message, tmp_path):
    path = write_raw(tmp_path / "x.safetensors", b'{"a":1}', length=length)
    with pytest.raises(UserError, match=message):
        read_checkpoint(path)


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    write_safetensors(path, {"a": torch.ones(2, 2), "b": torch.ones(3, dtype=torch.int64)})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError):
            read_checkpoint(path)


@given(place=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_fuzz_one_changed_byte_is_read_or_refused(place, byte, tmp_path):
    path = tmp_path / "x.safetensors"
    write_safetensors(path, {"a": torch.ones(2, 2), "b": torch.tensor([True])}, {"c": "d"})
    whole = bytearray(path.read_bytes())
    whole[place % len(whole)] = byte
    path.write_bytes(whole)
    message = ""
    try:
        read_checkpoint(path)
    except UserError as error:
        message = str(error)
    assert "\n" not in message


def test_a_type_that_the_format_lacks_is_not_written(tmp_path):
    with pytest.raises(TypeError, match="x holds numbers of the type torch.complex64"):
        write_safetensors(tmp_path / "x.safetensors", {"x": torch.ones(1, dtype=torch.complex64)})
    assert list(tmp_path.iterdir()) == []

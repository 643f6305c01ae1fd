import numpy as np
import pytest

from finetune_tts.data.packed import PackedArrays, PackedRecordings, PackedTexts, Recording


def test_texts_are_what_they_were():
    texts = ["", "plain", "größer", "日本語", "caf\udce9", "two\nlines", "\0"]
    packed = PackedTexts(texts)
    assert list(packed) == texts
    assert packed[-1] == "\0"
    assert packed[1:3] == texts[1:3]
    assert len(PackedTexts([])) == 0
    with pytest.raises(IndexError):
        packed[7]


def test_arrays_are_what_they_were():
    arrays = [np.arange(length, dtype=np.int32) for length in (3, 0, 5)]
    packed = PackedArrays(iter(arrays), np.int32)
    assert [one.tolist() for one in packed] == [one.tolist() for one in arrays]
    assert packed.lengths.tolist() == [3, 0, 5]
    assert packed[-1].dtype == np.int32
    assert len(PackedArrays([], np.int64)) == 0
    with pytest.raises(IndexError):
        packed[3]


def test_recordings_are_what_they_were():
    packed = PackedRecordings(["/a.wav", "/b c.wav"], ["aa", "bb"], [7, 8], ["#a", "#b c"])
    assert packed[1] == Recording("/b c.wav", "bb", 8, "#b c")
    assert packed[1].audio_file.name == "b c.wav"
    assert packed.frames.tolist() == [7, 8]

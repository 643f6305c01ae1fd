import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune_tts.data.d_vectors import DVectors
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError

VALUES = {
    "lj#wavs/1": {"name": "bert", "embedding": [1.0, 0.0]},
    "2.wav": {"name": "bert", "embedding": [0.0, 1.0]},
    "lj#wavs/3": {"name": "anna", "embedding": [0.5, 0.5]},
}


@pytest.fixture
def vectors(tmp_path):
    (tmp_path / "d_vectors.json").write_text(json.dumps(VALUES))
    return DVectors.read(tmp_path / "d_vectors.json")


def sample(number):
    return Sample("Yes", Path(f"wavs/{number}.wav"), "bert", "", f"lj#wavs/{number}")


def test_a_recording_has_its_vector_by_unique_name_or_file_name(vectors):
    np.testing.assert_array_equal(vectors.of_sample(sample(1)), np.float32([1, 0]))
    np.testing.assert_array_equal(vectors.of_sample(sample(2)), np.float32([0, 1]))
    assert vectors.size == 2
    assert vectors.names().names == ("anna", "bert")


def test_a_recording_without_vector_is_an_error_not_a_substitute(vectors):
    with pytest.raises(UserError, match="d_vectors.json: no d-vector for 'lj#wavs/4'"):
        vectors.of_sample(sample(4))


def test_a_speaker_is_spoken_with_by_the_mean(vectors):
    np.testing.assert_array_equal(vectors.of_speaker("bert"), np.float32([0.5, 0.5]))
    with pytest.raises(UserError, match="Did you mean bert"):
        vectors.of_speaker("berd")


def test_torch_files_and_several_files(tmp_path):
    torch.save({"a": {"name": "anna", "embedding": torch.ones(2)}}, tmp_path / "a.pth")
    (tmp_path / "b.json").write_text(json.dumps(VALUES))
    assert len(DVectors.read(tmp_path / "a.pth", tmp_path / "b.json").vectors) == 4


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"anna": 0}, "are expected"),
        ({"a": {"name": "anna", "embedding": ["x"]}}, "embedding of 'a' is not a list of numbers"),
        ({"a": {"name": "anna", "embedding": []}}, "embedding of 'a' is empty"),
        ({"a": {"name": "anna", "embedding": [float("nan")]}}, r"line 1, column \d+: NaN"),
        ({"a": {"name": "anna", "embedding": [1e39]}}, "not finite"),
        ({"a": {"name": "anna", "embedding": [10**300]}}, "not a list of numbers|not finite"),
        ({"a": {"name": "anna", "embedding": [10**400]}}, "a whole number of 401 digits"),
        ({"a": {"name": "x", "embedding": [1]}, "b": {"name": "x", "embedding": [1, 2]}}, r"different sizes \(1, 2\)"),
        ({}, "no vectors"),
    ],
)
def test_other_contents_are_refused(tmp_path, values, message):
    (tmp_path / "d.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=message):
        DVectors.read(tmp_path / "d.json")


def test_vectors_of_a_torch_file_may_require_gradients_but_not_be_complex(tmp_path):
    torch.save({"a": {"name": "anna", "embedding": torch.ones(2, requires_grad=True)}}, tmp_path / "a.pth")
    assert DVectors.read(tmp_path / "a.pth").vectors["a"].tolist() == [1, 1]
    torch.save({"a": {"name": "anna", "embedding": torch.ones(2, dtype=torch.complex64)}}, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"a\.pth: refused: 'a\.embedding' holds complex numbers"):
        DVectors.read(tmp_path / "a.pth")


@pytest.mark.parametrize("name", ["vectors.json", "vectors.pth"])
def test_what_is_written_is_read_again_to_the_last_bit(vectors, tmp_path, name):
    random = np.random.default_rng(1).normal(size=2).astype(np.float32)
    whole = vectors.merged(DVectors({"ä\n": random}, {"ä\n": "zoë"}))
    whole.write(tmp_path / name)
    again = DVectors.read(tmp_path / name)
    assert again.speakers == whole.speakers
    assert list(again.vectors) == list(whole.vectors)
    assert all(np.array_equal(again.vectors[key], whole.vectors[key]) for key in whole.vectors)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_merged_vectors_have_the_same_size_and_each_recording_one(vectors):
    newer = DVectors({"new": np.ones(2, dtype=np.float32)}, {"new": "carl"}, "new.json")
    merged = vectors.merged(newer)
    assert merged.speakers["new"] == "carl"
    assert len(merged.vectors) == 4
    with pytest.raises(UserError, match=r"d_vectors.json has vectors of 2 numbers, new.json gives 3"):
        vectors.merged(DVectors({"x": np.ones(3, dtype=np.float32)}, {"x": "x"}, "new.json"))
    assert vectors.differing(DVectors({"2.wav": np.ones(3, dtype=np.float32)}, {"2.wav": "bert"})) == ["2.wav"]
    again = DVectors({"2.wav": np.float32([0, 1.00001])}, {"2.wav": "bert"}, "new.json")
    assert len(vectors.merged(again).vectors) == 3
    for other, speaker in (([1, 1], "bert"), ([0, 1], "carl")):
        newer = DVectors({"2.wav": np.float32(other)}, {"2.wav": speaker}, "new.json")
        assert vectors.differing(newer) == ["2.wav"]
        with pytest.raises(UserError, match=r"d_vectors.json and new.json have different d-vectors under .*'2.wav'"):
            vectors.merged(newer)
        both = vectors.giving_way_to(newer.vectors).merged(newer)
        assert both.vectors["2.wav"].tolist() == other
        assert both.vectors["2.wav (2)"].tolist() == [0, 1]
        assert both.speakers["2.wav (2)"] == "bert"


def test_files_that_contradict_each_other_are_refused(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(VALUES))
    (tmp_path / "b.json").write_text(json.dumps({"2.wav": {"name": "bert", "embedding": [0.5, 0.5]}}))
    (tmp_path / "c.json").write_text(json.dumps({"2.wav": {"name": "bert", "embedding": [0.0, 1.0]}}))
    assert len(DVectors.read(tmp_path / "a.json", tmp_path / "c.json").vectors) == 3
    with pytest.raises(UserError, match=r"a.json and .*b.json have different d-vectors under the name '2.wav'"):
        DVectors.read(tmp_path / "a.json", tmp_path / "b.json")


def test_a_vector_under_a_file_name_cannot_be_that_of_two_recordings(vectors):
    first, second = (Sample("Yes", Path(f"{folder}/2.wav"), "bert", "", f"#{folder}/2") for folder in ("a", "b"))
    assert len(vectors.of_samples([first, first])) == 2
    with pytest.raises(UserError, match=r"d-vector '2.wav' may be that of a/2.wav or of b/2.wav"):
        vectors.of_samples([first, second])


def test_a_key_that_macos_wrote_is_found_by_what_linux_calls_it(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "größe") for form in ("NFC", "NFD"))
    entries = {f"#{decomposed}": {"name": decomposed, "embedding": [1.0]}}
    (tmp_path / "d.json").write_text(json.dumps(entries))
    vectors = DVectors.read(tmp_path / "d.json")
    sample = Sample("Ja", Path(f"{composed}.wav"), composed, "", f"#{composed}")
    assert vectors.has(sample)
    assert vectors.of_speaker(composed).tolist() == vectors.of_speaker(decomposed).tolist() == [1]
    assert vectors.names().names == (composed,)


def test_names_that_end_in_a_line_break_can_be_typed(tmp_path):
    (tmp_path / "speakers.json").write_text(json.dumps({"a": {"name": "male-pt-3\n", "embedding": [1.0]}}))
    assert DVectors.read(tmp_path / "speakers.json").of_speaker("male-pt-3").tolist() == [1]

import json
import pickle
import unicodedata

import pytest
import torch

from finetune_tts.data.speakers import LanguageNames, SpeakerNames
from finetune_tts.errors import UserError


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"anna": 0, "bert": 1}, {"anna": 0, "bert": 1}),
        ({"bert": 1, "anna": 0}, {"anna": 0, "bert": 1}),
        (["bert", "anna"], {"bert": 0, "anna": 1}),
        (
            {"c1": {"name": "bert", "embedding": [1.0]}, "c2": {"name": "anna", "embedding": [2.0]}},
            {"anna": 0, "bert": 1},
        ),
        ({"ED\n": 0, "p225": 4}, {"ED\n": 0, "p225": 4}),
        ({}, {}),
    ],
)
@pytest.mark.parametrize("suffix", [".json", ".pth"])
def test_reads_every_form_of_released_files(tmp_path, values, expected, suffix):
    path = tmp_path / f"speakers{suffix}"
    if suffix == ".json":
        path.write_text(json.dumps(values))
    else:
        torch.save(values, path)
    speakers = SpeakerNames.read(path)
    assert dict(speakers.ids) == expected
    assert list(speakers.ids) == list(expected)


def test_reads_the_reference_file(tmp_path):
    (tmp_path / "speakers.json").write_text('{"anna": 0, "bert": 1, "cleo": 2, "dora": 3}')
    assert SpeakerNames.read(tmp_path / "speakers.json").names == ("anna", "bert", "cleo", "dora")


def test_growing_keeps_old_rows(tmp_path):
    old = SpeakerNames({"zoe": 0, "bert": 3})
    grown = old.grown(["carl", "bert", "anna", "carl"])
    assert dict(grown.ids) == {"zoe": 0, "bert": 3, "anna": 4, "carl": 5}
    assert grown.rows == 6
    assert grown.row_names() == ["zoe", None, None, "bert", "anna", "carl"]
    assert old.grown([]) == old


def test_a_name_is_known_however_its_accents_are_written():
    composed, decomposed = (unicodedata.normalize(form, "José") for form in ("NFC", "NFD"))
    old = SpeakerNames({"anna": 0, decomposed: 1, "ED\n": 2})
    assert composed in old
    assert old.id(composed) == old.id(decomposed) == 1
    assert old.grown([composed, decomposed, "bert"]).names == ("anna", decomposed, "ED\n", "bert")
    assert SpeakerNames({composed: 0, decomposed: 1}).id(decomposed) == 1
    assert old.id("ED") == 2


def test_several_files_are_merged_by_name(tmp_path):
    (tmp_path / "a.json").write_text('{"anna": 0, "bert": 1}')
    (tmp_path / "b.json").write_text('{"bert": 0, "carl": 1}')
    assert dict(SpeakerNames.read(tmp_path / "a.json", tmp_path / "b.json").ids) == {"anna": 0, "bert": 1, "carl": 2}


def test_names_of_a_data_set_are_numbered_in_order():
    speakers = SpeakerNames.of(["carl", "anna", "carl"])
    assert dict(speakers.ids) == {"anna": 0, "carl": 1}
    assert len(speakers) == speakers.rows == 2
    assert "anna" in speakers
    assert SpeakerNames.of([]).rows == 0


def test_what_is_written_is_read_again(tmp_path):
    speakers = SpeakerNames({"größe": 0, "b": 2})
    speakers.write(tmp_path / "speakers.json")
    assert SpeakerNames.read(tmp_path / "speakers.json") == speakers


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="speaker 'VCTK_p22' is not among the 2 of the model. Did you mean VCTK_p225"):
        SpeakerNames.of(["VCTK_p225", "VCTK_p300"]).id("VCTK_p22")
    with pytest.raises(UserError, match="language 'x' .*Known: de, en"):
        LanguageNames.of(["en", "de"]).id("x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "line 1, column 1: not JSON"),
        ('{"anna": ' + "9" * 400 + "}", "line 1, column 10: a whole number of 400 digits"),
        ("[" * 10_000, "nested deeper"),
        ("5", "are expected"),
        ('{"anna": "0"}', "are expected"),
        ('{"anna": true}', "are expected"),
        ('{"anna": -1}', "are expected"),
        ("[1, 2]", "are expected"),
        ('{"anna": 1000000000000}', "'anna' is not below 1,000,000"),
        ('{"anna": 0, "bert": 0}', "'anna' and 'bert' have the same number 0"),
    ],
)
def test_other_contents_are_refused(tmp_path, content, message):
    (tmp_path / "speakers.json").write_text(content)
    with pytest.raises(UserError, match=message):
        SpeakerNames.read(tmp_path / "speakers.json")


class RunsCode:
    def __reduce__(self):
        return (eval, ("1/0",))


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    (tmp_path / "speakers.pth").write_bytes(pickle.dumps({"anna": RunsCode()}))
    with pytest.raises(UserError, match=r"speakers\.pth: refused: its pickle names builtins\.eval.*Nothing was run"):
        SpeakerNames.read(tmp_path / "speakers.pth")
    torch.save({"anna": RunsCode()}, tmp_path / "zip.pth")
    with pytest.raises(UserError, match=r"zip\.pth: refused: its pickle names builtins\.eval.*Nothing was run"):
        SpeakerNames.read(tmp_path / "zip.pth")


def test_a_file_that_is_missing_or_cut_off(tmp_path):
    for name in ("speakers.json", "speakers.pth"):
        with pytest.raises(UserError, match=name):
            SpeakerNames.read(tmp_path / name)
    torch.save({"anna": 0}, tmp_path / "speakers.pth")
    content = (tmp_path / "speakers.pth").read_bytes()
    for cut in (0, 10, len(content) // 2):
        (tmp_path / "speakers.pth").write_bytes(content[:cut])
        with pytest.raises(UserError, match=r"speakers\.pth: (the file is empty|is cut off)"):
            SpeakerNames.read(tmp_path / "speakers.pth")


def test_names_that_end_in_a_line_break_can_be_typed():
    assert SpeakerNames({"ED\n": 0, "p225": 1}).id("ED") == 0
    assert SpeakerNames({"ED\n": 0, "ED": 1}).id("ED") == 1
    with pytest.raises(UserError, match="not among"):
        SpeakerNames({"ED\n": 0, "ED ": 1}).id("ED")

import json
import logging
import os
import unicodedata
from pathlib import Path

import pytest

from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.gathering import load_samples
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError


@pytest.fixture
def ljspeech(tmp_path, write_wav, write_text):
    """An ljspeech data set in a folder whose name has spaces and accents."""
    root = tmp_path / "meine Stimme ü"
    write_text(root / "metadata.csv", "".join(f"{n}|Text {n}|Text {n}\n" for n in range(1, 4)))
    for number in range(1, 4):
        write_wav(root / "wavs" / f"{number}.wav")
    return DatasetConfig(formatter="ljspeech", path=str(root), dataset_name="lj", language="en")


def test_samples_carry_names_as_the_coqui_tools_make_them(ljspeech):
    sample = load_samples([ljspeech])[0]
    audio = Path(ljspeech.path, "wavs", "1.wav")
    assert sample == Sample("Text 1", audio, "ljspeech", "en", "lj#wavs/1", "lj")


def test_several_data_sets_follow_each_other(ljspeech, tmp_path, write_wav, write_text):
    write_text(tmp_path / "second" / "a.txt", "Yes")
    write_wav(tmp_path / "second" / "a.wav")
    second = DatasetConfig(formatter="pairs", path=str(tmp_path / "second"), dataset_name="b", language="de")
    samples = load_samples([ljspeech, second])
    assert [sample.name for sample in samples] == ["lj#wavs/1", "lj#wavs/2", "lj#wavs/3", "b#a"]
    assert samples[-1].language == "de"


@pytest.fixture
def data_set(write_text, write_wav):
    """A data set of recordings with these names."""

    def make(root, *names, **options):
        for name in names:
            write_text(root / f"{name}.txt", "Text.")
            write_wav(root / f"{name}.wav")
        return DatasetConfig(formatter="pairs", path=str(root), **options)

    return make


def test_recordings_of_two_data_sets_never_have_the_same_name(tmp_path, data_set, caplog):
    datasets = [data_set(tmp_path / folder, "1", "2") for folder in ("a", "b", "x/b")]
    datasets.append(data_set(tmp_path / "c", "3"))
    names = [sample.name for sample in load_samples(datasets)]
    assert names == ["a#1", "a#2", "b#1", "b#2", "b-2#1", "b-2#2", "#3"]
    assert "another data set has recordings of the same names, so these are called a#" in caplog.text
    assert [sample.name for sample in load_samples(datasets[:1])] == ["#1", "#2"]


def test_the_same_dataset_name_for_two_is_told_apart_too(tmp_path, data_set):
    datasets = [data_set(tmp_path / folder, "1", dataset_name="mine") for folder in ("a", "b")]
    assert [sample.name for sample in load_samples(datasets)] == ["mine-2#1", "mine-3#1"]
    datasets[1].dataset_name = "other"
    assert [sample.name for sample in load_samples(datasets)] == ["mine#1", "other#1"]


def test_the_same_recording_in_two_data_sets_keeps_its_name(tmp_path, data_set, write_text):
    first = data_set(tmp_path, "1", "2")
    write_text(tmp_path / "list.csv", "1|Text.\n")
    (tmp_path / "link").symlink_to(tmp_path)
    second = DatasetConfig(formatter="auto", path=str(tmp_path / "link"), meta_file_train="list.csv")
    assert [sample.name for sample in load_samples([first, second])] == ["#1", "#2", "#1"]


def test_speakers_whose_names_look_the_same_are_one(tmp_path, write_wav, write_text):
    composed, decomposed = (unicodedata.normalize(form, "José") for form in ("NFC", "NFD"))
    lines = [f"{n}|Text {n}|{(composed, decomposed)[n % 2]}\n" for n in range(1, 7)]
    write_text(tmp_path / "metadata.csv", "audio_file|text|speaker_name\n" + "".join(lines))
    for number in range(1, 7):
        write_wav(tmp_path / "wavs" / f"{number}.wav")
    dataset = DatasetConfig(formatter="csv", path=str(tmp_path))
    assert {sample.speaker for sample in load_samples([dataset])} == {composed}
    dataset.ignored_speakers = [decomposed]
    with pytest.raises(UserError, match="every speaker is among ignored_speakers"):
        load_samples([dataset])


@pytest.mark.parametrize("formatter", ["pairs", "ljspeech"])
def test_recordings_whose_names_are_not_utf_8_are_named_with_what_to_do(tmp_path, write_wav, write_text, formatter):
    for number in (1, 2):
        write_wav(tmp_path / "wavs" / f"{number}.wav")
    write_text(tmp_path / "metadata.csv", "1|One.|One.\ncafé|Two.|Two.\n")
    write_text(tmp_path / "wavs" / "1.txt", "One.")
    (tmp_path / "wavs" / "2.wav").rename(tmp_path / "wavs" / "caf\udce9.wav")
    (tmp_path / "wavs" / "caf\udce9.txt").write_text("Two.")
    with pytest.raises(
        UserError, match=r"1 recordings have names that are not UTF-8: wavs/caf\\xe9.wav. Rename.*convmv"
    ):
        load_samples([DatasetConfig(formatter=formatter, path=str(tmp_path))])


def test_a_folder_whose_name_is_not_utf_8_is_named_with_what_to_do(tmp_path, data_set, monkeypatch):
    dataset = data_set(tmp_path / "plain" / "inside", "1")
    root = Path(tmp_path / "plain").rename(tmp_path / "caf\udce9")
    for path in (root, root / "inside"):
        dataset.path = str(path)
        with pytest.raises(UserError, match=r"caf\\xe9.*: the name of the folder, or of one above it, is not UTF-8"):
            load_samples([dataset])
    monkeypatch.chdir(root)
    dataset.path = "inside"
    with pytest.raises(UserError, match="is not UTF-8"):
        load_samples([dataset])


@pytest.mark.parametrize("field", ["text", "speaker_name", "language"])
def test_half_a_character_is_refused_with_its_line(tmp_path, write_wav, write_text, field):
    entries = [{"audio_file": f"{n}.wav", "text": "Yes.", "speaker_name": "anna", "language": "en"} for n in (1, 2)]
    entries[1][field] = "\ud83d!"
    write_text(tmp_path / "metadata.jsonl", "".join(json.dumps(entry) + "\n" for entry in entries))
    for number in (1, 2):
        write_wav(tmp_path / f"{number}.wav")
    with pytest.raises(UserError, match="metadata.jsonl, line 2: a string holds half of a surrogate pair"):
        load_samples([DatasetConfig(formatter="auto", path=str(tmp_path))])


def test_the_metadata_file_may_be_a_name_or_absolute(ljspeech, tmp_path, write_text):
    elsewhere = write_text(tmp_path / "train.csv", "2|x|Two\n")
    ljspeech.meta_file_train = str(elsewhere)
    assert [sample.text for sample in load_samples([ljspeech])] == ["Two"]


def test_evaluation_metadata_gives_held_out_samples(ljspeech, write_text, caplog):
    write_text(Path(ljspeech.path, "val.csv"), "2|x|Two\n")
    ljspeech.meta_file_val = "val.csv"
    samples = load_samples([ljspeech])
    assert [(sample.name, sample.split) for sample in samples] == [
        ("lj#wavs/1", "train"),
        ("lj#wavs/3", "train"),
        ("lj#wavs/2", "eval"),
    ]
    assert "1 recordings of the training metadata stand in val.csv too" in caplog.text


def test_ignored_speakers_go_by_either_name(tmp_path, write_text, write_wav, caplog):
    for speaker in ("p1", "p2", "p3"):
        write_text(tmp_path / "txt" / speaker / f"{speaker}_1.txt", "Yes")
        write_wav(tmp_path / "wav48" / speaker / f"{speaker}_1.wav")
    dataset = DatasetConfig(formatter="vctk_old", path=str(tmp_path), ignored_speakers=["p1", "VCTK_old_p2", "p9"])
    assert [sample.speaker for sample in load_samples([dataset])] == ["VCTK_old_p3"]
    assert "speakers that the data set lacks: p9" in caplog.text
    dataset.ignored_speakers = ["p1", "p2", "p3"]
    with pytest.raises(UserError, match="nothing is left, every speaker is among ignored_speakers"):
        load_samples([dataset])


def test_no_data_set_at_the_path(tmp_path):
    with pytest.raises(UserError, match=rf"there is no data set \(no such folder; {tmp_path} is there\)"):
        load_samples([DatasetConfig(path=str(tmp_path / "a" / "b"))])
    with pytest.raises(UserError, match="A data set has no path"):
        load_samples([DatasetConfig()])
    with pytest.raises(UserError, match="No data set is given"):
        load_samples([])


def test_a_file_in_place_of_the_folder(tmp_path, write_text):
    with pytest.raises(UserError, match="is a file; give the data set's folder"):
        load_samples([DatasetConfig(path=str(write_text(tmp_path / "metadata.csv", "")))])


@pytest.mark.parametrize("content", ["", "\n \r\n", "\ufeff"])
@pytest.mark.parametrize("formatter", ["ljspeech", "csv", "jsonl", "auto"])
def test_empty_metadata(tmp_path, write_text, content, formatter):
    name = "metadata.jsonl" if formatter == "jsonl" else "metadata.csv"
    write_text(tmp_path / name, content)
    with pytest.raises(UserError, match="the metadata is empty|no data set was recognised"):
        load_samples([DatasetConfig(formatter=formatter, path=str(tmp_path))])


def test_a_missing_metadata_file_says_which_files_are_there(ljspeech):
    Path(ljspeech.path, "metadata.csv").rename(Path(ljspeech.path, "meta.txt"))
    with pytest.raises(UserError, match=r"no metadata file \(metadata.csv\). In .* there are: meta.txt, wavs/"):
        load_samples([ljspeech])
    ljspeech.meta_file_train = "train.csv"
    with pytest.raises(UserError, match=r"train.csv: no such metadata file. In .* there are: meta.txt, wavs/"):
        load_samples([ljspeech])


def test_all_missing_recordings_make_one_error_with_the_first_five(ljspeech, write_text):
    write_text(Path(ljspeech.path, "metadata.csv"), "".join(f"{n}|x|Text\n" for n in range(1, 11)))
    with pytest.raises(UserError) as caught:
        load_samples([ljspeech])
    message = str(caught.value)
    assert "7 of 10 recordings are missing" in message
    assert [f"wavs/{number} (metadata.csv, line {number})" in message for number in range(3, 10)] == [
        False, True, True, True, True, True, False
    ]  # fmt: skip
    assert "and 2 more" in message
    assert "metadata.csv, line 4" in message


def test_releases_known_to_lack_recordings_go_on_with_the_rest(tmp_path, write_text, write_wav, caplog):
    for number in (1, 2):
        write_text(tmp_path / "txt" / "p1" / f"p1_{number}.txt", "Yes")
    with pytest.raises(UserError, match="2 of 2 recordings are missing"):
        load_samples([DatasetConfig(formatter="vctk_old", path=str(tmp_path))])[0]
    write_wav(tmp_path / "wav48" / "p1" / "p1_1.wav")
    with pytest.raises(UserError, match="1 of 2 recordings are missing"):
        load_samples([DatasetConfig(formatter="vctk_old", path=str(tmp_path))])
    write_wav(tmp_path / "wav48_silence_trimmed" / "p1" / "p1_1_mic1.flac")
    assert len(load_samples([DatasetConfig(formatter="vctk", path=str(tmp_path))])) == 1
    assert "1 of 2 recordings are missing" in caplog.text


def test_latin1_metadata_is_refused_with_its_line(ljspeech, write_text):
    write_text(Path(ljspeech.path, "metadata.csv"), "1|x|Eins\n2|x|Grüße\n", encoding="latin-1")
    with pytest.raises(UserError, match=r"metadata.csv, line 2: byte 0xfc is not UTF-8"):
        load_samples([ljspeech])


def test_lines_that_stand_twice_are_left_out_and_said(ljspeech, write_text, caplog):
    write_text(Path(ljspeech.path, "metadata.csv"), "1|x|One\n1|x|One\n2|x|Two\n")
    assert [sample.text for sample in load_samples([ljspeech])] == ["One", "Two"]
    assert "1 lines that stand twice" in caplog.text


def test_one_recording_with_two_texts_is_an_error(ljspeech, write_text):
    write_text(Path(ljspeech.path, "metadata.csv"), "1|x|One\n2|x|Two\n1|x|Other\n")
    with pytest.raises(UserError, match=r"line 3: 1.wav stands there with another text than in .*line 1"):
        load_samples([ljspeech])


def test_recordings_outside_the_folder_are_found(ljspeech, tmp_path, write_text, write_wav):
    write_wav(tmp_path / "other" / "x.wav")
    absolute = write_wav(tmp_path / "y.wav")
    write_text(Path(ljspeech.path, "metadata.csv"), f"../../other/x|a|One\n{absolute}|a|Two\n")
    assert [sample.name for sample in load_samples([ljspeech])] == ["lj#../other/x", "lj#../y"]


def test_a_loop_of_links_is_a_missing_recording(ljspeech):
    file = Path(ljspeech.path, "wavs", "1.wav")
    file.unlink()
    file.symlink_to(file)
    with pytest.raises(UserError, match="1 of 3 recordings are missing"):
        load_samples([ljspeech])


def test_a_formatter_of_ones_own_may_give_dictionaries(ljspeech):
    def mine(root_path, meta_file, **kwargs):
        assert kwargs == {"ignored_speakers": None}
        return [
            {"text": "One", "audio_file": f"{root_path}/wavs/1.wav", "speaker_name": "anna", "root_path": root_path},
            {"text": "Two", "audio_file": f"{root_path}/wavs/2.wav", "language": "de"},
        ]

    first, second = load_samples([ljspeech], formatter=mine)
    assert (first.name, first.speaker, first.language) == ("lj#wavs/1", "anna", "en")
    assert (second.name, second.speaker, second.language) == ("lj#wavs/2", "lj", "de")


def test_a_formatter_of_ones_own_may_give_samples(ljspeech):
    def mine(root_path, meta_file, ignored_speakers=None):
        return [Sample("One", Path("wavs/1.wav"), "anna", "en", "whatever")]

    assert load_samples([ljspeech], formatter=mine)[0].speaker == "anna"


@pytest.mark.parametrize("entry", [["text", "a.wav"], {"text": "x"}, None])
def test_a_formatter_that_gives_something_else_is_told(ljspeech, entry):
    def mine(root_path, meta_file, **kwargs):
        return [entry]

    with pytest.raises(UserError, match="mine, entry 1: a Sample or a dictionary"):
        load_samples([ljspeech], formatter=mine)


def test_the_number_of_samples_is_said(ljspeech, caplog):
    with caplog.at_level(logging.INFO):
        load_samples([ljspeech])
    assert f"3 samples in {ljspeech.path}" in caplog.text


def test_folders_are_not_listed_more_often_for_more_rows(read_folder, monkeypatch):
    listed = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path=".": listed.append(path) or scandir(path))
    counts = []
    for rows in (2, 8):
        listed.clear()
        content = "file,text\n" + "".join(f"{number}.wav,Text {number}\n" for number in range(1, rows + 1))
        assert len(read_folder({"metadata.csv": content})) == rows
        counts.append(len(listed))
    assert counts[0] == counts[1]

import logging

import pytest

from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.gathering import load_samples
from finetune_tts.errors import UserError


@pytest.fixture
def dataset(tmp_path, write_wav, write_text):
    """A folder with a metadata file and recordings, read by ``auto``."""

    def load(metadata, content, recordings, **options):
        write_text(tmp_path / metadata, content)
        for recording in recordings:
            write_wav(tmp_path / recording)
        return load_samples([DatasetConfig(formatter="auto", path=str(tmp_path), **options)])

    return load


WAVS = ["wavs/1.wav", "wavs/2.wav", "wavs/3.wav", "wavs/4.wav"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("1|Dr. A|Doctor A\n2|Mr. B|Mister B\n", "Doctor A"),
        ("1|One word\n2|Two words\n", "One word"),
        ("1\tOne word\n2\tTwo words\n", "One word"),
        ('1.wav,"One, word"\n2.wav,Two words\n', "One, word"),
        ("wavs/1.wav|One word\nwavs/2.wav|Two words\n", "One word"),
        ("One word|1\nTwo words|2\n", "One word"),
        ("file_name|text\n1.wav|One word\n2.wav|Two words\n", "One word"),
        ('{"file_name": "1.wav", "text": "One word"}\n{"file_name": "2.wav", "text": "Two"}\n', "One word"),
    ],
)
def test_tells_the_columns_by_their_content(dataset, content, expected):
    samples = dataset("metadata.csv", content, WAVS)
    assert (samples[0].name, samples[0].text) == ("#wavs/1", expected)
    assert len(samples) == 2


def test_tells_a_speaker_column(dataset):
    content = "1|anna|One word\n2|bert|Two words\n3|anna|Three words\n4|bert|Four words\n"
    assert [sample.speaker for sample in dataset("list.txt", content, WAVS)] == ["anna", "bert", "anna", "bert"]


def test_the_speaker_is_named_after_the_data_set_where_nothing_says_more(dataset, tmp_path):
    assert dataset("metadata.csv", "1|One\n", WAVS)[0].speaker == tmp_path.name
    assert dataset("metadata.csv", "1|One\n", WAVS, dataset_name="mine")[0].speaker == "mine"


@pytest.mark.parametrize("text", ["wavs/1.txt", "wavs/1.TXT", "txt/1.txt", "wavs/txt/1.txt"])
def test_finds_pairs(dataset, text):
    assert [sample.text for sample in dataset(text, "One word\n", ["wavs/1.wav"])] == ["One word"]


@pytest.mark.parametrize("text", ["1.TXT", "1.lab", "1.LAB", "txt/1.lab"])
def test_finds_pairs_of_any_usual_ending(dataset, text):
    assert [sample.text for sample in dataset(text, "One word\n", ["1.wav"])] == ["One word"]


@pytest.mark.parametrize("content", ["0 50000 pau\n50000 61000 h\n", "0.00 0.25 SIL\n0.25 0.5 HH\n"])
def test_a_lab_file_of_times_is_no_transcript(dataset, content):
    with pytest.raises(UserError, match=r"1.lab: holds times and phonemes .*Put the transcript into 1.txt"):
        dataset("1.lab", content, ["1.wav"])


STRAY = {
    "info.json": b'{"rate": 16000}',
    "more.json": b'{\n  "rate": 16000\n}\n',
    "list.jsonl": b"[1, 2]",
    "empty.txt": b"",
    "notes.txt": "Grüße\n".encode("latin-1"),
    "readme.txt": b"See the list, please.\nIt is long, and good.\n",
    "log.csv": b"step,loss\n1,0.5\n",
    "metadata.json": b'{"speaker": "anna"}',
}


@pytest.mark.parametrize("name", STRAY)
def test_what_does_not_look_like_metadata_is_none(read_folder, tmp_path, name):
    (tmp_path / "voice").mkdir()
    (tmp_path / "voice" / name).write_bytes(STRAY[name])
    layouts = []
    samples = read_folder({"wavs/1.txt": "One", "wavs/2.txt": "Two"}, WAVS[:2], layouts=layouts)
    assert [sample.text for sample in samples] == ["One", "Two"]
    assert "(pairs); not used: " in layouts[0]
    assert name in layouts[0]
    samples = read_folder({"table.csv": "1|One word\n2|Two words\n"}, WAVS[:2])
    assert [sample.text for sample in samples] == ["One word", "Two words"]


def test_a_fault_in_metadata_is_told_though_there_are_texts_beside_the_recordings(read_folder, tmp_path):
    (tmp_path / "voice").mkdir()
    (tmp_path / "voice/metadata.csv").write_bytes("1|Grüße\n".encode("latin-1"))
    with pytest.raises(UserError, match="metadata.csv, line 1: byte 0xfc is not UTF-8.*CP1252"):
        read_folder({"wavs/1.txt": "One"}, WAVS[:1])


def test_a_table_of_any_name_is_read_though_most_of_its_recordings_are_missing(read_folder):
    content = "".join(f"{n}|Text {n}\n" for n in range(1, 30))
    with pytest.raises(UserError, match=r"21 of 29 recordings are missing: wavs/9 \(mine.csv, line 9\)"):
        read_folder({"mine.csv": content})


def test_metadata_in_utf_16_is_read(read_folder, tmp_path):
    (tmp_path / "voice").mkdir()
    (tmp_path / "voice/metadata.csv").write_bytes("1|Grüße\r\n2|你好\r\n".encode("utf-16"))
    assert [sample.text for sample in read_folder({})] == ["Grüße", "你好"]


def test_a_list_of_json_objects_is_read(read_folder):
    content = '[\n {"file": "1", "text": "One", "rate": 3},\n {"file": "2", "text": "Two", "rate": NaN}\n]\n'
    for formatter in ("auto", "jsonl"):
        samples = read_folder({"metadata.json": content}, formatter=formatter)
        assert [sample.text for sample in samples] == ["One", "Two"]


@pytest.mark.parametrize(
    ("files", "recordings", "said"),
    [
        ({"metadata.xlsx": "PK"}, ["1.wav"], "metadata.xlsx is a spreadsheet: export it as CSV in UTF-8"),
        ({"texts.docx": "PK"}, ["1.wav"], "texts.docx is a document: save it as plain text"),
        ({"a b/metadata.csv": "1|x"}, ["a b/1.wav"], "Metadata is further down: try --dataset_path '.*a b'"),
        ({"a/b/train.csv": "1|x"}, ["a/b/1.wav"], "Metadata is further down: try --dataset_path '.*a/b'"),
        ({"metadata.json": '{\n"1": "x"}'}, ["1.wav"], "metadata.json is JSON, but no list of objects"),
        ({"metadata.json": '{"1": "x"}'}, ["1.wav"], r"without fields for audio and text \(its fields are 1\)"),
        ({"metadata.csv": "one\ntwo\n"}, ["1.wav"], "In metadata.csv no column .* line 1 holds no separator"),
        ({"metadata.csv": "\n"}, ["1.wav"], "metadata.csv: the metadata is empty"),
        ({}, ["1.wav"], "It holds no metadata, and 1 recordings are there, but no text for them"),
        ({"a.md": ""}, [], "It holds no metadata, and no recordings are there"),
    ],
)
def test_what_is_there_instead_of_metadata_is_told(read_folder, files, recordings, said):
    with pytest.raises(UserError, match=f"no data set was recognised. .*{said}.* Wanted: metadata.csv with lines"):
        read_folder(files, recordings)


def test_a_workbook_under_the_name_of_a_table_is_named(read_folder, tmp_path):
    (tmp_path / "voice").mkdir()
    (tmp_path / "voice/metadata.csv").write_bytes(b"PK\x03\x04\x14\0\x06\0" + bytes(range(128, 256)))
    with pytest.raises(UserError, match=r"metadata.csv: is not UTF-8 text but .*Excel workbook.*as CSV in UTF-8"):
        read_folder({})


@pytest.mark.parametrize("name", ["metadata.jsonl", "metadata.csv"])
def test_the_paths_in_messages_exist_where_the_data_set_is_named_relatively(read_folder, monkeypatch, tmp_path, name):
    content = {"metadata.jsonl": '{"file": "1", "text": "x"}\n{"file": "nine", "text": "y"}\n'}
    content["metadata.csv"] = "1|x\nnine|y\n"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        read_folder({name: content[name]}, path="voice")
    assert f"nine ({name}, line 2)" in str(caught.value)
    assert str(caught.value).startswith("voice: 1 of 2 recordings are missing")


def test_messages_stay_short_whatever_is_in_the_lines(read_folder):
    long = "x" * 10_000
    for content in (f"{long}|{long}\n1|y\n", f"1|{long}\n1|{long}y\n", f"1|a\n2{long}\n", f"{long}|a\n"):
        with pytest.raises(UserError) as caught:
            read_folder({"metadata.csv": content})
        assert len(str(caught.value)) < 1500
    for header in (f"file|text|{long}\n{long}|a|b\n", f"file|text|{long}\n1\n"):
        with pytest.raises(UserError) as caught:
            read_folder({"metadata.csv": header}, formatter="csv")
        assert len(str(caught.value)) < 1500


@pytest.mark.parametrize("where", ["path", "meta_file_train", "meta_file_val"])
@pytest.mark.parametrize("name", ["x" * 5000, "x" * 300, "a\0b", "~nobody-of-this-name/x"])
def test_names_that_no_file_has_are_errors_that_say_so(read_folder, where, name):
    with pytest.raises(UserError, match=r"no such|no home folder") as caught:
        read_folder({"metadata.csv": "1|x\n"}, **{where: name})
    assert len(str(caught.value)) < 1000


def test_pairs_without_all_texts_are_an_error(dataset):
    with pytest.raises(UserError, match=r"1 of 2 recordings have no text file of the same name: 2.wav"):
        dataset("1.txt", "One word\n", ["1.wav", "2.wav"])


@pytest.mark.parametrize(
    ("metadata", "recording", "speaker"),
    [
        ("txt/p1/p1_1.txt", "wav48_silence_trimmed/p1/p1_1_mic1.flac", "VCTK_p1"),
        ("txt/p1/p1_1.txt", "wav48/p1/p1_1.wav", "VCTK_old_p1"),
    ],
)
def test_knows_folder_structures(dataset, metadata, recording, speaker):
    assert dataset(metadata, "Yes\n", [recording])[0].speaker == speaker


def test_knows_libri_tts_and_mailabs(dataset, tmp_path):
    assert dataset("1/2/1_2.trans.tsv", "1_2_3\ta\tb\n", ["1/2/1_2_3.wav"])[0].speaker == "LTTS_1"
    (tmp_path / "1/2/1_2.trans.tsv").unlink()
    path = "by_book/male/carl/book"
    assert dataset(f"{path}/metadata.csv", "1|a\n", [f"{path}/wavs/1.wav"])[0].speaker == "carl"


def test_says_what_it_found_with_three_rows_and_their_places(dataset, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        dataset("metadata.csv", "".join(f"{n}|Text {n}\n" for n in (1, 2, 3, 4)), WAVS)
    assert "found metadata.csv with columns audio|text separated by '|', recordings at wavs/{id}" in caplog.text
    for number in (1, 2, 3):
        assert f"{(tmp_path / f'wavs/{number}.wav').resolve()} | {tmp_path.name} | Text {number}" in caplog.text
    assert "Text 4" not in caplog.text


def test_a_broken_line_is_named_though_the_layout_is_guessed(dataset):
    with pytest.raises(UserError, match="metadata.csv, line 2: 1 column found where 2 are needed"):
        dataset("metadata.csv", "1|One\nTwo\n3|Three\n", WAVS)


def test_a_missing_recording_is_named_though_the_layout_is_guessed(dataset):
    with pytest.raises(UserError, match=r"1 of 2 recordings are missing: .*9 \(.*metadata.csv, line 2\)"):
        dataset("metadata.csv", "1|One\n9|Nine\n", WAVS)


def test_nothing_recognised_says_what_was_looked_for(dataset):
    with pytest.raises(UserError, match="no data set was recognised. In notes.txt no column names recordings"):
        dataset("notes.txt", "nothing | here\n", ["a.wav"])


def test_an_empty_folder_is_no_data_set(tmp_path):
    with pytest.raises(UserError, match="no data set was recognised"):
        load_samples([DatasetConfig(path=str(tmp_path))])


def test_a_named_metadata_file_is_taken(dataset):
    samples = dataset("sub/my list.txt", "wavs/1|Yes\n", WAVS, meta_file_train="sub/my list.txt")
    assert [sample.text for sample in samples] == ["Yes"]


def test_text_files_of_recordings_are_not_taken_for_metadata(dataset, write_text, write_wav, tmp_path):
    for number in range(30):
        write_text(tmp_path / f"{number}.txt", "1|One\n2|Two\n")
        write_wav(tmp_path / f"{number}.wav")
    assert {sample.text for sample in dataset("30.txt", "1|One", ["30.wav"])} == {"1|One 2|Two", "1|One"}

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

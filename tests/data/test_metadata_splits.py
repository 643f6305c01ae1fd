"""Files, columns and folders that say what is for evaluation are heeded."""

import logging
from pathlib import Path

import pytest

from finetune_tts.data.metadata_splits import purpose_of, siblings_of
from finetune_tts.data.split import split_samples
from finetune_tts.errors import UserError


@pytest.mark.parametrize(
    ("name", "purpose"),
    [
        ("metadata_train.csv", "train"),
        ("metadata_eval.csv", "eval"),
        ("x.val.txt", "eval"),
        ("dev.tsv", "eval"),
        ("ljs_audio_text_validation_filelist.txt", "eval"),
        ("metadata-TEST.csv", "test"),
        ("train_val.csv", "train"),
        ("metadata.csv", None),
        ("validated.tsv", None),
        ("devices.csv", None),
    ],
)
def test_names_say_what_files_are_for(name, purpose):
    assert purpose_of(Path(name)) == purpose


@pytest.mark.parametrize(
    ("train", "held_out", "left_alone"),
    [
        ("a_train.csv", "a_val.csv", ["a_test.csv"]),
        ("a.csv", "a_val.csv", ["a_test.csv"]),
        ("train.csv", "dev.csv", ["eval.csv"]),  # of two, the one that is surely no test set
        ("metadata.csv", "dev.csv", ["eval.csv"]),
        ("b_train.csv", None, []),
    ],
)
def test_files_of_the_same_name_belong_together(train, held_out, left_alone):
    names = ["a.csv", "a_train.csv", "a_val.csv", "a_test.csv", "train.csv", "dev.csv", "eval.csv", "b_test.txt"]
    siblings = siblings_of(Path(train), map(Path, names))
    assert siblings.held_out == (Path(held_out) if held_out else None)
    assert siblings.left_alone[:1] == tuple(map(Path, left_alone))


def table(*numbers, header="audio_file|text|speaker_name\n"):
    return header + "".join(f"wavs/{number}.wav|Text {number}|anna\n" for number in numbers)


@pytest.mark.parametrize(
    ("formatter", "train", "held_out", "test"),
    [
        ("auto", "metadata_train.csv", "metadata_eval.csv", "metadata_test.csv"),
        ("auto", "metadata_train.csv", "metadata_dev.csv", "metadata_test.csv"),
        ("auto", "metadata.csv", "metadata_valid.csv", "metadata_test.csv"),
        ("auto", "x.train.txt", "x.eval.txt", "x.test.txt"),
        ("auto", "train.csv", "val.csv", "test.csv"),
        ("csv", "train.csv", "val.csv", "test.csv"),
        ("csv", "metadata.csv", "metadata_valid.csv", "metadata_test.csv"),
        ("coqui", "metadata_train.csv", "metadata_eval.csv", "metadata_test.csv"),
    ],
)
def test_training_and_held_out_metadata_are_told_apart(read_folder, caplog, formatter, train, held_out, test):
    layouts = []
    with caplog.at_level(logging.INFO):
        files = {train: table(1, 2, 3, 4), held_out: table(5, 6), test: table(7, 8)}
        samples = read_folder(files, formatter=formatter, layouts=layouts)
    split = split_samples(samples, eval_split_size=0.5)
    assert [sample.text for sample in split.train] == ["Text 1", "Text 2", "Text 3", "Text 4"]
    assert [sample.text for sample in split.eval] == ["Text 5", "Text 6"]
    for told in (caplog.text, layouts[0]):
        assert train in told
        assert f"2 clips held out ({held_out})" in told
        assert f"left alone: {test}" in told


@pytest.mark.parametrize("formatter", ["auto", "csv"])
def test_what_is_held_out_or_for_tests_is_not_trained_on_where_the_metadata_names_all(read_folder, formatter, caplog):
    files = {"metadata.csv": table(*range(1, 9)), "metadata_eval.csv": table(1), "metadata_test.csv": table(2, 3)}
    samples = read_folder(files, formatter=formatter)
    assert [(s.text, s.split) for s in samples if s.split == "eval"] == [("Text 1", "eval")]
    assert [s.text for s in samples if s.split == "train"] == [f"Text {n}" for n in range(4, 9)]
    assert "2 recordings are for tests and left alone" in caplog.text


def test_metadata_for_training_comes_before_one_of_everything(read_folder):
    files = {"metadata.csv": table(*range(1, 9)), "train.csv": table(1, 2, 3), "val.csv": table(4)}
    assert [(sample.text, sample.split) for sample in read_folder(files)] == [
        ("Text 1", "train"), ("Text 2", "train"), ("Text 3", "train"), ("Text 4", "eval"),
    ]  # fmt: skip


def test_a_held_out_file_alone_is_not_trained_on(read_folder):
    with pytest.raises(UserError, match="metadata_eval.csv is by its name for evaluation; .*--meta_file"):
        read_folder({"metadata_eval.csv": table(1, 2)})
    assert len(read_folder({"metadata_eval.csv": table(1, 2)}, meta_file_train="metadata_eval.csv")) == 2


def test_what_the_user_names_counts(read_folder):
    files = {"metadata_train.csv": table(1, 2), "metadata_eval.csv": table(3), "mine.csv": table(4)}
    samples = read_folder(files, meta_file_val="mine.csv")
    assert [(sample.text, sample.split) for sample in samples] == [
        ("Text 1", "train"), ("Text 2", "train"), ("Text 4", "eval"),
    ]  # fmt: skip
    samples = read_folder(files, meta_file_train="metadata_train.csv")
    assert {sample.split for sample in samples} == {"any"}


def test_a_named_held_out_file_is_not_taken_for_the_one_to_train_on(read_folder):
    files = {"metadata.csv": table(1), "texts.csv": table(2, 3)}
    samples = read_folder(files, meta_file_val="metadata.csv")
    assert [(sample.text, sample.split) for sample in samples][0] == ("Text 2", "train")


def test_broken_held_out_metadata_is_named(read_folder):
    with pytest.raises(UserError, match=r"metadata_eval.csv, line 3"):
        read_folder({"metadata.csv": table(1, 2), "metadata_eval.csv": table(3) + "x|y\n" + "9\n"})


@pytest.mark.parametrize("column", ["split", "subset"])
def test_a_column_may_say_what_each_clip_is_for(read_folder, column):
    parts = ["train", "train", "train", "validation", "dev", "test", "Test", "train"]
    content = "".join(f"{n}|Text {n}|{part}\n" for n, part in enumerate(parts, start=1))
    layouts = []
    samples = read_folder({"metadata.csv": f"file|text|{column}\n{content}"}, layouts=layouts)
    assert [(sample.text, sample.split) for sample in samples] == [
        *((f"Text {n}", "train") for n in (1, 2, 3, 8)), ("Text 4", "eval"), ("Text 5", "eval"),
    ]  # fmt: skip
    assert layouts[0].endswith("4 clips; 2 clips held out; left alone: 2 clips")
    assert read_folder({"metadata.csv": content}) == samples  # told by contents


@pytest.mark.parametrize("formatter", ["auto", "pairs", "recordings"])
def test_folders_may_say_what_their_clips_are_for(read_folder, formatter):
    recordings = ["train/a.wav", "train/b.wav", "val/c.wav", "test/d.wav"]
    samples = read_folder({path[:-4] + ".txt": "Yes" for path in recordings}, recordings, formatter=formatter)
    assert [(sample.name, sample.split) for sample in samples] == [
        ("#train/a", "train"), ("#train/b", "train"), ("#val/c", "eval"),
    ]  # fmt: skip


def test_a_folder_of_tests_without_one_to_train_on_is_data(read_folder):
    samples = read_folder({"test/a.txt": "Yes", "b.txt": "No"}, ["test/a.wav", "b.wav"])
    assert {sample.split for sample in samples} == {"any"}


def test_recordings_of_held_out_metadata_are_held_out_where_no_text_is_needed(read_folder, caplog):
    files = {"metadata.csv": table(1, 2, 3), "metadata_eval.csv": table(4), "metadata_test.csv": table(5)}
    samples = read_folder(files, formatter="recordings")
    assert {s.name for s in samples if s.split == "train"} == {f"#wavs/{n}" for n in (1, 2, 3, 6, 7, 8)}
    assert {s.name for s in samples if s.split == "eval"} == {"#wavs/4"}
    samples = read_folder({**files, "metadata_eval.csv": "no|table"}, formatter="recordings")
    assert {s.split for s in samples} == {"any"}
    assert "metadata_eval.csv is not used" in caplog.text


#: format → how the metadata for a purpose is called, what it holds of a recording, and where that one lies.
RELEASES = {
    "common_voice": ("{}.tsv", "client_id\tpath\tsentence\n", "c{0}\t{0}.mp3\tText {0}\n", "clips/{0}.mp3"),
    "mls": ("{}/transcripts.txt", "", "1_2_{0}\tText {0}\n", "{1}/audio/1/2/1_2_{0}.flac"),
    "cml_tts": ("{}.csv", "wav_filename|size|transcript\n", "{1}/{0}.wav|1|Text {0}\n", "{1}/{0}.wav"),
    "open_bible": ("{}/eve/{}.txt", "", "Text {0}", "{1}/eve/{1}.flac"),
}


def release(formatter, here=("train", "dev", "test")):
    """Files and recordings of a release that comes split, of whose parts those ``here`` have recordings."""
    metadata, header, line, recording = RELEASES[formatter]
    letters = {"train": "a", "dev": "b", "test": "c"}
    files = {metadata.format(part, part): header + line.format(letter, part) for part, letter in letters.items()}
    return files, [recording.format(letter, part) for part, letter in letters.items() if part in here]


@pytest.mark.parametrize("formatter", RELEASES)
def test_releases_that_come_split_are_held_out_as_they_say(read_folder, formatter):
    layouts = []
    samples = read_folder(*release(formatter), formatter=formatter, layouts=layouts)
    assert [(sample.text, sample.split) for sample in samples] == [("Text a", "train"), ("Text b", "eval")]
    assert "1 clip held out (" in layouts[0]
    assert "left alone: " in layouts[0]
    assert "test" in layouts[0].partition("left alone: ")[2]


@pytest.mark.parametrize("formatter", ["common_voice", "mls"])
def test_a_release_that_is_recognised_is_held_out_as_it_says(read_folder, formatter):
    samples = read_folder(*release(formatter))
    assert [(sample.text, sample.split) for sample in samples] == [("Text a", "train"), ("Text b", "eval")]


def test_a_release_without_the_recordings_for_evaluation_is_trained_on(read_folder, caplog):
    samples = read_folder(*release("mls", here=("train",)), formatter="mls")
    assert [(sample.text, sample.split) for sample in samples] == [("Text a", "any")]
    assert "dev/transcripts.txt is not used" in caplog.text


def test_validated_clips_of_common_voice_are_not_trained_on_where_they_are_held_out_or_for_tests(read_folder):
    files, recordings = release("common_voice")
    header = RELEASES["common_voice"][1]
    files["validated.tsv"] = files.pop("train.tsv") + "".join(
        files[name].removeprefix(header) for name in ("dev.tsv", "test.tsv")
    )
    samples = read_folder(files, recordings, formatter="common_voice")
    assert [(sample.text, sample.split) for sample in samples] == [("Text a", "train"), ("Text b", "eval")]

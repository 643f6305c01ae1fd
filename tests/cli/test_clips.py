"""``tts --out_dir``, subtitles, and lines of standard input."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from finetune_tts.data.gathering import load_samples

FILM = """1
00:00:00,500 --> 00:00:01,000
a bad egg

2
00:00:02,000 --> 00:00:02,100
had a hag

3
00:00:02,200 --> 00:00:09,000
a cab
"""


@pytest.fixture
def said(tts, release):
    """``tts`` with a list, or subtitles, and further words."""

    def run(text, *words, name="list.txt"):
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tts("--model_path", release, "--text_file", name, *words)

    return run


def metadata(folder="clips"):
    return [json.loads(line) for line in (Path(folder) / "metadata.jsonl").read_text().splitlines()]


def names(folder="clips"):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def test_each_line_becomes_a_file_of_a_data_set(said):
    outcome = said("a bad egg\n\nhad a hag\n", "--out_dir", "clips")
    assert outcome.status == 0, outcome.err
    assert names() == ["0001.wav", "0002.wav", "metadata.jsonl"]
    assert [(row["audio_file"], row["text"]) for row in metadata()] == [
        ("0001.wav", "a bad egg"),
        ("0002.wav", "had a hag"),
    ]
    assert metadata()[0]["seconds"] == pytest.approx(soundfile.info("clips/0001.wav").duration, abs=0.001)
    assert "in clips: 2 new files" in outcome.out
    from finetune_tts.config.dataset import DatasetConfig

    samples = load_samples([DatasetConfig(formatter="auto", path="clips")])
    assert sorted(sample.text for sample in samples) == ["a bad egg", "had a hag"]


def test_a_list_with_names(said):
    outcome = said("one|a bad egg\r\npart/two.flac|had a hag\r\n".encode("utf-8-sig"), "--out_dir", "clips")
    assert outcome.status == 0, outcome.err
    assert names() == ["metadata.jsonl", "one.wav", "part/two.flac"]
    assert soundfile.info("clips/part/two.flac").format == "FLAC"
    said("a|a bad egg\na.wav|had a hag\n", "--out_dir", "others").refused("Line 2: the name a.wav", "line 1")
    assert not list(Path("others").glob("*.wav"))


def test_what_is_there_is_kept_and_what_has_changed_is_made_again(said, release):
    said("a bad egg\nhad a hag\n", "--out_dir", "clips")
    first = {name: os.stat(f"clips/{name}").st_mtime_ns for name in names()}
    outcome = said("a bad egg\na cab\nfaded\n", "--out_dir", "clips")
    assert "2 new files" in outcome.out
    assert "1 file kept" in outcome.out
    assert os.stat("clips/0001.wav").st_mtime_ns == first["0001.wav"]
    assert [row["text"] for row in metadata()] == ["a bad egg", "a cab", "faded"]
    assert "3 new files" in said("a bad egg\na cab\nfaded\n", "--out_dir", "clips", "--speed", 2).out


def test_what_was_interrupted_continues(said):
    said("a bad egg\nhad a hag\n", "--out_dir", "clips")
    with open("clips/metadata.jsonl", "a") as file:
        file.write('{"audio_file": "00')
    outcome = said("a bad egg\nhad a hag\na cab\n", "--out_dir", "clips")
    assert "1 new file" in outcome.out
    assert len(metadata()) == 3


def test_files_of_others_are_not_overwritten(said):
    Path("clips").mkdir()
    Path("clips/0002.wav").write_text("mine")
    said("a bad egg\nhad a hag\n", "--out_dir", "clips").refused("clips/0002.wav: is there already", "--out_dir")
    assert Path("clips/0002.wav").read_text() == "mine"
    assert not Path("clips/0001.wav").exists()
    Path("clips/metadata.jsonl").write_text("{}\n")
    said("a bad egg\n", "--out_dir", "clips").refused("metadata.jsonl, line 1")


@pytest.mark.parametrize("end", ["\n", ""])
def test_a_data_set_of_recordings_is_not_taken_for_clips(said, end):
    Path("clips").mkdir()
    Path("clips/0001.wav").write_text("a recording")
    theirs = '{"audio_file": "0001.wav", "text": "a cab"}' + end
    Path("clips/metadata.jsonl").write_text(theirs)
    said("a bad egg\n", "--out_dir", "clips").refused("metadata.jsonl", "that tts wrote", "--out_dir")
    assert Path("clips/0001.wav").read_text() == "a recording"
    assert Path("clips/metadata.jsonl").read_text() == theirs


def test_a_last_line_without_its_end_is_kept(said):
    said("a bad egg\nhad a hag\n", "--out_dir", "clips")
    path = Path("clips/metadata.jsonl")
    path.write_text(path.read_text().removesuffix("\n"))
    assert "2 files kept" in said("a bad egg\nhad a hag\n", "--out_dir", "clips").out
    assert len(metadata()) == 2


@pytest.mark.parametrize("text", ["a/b|a bad egg\nA.wav|had a hag\na.wav/c|a cab\n", "a.wav/c|a cab\na|a bad egg\n"])
def test_a_name_that_is_a_file_and_a_folder_is_refused(said, text):
    said(text, "--out_dir", "clips").refused("cannot stand beside what line", "a file is no folder")
    assert not names()


def test_a_folder_of_a_name_that_is_a_file_is_refused(said):
    Path("clips").mkdir()
    Path("clips/a").write_text("mine")
    said("a/b|a bad egg\n", "--out_dir", "clips").refused("clips/a is a file", "Rename one of them")
    assert Path("clips/a").read_text() == "mine"


def test_lines_that_cannot_be_spoken_do_not_stop_the_others(said):
    outcome = said("a bad egg\nΩ\nhad a hag\n", "--out_dir", "clips")
    outcome.refused("1 line could not be synthesised: 2.")
    assert "Line 2 is left out." in outcome.err
    assert names() == ["0001.wav", "0003.wav", "metadata.jsonl"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--out_dir", "a/b"), ("--out_dir a/b", "Create it first")),
        (("--out_dir", "list.txt"), ("--out_dir list.txt: is no folder",)),
        (("--out_dir", "x", "--out_path", "y.wav"), ("--out_dir and --out_path",)),
        (("--out_dir", "x", "--stream"), ("--out_dir and --stream",)),
        (("--out_dir", "x", "--fit"), ("--fit is for subtitles",)),
        (("--each", "line"), ("--each is given without --out_dir",)),
        (("--out_dir", "x", "--speaker_idx", "ann"), ("--speaker_idx ann",)),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(said, words, told):
    said("a bad egg\n", *words).refused(*told)
    assert not list(Path().glob("x/*"))


@pytest.mark.parametrize("text", [b"", b"\n \n", b"caf\xe9\n", "no\n".encode("utf-16")[:-1]])
def test_files_that_are_no_list_are_refused(said, text):
    said(text, "--out_dir", "clips").refused("list.txt")


def test_paragraphs_as_files(said):
    assert said("a bad egg\nhad\n\na hag\n", "--out_dir", "clips", "--each", "paragraph").status == 0
    assert [row["text"] for row in metadata()] == ["a bad egg had", "a hag"]


def test_cues_as_files(said):
    outcome = said(FILM, "--out_dir", "clips", name="film.srt")
    assert outcome.status == 0, outcome.err
    assert [(row["text"], row["cue_start"]) for row in metadata()] == [
        ("a bad egg", 0.5),
        ("had a hag", 2.0),
        ("a cab", 2.2),
    ]
    assert "Line 6: lasts" in outcome.err
    assert "--fit makes it faster" in outcome.err


def test_cues_in_one_file_start_at_their_times(said):
    assert said(FILM, "--out_dir", "clips", name="film.srt").status == 0
    outcome = said(FILM, "--out_path", "film.wav", name="film.srt")
    assert outcome.status == 0, outcome.err
    track, rate = soundfile.read("film.wav")
    clips = [soundfile.read(f"clips/000{number}.wav")[0] for number in (1, 2, 3)]
    assert not track[: rate // 2].any()
    np.testing.assert_allclose(track[rate // 2 : rate // 2 + len(clips[0])], clips[0], atol=1e-3)
    both = np.zeros(max(len(clips[1]), int(0.2 * rate) + len(clips[2])))
    both[: len(clips[1])] += clips[1]
    both[int(0.2 * rate) : int(0.2 * rate) + len(clips[2])] += clips[2]
    np.testing.assert_allclose(track[2 * rate :], np.clip(both, -1, 1), atol=1e-3)


def test_cues_that_are_too_long_are_made_faster_if_wanted(said):
    plain = said(FILM, "--out_dir", "plain", name="film.srt")
    fitted = said(FILM, "--out_dir", "fitted", "--fit", name="film.srt")
    assert plain.status == fitted.status == 0
    assert metadata("fitted")[1]["seconds"] < metadata("plain")[1]["seconds"]
    assert metadata("fitted")[2]["seconds"] == metadata("plain")[2]["seconds"]


def test_subtitles_that_are_cut_off_are_refused_by_line(said):
    said(FILM[:-30], "--out_path", "film.wav", name="film.srt").refused("film.srt, line 9: the file is cut off")
    assert not Path("film.wav").exists()


def test_lines_of_standard_input_become_files_and_sound_as_they_come(tts, release, monkeypatch):
    def given(content, *words):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        return tts("--model_path", release, "--text_file", "-", *words)

    assert given(b"a bad egg\r\n\r\nhad a hag", "--out_dir", "clips").status == 0
    assert names() == ["0001.wav", "0002.wav", "metadata.jsonl"]
    outcome = given("a bad egg\nΩ\nhad a hag\n".encode(), "--stream", "--out_path", "said.wav")
    assert outcome.status == 0
    assert "Line 2 is left out" in outcome.err
    assert soundfile.info("said.wav").frames == sum(soundfile.info(f"clips/000{n}.wav").frames for n in (1, 2))
    given(b"a bad egg\ncaf\xe9\n", "--out_dir", "more").refused("standard input, line 2")
    given("a bad egg\n".encode("utf-16"), "--out_dir", "wide")
    assert metadata("wide")[0]["text"] == "a bad egg"


def test_a_line_is_spoken_before_the_next_one_is_there(release):
    words = ["-m", "finetune_tts.cli.speak", "--model_path", str(release), "--text_file", "-", "--out_dir", "clips"]
    with subprocess.Popen(
        [sys.executable, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(b"a bad egg\n")
        program.stdin.flush()
        assert program.stdout.readline().startswith(b"wrote: clips/0001.wav")
        program.stdin.close()
        assert program.wait() == 0


def test_a_player_that_is_closed_ends_a_stream_without_a_word(release):
    Path("story.txt").write_text("a bad egg.\n\n" * 100)
    words = ["-m", "finetune_tts.cli.speak", "--model_path", str(release), "--text_file", "story.txt", "--stream"]
    with subprocess.Popen(
        [sys.executable, *words, "--pipe_out"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.read(4) == b"RIFF"
        program.stdout.close()
        assert program.wait() == 141
        assert b"Traceback" not in program.stderr.read()

"""Raw recordings become a data set: exact texts, whole words, reasons for what is missing, and clear refusals."""

import csv
import hashlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from finetune_tts.audio.reading import read_original, write_waveform
from finetune_tts.corpus import transcription
from finetune_tts.corpus.clips import open_corpus
from finetune_tts.corpus.cutting import Lengths
from finetune_tts.corpus.making import Order, is_made, make_dataset
from finetune_tts.errors import UserError

OTHER = "The widow sold the farm and moved to a flat above the chemist."


@pytest.fixture(scope="module")
def text(recording) -> str:
    """What is said in the recording."""
    return " ".join(said.text for said in recording.said)


@pytest.fixture
def order(recording, text, tmp_path):
    """``(text, **fields) → what is to be made of the recording``."""

    def order(given: str = text, **fields):
        transcript = tmp_path / "text.txt"
        transcript.write_text(given, encoding="utf-8")
        return Order(
            **{
                "folder": tmp_path / "voice",
                "recordings": [recording.path],
                "transcripts": [transcript],
                "language": "en",
                **fields,
            }
        )

    return order


def dropped(folder: Path) -> list[dict[str, str]]:
    with (folder / "dropped.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def everything_in(folder: Path) -> dict[str, str]:
    """Each file below a folder and what is in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_clips_hold_whole_sentences_and_say_exactly_them(recording, text, order):
    made = make_dataset(order())
    kept = [clip for clip in made.clips if clip.kept]
    for clip in kept:
        assert clip.text == recording.words_within(clip.start, clip.end)
        assert 1 <= clip.seconds <= 12
        assert clip.confidence > 0.35
    assert " ".join(clip.text for clip in kept) == text
    assert made.dropped == []
    corpus, clips = open_corpus(made.corpus.folder)
    assert clips == made.clips
    sound = read_original(corpus.sound_file(kept[1].name))
    assert len(sound.waveform) / sound.sample_rate == pytest.approx(kept[1].seconds, abs=1e-3)
    assert is_made(made.corpus.folder)


def test_clips_begin_and_end_in_silence(recording, order):
    made = make_dataset(order())
    for clip in made.clips:
        sound = read_original(made.corpus.sound_file(clip.name))
        loud = np.flatnonzero(np.abs(sound.waveform) > 0.02)
        assert 0.03 < loud[0] / sound.sample_rate < 0.25
        assert 0.03 < (len(sound.waveform) - loud[-1]) / sound.sample_rate < 0.25


def test_what_is_not_in_the_text_and_what_was_not_read_is_listed(recording, order):
    sentences = [said.text for said in recording.said]
    given = [*sentences[:3], OTHER, *sentences[3:7], *sentences[9:]]
    made = make_dataset(order(" ".join(given)))
    kept = [clip for clip in made.clips if clip.kept]
    for clip in kept:
        assert clip.text == recording.words_within(clip.start, clip.end)
        assert not (clip.start < recording.said[8].end and clip.end > recording.said[7].start)
    assert len(" ".join(clip.text for clip in kept)) > 0.6 * len(" ".join(given))
    rows = dropped(made.corpus.folder)
    extra = [row for row in rows if row["reason"] == "not in the text"]
    assert any(float(row["start"]) < recording.said[7].end < float(row["end"]) + 4 for row in extra)
    (unread,) = [row["text"] for row in rows if row["reason"] == "not read"]
    assert "sold the farm and moved to a flat" in unread


def test_one_text_of_several_recordings(recording, text, order, tmp_path):
    original = read_original(recording.path)
    middle = round((recording.said[5].end + recording.said[6].start) / 2 * original.sample_rate)
    halves = [tmp_path / "same name.wav", tmp_path / "second" / "same name.flac"]
    halves[1].parent.mkdir()
    write_waveform(halves[0], original.waveform[:middle], original.sample_rate)
    soundfile.write(halves[1], original.waveform[middle:], original.sample_rate)
    made = make_dataset(order(recordings=halves, format="flac"))
    assert " ".join(clip.text for clip in made.clips if clip.kept) == text
    assert {clip.source for clip in made.clips} == {half.resolve() for half in halves}
    assert len({clip.name for clip in made.clips}) == len(made.clips)
    assert all(made.corpus.sound_file(clip.name).suffix == ".flac" for clip in made.clips)


@pytest.mark.parametrize("ending", ["mp3", "m4a"])
def test_recordings_in_other_formats(recording, text, order, tmp_path, ending):
    original = read_original(recording.path)
    path = tmp_path / f"reading.{ending}"
    if ending == "mp3":
        soundfile.write(path, original.waveform, original.sample_rate, format="MP3", subtype="MPEG_LAYER_III")
    else:
        encode_aac(path, original.waveform, original.sample_rate)
    made = make_dataset(order(recordings=[path]))
    assert " ".join(clip.text for clip in made.clips if clip.kept) == text
    assert made.clips[0].source == path.resolve()


def encode_aac(path: Path, samples: np.ndarray, rate: int) -> None:
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=rate, layout="mono")
        for begin in range(0, len(samples), 1024):
            block = np.ascontiguousarray(samples[None, begin : begin + 1024], np.float32)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, begin
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.slow
def test_killed_at_any_moment_and_run_again_it_makes_the_same(recording, order, tmp_path):
    asked = order()

    def program(folder: Path) -> list[str]:
        flags = ["--recordings", str(recording.path), "--transcript", str(asked.transcripts[0]), "--language", "en"]
        return [sys.executable, "-m", "finetune_tts", "--make_dataset", str(folder), *flags]

    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(program(tmp_path / "at once" / "voice"), check=True, **quiet)
    for milliseconds in (1500, 2500, 3500, 4500):
        with subprocess.Popen(program(asked.folder), **quiet) as process:
            time.sleep(milliseconds / 1000)
            process.kill()
        if is_made(asked.folder):
            break
    else:
        subprocess.run(program(asked.folder), check=True, **quiet)
    assert everything_in(asked.folder) == everything_in(tmp_path / "at once" / "voice")


def test_a_text_of_a_small_part_finds_that_part(recording, order):
    sentences = [said.text for said in recording.said[5:9]]
    made = make_dataset(order(" ".join(sentences)))
    kept = [clip for clip in made.clips if clip.kept]
    assert kept
    for clip in kept:
        assert clip.text == recording.words_within(clip.start, clip.end)
    assert {row["reason"] for row in dropped(made.corpus.folder)} == {"not in the text"}


@pytest.mark.parametrize("given", ["Hi.", "The early train was full of sleepy students."])
def test_a_text_of_next_to_nothing_is_refused(order, given):
    with pytest.raises(UserError, match="% of the speech there, of at least 20%|not in the text"):
        make_dataset(order(given))


def test_names_of_files_become_names_that_every_program_takes(recording, order, tmp_path):
    path = tmp_path / '-my "new\nreading|'
    path.write_bytes(recording.path.read_bytes())
    made = make_dataset(order(recordings=[path]))
    assert made.clips[0].name == "my_new_reading_0001"
    assert open_corpus(made.corpus.folder)[1] == made.clips


def test_a_speech_recogniser_that_cannot_be_imported_is_told_of(order, tmp_path, monkeypatch):
    monkeypatch.setattr(transcription, "find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(UserError, match="faster-whisper is installed, but cannot be used"):
        make_dataset(order(transcripts=[]))


def test_clips_of_another_voice_are_dropped(order):
    class Encoder:
        """Takes the third clip for another voice."""

        def vector_of_files(self, paths):
            other = paths[0].stem.endswith("0003")
            return np.array([0.0, 1.0] if other else [1.0, 0.01 * int(paths[0].stem[-1])])

    made = make_dataset(order(encoder=Encoder()))
    assert len(made.clips) > 5
    assert [clip.name[-4:] for clip in made.clips if not clip.kept] == ["0003"]
    assert made.clips[2].reason.startswith("another voice")
    assert made.clips[2].name not in (made.corpus.folder / "metadata.csv").read_text(encoding="utf-8")


def test_made_once_it_is_not_made_again(order):
    asked = order()
    make_dataset(asked)
    with pytest.raises(UserError, match="holds a data set already: review it"):
        make_dataset(asked)


def test_lengths_are_kept_to(order):
    made = make_dataset(order(lengths=Lengths(1.0, 4.0)))
    assert all(1 <= clip.seconds <= 4 for clip in made.clips if clip.kept)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "there is no text in it"),
        (" .,;\n— ", "there is no text in it"),
        ("word " * 1_000_000, "characters, far more than can be read in"),
        (f"{OTHER} " * 8, "is not what is said in .*Is it the right text"),
        ("\u0921\u0924\u0930 " * 60, "no clip can be made of it|is not what is said"),
    ],
)
def test_texts_that_cannot_be_it_are_refused(order, given, message):
    with pytest.raises(UserError, match=message):
        make_dataset(order(given))


def test_recordings_without_speech_are_refused(order, tmp_path):
    random = np.random.default_rng(0)
    for name, samples in (("silence", np.zeros(160_000)), ("noise", 0.1 * random.normal(size=160_000))):
        path = tmp_path / f"{name}.wav"
        write_waveform(path, samples, 16000)
        with pytest.raises(UserError, match="there is no speech in it"):
            make_dataset(order(recordings=[path], folder=tmp_path / f"of {name}"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"language": None}, "--transcript: which language is it in"),
        ({"language": "xq"}, "--language 'xq': .*has no such language"),
        ({"recordings": []}, "of which recordings"),
        ({"recordings": [Path("gone.wav")]}, "--recordings gone.wav: there is no such file"),
        ({"transcripts": [Path("a"), Path("b")]}, "2 files for 1 recording"),
        ({"format": "mp3"}, "--clip_format mp3: must be wav or flac"),
        ({"lengths": Lengths(3.0, 2.0)}, "--clip_seconds 3 2"),
    ],
)
def test_orders_without_sense_are_refused(order, fields, message):
    with pytest.raises(UserError, match=message):
        make_dataset(order(**fields))


def test_files_that_are_no_recordings_are_refused(order, tmp_path):
    path = tmp_path / "text.wav"
    for content, message in (
        (b"", "has 0 bytes"),
        (b"RIFF but not for long", "not audio"),
        (b"hello " * 50, "decoded"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=message):
            make_dataset(order(recordings=[path]))


def test_a_folder_with_something_else_in_it_is_left_alone(order, tmp_path):
    asked = order()
    asked.folder.mkdir()
    (asked.folder / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(UserError, match="is not empty"):
        make_dataset(asked)
    assert (asked.folder / "letter.txt").read_text(encoding="utf-8") == "dear"


def test_a_recording_named_twice_is_refused(order, recording):
    with pytest.raises(UserError, match="is named twice"):
        make_dataset(order(recordings=[recording.path, recording.path]))

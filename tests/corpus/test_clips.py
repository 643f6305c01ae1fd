"""The folder of a data set that was cut from recordings: written, read again, and refused where it is broken."""

from pathlib import Path

import numpy as np
import pytest

from finetune_tts.audio.reading import read_original, write_waveform
from finetune_tts.corpus.clips import FLAC, SOURCES, Clip, Corpus, open_corpus
from finetune_tts.errors import UserError

RATE = 16000


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Ten seconds whose samples tell where they are."""
    path = tmp_path / "long one, part 1.wav"
    write_waveform(path, np.linspace(-0.9, 0.9, 10 * RATE, dtype=np.float32), RATE)
    return path


@pytest.fixture
def clips(recording: Path) -> list[Clip]:
    return [
        Clip("clip_00001", recording, 1.0, 2.5, 'He said: "one", and two', 0.875),
        Clip("clip_00002", recording, 3.0, 4.0, "dropped", 0.25, kept=False, reason="another voice"),
        Clip("clip_00003", recording, 5.0, 6.0, "größer", 1.0),
    ]


def test_what_is_saved_is_read_again(tmp_path: Path, clips: list[Clip]) -> None:
    Corpus(tmp_path).save(clips)
    assert open_corpus(tmp_path) == (Corpus(tmp_path), clips)
    lines = (tmp_path / "metadata.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split("|")[0] for line in lines] == ["clip_00001", "clip_00003"]
    assert lines[1] == "clip_00003|größer|größer"


@pytest.mark.parametrize("kind", ["wav", FLAC])
def test_sound_is_cut_where_the_clip_says(tmp_path: Path, clips: list[Clip], kind: str) -> None:
    corpus = Corpus(tmp_path, kind)
    corpus.write_sound(clips[0])
    found = read_original(corpus.sound_file("clip_00001"))
    assert found.sample_rate == RATE
    np.testing.assert_allclose(found.waveform, np.linspace(-0.9, 0.9, 10 * RATE)[RATE : 5 * RATE // 2], atol=1e-4)
    corpus.save(clips)
    assert open_corpus(tmp_path)[0].format == kind


def test_a_recording_that_has_become_shorter_is_named(tmp_path: Path, recording: Path) -> None:
    with pytest.raises(UserError, match=r"part 1.wav: nothing to read from 11.00 to 12.00 s, the recording has 10.00"):
        Corpus(tmp_path).write_sound(Clip("x", recording, 11.0, 12.0, "", 1.0))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("c,a.wav,1,2,0.5,yes,", r"line 3: has 7 fields instead of 8"),
        ("../c,a.wav,1,2,0.5,yes,,text", r"line 3: clip '\.\./c' is no name of a file"),
        ("c,a.wav,one,2,0.5,yes,,text", r"line 3: start is 'one', which is no number"),
        ("c,a.wav,2,1,0.5,yes,,text", r"line 3: a clip from 2 to 1 s is none"),
        ("c,a.wav,nan,1,0.5,yes,,text", r"line 3: start is 'nan'"),
        ("c,a.wav,1,2,0.5,perhaps,,text", r"line 3: kept is 'perhaps'\. Write yes or no"),
        ("first,a.wav,1,2,0.5,yes,,text", r"line 3: the clip 'first' is there twice"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    header = "clip,file,start,end,confidence,kept,reason,text\n"
    (tmp_path / SOURCES).write_text(f"{header}first,a.wav,1,2,0.5,yes,,text\n{row}\n", encoding="utf-8")
    with pytest.raises(UserError, match=message):
        open_corpus(tmp_path)


def test_a_folder_without_the_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no sources.csv"):
        open_corpus(tmp_path)

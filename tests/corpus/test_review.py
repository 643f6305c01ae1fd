"""A review: edits are on disk before they are answered, can be undone, and never undo each other."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from finetune_tts.audio.reading import read_original, read_part
from finetune_tts.corpus.clips import FLAC, METADATA, SOURCES, Clip, Corpus, open_corpus
from finetune_tts.corpus.decoding import readable
from finetune_tts.corpus.history import HISTORY, History
from finetune_tts.corpus.review import DROPPED, ChangedMeanwhile, Review, UnknownClip, reviewing
from finetune_tts.errors import UserError


@pytest.fixture
def review(data_set: Path) -> Iterator[Review]:
    with reviewing(data_set) as found:
        yield found


def on_disk(review: Review, name: str) -> Clip:
    return next(clip for clip in open_corpus(review.corpus.folder)[1] if clip.name == name)


def sound_is_cut(corpus: Corpus, clip: Clip) -> bool:
    """Whether the sound of a clip is what its recording has at its place."""
    own, there = read_original(corpus.sound_file(clip.name)), read_part(clip.source, clip.start, clip.end)
    return len(own.waveform) == len(there.waveform) and np.allclose(own.waveform, there.waveform, atol=1e-4)


def undo(review: Review) -> Clip:
    assert review.undoable is not None
    return review.undo(review.undoable.number)


def redo(review: Review) -> Clip:
    assert review.redoable is not None
    return review.redo(review.redoable.number)


def test_a_corrected_text_is_on_disk_and_counts_as_heard(review: Review) -> None:
    review.edit("clip_3", {"text": "Wel said."}, {"text": " Well |\n said. "})
    assert on_disk(review, "clip_3") == review.clip("clip_3")
    assert (review.clip("clip_3").text, review.clip("clip_3").confidence) == ("Well said.", 1.0)
    assert "clip_3|Well said.|Well said." in (review.corpus.folder / METADATA).read_text(encoding="utf-8").splitlines()


def test_a_dropped_clip_leaves_the_metadata_and_a_kept_one_comes_back(review: Review) -> None:
    review.edit("clip_0", {"kept": True}, {"kept": False})
    review.edit("clip_1", {"kept": False}, {"kept": True})
    lines = (review.corpus.folder / METADATA).read_text(encoding="utf-8").splitlines()
    assert [line.split("|")[0] for line in lines] == ["clip_1", "clip_2", "clip_3"]
    assert on_disk(review, "clip_0").reason == DROPPED
    assert on_disk(review, "clip_1").reason == ""


@pytest.mark.parametrize("kind", ["wav", FLAC])
def test_a_moved_cut_is_cut_from_the_recording_and_undone_again(make_data_set: Callable[..., Path], kind: str) -> None:
    with reviewing(make_data_set(kind)) as review:
        before = review.clip("clip_2")
        content = review.corpus.sound_file("clip_2").read_bytes()
        moved = review.edit("clip_2", {"start": 6.0, "end": 8.0}, {"start": 5.75, "end": 8.01})
        assert (moved.start, moved.end) == (5.75, 8.01)
        assert on_disk(review, "clip_2") == moved
        assert sound_is_cut(review.corpus, moved)
        again = review.edit("clip_2", {"end": 8.01}, {"end": 7.5})
        assert sound_is_cut(review.corpus, again)
        assert undo(review) == moved
        assert undo(review) == before
        assert review.corpus.sound_file("clip_2").read_bytes() == content
        assert sound_is_cut(review.corpus, redo(review))


def test_undo_and_redo_outlive_the_program(data_set: Path) -> None:
    with reviewing(data_set) as review:
        review.edit("clip_3", {"text": "Wel said."}, {"text": "Well said."})
        review.edit("clip_0", {"kept": True}, {"kept": False})
        undo(review)
    with reviewing(data_set) as review:
        assert redo(review).kept is False
        assert undo(review).kept is True
        assert undo(review) == Clip("clip_3", data_set.parent / "long.wav", 9.0, 11.0, "Wel said.", 0.4)
        assert review.undoable is None
        assert on_disk(review, "clip_3").text == "Wel said."
        with pytest.raises(UserError, match="nothing to undo"):
            review.undo(1)


def test_after_a_new_edit_nothing_is_done_again(review: Review) -> None:
    review.edit("clip_0", {"kept": True}, {"kept": False})
    undo(review)
    review.edit("clip_3", {"text": "Wel said."}, {"text": "Well said."})
    assert review.redoable is None


def test_what_is_typed_in_one_go_is_undone_in_one_go(review: Review) -> None:
    review.edit("clip_3", {"text": "Wel said."}, {"text": "Well sai"})
    number = review.undoable and review.undoable.number
    review.edit("clip_3", {"text": "Well sai"}, {"text": "Well said!"}, continued=number)
    assert undo(review).text == "Wel said."
    assert redo(review).text == "Well said!"


def test_two_windows_change_other_fields_of_a_clip_without_harm(review: Review) -> None:
    review.edit("clip_3", {"text": "Wel said."}, {"text": "Well said."})
    found = review.edit("clip_3", {"kept": True, "end": 11.0}, {"kept": False, "end": 10.5})
    assert (found.text, found.kept, found.end) == ("Well said.", False, 10.5)


def test_an_edit_of_what_another_window_has_changed_is_refused(review: Review) -> None:
    review.edit("clip_3", {"text": "Wel said."}, {"text": "Well said."})
    with pytest.raises(ChangedMeanwhile, match="clip_3: has been changed in another window") as refused:
        review.edit("clip_3", {"text": "Wel said."}, {"text": "Spell said."})
    assert refused.value.clip is not None
    assert refused.value.clip.text == on_disk(review, "clip_3").text == "Well said."
    with pytest.raises(ChangedMeanwhile):
        review.edit("clip_3", {}, {"kept": False})  # it does not say what it saw


def test_an_undo_of_another_edit_than_was_seen_is_refused(review: Review) -> None:
    review.edit("clip_3", {"text": "Wel said."}, {"text": "Well said."})
    seen = review.undoable
    review.edit("clip_0", {"kept": True}, {"kept": False})
    assert seen is not None
    with pytest.raises(ChangedMeanwhile, match="another one now, of clip_0"):
        review.undo(seen.number)
    assert on_disk(review, "clip_0").kept is False


def test_changes_since_a_moment_are_told(review: Review) -> None:
    review.edit("clip_3", {"text": "Wel said."}, {"text": "Well said."})
    moment, changed = review.changes(0)
    assert [clip.name for clip in changed] == ["clip_3"]
    review.edit("clip_0", {"kept": True}, {"kept": False})
    assert [clip.name for clip in review.changes(moment)[1]] == ["clip_0"]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"text": "  "}, "clip_2: has no text. Write what is said, or drop"),
        ({"text": 3}, "clip_2, text: 3 is no value"),
        ({"text": "a\x00b"}, "control character"),
        ({"text": "long " * 2000}, "9,999 characters; 5,000 are possible"),
        ({"kept": "no"}, "clip_2, kept: 'no' is no value"),
        ({"start": True}, "clip_2, start: True is no value"),
        ({"start": 8.5}, r"from 8\.50 to 8\.00 s is none"),
        ({"start": -1.0}, r"from -1\.00 to 8\.00 s is none"),
        ({"start": float("nan")}, "is none"),
        ({"end": float("inf")}, "would have inf s"),
        ({"start": 7.95}, r"would have 0\.05 s"),
        ({"end": 12.5}, r"its recording ends at 12\.00 s"),
        ({"end": 70.0}, r"would have 64\.00 s\. From 0\.1 to 60 s"),
        ({"confidence": 2}, "2 is not between 0 and 1"),
        ({"source": "/etc/passwd"}, "'source' is no field that can be changed: text, kept"),
    ],
)
def test_a_value_that_cannot_be_changes_nothing(review: Review, wanted: dict[str, Any], message: str) -> None:
    before = {path: path.read_bytes() for path in review.corpus.folder.rglob("*") if path.is_file()}
    seen = {"text": "The third, größer.", "kept": True, "start": 6.0, "end": 8.0, "confidence": 0.5}
    with pytest.raises(UserError, match=message):
        review.edit("clip_2", {field: seen.get(field, "") for field in wanted}, wanted)
    assert {path: path.read_bytes() for path in review.corpus.folder.rglob("*") if path.is_file()} == before


def test_a_dropped_clip_without_text_is_not_kept(review: Review) -> None:
    review.edit("clip_1", {"text": "Dropped by the maker."}, {"text": ""})
    with pytest.raises(UserError, match="clip_1: has no text"):
        review.edit("clip_1", {"kept": False}, {"kept": True})


def test_an_unknown_clip_is_named(review: Review) -> None:
    with pytest.raises(UnknownClip, match=r"'\.\./x': there is no such clip"):
        review.edit("../x", {}, {})


def test_without_its_recording_a_clip_keeps_its_cuts_and_all_else_works(review: Review) -> None:
    review.clip("clip_2").source.unlink()
    found = review.around("clip_2")
    assert "long.wav: the recording is gone, so the cuts stay where they are" in found.obstacle
    assert (found.start, len(found.peaks)) == (6.0, 400)
    with pytest.raises(UserError, match="the recording is gone"):
        review.edit("clip_2", {"start": 6.0}, {"start": 5.9})
    review.edit("clip_2", {"text": "The third, größer."}, {"text": "Other"})
    review.edit("clip_2", {"kept": True}, {"kept": False})
    assert (on_disk(review, "clip_2").text, on_disk(review, "clip_2").kept) == ("Other", False)


def test_from_another_recording_of_that_name_nothing_is_cut(review: Review, make_speech: Callable[..., None]) -> None:
    make_speech(review.clip("clip_2").source, seed=1)
    content = review.corpus.sound_file("clip_2").read_bytes()
    assert "holds something else from 6.00 to 8.00 s now" in review.around("clip_2").obstacle
    with pytest.raises(UserError, match="The cuts stay where they are"):
        review.edit("clip_2", {"start": 6.0}, {"start": 5.9})
    assert review.corpus.sound_file("clip_2").read_bytes() == content


def test_a_recording_that_is_read_as_a_copy_is_cut_from_the_copy(review: Review, tmp_path: Path) -> None:
    samples, rate = soundfile.read(review.clip("clip_2").source)
    recording = tmp_path / "long.ogg"
    soundfile.write(recording, samples, rate)
    copy = readable(recording, review.corpus.folder)
    assert copy != recording
    clip = replace(review.clip("clip_2"), source=recording)
    review.corpus.write_sound(clip, copy)
    own = Review(review.corpus, [clip], History())
    moved = own.edit("clip_2", {"end": 8.0}, {"end": 8.5})
    there = read_part(copy, moved.start, moved.end).waveform
    np.testing.assert_allclose(read_original(review.corpus.sound_file("clip_2")).waveform, there, atol=1e-4)
    copy.unlink()  # it is made again
    assert own.around("clip_2").obstacle == ""
    recording.write_text("no sound at all")
    assert own.around("clip_2").obstacle.startswith(f"The cuts stay where they are. {recording}: ")


def test_a_clip_is_shown_with_a_second_on_each_side(review: Review) -> None:
    found = review.around("clip_2")
    assert (found.start, len(found.peaks), found.obstacle) == (5.0, 800, "")
    first = review.around("clip_0")
    assert (first.start, len(first.peaks)) == (0.0, 600)


def test_a_link_in_the_place_of_a_sound_is_not_written_through(review: Review, tmp_path: Path) -> None:
    precious, sound = tmp_path / "precious", review.corpus.sound_file("clip_2")
    sound.rename(precious)
    sound.symlink_to(precious)
    content = precious.read_bytes()
    with pytest.raises(UserError, match="is a link to another file"):
        review.edit("clip_2", {"start": 6.0}, {"start": 5.9})
    assert precious.read_bytes() == content


def test_a_second_review_of_a_data_set_is_refused_in_words(review: Review) -> None:
    folder = review.corpus.folder
    with pytest.raises(UserError, match="another process is making or reviewing"), reviewing(folder):
        pass


def test_a_folder_that_is_no_data_set_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no sources\.csv"), reviewing(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_another_program_has_written_is_not_overwritten(review: Review) -> None:
    table = review.corpus.folder / SOURCES
    table.write_text(table.read_text(encoding="utf-8").replace("Wel said.", "Farewell."), encoding="utf-8")
    os.utime(table, ns=(1, 1))
    with pytest.raises(ChangedMeanwhile, match="another program has written to it"):
        review.edit("clip_0", {"kept": True}, {"kept": False})
    assert on_disk(review, "clip_3").text == "Farewell."


def test_an_edit_that_the_disk_does_not_take_changes_nothing(review: Review, monkeypatch: pytest.MonkeyPatch) -> None:
    review.edit("clip_0", {"kept": True}, {"kept": False})
    before = {path: path.read_bytes() for path in review.corpus.folder.rglob("*") if path.is_file()}

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Corpus, "save", fail)
        with pytest.raises(OSError, match="No space left"):
            review.edit("clip_2", {"start": 6.0}, {"start": 5.5})
    assert {path: path.read_bytes() for path in review.corpus.folder.rglob("*") if path.is_file()} == before
    assert undo(review).name == "clip_0"


def test_no_edit_begins_after_the_end(review: Review) -> None:
    review.close()
    with pytest.raises(UserError, match="The review has ended"):
        review.edit("clip_0", {"kept": True}, {"kept": False})


class Killed(BaseException):
    """The program ends here."""


@pytest.mark.parametrize("what", ["edit", "undo"])
def test_a_program_that_is_killed_while_it_cuts_leaves_sound_and_table_alike(
    data_set: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    with reviewing(data_set) as review:
        kept = review.edit("clip_0", {"kept": True}, {"kept": False})
        if what == "undo":
            kept = review.edit("clip_2", {"start": 6.0}, {"start": 5.5})
    with reviewing(data_set) as review, monkeypatch.context() as patch:

        def die(*arguments: object) -> None:
            patch.setattr(Corpus, "write_sound", die)  # nothing is mended any more
            patch.setattr(History, "save", die)
            raise Killed

        patch.setattr(Corpus, "save", die)
        with pytest.raises(Killed):
            undo(review) if what == "undo" else review.edit("clip_2", {"start": 6.0}, {"start": 5.5})
    with reviewing(data_set) as review:
        clip = review.clip("clip_2")
        assert clip.start == (5.5 if what == "undo" else 6.0)
        assert sound_is_cut(review.corpus, clip)
        assert review.undoable is not None
        assert review.undoable.clip == kept.name


def test_edits_of_a_data_set_that_was_made_again_are_forgotten(data_set: Path) -> None:
    with reviewing(data_set) as review:
        review.edit("clip_3", {"text": "Wel said."}, {"text": "Well said."})
    corpus, clips = open_corpus(data_set)
    corpus.save([replace(clip, text="Another") for clip in clips])
    with reviewing(data_set) as review:
        assert review.undoable is None


@pytest.mark.parametrize("content", ["", "[]", '{"done": [[1]], "undone": []}', '{"done": 3, "undone": []}'])
def test_a_history_that_cannot_be_read_keeps_nobody_from_reviewing(
    data_set: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    (data_set / HISTORY).write_text(content, encoding="utf-8")
    with reviewing(data_set) as review:
        assert review.undoable is None
        review.edit("clip_0", {"kept": True}, {"kept": False})
        assert undo(review).kept
    assert "cannot be undone" in caplog.text

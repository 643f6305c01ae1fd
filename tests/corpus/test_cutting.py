"""Pieces between pauses become clips: cut behind sentences, none too long, and nothing that is not sure."""

from finetune_tts.corpus.cutting import (
    NO_PAUSE,
    NO_SPEECH,
    NOT_IN_TEXT,
    TOO_SHORT,
    UNSURE,
    Lengths,
    Piece,
    cuts_of,
    silent_cuts,
)
from finetune_tts.corpus.pauses import Pause

TEXT = "One two, three four. Five six. Seven eight nine. Ten."


def pieces_of(*parts: tuple[str, float, str], pause: float = 0.5) -> list[Piece]:
    """Pieces in a row: text, seconds and fault of each, with pauses between them."""
    found, moment, place = [], 0.0, 0
    before = Pause(0.0, pause, pause / 2)
    for text, seconds, fault in parts:
        moment = before.end + seconds
        after = Pause(moment, moment + pause, moment + pause / 2)
        start = TEXT.index(text, place)
        place = start + len(text)
        found.append(Piece(before, after, start, place, 0.9, fault))
        before = after
    return found


def test_clips_end_behind_sentences_and_in_long_pauses():
    pieces = pieces_of(
        ("One two,", 2.0, ""), ("three four.", 2.0, ""), ("Five six.", 4.0, ""), ("Seven eight nine.", 4.0, "")
    )
    cuts = cuts_of(pieces, TEXT, Lengths())
    assert [cut.text for cut in cuts] == ["One two, three four.", "Five six.", "Seven eight nine."]
    assert all(not cut.fault for cut in cuts)
    # Both keep a margin of the pause between them.
    assert cuts[0].end == pieces[1].after.start + 0.12
    assert cuts[1].start == pieces[1].after.end - 0.12


def test_a_short_pause_is_cut_where_it_is_quietest():
    pieces = pieces_of(("One two, three four.", 5.0, ""), ("Five six.", 5.0, ""), pause=0.2)
    first, second = cuts_of(pieces, TEXT, Lengths(1.0, 8.0))
    assert first.end == second.start == pieces[0].after.quietest


def test_clips_are_as_long_as_they_may_be():
    pieces = pieces_of(
        ("One two,", 5.0, ""), ("three four.", 5.0, ""), ("Five six.", 0.5, ""), ("Seven eight nine.", 13.0, "")
    )
    cuts = cuts_of(pieces, TEXT, Lengths(1.0, 12.0))
    assert [(cut.text, cut.fault) for cut in cuts] == [
        ("One two, three four. Five six.", ""),
        ("Seven eight nine.", NO_PAUSE),
    ]
    (alone,) = cuts_of(pieces_of(("One two, three four.", 0.3, "")), TEXT, Lengths())
    assert alone.fault == TOO_SHORT


def test_beside_what_is_not_in_the_text_a_clip_begins_and_ends_at_signs():
    pieces = pieces_of(("One two,", 2.0, ""), ("three", 2.0, ""), ("four.", 2.0, NOT_IN_TEXT), ("Five six.", 2.0, ""))
    cuts = cuts_of(pieces, TEXT, Lengths())
    assert [(cut.text, cut.fault) for cut in cuts] == [
        ("One two,", ""),
        ("three", UNSURE),
        ("four.", NOT_IN_TEXT),
        ("Five six.", ""),
    ]


def test_pieces_whose_texts_do_not_follow_are_not_put_together():
    pieces = pieces_of(("One two,", 2.0, ""), ("Five six.", 2.0, ""))
    assert [cut.text for cut in cuts_of(pieces, TEXT, Lengths())] == ["One two,", "Five six."]


def test_without_a_text_only_long_pauses_are_cut_in():
    pauses = [
        Pause(0.0, 0.5, 0.2),
        Pause(3.0, 3.15, 3.1),
        Pause(8.0, 8.6, 8.3),
        Pause(12.0, 12.5, 12.2),
        Pause(14, 14.5, 14.2),
    ]

    def speaks(start: float, end: float) -> float:
        return 0.0 if start > 12 else 1.0

    cuts = silent_cuts(pauses, speaks, Lengths())
    assert [(round(cut.start, 2), round(cut.end, 2), cut.fault) for cut in cuts] == [
        (0.38, 8.12, ""),
        (8.48, 12.12, ""),
        (12.38, 14.12, NO_SPEECH),
    ]

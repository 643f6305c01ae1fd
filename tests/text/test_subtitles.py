import pytest

from finetune_tts.errors import UserError
from finetune_tts.text.subtitles import Cue, read_subtitles

FILM = """1
00:00:01,000 --> 00:00:02,500
A <i>bad</i> egg.

2
00:00:04,000 --> 00:00:05,000
{\\an8}Had a
hag &amp; a cab.
"""


def test_cues_have_times_and_texts_without_markup():
    assert read_subtitles(FILM, "film.srt") == [
        Cue(2, 1.0, 2.5, "A bad egg.", 3.0),
        Cue(6, 4.0, 5.0, "Had a hag & a cab.", 1.0),
    ]


@pytest.mark.parametrize(
    "text",
    [
        FILM.replace("\n\n", "\n"),  # without the empty lines
        FILM.replace(",", "."),
        FILM.replace("1\n00", "00").replace("2\n00", "00"),  # without numbers
        FILM.replace("02,500", "02,500  X1:100 X2:200"),
        "\n\n" + FILM + "\n\n\n",
    ],
)
def test_what_programs_write_otherwise_is_the_same(text):
    cues = read_subtitles(text, "film.srt")
    assert [(cue.start, cue.end, cue.text) for cue in cues] == [
        (1.0, 2.5, "A bad egg."),
        (4.0, 5.0, "Had a hag & a cab."),
    ]


def test_cues_that_overlap_have_their_own_time_and_come_in_order():
    text = "1\n00:00:02,000 --> 00:00:03,000\nb\n\n2\n00:00:00,000 --> 00:00:02,100\na\n"
    assert [(cue.text, cue.slot) for cue in read_subtitles(text, "x")] == [("a", 2.1), ("b", 1.0)]


def test_a_number_as_the_last_text_is_a_text():
    assert read_subtitles("1\n00:00:01,000 --> 00:00:02,000\n7\n", "x")[0].text == "7"


def test_cues_without_a_text_are_skipped():
    text = "1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:03,000 --> 00:00:04,000\na\n"
    assert [cue.text for cue in read_subtitles(text, "x")] == ["a"]
    with pytest.raises(UserError, match="no subtitle in it has a text"):
        read_subtitles("1\n00:00:01,000 --> 00:00:02,000\n", "x")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no subtitles in it"),
        ("Once upon a time", "no subtitles in it"),
        (FILM + "\n3\n00:00:07,000 --> 00:0", "film.srt, line 11: '00:00:07,000 --> 00:0' are no times"),
        (FILM + "\n3\n", "line 10: the file is cut off: the cue '3' has no times"),
        (FILM + "\n3\n00:00:07,0", "line 10: the file is cut off: the cue '3 00:00:07,0' has no times"),
        (FILM + "\n3\n00:00:07,000 --> 00:00:06,000\na", "line 11: the cue ends before it starts"),
        (FILM + "\n3\n99:00:07,000 --> 99:00:08,000\na", "line 11: the cue ends later than 24 hours"),
        ("a b\n" + FILM, "line 1: 'a b' stands before the times of the first cue"),
    ],
)
def test_a_file_that_is_cut_off_or_makes_no_sense_is_refused_by_line(text, told):
    with pytest.raises(UserError, match=told):
        read_subtitles(text, "film.srt")

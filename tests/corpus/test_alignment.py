"""A text is found in a recording: every sentence where it is said, and nothing where it is not."""

import numpy as np
import pytest

from finetune_tts.corpus.alignment import NOWHERE, align
from finetune_tts.corpus.hearing import FRAME_SECONDS, hear
from finetune_tts.corpus.pauses import find_silences
from finetune_tts.corpus.script import spoken_script

OTHER = (
    "When their judges are overthrown in stony places, they shall hear my words.",
    "The length and the breadth and the height of it are equal.",
    "He is sometimes learned, frequently prosperous, commonly clean and always solemn.",
    "The widow sold the farm and moved to a flat above the chemist.",
)


@pytest.fixture(scope="module")
def aligned(tmp_path_factory):
    """``(recording, text) → (alignment, script, middle of each frame in seconds, which are of sound)``."""
    cache = tmp_path_factory.mktemp("heard")

    def aligned(recording, text):
        (heard,) = hear([recording.path], cache)
        silent = find_silences(heard).frames(len(heard.spectra))
        script = spoken_script(text, "en")
        return (
            align(heard.spectra, silent, script.spectra),
            script,
            np.arange(len(silent)) * FRAME_SECONDS + 0.032,
            ~silent,
        )

    return aligned


def first_frames(script, sentences):
    """The frame of the text at which each sentence begins."""
    return [next(word.frame for word in script.words if word.start == script.text.index(text)) for text in sentences]


def test_each_sentence_begins_where_it_is_said(aligned, recording):
    sentences = [said.text for said in recording.said]
    alignment, script, moments, sound = aligned(recording, " ".join(sentences))
    assert alignment.certainty > 4
    assert not alignment.outside[sound].mean() > 0.02
    for said, frame in zip(recording.said, first_frames(script, sentences), strict=True):
        within = (moments > said.start) & (moments < said.end) & sound & (alignment.frames != NOWHERE)
        assert abs(alignment.frames[within][0] - frame) <= 3


def test_a_text_that_was_not_read_is_leapt_over(aligned, recording):
    sentences = [said.text for said in recording.said]
    given = [*sentences[:5], *OTHER, *sentences[5:]]
    alignment, script, _, sound = aligned(recording, " ".join(given))
    found = set(alignment.frames[alignment.frames != NOWHERE])
    begin, end = first_frames(script, [OTHER[0], sentences[5]])
    assert len(found & set(range(begin, end))) < 0.1 * (end - begin)
    assert alignment.outside[sound].mean() < 0.05


def test_what_the_text_does_not_say_is_outside_of_it(aligned, recording):
    sentences = [said.text for said in recording.said]
    alignment, _, moments, sound = aligned(recording, " ".join([*sentences[:4], *sentences[7:]]))
    extra = (moments > recording.said[4].start) & (moments < recording.said[6].end) & sound
    assert alignment.outside[extra].mean() > 0.8
    assert alignment.outside[~extra & sound].mean() < 0.1


def test_another_text_is_far_less_certain(aligned, recording):
    right, *_ = aligned(recording, " ".join(said.text for said in recording.said))
    wrong, *_ = aligned(recording, " ".join(OTHER * 2))
    assert wrong.certainty < 2.6 < 4 < right.certainty


def test_silence_on_either_side_aligns_with_nothing():
    random = np.random.default_rng(0)
    sound = random.random((30, 32), np.float32)
    nothing = align(sound, np.ones(30, bool), sound)
    assert (nothing.frames == NOWHERE).all()
    assert nothing.certainty == 0

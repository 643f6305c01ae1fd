import numpy as np
import pytest

from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.timeline import placed, speak_within


def test_clips_start_where_they_belong_and_overlap_where_they_are_too_long():
    ones, twos = np.ones(4, np.float32), np.full(3, 2, np.float32)
    track = np.concatenate(list(placed([(2, ones), (5, twos), (9, ones)])))
    assert track.tolist() == [0, 0, 1, 1, 1, 3, 2, 2, 0, 1, 1, 1, 1]


def test_a_clip_within_a_longer_one_cuts_nothing_off():
    track = np.concatenate(list(placed([(0, np.ones(6, np.float32)), (1, np.ones(1, np.float32))])))
    assert track.tolist() == [1, 2, 1, 1, 1, 1]


def test_hours_of_silence_take_no_memory():
    longest = max(map(len, placed([(10_000_000, np.ones(2, np.float32))])))
    assert longest <= 2**18


@pytest.mark.parametrize("length_scale", [None, 2.0])
def test_what_is_too_long_is_made_faster_and_what_is_not_stays(make_voice, length_scale):
    voice, delivery = make_voice(), Delivery(length_scale=length_scale)
    text = "a bad egg had a bad head"
    plain = voice.speak(text, delivery)
    assert np.array_equal(speak_within(voice, text, delivery, plain.seconds).waveform, plain.waveform)
    fitted = speak_within(voice, text, delivery, 0.8 * plain.seconds)
    assert 0.5 * plain.seconds < fitted.seconds <= 0.8 * plain.seconds


def test_nothing_is_made_more_than_twice_as_fast(make_voice):
    voice = make_voice()
    plain = voice.speak("a bad egg had a bad head")
    assert speak_within(voice, "a bad egg had a bad head", Delivery(), 0.01).seconds > 0.4 * plain.seconds

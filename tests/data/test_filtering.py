from dataclasses import replace

import pytest

from finetune_tts.audio.reading import AudioInfo
from finetune_tts.data.filtering import filter_by_alignment, filter_empty_texts, filter_samples
from finetune_tts.errors import UserError

RATE = 1000


def infos_of(samples, *seconds):
    return {
        sample.audio_file: AudioInfo(8000, 1, int(8000 * length), length)
        for sample, length in zip(samples, seconds, strict=True)
    }


def test_lengths_are_in_samples_at_the_models_rate(make_samples):
    samples = make_samples(anna=3)
    infos = infos_of(samples, 0.4, 1.0, 2.1)
    filtered = filter_samples(samples, infos, sample_rate=RATE, min_audio_len=500, max_audio_len=2000)
    assert filtered.kept == samples[1:2]
    assert filtered.dropped == {
        "recording shorter than 0.50 s (min_audio_len 500)": samples[:1],
        "recording longer than 2 s (max_audio_len 2000)": samples[2:],
    }


def test_bounds_belong_to_the_range(make_samples):
    samples = make_samples(anna=2)
    infos = infos_of(samples, 0.5, 2.0)
    length = len(samples[0].text)
    filtered = filter_samples(
        samples,
        infos,
        sample_rate=RATE,
        min_audio_len=500,
        max_audio_len=2000,
        min_text_len=length,
        max_text_len=length,
    )
    assert filtered.kept == samples


def test_text_lengths_are_in_characters(make_samples):
    samples = [
        replace(sample, text="ü" * length) for sample, length in zip(make_samples(anna=3), (2, 3, 4), strict=True)
    ]
    filtered = filter_samples(samples, infos_of(samples, 1, 1, 1), sample_rate=RATE, min_text_len=3, max_text_len=3)
    assert filtered.kept == samples[1:2]
    assert "text shorter than 3 characters (min_text_len)" in filtered.dropped


def test_empty_texts_go_even_without_a_bound(make_samples):
    samples = [replace(sample, text=text) for sample, text in zip(make_samples(anna=2), ("  ", "Yes"), strict=True)]
    filtered = filter_samples(samples, infos_of(samples, 1, 1), sample_rate=RATE, min_text_len=0)
    assert filtered.dropped == {"no text": samples[:1]}


def test_a_recording_of_hours_goes_unless_a_bound_keeps_it(make_samples, caplog):
    samples = make_samples(anna=2)
    infos = infos_of(samples, 1, 3 * 3600)
    filtered = filter_samples(samples, infos, sample_rate=RATE)
    assert filtered.kept == samples[:1]
    assert "1 of 2 samples are left out" in caplog.text
    assert "recording longer than 120 s (set max_audio_len to keep it) (#anna/1)" in caplog.text
    assert filter_samples(samples, infos, sample_rate=RATE, max_audio_len=4 * 3600 * RATE).kept == samples


def test_none_left_says_which_filters_did_it(make_samples):
    samples = make_samples(anna=3)
    with pytest.raises(
        UserError, match=r"none of the 3 samples \(2: .*\(max_audio_len 500\); 1: text longer.*max_text_len"
    ):
        filter_samples(
            [*samples[:2], replace(samples[2], text="x" * 99)],
            infos_of(samples, 1, 1, 1),
            sample_rate=RATE,
            max_audio_len=500,
            max_text_len=50,
        )


def test_fewer_frames_than_tokens_cannot_be_aligned(make_samples):
    samples = make_samples(anna=4)
    filtered = filter_by_alignment(samples, [5, 5, 5, 4], [5, 6, 4, 2], frames_per_step=2)
    assert filtered.kept == samples[1:2]
    assert filtered.dropped["fewer mel frames than tokens"] == [samples[0], *samples[2:]]
    assert filter_by_alignment(samples[:1], [5], [5]).kept == samples[:1]


def test_texts_of_which_nothing_is_left_are_left_out(make_samples):
    samples = make_samples(anna=3)
    filtered = filter_empty_texts(samples, [False, True, False])
    assert filtered.kept == [samples[0], samples[2]]
    assert filtered.dropped == {"text without any character of the model's vocabulary": [samples[1]]}
    with pytest.raises(UserError, match="leave none of the 3 samples"):
        filter_empty_texts(samples, [True] * 3)

from collections import Counter
from dataclasses import replace

import pytest

from finetune_tts.data.split import split_samples
from finetune_tts.errors import UserError


def names(samples):
    return [sample.name for sample in samples]


def test_every_sample_is_on_one_side(make_samples):
    samples = make_samples(anna=100, bert=30)
    split = split_samples(samples, 0.1)
    assert len(split.eval) == 13
    assert sorted(names(split.train + split.eval)) == sorted(names(samples))


def test_the_order_of_the_samples_does_not_matter_but_the_seed_does(make_samples):
    samples = make_samples(anna=50, bert=30)
    first = split_samples(samples, 0.2, seed=1)
    assert split_samples(samples[::-1], 0.2, seed=1) == first
    assert split_samples(samples, 0.2, seed=2) != first


def test_one_more_sample_of_another_speaker_moves_few(make_samples):
    first = set(names(split_samples(make_samples(anna=100), 10).eval))
    second = set(names(split_samples(make_samples(anna=100, bert=1), 10).eval))
    assert first == second


@pytest.mark.parametrize(
    ("total", "size", "most", "expected"),
    [
        (1000, 0.01, None, 10),
        (1000, 0.01, 4, 4),
        (1000, 50, None, 50),
        (1000, 50, 20, 20),
        (50, 0.01, None, 1),
        (2, 0.01, None, 1),
        (10, 256, None, 9),
        (10, 0.99, None, 9),
        (1, 0.5, None, 0),
        (10, 0, None, 1),
    ],
)
def test_the_size_fits_the_data(make_samples, total, size, most, expected):
    split = split_samples(make_samples(anna=total), size, most)
    assert (len(split.eval), len(split.train)) == (expected, total - expected)


def test_every_speaker_with_enough_recordings_is_heard(make_samples):
    samples = make_samples(anna=500, bert=10, carl=12, dora=1)
    heard = Counter(sample.speaker for sample in split_samples(samples, 0.01).eval)
    assert set(heard) == {"anna", "bert", "carl"}
    assert heard["anna"] == 3


def test_speakers_take_part_by_their_size_and_keep_one(make_samples):
    split = split_samples(make_samples(anna=80, bert=20, carl=2), 20)
    heard = Counter(sample.speaker for sample in split.eval)
    assert heard["anna"] in (15, 16)
    assert heard["carl"] == 1
    assert {sample.speaker for sample in split.train} == {"anna", "bert", "carl"}


def test_a_count_is_kept_even_with_more_speakers(make_samples):
    assert len(split_samples(make_samples(anna=20, bert=20, carl=20), 2).eval) == 2


def test_what_the_data_set_says_holds(make_samples):
    samples = make_samples(anna=10)
    fixed = [replace(sample, split="eval" if place < 3 else "train") for place, sample in enumerate(samples)]
    split = split_samples(fixed, 0.5)
    assert (len(split.eval), len(split.train)) == (3, 7)
    mixed = split_samples([*fixed, *make_samples(bert=20)], 0.25)
    assert Counter(sample.speaker for sample in mixed.eval) == {"anna": 3, "bert": 5}


def test_nothing_to_train_on(make_samples):
    with pytest.raises(UserError, match="nothing to train on: 1 samples, 1 of them held out"):
        split_samples([replace(make_samples(anna=1)[0], split="eval")])
    with pytest.raises(UserError, match="eval_split_size is -1"):
        split_samples(make_samples(anna=3), -1)

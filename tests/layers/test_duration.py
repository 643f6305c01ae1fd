"""Durations are bounded by the text before anything as long as they say is made."""

import pytest
import torch

from finetune_tts.layers.duration import MOST_FRAMES, MOST_FRAMES_A_SYMBOL, bounded_durations

INF, NAN = float("inf"), float("nan")


def bound(symbols: int) -> int:
    return MOST_FRAMES + MOST_FRAMES_A_SYMBOL * symbols


def test_what_a_sound_predictor_says_stays_as_it_is():
    durations = torch.tensor([[3.0, 250.0, 1.0, 12.0], [40.0, 1.0, 0.0, 0.0]])
    given, asked_for = bounded_durations(durations, torch.tensor([4, 2]))
    assert torch.equal(given, durations)
    assert asked_for.tolist() == [266, 41]


def test_each_text_is_cut_at_its_own_bound_and_keeps_its_beginning():
    durations = torch.tensor([[7.0, 1e4, 3.0], [5.0, 1e30, 0.0], [400.0, 300.0, 9.0]])
    given, asked_for = bounded_durations(durations, torch.tensor([3, 2, 3]))
    assert given.tolist() == [[7, bound(3) - 7, 0], [5, bound(2) - 5, 0], [400, bound(3) - 400, 0]]
    assert asked_for.tolist() == durations.sum(dim=1).tolist()


def test_no_duration_is_without_end():
    given, asked_for = bounded_durations(torch.tensor([[2.0, INF, INF], [INF, 1.0, 1.0]]), torch.tensor([3, 3]))
    assert given.tolist() == [[2, bound(3) - 2, 0], [bound(3), 0, 0]]
    assert asked_for.tolist() == [INF, INF]


def test_what_is_no_number_takes_no_time_and_is_told():
    given, asked_for = bounded_durations(torch.tensor([[2.0, NAN, 4.0]]), torch.tensor([3]))
    assert given.tolist() == [[2, 0, 4]]
    assert asked_for.isnan().all()


@pytest.mark.parametrize(("length_scale", "factor"), [(0.5, 1), (1.0, 1), (3.0, 3), (10.0, 10), (1e9, 10)])
@pytest.mark.parametrize("kind", [float, torch.tensor])
def test_slow_speech_may_last_longer_up_to_ten_times(length_scale, factor, kind):
    given, _ = bounded_durations(torch.tensor([[INF, 1.0]]), torch.tensor([2]), kind(length_scale))
    assert given.sum() == factor * bound(2)


def test_whole_numbers_stay_whole_in_a_long_text():
    durations = torch.full((1, 5000), 49.0)
    given, _ = bounded_durations(durations, torch.tensor([5000]))
    assert torch.equal(given, durations)
    given, _ = bounded_durations(1e6 * durations, torch.tensor([5000]), 1.1)
    assert torch.equal(given, given.round())
    assert given.min() >= 0
    assert given.sum() == int(1.1 * bound(5000))

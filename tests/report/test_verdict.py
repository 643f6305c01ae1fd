import math

from finetune_tts.report.verdict import course, seconds_trained, targets
from finetune_tts.runs.history import HistoryEntry


def history(held_out, trained):
    entries = [HistoryEntry(10 * n, n, "eval", {"loss": loss}, seconds=n) for n, loss in enumerate(held_out)]
    entries += [HistoryEntry(10 * n + 1, n, "train", {"loss": loss}, 0.1) for n, loss in enumerate(trained)]
    return sorted(entries, key=lambda entry: entry.step)


def test_overfitting_is_a_held_out_loss_that_rises_while_the_training_loss_falls():
    went = course(history([3, 2, 1, 1.3, 1.6], [3, 2, 1, 0.5, 0.2]))
    assert (went.best, went.best_step, went.overfits) == (1, 20, True)


def test_a_loss_that_falls_to_the_end_is_none():
    went = course(history([3, 2, 1, 0.9], [3, 2, 1, 0.9]))
    assert (went.best_step, went.last_step, went.overfits, went.falling) == (30, 30, False, True)


def test_a_loss_that_has_come_to_rest_is_not_falling():
    assert not course(history([3, 1, 0.9, 0.899], [3, 2, 1, 0.9])).falling
    assert not course(history([3], [3])).falling


def test_one_worse_evaluation_or_a_little_noise_is_none():
    assert not course(history([3, 2, 1, 1.5], [3, 2, 1, 0.5])).overfits
    assert not course(history([3, 2, 1, 1.0001, 1.0002], [3, 2, 1, 0.5, 0.2])).overfits


def test_training_that_gets_worse_too_is_none():
    assert not course(history([3, 2, 1, 2, 3], [3, 2, 1, 2, 3])).overfits


def test_nothing_held_out_tells_nothing():
    assert course([]) is None
    assert course(history([math.nan], [1.0])) is None


def test_the_loss_that_decides_goes_before_the_total():
    entry = HistoryEntry(1, 0, "eval", {"loss": 5.0, "mel": 2.0}, target=2.0)
    assert targets([entry], "eval") == [(1, 2.0)]


def test_the_time_of_continuations_is_added():
    entries = [HistoryEntry(n, 0, "train", {}, seconds=seconds) for n, seconds in enumerate([5, 10, 3, 8])]
    assert seconds_trained(entries) == 18

import pytest

from finetune_tts.hearing.advice import ByEar, whether_better, which_to_take
from finetune_tts.hearing.looks import Look, better_in, flat_since, is_flat, nearest


def looks(*distortions, words=None):
    """One every 100 steps, with a melody that stays as it is."""
    found = []
    for number, distortion in enumerate(distortions):
        values = {"mcd": distortion, "f0": 100.0}
        if words is not None:
            values["wer"] = words[number]
        found.append(Look(100 * (number + 1), values))
    return found


def test_a_run_is_flat_when_the_last_looks_are_no_better_than_as_many_before_them():
    assert is_flat(looks(9, 8, 7, 5, 5, 5, 5), 2)
    assert not is_flat(looks(9, 8, 7, 6, 5, 4), 2)
    assert is_flat(looks(5, 5, 6, 7), 2)  # worse


def test_a_run_of_fewer_looks_is_not_flat():
    assert not is_flat(looks(5, 5, 5), 2)
    assert not is_flat([], 2)


def test_a_difference_within_chance_does_not_count_as_better():
    assert is_flat(looks(5.05, 5.05, 5.0, 5.0), 2)


def test_one_metric_that_still_gets_better_is_enough_to_continue():
    assert not is_flat(looks(5, 5, 5, 5, words=[0.4, 0.4, 0.2, 0.2]), 2)
    assert is_flat(looks(5, 5, 5, 5, words=[0.2, 0.2, 0.2, 0.2]), 2)


def test_a_single_metric_ends_nothing():
    assert not is_flat([Look(step, {"mcd": 5.0}) for step in range(8)], 2)


def test_a_metric_that_some_looks_lack_does_not_decide():
    some = looks(5, 5, 5, 5)
    some[3] = Look(400, {"mcd": 5.0, "f0": 100.0, "wer": 0.1})
    assert is_flat(some, 2)


def test_since_when_nothing_has_become_better():
    assert flat_since(looks(9, 8, 7, 5, 5, 5, 5, 5), 2) == 500
    assert flat_since(looks(9, 8, 7, 6, 5, 4), 2) is None


def test_the_nearest_look_of_two_is_the_later_one():
    assert nearest(looks(9, 8, 7), 250).step == 300
    assert nearest(looks(9, 8, 7), 120).step == 100


def test_better_is_clearly_better():
    one, other = looks(5.0, 6.0, words=[0.10, 0.11])
    assert better_in(one, other) == ["mcd"]
    assert better_in(other, one) == []


@pytest.mark.parametrize(
    ("heard", "words", "best", "said"),
    [
        ((9, 5, 5), None, 200, "Take best_model.pth (step 200), where the held-out loss is lowest: the last model does "
                               "not sound better."),
        ((9, 7, 5), [0.5, 0.4, 0.1], 200, "Take checkpoint_300.pth, the last model: it sounds better than "
         "best_model.pth of step 200 (word error rate 10.0 % against 40.0 %, mel-cepstral distortion 5.00 dB against "
         "7.00 dB), although its held-out loss is higher."),
        ((9, 5, 7), None, 200, "Take best_model.pth (step 200), where the held-out loss is lowest: the last model "
                               "sounds worse (mel-cepstral distortion 7.00 dB against 5.00 dB)."),
        ((9, 5, 4), [0.3, 0.1, 0.3], 200, "Take best_model.pth (step 200), where the held-out loss is lowest; but "
         "listen to checkpoint_300.pth as well (mel-cepstral distortion 4.00 dB against 5.00 dB, word error rate "
         "30.0 % against 10.0 %)."),
        ((9, 5, 4), None, 300, "Take best_model.pth (step 300), where the held-out loss is lowest: it is the last that "
                               "was heard."),
        ((9, 5), None, 100, ""),
    ],
)  # fmt: skip
def test_which_model_to_take(heard, words, best, said):
    assert which_to_take(looks(*heard, words=words), best, 300, "checkpoint_300.pth", None) == said


def test_the_model_that_was_kept_by_ear_is_the_one_to_take():
    said = which_to_take(looks(9, 5, 6), 100, 300, "checkpoint_300.pth", ByEar(200, "mcd", 5.0))
    assert said == (
        "Take best_by_ear.pth (step 200): of all models that were heard its mel-cepstral distortion is the best, "
        "5.00 dB; at the end it is 6.00 dB."
    )


def test_whether_it_has_stopped_getting_better():
    assert whether_better(looks(9, 8, 5, 5, 5, 5), 2).startswith(
        "Nothing that is heard has become better since step 400"
    )
    assert whether_better(looks(9, 8, 7, 6, 5, 4), 2) == (
        "It was still getting better at the end, in mel-cepstral distortion: more steps may help."
    )
    assert whether_better(looks(9, 8, 7), 2) == ""

import math

import pytest

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.errors import UserError
from finetune_tts.training.early_stopping import EarlyStopping


def stopping(losses, patience):
    early = EarlyStopping(patience)
    for number, loss in enumerate(losses, start=1):
        early.measured(loss)
        if early.exhausted:
            return number
    return None


def test_a_run_ends_when_the_loss_has_not_fallen_for_as_many_evaluations():
    assert stopping([3.0, 2.0, 2.5, 2.1, 2.0, 1.0], patience=3) == 5
    assert stopping([3.0, 2.0, 2.5, 2.1, 1.9, 2.0, 2.0, 2.0], patience=3) == 8


def test_without_patience_it_never_ends():
    assert stopping([1.0] * 100, patience=None) is None


def test_a_loss_that_is_not_finite_is_no_improvement():
    assert stopping([math.nan, math.inf, math.nan], patience=2) == 2


def test_a_patience_of_nothing_is_refused():
    with pytest.raises(UserError, match="early_stop_patience 0"):
        EarlyStopping(0)


def test_a_run_that_goes_on_waits_no_longer_than_one_that_never_stopped():
    early = EarlyStopping(3)
    for loss in (2.0, 2.1, 2.2):
        early.measured(loss)
    later = EarlyStopping()
    later.load_state_dict(early.state_dict())
    assert not later.exhausted
    later.measured(2.3)
    assert later.exhausted


def test_more_patience_can_be_asked_for_when_going_on():
    early = EarlyStopping(1)
    for loss in (2.0, 2.1):
        early.measured(loss)
    later = EarlyStopping(4)
    later.load_state_dict(early.state_dict())
    assert not later.exhausted


def test_a_trainer_stops_early_and_says_so(make_run, caplog):
    caplog.set_level("INFO", "finetune_tts")
    run = make_run(settings={"early_stop_patience": 2}, epochs=1000, lr=0.0)  # nothing is ever learned

    run.fit()

    assert run.total_steps_done == 18  # the first of three epochs sets the mark
    assert "has not fallen" in caplog.text
    assert (run.output_path / "checkpoint_18.pth").exists()


def test_the_count_is_in_the_checkpoint(make_run):
    make_run("first", settings={"early_stop_patience": 5}, epochs=3, lr=0.0).fit()
    checkpoint = read_checkpoint(next((make_run("first").output_path).glob("checkpoint_18.pth")))

    later = make_run("first", resume=checkpoint, epochs=1000, lr=0.0)

    assert (later.early_stopping.patience, later.early_stopping.waited) == (5, 2)

import pytest
import torch
from torch import nn

from finetune_tts.errors import UserError
from finetune_tts.tasks.schedules import NoamLR, make_schedule, scale_rates


def optimizer(lr=0.001):
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr)


def rates(schedule, made, steps):
    found = []
    for _ in range(steps):
        found.append(made.param_groups[0]["lr"])
        made.step()
        if schedule.scheduler is not None:
            schedule.scheduler.step()
    return found


def make(made, name, params=None, **options):
    options = {"after_epoch": False, "restored": False, **options}
    return make_schedule(made, name, params or {}, **options)


def test_noam_rises_to_the_rate_and_falls_with_the_root():
    made = optimizer(0.001)
    found = rates(make(made, "NoamLR", {"warmup_steps": 10}), made, 40)

    assert found[0] == pytest.approx(0.0001)
    assert found[9] == pytest.approx(0.001)
    assert found[39] == pytest.approx(0.0005)
    assert max(found) == pytest.approx(0.001)


def test_noam_is_the_formula_of_the_family():
    trainer_torch = pytest.importorskip("trainer.torch")
    ours, theirs = optimizer(), optimizer()
    left = NoamLR(ours, warmup_steps=7)
    right = trainer_torch.NoamLR(theirs, warmup_steps=7)
    for _ in range(20):
        assert ours.param_groups[0]["lr"] == pytest.approx(theirs.param_groups[0]["lr"])
        for made, scheduler in ((ours, left), (theirs, right)):
            made.step()
            scheduler.step()


def test_restored_weights_enter_noam_at_its_peak():
    made = optimizer(1e-5)
    schedule = make(made, "NoamLR", {"warmup_steps": 4000}, restored=True)
    found = rates(schedule, made, 3)

    assert schedule.first_rate == found[0] == pytest.approx(1e-5)
    assert found[0] > found[1] > found[2] > 0.999e-5
    assert "entered at its peak" in schedule.explanation


def test_a_rate_that_the_person_sets_is_the_one_of_step_1_even_from_nothing():
    schedule = make(optimizer(0.002), "NoamLR", {"warmup_steps": 4000}, chosen={"lr"})
    assert schedule.first_rate == pytest.approx(0.002)


@pytest.mark.parametrize("field", ["lr_scheduler", "lr_scheduler_params"])
def test_a_schedule_that_the_person_names_is_used_as_it_is(field):
    schedule = make(optimizer(), "NoamLR", {"warmup_steps": 100}, restored=True, chosen={"lr", field})
    assert schedule.first_rate == pytest.approx(0.001 / 100)
    assert "rising to 0.001 at step 100" in schedule.explanation


def test_another_warm_up_gives_way_to_the_rate_that_the_person_sets():
    made = optimizer(0.01)
    schedule = make(made, "LinearLR", {"start_factor": 0.1}, chosen={"lr"})
    assert schedule.scheduler is None
    assert rates(schedule, made, 2) == [0.01, 0.01]
    assert "without LinearLR" in schedule.explanation


def test_fixed_rates_from_fixed_steps():
    made = optimizer()
    schedule = make(made, "StepwiseGradualLR", {"gradual_learning_rates": [[0, 0.1], [2, 0.05], [4, 0.01]]})
    assert rates(schedule, made, 6) == [0.1, 0.1, 0.05, 0.05, 0.01, 0.01]


def test_fixed_rates_may_come_out_of_order():
    made = optimizer()
    schedule = make(made, "StepwiseGradualLR", {"gradual_learning_rates": [[0, 0.1], [4, 0.01], [2, 0.05]]})
    assert rates(schedule, made, 6) == [0.1, 0.1, 0.05, 0.05, 0.01, 0.01]


def test_fixed_rates_of_a_release_give_way_to_the_rate_of_the_tuning():
    made = optimizer(0.03)
    params = {"gradual_learning_rates": [[0, 0.1], [2, 0.05]]}
    schedule = make(made, "StepwiseGradualLR", params, restored=True)
    assert rates(schedule, made, 4) == [0.03] * 4
    assert "without StepwiseGradualLR, which would start at 0.1" in schedule.explanation
    as_it_is = optimizer(0.1)
    assert rates(make(as_it_is, "StepwiseGradualLR", params, restored=True), as_it_is, 4) == [0.1, 0.1, 0.05, 0.05]


def test_no_schedule_keeps_the_rate():
    made = optimizer(0.3)
    assert rates(make(made, None), made, 3) == [0.3] * 3


def test_schedules_of_torch_are_known_in_any_case_of_letters():
    assert type(make(optimizer(), "exponentiallr", {"gamma": 0.9}).scheduler).__name__ == "ExponentialLR"


@pytest.mark.parametrize("name", ["NoamLRR", "LRScheduler", "_LRScheduler", "Counter"])
def test_an_unknown_schedule_is_answered_with_those_that_there_are(name):
    with pytest.raises(UserError, match=f"lr_scheduler {name}.*ExponentialLR.*NoamLR"):
        make(optimizer(), name)


@pytest.mark.parametrize(
    ("name", "params"), [("ExponentialLR", {}), ("NoamLR", {"warmup": 3}), ("NoamLR", {"warmup_steps": 0})]
)
def test_arguments_that_a_schedule_does_not_take_are_named(name, params):
    with pytest.raises(UserError, match=f"lr_scheduler_params.*{name}"):
        make(optimizer(), name, params)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("NoamLR", {"warmup_steps": 3}),
        ("ExponentialLR", {"gamma": 0.5}),
        ("StepwiseGradualLR", {"gradual_learning_rates": [[0, 0.02], [3, 0.01], [6, 0.004]]}),
        (None, {}),
    ],
)
def test_a_rate_for_the_next_step_scales_what_comes_after(name, params):
    made, reference = optimizer(0.01), optimizer(0.01)
    schedule, other = make(made, name, params), make(reference, name, params)
    rates(schedule, made, 4)
    rates(other, reference, 4)

    scale_rates(made, schedule.scheduler, 0.5)

    wanted = rates(other, reference, 4)
    assert rates(schedule, made, 4) == pytest.approx([rate * 0.5 / wanted[0] for rate in wanted])

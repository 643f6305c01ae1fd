import pytest
import torch
from torch import nn

from finetune_tts.training import non_finite as guard_module
from finetune_tts.training.non_finite import NonFiniteLoss, StepGuard

FINE, BAD = torch.tensor(1.0), torch.tensor(float("nan"))


def optimizer(**options):
    weight = nn.Parameter(torch.ones(3))
    return weight, torch.optim.AdamW([weight], lr=0.1, **options)


def test_a_sound_step_may_be_made_and_another_may_not(caplog):
    guard = StepGuard()
    _, made = optimizer()
    assert guard.allows(1, [made], FINE, ["a"])
    assert not guard.allows(2, [made], BAD, ["b", "c"])
    assert guard.skipped == 1
    assert "Step 2 is left out" in caplog.text
    assert "b, c" in caplog.text


def test_only_bad_steps_in_a_row_end_a_run():
    guard = StepGuard()
    _, made = optimizer()
    for step in range(20):
        guard.allows(step, [made], FINE if step % 5 == 4 else BAD, ["a"])
    for step in range(4):
        guard.allows(step, [made], BAD, ["a"])
    with pytest.raises(NonFiniteLoss):
        guard.allows(24, [made], torch.tensor(float("inf")), ["a"])


def test_many_names_are_cut_short(caplog):
    _, made = optimizer()
    StepGuard().allows(1, [made], BAD, [f"clip{number}" for number in range(30)])
    assert "clip7 and 22 more" in caplog.text


@pytest.mark.parametrize("fused", [True, False])
def test_on_a_device_a_step_is_left_out_without_asking_the_host(monkeypatch, caplog, fused):
    monkeypatch.setattr(guard_module, "_decides_on_device", lambda judged: True)
    guard = StepGuard()
    weight = nn.Parameter(torch.ones(3))
    made = torch.optim.AdamW([weight], lr=0.1, betas=(0.0, 0.9), weight_decay=0.0, fused=fused)

    for step, judged, moves in ((1, FINE, True), (2, BAD, False), (3, FINE, True)):
        before = weight.detach().clone()
        weight.grad = torch.full((3,), float(judged))
        assert guard.allows(step, [made], judged, [f"clip{step}"])
        made.step()
        assert torch.equal(weight, before) != moves
        assert torch.isfinite(weight).all()

    assert guard.skipped == 0
    guard.report()
    assert guard.skipped == 1
    assert "Step 2 is left out" in caplog.text
    assert "clip2" in caplog.text
    guard.report()
    assert guard.skipped == 1

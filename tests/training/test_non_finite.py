import pytest
import torch
from torch import nn

from finetune_tts.training import non_finite as guard_module
from finetune_tts.training.non_finite import Contribution, NonFiniteLoss, StepGuard

FINE, BAD = torch.tensor(1.0), torch.tensor(float("nan"))


def of(*names, loss=FINE):
    """A contribution of one batch."""
    return Contribution([names], [loss])


def optimizer(**options):
    weight = nn.Parameter(torch.ones(3))
    return weight, torch.optim.AdamW([weight], lr=0.1, **options)


def test_a_sound_step_may_be_made_and_another_may_not(caplog):
    guard = StepGuard()
    _, made = optimizer()
    assert guard.allows(1, [made], FINE, of("a"))
    assert not guard.allows(2, [made], BAD, of("b", "c"))
    assert guard.skipped == 1
    assert "Step 2 is left out" in caplog.text
    assert "b, c" in caplog.text


def test_only_bad_steps_in_a_row_end_a_run():
    guard = StepGuard()
    _, made = optimizer()
    for step in range(20):
        guard.allows(step, [made], FINE if step % 5 == 4 else BAD, of("a"))
    for step in range(4):
        guard.allows(step, [made], BAD, of("a"))
    with pytest.raises(NonFiniteLoss):
        guard.allows(24, [made], torch.tensor(float("inf")), of("a"))


def test_many_names_are_cut_short(caplog):
    _, made = optimizer()
    StepGuard().allows(1, [made], BAD, of(*(f"clip{number}" for number in range(30))))
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
        assert guard.allows(step, [made], judged, of(f"clip{step}"))
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


def test_of_several_batches_those_without_finite_loss_are_named(caplog):
    _, made = optimizer()
    StepGuard().allows(1, [made], BAD, Contribution([["a", "b"], ["c"], ["d"]], [FINE, BAD, FINE]))
    assert caplog.text.rstrip().endswith("Clips: c")


class Others:
    """A world in which another process has brought ``contribution`` to the step."""

    size = 2

    def __init__(self, contribution, rank=0):
        self.contribution, self.is_main = contribution, rank == 0

    def gathered(self, own):
        told = (self.contribution.at_fault(), self.contribution.names())
        return [own, told] if self.is_main else [told, own]


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize(
    ("loss", "gradient"), [(BAD, FINE), (FINE, BAD), (BAD, BAD)], ids=["loss", "gradient", "loss and gradient"]
)
def test_the_clips_of_the_process_at_fault_are_named_and_one_process_warns(caplog, rank, loss, gradient):
    caplog.set_level("INFO")
    _, made = optimizer()
    mine, others = Contribution([["mine"]], [FINE], FINE), Contribution([["theirs"], ["more"]], [loss, FINE], gradient)
    StepGuard(Others(others, rank)).allows(3, [made], BAD, mine)

    named = ["theirs"] if loss is BAD else ["theirs", "more"]
    assert caplog.text.rstrip().endswith(f"Clips: {', '.join(named)}")
    assert [record.levelname for record in caplog.records] == ["INFO" if rank else "WARNING"]


def test_where_nobody_can_tell_all_clips_of_the_step_are_named(caplog):
    _, made = optimizer()
    sound = Contribution([["theirs"]], [FINE], FINE)
    StepGuard(Others(sound)).allows(3, [made], BAD, Contribution([["mine"]], [FINE], FINE))
    assert caplog.text.rstrip().endswith("Clips: mine, theirs")


@pytest.mark.parametrize("on_device", [False, True])
def test_a_step_may_be_left_out_without_counting(monkeypatch, caplog, on_device):
    monkeypatch.setattr(guard_module, "_decides_on_device", lambda judged: on_device)
    guard = StepGuard()
    weight, made = optimizer(fused=True)
    weight.grad = torch.full((3,), float("inf"))
    if guard.allows(1, [made], BAD, of("a"), counted=FINE):
        made.step()
    guard.report()

    assert weight.tolist() == [1, 1, 1]
    assert (guard.skipped, caplog.text) == (0, "")

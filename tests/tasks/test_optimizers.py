import copy
import sys

import pytest
import torch
from torch import nn

from finetune_tts.errors import UserError
from finetune_tts.tasks.optimizers import load_state, make_optimizer


def parameters():
    return [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2), requires_grad=False)]


def test_optimizers_go_by_name_with_their_arguments_and_leave_frozen_weights_out():
    made = make_optimizer("adamw", parameters(), 0.1, {"betas": [0.5, 0.6], "weight_decay": 0.2})

    assert isinstance(made, torch.optim.AdamW)
    assert tuple(made.defaults["betas"]) == (0.5, 0.6)
    assert made.param_groups[0]["lr"] == 0.1
    assert len(made.param_groups[0]["params"]) == 1


def test_radam_decouples_its_weight_decay_as_the_family_does():
    weights = parameters()
    made = make_optimizer("RAdam", weights, 0.5, {"weight_decay": 0.1})
    weights[0].grad = torch.zeros(2)
    made.step()

    torch.testing.assert_close(weights[0].data, torch.full((2,), 0.95))


@pytest.mark.parametrize("name", ["Adamw2", "", None, "Optimizer"])
def test_an_unknown_optimizer_is_answered_with_those_that_there_are(name):
    with pytest.raises(UserError, match="optimizer .*AdamW.*RAdam"):
        make_optimizer(name, parameters(), 0.1, {})


@pytest.mark.parametrize("params", [{"speed": 3}, {"betas": [2.0, 0.9]}])
def test_arguments_that_an_optimizer_does_not_take_are_named(params):
    with pytest.raises(UserError, match="optimizer_params.*Adam"):
        make_optimizer("Adam", parameters(), 0.1, params)


def test_the_state_of_radam_holds_what_coqui_looks_for_when_it_goes_on():
    weights = [nn.Parameter(torch.ones(2))]
    made, again = (make_optimizer("RAdam", weights, 0.5, {}) for _ in range(2))
    weights[0].grad = torch.ones(2)
    made.step()
    state = copy.deepcopy(made.state_dict())
    assert state["param_groups"][0]["buffer"] == [[None, None, None]] * 10
    del state["param_groups"][0]["buffer"]  # as runs of earlier versions saved it
    again.load_state_dict(state)
    again.step()


@pytest.mark.parametrize(("before", "now"), [(False, True), (None, True), (True, False), (True, None)])
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_a_state_of_another_device_is_restored_to_the_way_this_one_computes(name, before, now):
    def stepped(made, weights):
        for weight in weights:
            weight.grad = torch.full((2,), 0.5) if weight.requires_grad else None
        made.step()
        return weights[0].tolist()

    old, new = parameters(), parameters()
    made = make_optimizer(name, old, 0.1, {"fused": before})
    again = make_optimizer(name, new, 0.1, {"fused": now})
    new[0].data[:] = torch.tensor(stepped(made, old))
    state = copy.deepcopy(made.state_dict())
    if before is None:
        del state["param_groups"][0]["fused"]  # as older versions of torch saved it
    load_state(again, state)

    assert again.param_groups[0]["fused"] is now
    assert stepped(again, new) == pytest.approx(stepped(made, old))
    assert float(again.state[new[0]]["step"]) == 2


def test_a_state_of_other_weights_is_refused():
    made, other = make_optimizer("Adam", parameters(), 0.1, {}), make_optimizer("Adam", parameters(), 0.1, {})
    other.add_param_group({"params": [nn.Parameter(torch.ones(3))]})
    for one, another in ((made, other), (other, made)):
        with pytest.raises(ValueError, match="parameter group"):
            load_state(one, another.state_dict())


@pytest.mark.parametrize("name", ["Adam8bit", "adamw8bit"])
def test_eight_bits_step_almost_as_floats_do_and_are_resumed_exactly(name):
    pytest.importorskip("bitsandbytes")

    def made(weights):
        return make_optimizer(name, weights, 0.01, {"betas": [0.8, 0.9], "weight_decay": 0.0})

    torch.manual_seed(1)
    start = torch.randn(100, 100)
    small, plain, later = (nn.Parameter(start.clone()) for _ in range(3))
    first, exact, second = made([small]), torch.optim.Adam([plain], 0.01, betas=(0.8, 0.9)), made([later])
    for _ in range(3):
        small.grad = torch.randn(100, 100)
        plain.grad = small.grad.clone()
        first.step()
        exact.step()
    state = first.state[small]
    assert {tensor.element_size() for tensor in (state["state1"], state["state2"])} == {1}
    assert 0 < (small - plain).abs().max() < 0.02
    assert (small - start).abs().max() > 0.01
    load_state(second, first.state_dict())
    later.data.copy_(small.data)
    small.grad = torch.randn(100, 100)
    later.grad = small.grad.clone()
    first.step()
    second.step()
    assert torch.equal(small, later)


def test_without_bitsandbytes_eight_bits_are_refused_with_the_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(UserError, match=r"optimizer AdamW8bit needs bitsandbytes: pip install .*Or choose adamw"):
        make_optimizer("AdamW8bit", parameters(), 0.1, {})

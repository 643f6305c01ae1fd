import pytest
import torch
from torch import nn

from finetune_tts.errors import UserError
from finetune_tts.tasks.optimizers import make_optimizer


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
    state = made.state_dict()
    assert state["param_groups"][0]["buffer"] == [[None, None, None]] * 10
    del state["param_groups"][0]["buffer"]  # as runs of earlier versions saved it
    again.load_state_dict(state)
    again.step()

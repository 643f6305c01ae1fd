"""RAdam is torch's, whichever way it steps."""

import copy

import pytest
import torch
from torch import nn

from finetune_tts.tasks.radam import RAdam


def trained(make, steps=12, *, skip=(), change=None):
    """Weights after some steps from the same gradients, and the optimizer."""
    torch.manual_seed(0)
    weights = [nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.randn(5))]
    optimizer = make(weights)
    for step in range(steps):
        for place, weight in enumerate(weights):
            weight.grad = None if (step, place) in skip else torch.randn_like(weight) * 10.0 ** (place - 1)
        if change is not None:
            optimizer = change(step, optimizer, weights)
        optimizer.step()
    return weights, optimizer


@pytest.mark.parametrize(
    "arguments",
    [
        {"lr": 0.1},
        {"lr": 0.1, "weight_decay": 0.2},
        {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True},
        {"lr": 0.03, "betas": (0.9, 0.998), "eps": 1e-2},
        {"lr": 0.1, "betas": (0.5, 0.6)},  # never to be trusted: the average is too short
        {"lr": 0.1, "maximize": True},
        {"lr": 0.0, "weight_decay": 0.2},
    ],
)
def test_weights_and_state_are_those_of_torchs(arguments):
    ours, our_optimizer = trained(lambda weights: RAdam(weights, **arguments))
    theirs, their_optimizer = trained(lambda weights: torch.optim.RAdam(weights, **arguments))

    torch.testing.assert_close([w.data for w in ours], [w.data for w in theirs])
    torch.testing.assert_close(our_optimizer.state_dict()["state"], their_optimizer.state_dict()["state"])


def test_weights_that_missed_a_step_go_their_own_way():
    skip = {(3, 0), (8, 0), (9, 1)}
    ours, _ = trained(lambda weights: RAdam(weights, lr=0.1), skip=skip)
    theirs, _ = trained(lambda weights: torch.optim.RAdam(weights, lr=0.1), skip=skip)
    torch.testing.assert_close([w.data for w in ours], [w.data for w in theirs])


@pytest.mark.parametrize(("first", "second"), [(RAdam, torch.optim.RAdam), (torch.optim.RAdam, RAdam)])
def test_each_goes_on_from_the_others_state(first, second):
    def change(step, optimizer, weights):
        if step != 8:
            return optimizer
        state = copy.deepcopy(optimizer.state_dict())
        optimizer = second(weights, lr=0.1)
        optimizer.load_state_dict(state)
        return optimizer

    mixed, _ = trained(lambda weights: first(weights, lr=0.1), change=change)
    alone, _ = trained(lambda weights: torch.optim.RAdam(weights, lr=0.1))
    torch.testing.assert_close([w.data for w in mixed], [w.data for w in alone])

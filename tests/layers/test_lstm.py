"""LSTMs written out by hand are torch's, with the gradients that autograd would make."""

import pytest
import torch
from torch import nn

from finetune_tts.layers.dropout import dropout_factors
from finetune_tts.layers.lstm import LSTMLoop, lstm_over_time

STEPS, BATCH, INPUTS, HIDDEN = 5, 3, 4, 6


def doubles(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def fed_back(weight, offsets, mix, **dropouts):
    """Hidden states of an LSTM whose inputs depend on the hidden state before, as attention makes them."""
    lstm = LSTMLoop(weight, offsets, **dropouts)
    x = mix.new_zeros(BATCH, INPUTS)
    hiddens = []
    for _ in range(STEPS):
        hiddens.append(lstm(x))
        x = torch.tanh(hiddens[-1] @ mix)
    return torch.stack(hiddens)


def test_steps_are_those_of_torchs_cell():
    torch.manual_seed(0)
    cell = nn.LSTMCell(INPUTS, HIDDEN)
    weight = torch.cat([cell.weight_ih, cell.weight_hh], dim=1)
    mix = torch.randn(HIDDEN, INPUTS)
    found = fed_back(weight, (cell.bias_ih + cell.bias_hh).expand(STEPS, BATCH, -1), mix)

    hidden = state = torch.zeros(BATCH, HIDDEN)
    x = torch.zeros(BATCH, INPUTS)
    for ours in found:
        hidden, state = cell(x, (hidden, state))
        torch.testing.assert_close(ours, hidden)
        x = torch.tanh(hidden @ mix)


def plain(weight, offsets, mix, *, dropout=0.0, cell_dropout=0.0):
    """What ``fed_back`` computes, left to autograd."""
    shape = STEPS, BATCH, HIDDEN
    kept, kept_cells = (
        dropout_factors(p, *shape, like=mix) if p else torch.ones(shape) for p in (dropout, cell_dropout)
    )
    hidden = cell = mix.new_zeros(BATCH, HIDDEN)
    x = mix.new_zeros(BATCH, INPUTS)
    hiddens = []
    for step in range(STEPS):
        gates = offsets[step] + torch.cat([x, hidden], dim=1) @ weight.t()
        inward, forget, candidate, outward = gates.chunk(4, dim=1)
        cell = forget.sigmoid() * cell + inward.sigmoid() * candidate.tanh()
        hidden = outward.sigmoid() * cell.tanh() * kept[step]
        cell = cell * kept_cells[step]
        hiddens.append(hidden)
        x = torch.tanh(hidden @ mix)
    return torch.stack(hiddens)


@pytest.mark.parametrize("dropouts", [{}, {"dropout": 0.3, "cell_dropout": 0.2}])
def test_a_loop_and_its_gradients_are_those_of_autograd(dropouts):
    torch.manual_seed(0)
    tensors = doubles(4 * HIDDEN, INPUTS + HIDDEN), doubles(STEPS, BATCH, 4 * HIDDEN), doubles(HIDDEN, INPUTS)
    found = []
    for run in (fed_back, plain):
        torch.manual_seed(1)  # both drop the same elements
        hiddens = run(*tensors, **dropouts)
        found.append([hiddens, *torch.autograd.grad(hiddens.pow(3).sum(), tensors)])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_steps_that_nobody_looks_at_have_no_gradient():
    torch.manual_seed(0)
    offsets = doubles(STEPS, BATCH, 4 * HIDDEN)
    lstm = LSTMLoop(doubles(4 * HIDDEN, INPUTS + HIDDEN), offsets)
    hiddens = [lstm(torch.ones(BATCH, INPUTS, dtype=torch.float64)) for _ in range(STEPS)]
    hiddens[1].sum().backward()

    assert offsets.grad[1].all()
    assert not offsets.grad[2:].any()


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_gradients_over_time_are_those_of_autograd(dropout):
    torch.manual_seed(0)
    weight, offsets = doubles(4 * HIDDEN, HIDDEN), doubles(STEPS, BATCH, 4 * HIDDEN)
    seeing_nothing = torch.cat([torch.zeros(4 * HIDDEN, INPUTS, dtype=torch.float64), weight], dim=1)
    found = []
    for run in (
        lambda: lstm_over_time(offsets, weight, dropout=dropout),
        lambda: plain(seeing_nothing, offsets, torch.zeros(HIDDEN, INPUTS, dtype=torch.float64), dropout=dropout),
    ):
        torch.manual_seed(1)
        hiddens = run()
        found.append([hiddens, *torch.autograd.grad(hiddens.pow(3).sum(), [weight, offsets])])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_second_backward_pass_is_refused():
    total = lstm_over_time(doubles(STEPS, BATCH, 4 * HIDDEN), doubles(4 * HIDDEN, HIDDEN)).sum()
    total.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="only once"):
        total.backward()


def test_an_lstm_over_time_without_dropout_is_torchs():
    torch.manual_seed(0)
    lstm = nn.LSTM(3, 4)
    x = torch.randn(6, 2, 3)
    inputs = x @ lstm.weight_ih_l0.t() + lstm.bias_ih_l0 + lstm.bias_hh_l0
    torch.testing.assert_close(lstm_over_time(inputs, lstm.weight_hh_l0), lstm(x)[0])


def test_hidden_states_over_time_are_dropped_out():
    torch.manual_seed(0)
    hiddens = lstm_over_time(torch.randn(20, 20, 40), torch.randn(40, 10), dropout=0.25)
    assert float((hiddens == 0).float().mean()) == pytest.approx(0.25, abs=0.03)


def test_in_bfloat16_states_stay_in_float32():
    torch.manual_seed(0)
    weight = torch.randn(4 * HIDDEN, HIDDEN, requires_grad=True)
    inputs = torch.randn(STEPS, BATCH, 4 * HIDDEN, requires_grad=True)
    exact = lstm_over_time(inputs, weight)
    rough = lstm_over_time(inputs.bfloat16(), weight)
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, rtol=0, atol=0.05)
    rough.sum().backward()
    assert weight.grad.dtype == inputs.grad.dtype == torch.float32

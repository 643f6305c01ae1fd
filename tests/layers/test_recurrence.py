"""Late gradients are those that autograd would make."""

import pytest
import torch
from torch import nn

from finetune_tts.layers.recurrence import LateContext, LateProduct, dropout_factors, lstm_over_time, lstm_step


def test_a_recurrence_of_late_products_has_the_gradients_of_a_plain_one():
    torch.manual_seed(0)
    weight = torch.randn(4, 4, requires_grad=True)
    offsets = torch.randn(5, 3, 4, requires_grad=True)

    def run(late):
        product = LateProduct(weight, offsets)
        x, total = torch.ones(3, 4), torch.zeros(())
        for step in range(5):
            x = torch.tanh(product(step, x) if late else offsets[step] + x @ weight.t())
            total = total + x.square().sum()
        return torch.autograd.grad(total, [weight, offsets])

    for late, plain in zip(run(True), run(False), strict=True):
        torch.testing.assert_close(late, plain)


def test_late_contexts_have_the_gradients_of_plain_ones():
    torch.manual_seed(0)
    memory = torch.randn(2, 6, 4, requires_grad=True)
    logits = torch.randn(5, 2, 6, requires_grad=True)

    def run(late):
        context_of = LateContext(memory, 5)
        total = torch.zeros(())
        for step in range(5):
            weights = torch.softmax(logits[step], dim=-1)
            context = context_of(weights) if late else torch.einsum("bs,bsd->bd", weights, memory)
            total = total + context.pow(3).sum()
        return torch.autograd.grad(total, [memory, logits])

    for late, plain in zip(run(True), run(False), strict=True):
        torch.testing.assert_close(late, plain)


def test_a_step_is_that_of_torchs_lstm_cell():
    torch.manual_seed(0)
    cell = nn.LSTMCell(3, 4).double()
    x, hidden, state = (torch.randn(2, size, dtype=torch.float64) for size in (3, 4, 4))
    gates = x @ cell.weight_ih.t() + cell.bias_ih + hidden @ cell.weight_hh.t() + cell.bias_hh
    expected = cell(x, (hidden, state))
    for ours, theirs in zip(lstm_step(gates, state), expected, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-6)


def test_the_gradient_of_a_step_is_that_of_autograd():
    torch.manual_seed(0)
    gates = torch.randn(2, 16, requires_grad=True)
    state = torch.randn(2, 4, requires_grad=True)
    keep = torch.tensor([[0.0, 2.0, 2.0, 0.0], [2.0, 0.0, 2.0, 2.0]])

    def plain():
        inward, forget, candidate, outward = gates.chunk(4, dim=1)
        new = torch.sigmoid(forget) * state + torch.sigmoid(inward) * torch.tanh(candidate)
        return torch.sigmoid(outward) * torch.tanh(new) * keep, new * keep

    found = []
    for hidden, new in (lstm_step(gates, state, keep, keep), plain()):
        found.append(torch.autograd.grad(hidden.square().sum() + new.pow(3).sum(), [gates, state]))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_an_lstm_over_time_without_dropout_is_torchs():
    torch.manual_seed(0)
    lstm = nn.LSTM(3, 4)
    x = torch.randn(6, 2, 3)
    inputs = x @ lstm.weight_ih_l0.t() + lstm.bias_ih_l0 + lstm.bias_hh_l0
    torch.testing.assert_close(lstm_over_time(inputs, lstm.weight_hh_l0), lstm(x)[0])


def test_dropout_factors_keep_the_mean():
    factors = dropout_factors(0.25, 100, 100, like=torch.ones(1))
    assert factors.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert float(factors.mean()) == pytest.approx(1, abs=0.05)

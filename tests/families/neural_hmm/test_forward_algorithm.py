"""The forward algorithm sums over all ways through the states, and its gradient is that of the sum."""

from itertools import combinations

import pytest
import torch
from torch import Tensor

from finetune_tts.families.neural_hmm.forward_algorithm import LEAST_PROBABILITY, run_backward, run_forward


def by_listing(scores: Tensor, logits: Tensor) -> Tensor:
    """The log-likelihood of one clip, ``[T, N]`` each, from a list of all ways."""
    steps, states = scores.shape
    stay, leave = (torch.sigmoid(sign * logits).clamp(min=LEAST_PROBABILITY).log() for sign in (-1, 1))
    ways = []
    for moves in combinations(range(1, steps), states - 1):
        state, total = 0, scores[0, 0]
        for step in range(1, steps):
            moved = step in moves
            total = total + (leave if moved else stay)[step, state]
            state += moved
            total = total + scores[step, state]
        ways.append(total + leave[-1, -1])
    return torch.logsumexp(torch.stack(ways), dim=0)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    scores = 3 * torch.randn(7, 3, 4, dtype=torch.float64)
    logits = 2 * torch.randn(7, 3, 4, dtype=torch.float64)
    logits[3, 0, 1], logits[4, 1, 0] = -12.0, 12.0  # beyond the least probability
    return scores, logits, torch.tensor([7, 5, 4]), torch.tensor([4, 3, 4])


def test_all_ways_through_the_states_are_summed_up(batch):
    scores, logits, frames, states = batch
    found = run_forward(*batch).log_likelihood
    for clip, (steps, width) in enumerate(zip(frames.tolist(), states.tolist(), strict=True)):
        expected = by_listing(scores[:steps, clip, :width], logits[:steps, clip, :width])
        torch.testing.assert_close(found[clip], expected)


def test_the_gradient_is_that_of_the_sum_over_all_ways(batch):
    scores, logits, frames, states = batch
    scores.requires_grad_()
    logits.requires_grad_()
    lengths = zip(frames.tolist(), states.tolist(), strict=True)
    total = sum(by_listing(scores[:t, clip, :n], logits[:t, clip, :n]) for clip, (t, n) in enumerate(lengths))
    by_scores, by_logits = torch.autograd.grad(total, [scores, logits])
    passage = run_forward(*batch)
    found = run_backward(passage.stayed, passage.ends, logits.detach())
    torch.testing.assert_close(found.states, by_scores)
    torch.testing.assert_close(found.transitions, by_logits)


def test_alphas_are_what_is_known_after_each_frame(batch):
    passage = run_forward(*batch)
    sums = passage.log_alphas.exp().sum(dim=2)
    inside = torch.arange(7)[:, None] < batch[2]
    torch.testing.assert_close(sums, inside.double())
    # A state cannot be reached before those in front of it had a frame each.
    assert (passage.log_alphas[0, :, 1:] == -torch.inf).all()


def test_a_clip_with_fewer_frames_than_states_is_impossible_and_has_no_gradient(batch):
    scores, logits, _, states = batch
    passage = run_forward(scores, logits, torch.tensor([3, 5, 4]), states)
    assert passage.log_likelihood.isinf().tolist() == [True, False, False]
    found = run_backward(passage.stayed, passage.ends, logits)
    assert (found.states[:, 0] == 0).all()
    assert (found.transitions[:, 0] == 0).all()
    assert found.states.isfinite().all()


def test_float32_suffices_for_thousands_of_frames():
    torch.manual_seed(0)
    scores, logits = 20 * torch.randn(3000, 1, 40) - 100, torch.randn(3000, 1, 40) - 3
    lengths = torch.tensor([3000]), torch.tensor([40])
    passage, exact = run_forward(scores, logits, *lengths), run_forward(scores.double(), logits.double(), *lengths)
    torch.testing.assert_close(passage.log_likelihood.double(), exact.log_likelihood, rtol=1e-6, atol=0)
    states = run_backward(passage.stayed, passage.ends, logits).states
    expected = run_backward(exact.stayed, exact.ends, logits.double()).states
    torch.testing.assert_close(states.double(), expected, rtol=0, atol=1e-3)

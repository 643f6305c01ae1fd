"""The likelihood and its gradient are those of the plain computation, whatever way they are computed in."""

import pytest
import torch

from finetune_tts.families.neural_hmm import likelihood
from finetune_tts.families.neural_hmm.forward_algorithm import run_forward
from finetune_tts.families.neural_hmm.likelihood import (
    Clips,
    emission_of,
    likeliest_states,
    log_density,
    log_likelihood,
)
from finetune_tts.layers.torch_layers import torch_layers

FLOOR = 0.3


@pytest.fixture
def given():
    """Shares ``[B, T, H]`` and ``[B, N, H]`` of the first layer, frames ``[B, T, C]``, and two layers more."""
    torch.manual_seed(0)
    shapes = [(3, 9, 6), (3, 5, 6), (3, 9, 4), (7, 6), (7,), (9, 7), (9,)]
    return [torch.randn(shape, dtype=torch.float64).requires_grad_() for shape in shapes]


CLIPS = Clips(torch.tensor([9, 8, 5]), torch.tensor([5, 4, 2]))


def found_for(given, weights=(1.0, -2.0, 0.5)):
    heard, texts, frames, *layers = given
    found = log_likelihood(heard, texts, frames, CLIPS, layers, FLOOR).log_likelihood
    total = (found * torch.tensor(weights, dtype=torch.float64)).sum()
    return found, torch.autograd.grad(total, given)


def by_torch(given, weights=(1.0, -2.0, 0.5)):
    """The same with all pairs at once, and a loop over frames that torch differentiates."""
    with torch_layers("likelihood"):
        return found_for(given, weights)


def compare(found, expected):
    torch.testing.assert_close(found[0], expected[0])
    for ours, theirs in zip(found[1], expected[1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


def test_it_is_what_torch_makes_of_it(given):
    compare(found_for(given), by_torch(given))


@pytest.mark.parametrize("block", [1, 40, 100])
def test_the_size_of_the_blocks_does_not_matter(given, block, monkeypatch):
    monkeypatch.setattr(likelihood, "_BLOCK", block)
    compare(found_for(given), by_torch(given))


def test_blocks_over_all_clips_add_up_to_the_gradient_that_single_pairs_give(given, monkeypatch):
    # What a GPU does: it leaves no pair out.
    heard, texts, frames, *layers = (tensor.detach() for tensor in given)
    by_states, by_logits = torch.rand(9, 3, 5, dtype=torch.float64), torch.randn(9, 3, 5, dtype=torch.float64)
    weights = torch.randn(3, 1, dtype=torch.float64)
    pairs, blocks = (likelihood._Given(heard, texts, frames, layers, FLOOR) for _ in range(2))
    likelihood._add_pairs(pairs, by_states, by_logits, weights)
    cut = [likelihood._Block(slice(None), slice(start, start + 4), slice(5)) for start in (0, 4, 8)]
    monkeypatch.setattr(likelihood, "_blocks", lambda *_: iter(cut))
    likelihood._add_blocks(blocks, by_states, by_logits, weights, CLIPS)
    for name in ("d_heard", "d_texts", "d_frames"):
        torch.testing.assert_close(getattr(pairs, name), getattr(blocks, name))
    for ours, theirs in zip(pairs.d_layers, blocks.d_layers, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_likeliest_state_is_the_one_with_the_largest_posterior(given):
    heard, texts, frames, *layers = given
    emission = emission_of(heard.unsqueeze(2) + texts.unsqueeze(1), layers, FLOOR)
    scores = log_density(emission, frames.unsqueeze(2)).transpose(0, 1).detach().requires_grad_()
    states = likeliest_states(heard, texts, frames, CLIPS, layers, FLOOR)
    logits = emission.logit.transpose(0, 1).detach()
    for clip, steps in enumerate(CLIPS.frames.tolist()):
        for step in range(steps):
            here = []
            for state in range(5):  # the likelihood of those ways that are in a state at this frame
                only = torch.full_like(scores, 0.0)
                only[step, clip] = -1e6
                only[step, clip, state] = 0.0
                here.append(run_forward(scores.detach() + only, logits, *CLIPS).log_likelihood[clip])
            assert int(torch.stack(here).argmax()) == int(states[clip, step])

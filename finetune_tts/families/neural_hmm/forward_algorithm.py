"""The forward algorithm of a left-to-right hidden Markov model without skips (Rabiner 1989), and its gradient.

The model begins in its first state. With each frame it stays where it is or moves on by one, and it has to leave its
last state behind the last frame. How likely moving on is stands in a logit for each frame and state; the logit of a
frame speaks of the step that leads into it.

All is in the domain of logarithms, and scaled in each frame to a sum of one, so that float32 suffices for thousands of
frames. The gradient of the likelihood by the score of a state is the probability that the model was there. It follows
from the shares that staying and moving have in each state, which are computed for all frames at once; only a sum runs
back over the frames. So a frame costs a handful of operations over batch and states in each direction.

Legend: B batch, T frames, N states.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from finetune_tts.layers.masks import sequence_mask

#: Probabilities of staying and of moving on are not taken to be lower than this.
LEAST_PROBABILITY = 1e-4


@dataclass(frozen=True)
class Passage:
    """A pass of the forward algorithm.

    Attributes:
        log_likelihood: ``[B]``; -inf for a clip that has fewer frames than states.
        log_alphas: ``[T, B, N]`` log-probability of each state after what was heard until then; -inf beyond a clip.
        stayed: ``[T, B, N]`` the share of staying in a state's probability; moving on into it has the rest.
        ends: ``[T, B, N]`` one where a clip ends, if it can.
    """

    log_likelihood: Tensor
    log_alphas: Tensor
    stayed: Tensor
    ends: Tensor


class Posteriors(NamedTuple):
    """Gradients of the log-likelihood of each clip.

    Attributes:
        states: ``[T, B, N]`` by the scores: the probability that the model was in a state.
        transitions: ``[T, B, N]`` by the logits of moving on.
    """

    states: Tensor
    transitions: Tensor


@torch.no_grad()
def run_forward(scores: Tensor, logits: Tensor, frames: Tensor, states: Tensor) -> Passage:
    """Run the forward algorithm.

    Args:
        scores: ``[T, B, N]`` log-probability of each frame in each state; anything finite beyond a clip's frames.
        logits: ``[T, B, N]`` of moving on.
        frames: ``[B]``.
        states: ``[B]``.
    """
    steps, batch, width = scores.shape
    frames, states = frames.to(scores.device), states.to(scores.device)
    scores = scores.masked_fill(~sequence_mask(states, width), -torch.inf)
    stay, leave = log_probabilities(logits)
    # A column before the first state, out of which nobody comes.
    alphas = scores.new_full((steps, batch, width + 1), -torch.inf)
    scales = scores.new_zeros(steps, batch, 1)
    alphas[0, :, 1:2] = 0.0
    scales[0] = scores[0, :, :1]
    for step in range(1, steps):
        before = alphas[step - 1]
        moved = before[:, :-1] + torch.nn.functional.pad(leave[step], (1, -1))
        here = torch.logaddexp(before[:, 1:] + stay[step], moved).add_(scores[step])
        scale = torch.logsumexp(here, dim=1, keepdim=True, out=scales[step])
        torch.sub(here, scale, out=alphas[step, :, 1:])
    inside = sequence_mask(frames, steps).t().unsqueeze(2)  # [T, B, 1]
    log_alphas = alphas[:, :, 1:]
    ends = torch.zeros_like(scores)
    clips = torch.arange(batch, device=scores.device)
    last = (frames - 1, clips, states - 1)
    final = log_alphas[last] + leave[last]  # [B]
    ends[last] = final.isfinite().to(ends.dtype)
    log_likelihood = (scales * inside).sum(dim=(0, 2)) + final
    return Passage(
        log_likelihood=log_likelihood,
        log_alphas=log_alphas.masked_fill(~inside, -torch.inf),
        stayed=_stayed(alphas, stay, leave),
        ends=ends,
    )


@torch.no_grad()
def run_backward(stayed: Tensor, ends: Tensor, logits: Tensor) -> Posteriors:
    """Return the gradients of the log-likelihoods.

    Args:
        stayed, ends: of a passage.
        logits: ``[T, B, N]`` that it was made with.
    """
    came = 1 - stayed
    came[0] = 0.0
    posteriors = ends.clone()
    for step in range(len(ends) - 1, 0, -1):
        here, before = posteriors[step], posteriors[step - 1]
        before.addcmul_(here, stayed[step])
        before[:, :-1].addcmul_(here[:, 1:], came[step, :, 1:])
    staying = posteriors * stayed
    staying[0] = 0.0
    leaving = ends.clone()
    leaving[:, :, :-1] += (posteriors * came)[:, :, 1:]
    likely = torch.sigmoid(logits)
    leaving = torch.where(likely >= LEAST_PROBABILITY, leaving * torch.sigmoid(-logits), 0.0)
    staying = torch.where(torch.sigmoid(-logits) >= LEAST_PROBABILITY, staying * likely, 0.0)
    return Posteriors(posteriors, leaving - staying)


def log_probabilities(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities of staying and of moving on, for logits of any shape."""
    stay, leave = (torch.sigmoid(sign * logits).clamp(min=LEAST_PROBABILITY).log() for sign in (-1, 1))
    return stay, leave


def _stayed(alphas: Tensor, stay: Tensor, leave: Tensor) -> Tensor:
    """The share of staying, of ``alphas [T, B, 1 + N]``; states out of reach get zero."""
    stayed = torch.zeros_like(stay)
    before = alphas[:-1]
    leave = torch.nn.functional.pad(leave[1:], (1, -1))
    odds = (before[:, :, 1:] + stay[1:]).sub_(before[:, :, :-1] + leave)
    torch.sigmoid(odds, out=stayed[1:])
    return stayed.nan_to_num_(nan=0.0)

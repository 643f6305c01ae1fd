"""How likely recordings are, from what the network says of every frame in every state (Mehta et al. 2022).

The output network sees what was heard until a frame and one state of the text, and gives mean and deviation of the
frame in that state, and the logit of moving on. There are as many such pairs as frames times states, and nearly all of
the work of training lies in them:

- Its first layer takes the two parts apart, so that each is multiplied once and a pair costs a sum.
- Pairs are made in blocks that fit the caches, scored, and forgotten: only two numbers of each pair are kept.
- A frame cannot be in a later state than it has predecessors; such blocks are left out. On a CPU padding is, too.
- The backward pass makes the pairs again, weighted with their share in the likelihood. On a CPU it makes only those
  that have one: of a network that has learned where it is in the text these are a few states a frame. A GPU would have
  to be waited for to learn which they are, so that it makes all.

Legend: B batch, T frames, N states, H channels of the first layer, C channels of a frame, P pairs.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from finetune_tts.families.neural_hmm.forward_algorithm import Passage, log_probabilities, run_backward, run_forward
from finetune_tts.layers.masks import sequence_mask
from finetune_tts.layers.precision import without_autocast
from finetune_tts.layers.torch_layers import by_hand

#: Numbers in the first layer of a block of pairs.
_BLOCK, _BLOCK_ON_GPU = 2**19, 2**26
#: Stands for a probability of zero where infinity would have no gradient.
_IMPOSSIBLE = -1e9
#: A pair that has less of a frame than this is left out of the gradient.
_LEAST_SHARE = 1e-9


class Emission(NamedTuple):
    """What the output network says of pairs.

    Attributes:
        mean: ``[P, C]``.
        deviation: ``[P, C]``.
        logit: ``[P]`` of moving on from the state.
    """

    mean: Tensor
    deviation: Tensor
    logit: Tensor


def emission_of(first: Tensor, layers: Sequence[Tensor], floor: float) -> Emission:
    """Run the output network behind the sum of its first layer.

    Args:
        first: ``[..., H]`` that sum.
        layers: weight and bias of each layer that follows.
        floor: the least deviation.
    """
    hidden = torch.relu(first)
    for place in range(0, len(layers), 2):
        hidden = F.linear(hidden, layers[place], layers[place + 1])
        if place + 2 < len(layers):
            hidden = torch.relu(hidden)
    channels = hidden.shape[-1] // 2
    mean, deviation, logit = hidden.split([channels, channels, 1], dim=-1)
    return Emission(mean, F.softplus(deviation).clamp(min=floor), logit.squeeze(-1))


def log_density(emission: Emission, frames: Tensor) -> Tensor:
    """Log-density ``[...]`` of ``frames [..., C]``, whose channels are independent."""
    distance = ((frames - emission.mean) / emission.deviation).square().sum(dim=-1)
    volume = emission.deviation.log().sum(dim=-1)
    return -0.5 * distance - volume - 0.5 * math.log(2 * math.pi) * frames.shape[-1]


class Clips(NamedTuple):
    """Lengths of a batch.

    Attributes:
        frames: ``[B]``.
        states: ``[B]``.
    """

    frames: Tensor
    states: Tensor


class Likelihood(NamedTuple):
    """How likely a batch is.

    Attributes:
        log_likelihood: ``[B]``.
        log_alphas: ``[B, T, N]`` log-probability of each state after what was heard until then; it has no gradient.
    """

    log_likelihood: Tensor
    log_alphas: Tensor


def log_likelihood(
    heard: Tensor, texts: Tensor, frames: Tensor, clips: Clips, layers: Sequence[Tensor], floor: float
) -> Likelihood:
    """Log-likelihoods of a batch, in float32 at least.

    Args:
        heard: ``[B, T, H]`` the share of what was heard in the first layer.
        texts: ``[B, N, H]`` the share of the states.
        frames: ``[B, T, C]``.
        clips: lengths.
        layers: weight and bias of each layer that follows.
        floor: the least deviation.
    """
    with without_autocast(heard.device.type):
        if not by_hand("likelihood"):
            return _by_torch(heard, texts, frames, clips, layers, floor)
        heard, texts, frames = (tensor.contiguous() for tensor in (heard, texts, frames))
        compute: Any = _LogLikelihood.apply  # which has no annotations
        return Likelihood(*compute(heard, texts, frames, clips, floor, *layers))


def _by_torch(
    heard: Tensor, texts: Tensor, frames: Tensor, clips: Clips, layers: Sequence[Tensor], floor: float
) -> Likelihood:
    """The same with all pairs at once, and left to torch to differentiate."""
    emission = emission_of(heard.unsqueeze(2) + texts.unsqueeze(1), layers, floor)
    stay, leave = log_probabilities(emission.logit)  # [B, T, N]
    scores = log_density(emission, frames.unsqueeze(2))
    inside = sequence_mask(clips.states.to(scores.device), scores.shape[2])
    scores = scores.masked_fill(~inside.unsqueeze(1), _IMPOSSIBLE)
    alpha = F.pad(scores[:, 0, :1], (0, scores.shape[2] - 1), value=_IMPOSSIBLE)  # [B, N]
    alphas, scales = [], []
    for step in range(scores.shape[1]):
        if step:
            moved = F.pad((alpha + leave[:, step])[:, :-1], (1, 0), value=_IMPOSSIBLE)
            alpha = torch.logaddexp(alpha + stay[:, step], moved) + scores[:, step]
        scales.append(torch.logsumexp(alpha, dim=1))
        alpha = alpha - scales[-1].unsqueeze(1)
        alphas.append(alpha)
    log_alphas = torch.stack(alphas, dim=1)
    heard_mask = sequence_mask(clips.frames.to(scores.device), scores.shape[1])
    last = (torch.arange(len(scores), device=scores.device), clips.frames - 1, clips.states - 1)
    total = (torch.stack(scales, dim=1) * heard_mask).sum(dim=1) + log_alphas[last] + leave[last]
    impossible = ~heard_mask.unsqueeze(2) | (log_alphas < _IMPOSSIBLE / 2)
    return Likelihood(total, log_alphas.detach().masked_fill(impossible, -torch.inf))


@torch.no_grad()
def likeliest_states(
    heard: Tensor, texts: Tensor, frames: Tensor, clips: Clips, layers: Sequence[Tensor], floor: float
) -> Tensor:
    """The state ``[B, T]`` that each frame is likeliest in, when all of the clip is known; as above otherwise."""
    with without_autocast(heard.device.type):
        passage, logits = _pass(heard, texts, frames, clips, layers, floor)
        return run_backward(passage.stayed, passage.ends, logits).states.argmax(dim=2).t()


def _pass(
    heard: Tensor, texts: Tensor, frames: Tensor, clips: Clips, layers: Sequence[Tensor], floor: float
) -> tuple[Passage, Tensor]:
    """A pass of the forward algorithm, and the logits ``[T, B, N]`` of moving on."""
    (batch, steps, _), width = heard.shape, texts.shape[1]
    scores = heard.new_zeros(steps, batch, width)
    logits = torch.zeros_like(scores)
    for block in _blocks(heard, texts, clips):
        emission = emission_of(block.sum_of(heard, texts), layers, floor)
        score = log_density(emission, frames[block.clips, block.frames].unsqueeze(2))
        block.put(scores, score)
        block.put(logits, emission.logit)
    return run_forward(scores, logits, clips.frames, clips.states), logits


class _Block(NamedTuple):
    """Some clips, some frames of them, and some states."""

    clips: slice
    frames: slice
    states: slice

    def sum_of(self, heard: Tensor, texts: Tensor) -> Tensor:
        return heard[self.clips, self.frames].unsqueeze(2) + texts[self.clips, self.states].unsqueeze(1)

    def put(self, whole: Tensor, part: Tensor) -> None:
        """Write a part ``[b, t, n]`` into ``[T, B, N]``."""
        whole[self.frames, self.clips, self.states] = part.transpose(0, 1)

    def take(self, whole: Tensor) -> Tensor:
        """Read it."""
        return whole[self.frames, self.clips, self.states].transpose(0, 1)


def _blocks(heard: Tensor, texts: Tensor, clips: Clips) -> Iterator[_Block]:
    """Yield blocks of pairs, which hold all that the likelihood depends on."""
    (batch, steps, channels), width = heard.shape, texts.shape[1]
    if heard.device.type != "cpu":
        size = max(_BLOCK_ON_GPU // max(batch * width * channels, 1), 1)
        for start in range(0, steps, size):
            end = min(start + size, steps)
            yield _Block(slice(None), slice(start, end), slice(min(end, width)))
        return
    for clip, (frames, states) in enumerate(zip(clips.frames.tolist(), clips.states.tolist(), strict=True)):
        size = max(_BLOCK // max(states * channels, 1), 1)
        for start in range(0, frames, size):
            end = min(start + size, frames)
            yield _Block(slice(clip, clip + 1), slice(start, end), slice(min(end, states)))


class _LogLikelihood(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, heard: Tensor, texts: Tensor, frames: Tensor, clips: Clips, floor: float, *layers: Tensor
    ) -> tuple[Tensor, Tensor]:
        passage, logits = _pass(heard, texts, frames, clips, layers, floor)
        context.save_for_backward(heard, texts, frames, logits, passage.stayed, passage.ends, *clips, *layers)
        context.floor = floor
        log_alphas = passage.log_alphas.transpose(0, 1)
        context.mark_non_differentiable(log_alphas)
        return passage.log_likelihood, log_alphas

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Any, ...]:
        heard, texts, frames, logits, stayed, ends, *rest = context.saved_tensors
        clips, layers = Clips(*rest[:2]), rest[2:]
        states, transitions = run_backward(stayed, ends, logits)
        weights = gradients[0].unsqueeze(1)  # [B, 1]
        given = _Given(heard, texts, frames, layers, context.floor)
        with without_autocast(heard.device.type):
            if heard.device.type == "cpu":
                _add_pairs(given, states, transitions, weights)
            else:
                _add_blocks(given, states, transitions, weights, clips)
        return given.d_heard, given.d_texts, given.d_frames, None, None, *given.d_layers


class _Given:
    """What the forward pass was given, and its gradients, which add up block by block."""

    def __init__(self, heard: Tensor, texts: Tensor, frames: Tensor, layers: Sequence[Tensor], floor: float) -> None:
        self.heard, self.texts, self.frames = heard, texts, frames
        self.layers = [layer.detach().requires_grad_() for layer in layers]
        self.floor = floor
        self.d_heard, self.d_texts, self.d_frames = (torch.zeros_like(tensor) for tensor in (heard, texts, frames))
        self.d_layers = [torch.zeros_like(layer) for layer in layers]

    def gradients(self, first: Tensor, frames: Tensor, by_score: Tensor, by_logit: Tensor) -> tuple[Tensor, Tensor]:
        """Add those of the layers; return those of the first layer's sum and of the frames."""
        first, frames = first.detach().requires_grad_(), frames.detach().requires_grad_()
        with torch.enable_grad():
            emission = emission_of(first, self.layers, self.floor)
            total = (log_density(emission, frames) * by_score).sum() + (emission.logit * by_logit).sum()
            d_first, d_frames, *d_layers = torch.autograd.grad(total, [first, frames, *self.layers])
        for whole, part in zip(self.d_layers, d_layers, strict=True):
            whole += part
        return d_first, d_frames


def _add_pairs(given: _Given, states: Tensor, transitions: Tensor, weights: Tensor) -> None:
    """Add the gradients of the pairs that have a share, in pieces."""
    pairs = ((states > _LEAST_SHARE) | (transitions.abs() > _LEAST_SHARE)).nonzero()  # [P, 3]
    size = max(_BLOCK // given.heard.shape[2], 1)
    steps, width = given.heard.shape[1], given.texts.shape[1]
    heard, texts, frames = (tensor.flatten(0, 1) for tensor in (given.heard, given.texts, given.frames))
    d_heard, d_texts, d_frames = (tensor.flatten(0, 1) for tensor in (given.d_heard, given.d_texts, given.d_frames))
    for start in range(0, len(pairs), size):
        frame, clip, state = pairs[start : start + size].unbind(1)
        at_frame, at_state = clip * steps + frame, clip * width + state
        weight = weights[clip, 0]
        d_first, d_frame = given.gradients(
            heard[at_frame] + texts[at_state],
            frames[at_frame],
            states[frame, clip, state] * weight,
            transitions[frame, clip, state] * weight,
        )
        d_heard.index_add_(0, at_frame, d_first)
        d_texts.index_add_(0, at_state, d_first)
        d_frames.index_add_(0, at_frame, d_frame)


def _add_blocks(given: _Given, states: Tensor, transitions: Tensor, weights: Tensor, clips: Clips) -> None:
    """Add the gradients of all pairs, block by block."""
    for block in _blocks(given.heard, given.texts, clips):
        weight = weights[block.clips].unsqueeze(2)
        d_first, d_frames = given.gradients(
            block.sum_of(given.heard, given.texts),
            given.frames[block.clips, block.frames].unsqueeze(2),
            block.take(states) * weight,
            block.take(transitions) * weight,
        )
        given.d_heard[block.clips, block.frames] += d_first.sum(dim=2)
        given.d_texts[block.clips, block.states] += d_first.sum(dim=1)
        given.d_frames[block.clips, block.frames] += d_frames.squeeze(2)

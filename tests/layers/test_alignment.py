"""Alignment search: the best monotonic path, wherever it is searched."""

import itertools

import pytest
import torch

from finetune_tts.layers.alignment import expand_durations, search_alignment, search_alignment_on_device

SEARCHES = [search_alignment, search_alignment_on_device]


def best_by_trying_all(scores: torch.Tensor) -> torch.Tensor:
    """The best path of ``[T_text, T_mel]`` among all ways to share the frames out."""
    tokens, frames = scores.shape
    best, best_score = None, -torch.inf
    for cuts in itertools.combinations(range(1, frames), tokens - 1):
        ends = torch.tensor([*cuts, frames])
        path = expand_durations(torch.diff(ends, prepend=torch.tensor([0]))[None], frames)[0]
        score = (path * scores).sum()
        if score > best_score:
            best, best_score = path, score
    return best


@pytest.mark.parametrize("search", SEARCHES)
def test_path_is_the_best_of_all(search):
    scores = torch.randn(3, 4, 9, generator=torch.Generator().manual_seed(3))
    lengths = torch.tensor([4, 3, 4]), torch.tensor([9, 7, 4])
    found = search(scores, *lengths)
    for row, (tokens, frames) in enumerate(zip(*lengths, strict=True)):
        assert torch.equal(found[row, :tokens, :frames], best_by_trying_all(scores[row, :tokens, :frames]))
    assert found[1, 3:].sum() == 0
    assert found[1, :, 7:].sum() == 0


def test_both_searches_agree_on_a_long_batch():
    generator = torch.Generator().manual_seed(4)
    scores = 10 * torch.randn(4, 40, 200, generator=generator) - 100
    lengths = torch.tensor([40, 33, 21, 2]), torch.tensor([200, 150, 180, 199])
    assert torch.equal(search_alignment(scores, *lengths), search_alignment_on_device(scores, *lengths))


def test_durations_expand_to_consecutive_frames():
    path = expand_durations(torch.tensor([[2, 0, 3]]), 5)[0]
    assert path.tolist() == [[1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 1, 1, 1]]

"""What searches for alignments are held against."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


@pytest.fixture
def search_by_loop() -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Monotonic alignment search, frame by frame in torch's operations: arguments and result of search_alignment."""

    def search(log_likelihood: Tensor, token_lengths: Tensor, mel_lengths: Tensor) -> Tensor:
        batch, num_tokens, num_frames = log_likelihood.shape
        scores = log_likelihood.float()
        # The best score of a path that ends in each symbol.
        best = torch.where(torch.arange(num_tokens) == 0, scores[:, :, 0], -torch.inf)
        stayed = torch.ones(num_frames, batch, num_tokens, dtype=torch.bool)
        for frame in range(1, num_frames):
            moved = torch.nn.functional.pad(best[:, :-1], (1, 0), value=-torch.inf)
            stayed[frame] = best >= moved
            best = torch.where(stayed[frame], best, moved) + scores[:, :, frame]
        path = torch.zeros_like(scores)
        rows, place = torch.arange(batch), token_lengths - 1
        for frame in range(num_frames - 1, -1, -1):
            inside = frame < mel_lengths
            path[rows, place, frame] = inside.float()
            place = place - (inside & ~stayed[frame, rows, place] & (place > 0)).long()
        return path.to(log_likelihood.dtype)

    return search

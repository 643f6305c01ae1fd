"""Hard monotonic alignments between text and frames."""

from typing import cast

import torch
from monotonic_alignment_search import maximum_path as maximum_path_on_cpu
from torch import Tensor

from finetune_tts.layers.masks import sequence_mask


@torch.no_grad()
def search_alignment(log_likelihood: Tensor, token_lengths: Tensor, mel_lengths: Tensor) -> Tensor:
    """Find the monotonic path of the highest likelihood (monotonic alignment search, Kim et al. 2020).

    Each frame belongs to one symbol, each symbol has at least one frame, and the order is kept.

    Args:
        log_likelihood: ``[B, T_text, T_mel]``, how well each symbol explains each frame.
        token_lengths: ``[B]``.
        mel_lengths: ``[B]``, in frames.

    Returns:
        ``[B, T_text, T_mel]`` zeros and ones in the dtype of ``log_likelihood``.
    """
    _, num_tokens, num_frames = log_likelihood.shape
    if log_likelihood.is_cuda:
        return search_alignment_on_device(log_likelihood, token_lengths, mel_lengths)
    mask = sequence_mask(token_lengths, num_tokens).unsqueeze(2) & sequence_mask(mel_lengths, num_frames).unsqueeze(1)
    path = maximum_path_on_cpu(log_likelihood.float().contiguous(), mask.float())
    return path.to(log_likelihood.dtype)


@torch.no_grad()
def search_alignment_on_device(log_likelihood: Tensor, token_lengths: Tensor, mel_lengths: Tensor) -> Tensor:
    """Do the same without leaving the device: a loop over frames, all symbols and sequences of the batch at once.

    It never waits for the device, which a search on the CPU would have to in every training step.
    """
    batch, num_tokens, num_frames = log_likelihood.shape
    device = log_likelihood.device
    scores = log_likelihood.float()
    index = torch.arange(num_tokens, device=device)[None, :]  # [1, T_text]
    best = torch.where(index == 0, scores[:, :, 0], -torch.inf)  # best score of a path that ends in each symbol
    stayed = torch.empty(num_frames, batch, num_tokens, dtype=torch.bool, device=device)
    stayed[0] = True
    for frame in range(1, num_frames):
        moved = torch.nn.functional.pad(best[:, :-1], (1, 0), value=-torch.inf)
        stay = best >= moved
        best = torch.where(stay, best, moved) + scores[:, :, frame]
        stayed[frame] = stay
    path = torch.zeros_like(scores)
    rows = torch.arange(batch, device=device)
    current = token_lengths - 1  # [B]
    for frame in range(num_frames - 1, -1, -1):
        inside = frame < mel_lengths
        path[rows, current, frame] = inside.to(path.dtype)
        step_back = inside & ~stayed[frame, rows, current] & (current > 0)
        current = current - step_back.to(current.dtype)
    return path.to(log_likelihood.dtype)


def expand_durations(durations: Tensor, num_frames: int | Tensor) -> Tensor:
    """Turn whole durations into an alignment.

    Args:
        durations: ``[B, T_text]``, frames of each symbol, 0 for padding.
        num_frames: ``T_mel``; a tensor stays a variable of an exported graph.

    Returns:
        ``[B, T_text, T_mel]`` zeros and ones, float32.
    """
    ends = durations.cumsum(dim=1)  # [B, T_text]
    starts = ends - durations
    frames = torch.arange(cast(int, num_frames), device=durations.device)  # torch takes a tensor as well
    return ((frames >= starts.unsqueeze(-1)) & (frames < ends.unsqueeze(-1))).float()

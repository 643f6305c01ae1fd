"""Monotonic alignment search as two kernels of a GPU (Kim et al. 2020, algorithm 1): two launches for a whole batch.

A loop of torch's operations launches a dozen kernels for every frame. Here each sequence has a group of threads of its
own, which goes through its frames with the scores of all symbols; then one that goes back along the best path.

Written in Triton, which comes with torch's builds for GPUs. Only ``alignment.py`` imports this module, when it is
needed: the package works without Triton.

Legend: B batch, T_text symbols, T_mel frames.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor


# The parameters have no types beside them: Triton takes those for values that it is to know when it compiles.
@triton.jit(do_not_specialize=["num_tokens", "num_frames"])
def _go_forward(
    scores,  # [B, T_mel, T_text] float32
    mel_lengths,  # [B]
    stayed,  # [B, T_mel, T_text] int8, is filled but for the first frame
    num_tokens,
    num_frames,
    SYMBOLS: tl.constexpr,  # a power of 2, at least T_text
):
    sequence = tl.program_id(0).to(tl.int64)
    scores += sequence * num_frames * num_tokens
    stayed += sequence * num_frames * num_tokens
    frames = tl.minimum(tl.load(mel_lengths + sequence), num_frames)
    symbol = tl.arange(0, SYMBOLS)
    inside = symbol < num_tokens
    before = tl.maximum(symbol - 1, 0)
    # The best score of a path that ends in each symbol.
    best = tl.load(scores + symbol, mask=symbol == 0, other=float("-inf"))
    for frame in range(1, frames):
        here = frame * num_tokens + symbol
        moved = tl.where(symbol == 0, float("-inf"), tl.gather(best, before, 0))
        stay = best >= moved
        tl.store(stayed + here, stay.to(tl.int8), mask=inside)
        best = tl.where(stay, best, moved) + tl.load(scores + here, mask=inside, other=float("-inf"))


@triton.jit(do_not_specialize=["num_tokens", "num_frames"])
def _go_back(
    stayed,  # [B, T_mel, T_text] int8
    token_lengths,  # [B]
    mel_lengths,  # [B]
    path,  # [B, T_text, T_mel] float32, zeros
    num_tokens,
    num_frames,
):
    sequence = tl.program_id(0).to(tl.int64)
    stayed += sequence * num_frames * num_tokens
    path += sequence * num_frames * num_tokens
    frames = tl.minimum(tl.load(mel_lengths + sequence), num_frames)
    place = tl.maximum(tl.minimum(tl.load(token_lengths + sequence), num_tokens) - 1, 0)
    for passed in range(frames):
        frame = frames - 1 - passed
        tl.store(path + place * num_frames + frame, 1.0)
        stay = tl.load(stayed + frame * num_tokens + place) != 0
        place = tl.where(stay | (place == 0), place, place - 1)


def search_with_triton(log_likelihood: Tensor, token_lengths: Tensor, mel_lengths: Tensor) -> Tensor:
    """Do what :func:`finetune_tts.layers.alignment.search_alignment` does, with the same shapes, on the GPU."""
    batch, num_tokens, num_frames = log_likelihood.shape
    symbols = triton.next_power_of_2(num_tokens)
    warps = min(max(symbols // 64, 1), 8)
    scores = log_likelihood.float().transpose(1, 2).contiguous()
    stayed = torch.empty_like(scores, dtype=torch.int8)
    path = torch.zeros(log_likelihood.shape, dtype=torch.float32, device=log_likelihood.device)
    # Nothing is multiplied, so that nothing could be fused; Triton warns where it is not told.
    options = {"enable_fp_fusion": False}
    with torch.cuda.device_of(log_likelihood):
        _go_forward[(batch,)](
            scores, mel_lengths, stayed, num_tokens, num_frames, SYMBOLS=symbols, num_warps=warps, **options
        )
        _go_back[(batch,)](stayed, token_lengths, mel_lengths, path, num_tokens, num_frames, num_warps=1, **options)
    return path.to(log_likelihood.dtype)

"""Hard monotonic alignments between text and frames."""

import logging
from typing import cast

import torch
from monotonic_alignment_search import maximum_path
from torch import Tensor

from finetune_tts.layers.masks import sequence_mask

logger = logging.getLogger(__name__)

_kernels_fail = False  # those of the GPU; found out once


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
    search = search_on_gpu if log_likelihood.is_cuda else search_on_cpu
    return search(log_likelihood, token_lengths, mel_lengths)


def search_on_cpu(log_likelihood: Tensor, token_lengths: Tensor, mel_lengths: Tensor) -> Tensor:
    """Do so on the CPU, wherever the tensors lie; a GPU has to be waited for, and waits."""
    _, num_tokens, num_frames = log_likelihood.shape
    tokens = sequence_mask(token_lengths.cpu(), num_tokens)
    mask = tokens.unsqueeze(2) & sequence_mask(mel_lengths.cpu(), num_frames).unsqueeze(1)
    path = maximum_path(log_likelihood.float().cpu().contiguous(), mask.float())
    return path.to(log_likelihood.device, log_likelihood.dtype)


def search_on_gpu(log_likelihood: Tensor, token_lengths: Tensor, mel_lengths: Tensor) -> Tensor:
    """Do so without leaving the GPU; on the CPU where there is no Triton, or where it cannot compile the kernels."""
    global _kernels_fail
    if not _kernels_fail:
        try:
            from finetune_tts.layers.alignment_kernel import search_with_triton

            return search_with_triton(log_likelihood, token_lengths, mel_lengths)
        except torch.cuda.OutOfMemoryError:
            raise
        except ImportError as error:
            reason = f"Triton is not installed ({error})"
        except Exception as error:  # whatever a compiler may say: none for C, or a GPU that is too old
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        _kernels_fail = True
        logger.warning("Alignments are searched on the CPU, for which the GPU waits in every step: %s.", reason)
    return search_on_cpu(log_likelihood, token_lengths, mel_lengths)


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

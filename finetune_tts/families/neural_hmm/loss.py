"""The objective of neural HMMs: negative log-likelihood of the spectrograms (Mehta et al. 2022)."""

from torch import Tensor


def negative_log_likelihood(log_likelihood: Tensor, token_lengths: Tensor, mel_lengths: Tensor) -> Tensor:
    """The mean over clips, for a frame or symbol of the batch.

    Args:
        log_likelihood: ``[B]``.
        token_lengths: ``[B]``.
        mel_lengths: ``[B]`` frames, as in the batch.
    """
    return -log_likelihood.mean() / (mel_lengths.sum() + token_lengths.sum())

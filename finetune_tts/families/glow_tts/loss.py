"""The objective of Glow-TTS: negative log-likelihood of the spectrogram, and squared error of log-durations."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from finetune_tts.families.glow_tts.network import GlowTTSOutput


@dataclass(frozen=True)
class GlowTTSLosses:
    """Scalars, averaged over frames and mel channels (likelihood) or symbols (durations)."""

    total: Tensor
    log_mle: Tensor
    duration: Tensor


def glow_tts_loss(output: GlowTTSOutput, token_lengths: Tensor, mel_lengths: Tensor) -> GlowTTSLosses:
    """Compute the training loss (Kim et al. 2020, equations 1, 6 and 7).

    Args:
        output: a teacher-forced pass.
        token_lengths: ``[B]``.
        mel_lengths: ``[B]`` frames, as in the batch.

    Returns:
        the sum that is minimised, and its two parts.
    """
    squared = torch.exp(-2 * output.log_scale) * (output.z - output.mean) ** 2
    negative = torch.sum(output.log_scale) + 0.5 * torch.sum(squared) - torch.sum(output.log_determinant)
    log_mle = negative / (torch.sum(mel_lengths) * output.z.shape[2]) + 0.5 * math.log(2 * math.pi)
    error = (output.log_durations - output.aligned_log_durations) ** 2
    duration = torch.sum(error) / torch.sum(token_lengths)
    return GlowTTSLosses(total=log_mle + duration, log_mle=log_mle, duration=duration)

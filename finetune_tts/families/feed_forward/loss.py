"""The objective of the feed-forward models: spectrogram, durations, pitch, loudness, and the aligner's two terms.

Legend: B batch, T_text symbols, T_mel frames, n_mels mel channels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from finetune_tts.families.feed_forward.network import FeedForwardOutput
from finetune_tts.layers.masks import sequence_mask

_BLANK_SCORE = -1.0  # of no symbol, beside the aligner's scores
_NEVER = -1e4  # a score; infinity would make gradients of NaN

#: name in configs → how far numbers are from what they should be, one by one.
ERRORS: dict[str, Callable[..., Tensor]] = {"mse": F.mse_loss, "l1": F.l1_loss, "huber": F.smooth_l1_loss}


@dataclass(frozen=True)
class FeedForwardLoss:
    """The kinds and the weights of the terms; one of weight 0 is left out.

    Attributes:
        spectrogram_error, duration_error: names of :data:`ERRORS`.
        spectrogram, duration, pitch, energy, aligner, binary: weights.
    """

    spectrogram_error: str = "mse"
    duration_error: str = "mse"
    spectrogram: float = 1.0
    duration: float = 0.1
    pitch: float = 0.1
    energy: float = 0.1
    aligner: float = 1.0
    binary: float = 0.1

    def __call__(
        self,
        output: FeedForwardOutput,
        mels: Tensor,
        token_lengths: Tensor,
        mel_lengths: Tensor,
        *,
        token_counts: Sequence[int],
        mel_counts: Sequence[int],
        binary_share: float = 1.0,
    ) -> dict[str, Tensor]:
        """Compute the losses under 🐸TTS's names, each with its weight; ``loss`` is their sum.

        Args:
            output: a teacher-forced pass.
            mels: ``[B, T_mel, n_mels]`` of the recordings.
            token_lengths, mel_lengths: ``[B]``.
            token_counts, mel_counts: the same numbers on the host, so that no device has to be waited for.
            binary_share: how much of its weight the binarisation has by now.
        """
        text_mask = sequence_mask(token_lengths, output.log_durations.shape[1])
        mel_mask = sequence_mask(mel_lengths, mels.shape[1]).unsqueeze(2)
        terms: dict[str, Tensor] = {}
        if self.spectrogram > 0:
            error = masked_error(self.spectrogram_error, output.mels, mels, mel_mask)
            terms["loss_spec"] = self.spectrogram * error
        if self.duration > 0:
            wanted = torch.log1p(output.durations)
            terms["loss_dur"] = self.duration * masked_error(
                self.duration_error, output.log_durations, wanted, text_mask
            )
        for name, weight, predicted, target in (
            ("loss_pitch", self.pitch, output.pitch, output.aligned_pitch),
            ("loss_energy", self.energy, output.energy, output.aligned_energy),
        ):
            if weight > 0 and predicted is not None and target is not None:
                terms[name] = weight * masked_error("mse", predicted, target, text_mask.unsqueeze(1))
        if self.aligner > 0:
            terms["loss_aligner"] = self.aligner * forward_sum_loss(
                output.alignment_scores, token_counts, mel_counts, text_mask
            )
        if self.binary > 0:
            share = self.binary * binary_share
            terms["loss_binary_alignment"] = share * binary_loss(output.alignment_soft, output.alignment)
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}


def masked_error(kind: str, predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """The mean error where ``mask``, which broadcasts to the others, is true."""
    errors = ERRORS[kind](predicted, target.detach(), reduction="none")
    inside = mask.expand_as(errors)
    return torch.where(inside, errors, 0.0).sum() / inside.sum()


def forward_sum_loss(
    scores: Tensor, token_counts: Sequence[int], mel_counts: Sequence[int], text_mask: Tensor
) -> Tensor:
    """How unlikely it is that the frames go through the symbols in their order, over all ways to do so.

    This is the loss of connectionist temporal classification, with the symbols' places as labels (Badlani et al. 2022,
    equation 4).

    Args:
        scores: ``[B, T_mel, T_text]`` unnormalised log-probabilities.
        token_counts, mel_counts: lengths.
        text_mask: ``[B, T_text]``.

    Returns:
        the mean over sequences of the loss a symbol.
    """
    scores = F.pad(scores.masked_fill(~text_mask.unsqueeze(1), _NEVER), (1, 0), value=_BLANK_SCORE)
    places = torch.arange(1, scores.shape[2], device=scores.device).expand(len(scores), -1)
    losses = torch.ctc_loss(
        scores.log_softmax(dim=2).transpose(0, 1),  # [T_mel, B, T_text + 1]
        places,
        list(mel_counts),
        list(token_counts),
        zero_infinity=True,
        reduction=0,  # none
    )
    return (losses / text_mask.sum(dim=1)).mean()


def binary_loss(soft: Tensor, hard: Tensor) -> Tensor:
    """How far the probabilities ``soft`` are from the hard alignment, both ``[B, T_mel, T_text]``.

    Badlani et al. (2022), equation 7.
    """
    return -(hard * torch.log(soft.clamp(min=1e-12))).sum() / hard.sum()

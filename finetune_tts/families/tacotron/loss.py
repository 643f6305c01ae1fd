"""The objective of the Tacotrons: errors of the spectrogram before and after the postnet, in three ways; when to stop;
and what keeps the attention on its way.

Legend: B batch, S symbols, T steps, r frames a step, C channels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from finetune_tts.families.tacotron.capacitron import capacitron_loss
from finetune_tts.families.tacotron.decoding import padded_to_groups
from finetune_tts.families.tacotron.network import TacotronOutput
from finetune_tts.layers.masks import sequence_mask
from finetune_tts.layers.ssim import similarity_loss

_GUIDE_WIDTH = 0.4
SPECTROGRAM_ERRORS = ("mse", "l1")


@dataclass(frozen=True)
class TacotronLossOptions:
    """Weights of the terms, 0 for none.

    Attributes:
        decoder, postnet: error of the spectrogram before and after the postnet; ``decoder`` weighs the second
            decoder too.
        decoder_difference, postnet_difference: error of the change from frame to frame.
        decoder_similarity, postnet_similarity: structural similarity.
        guided_attention: pulls the attention to the diagonal (Tachibana et al. 2018).
        stopnet: learn when to stop.
        stop_weight: what a last step counts against the others.
        error: one of :data:`SPECTROGRAM_ERRORS`.
        masked: padding does not count.
        by_clip: each clip counts the same, whatever its length.
        coarse: there is a coarse decoder.
        bidirectional: there is a decoder that draws the end first.
        prosody: holds Capacitron's vector at its capacity.
        capacity: what that vector may tell, in nats.
    """

    decoder: float = 0.25
    postnet: float = 0.25
    decoder_difference: float = 0.25
    postnet_difference: float = 0.25
    decoder_similarity: float = 0.25
    postnet_similarity: float = 0.25
    guided_attention: float = 5.0
    stopnet: bool = True
    stop_weight: float = 0.2
    error: str = "mse"
    masked: bool = True
    by_clip: bool = False
    coarse: bool = False
    bidirectional: bool = False
    prosody: float = 0.25
    capacity: float = 150.0


@dataclass(frozen=True)
class TacotronLosses:
    """The sum that is minimised, and its terms before they are weighed, under 🐸TTS's names.

    Capacitron adds ``capacitron_vae_beta_loss``, which is no part of the sum, as beta has an optimizer of its own.
    """

    total: Tensor
    terms: dict[str, Tensor]


def tacotron_loss(
    output: TacotronOutput,
    token_lengths: Tensor,
    mels: Tensor,
    mel_lengths: Tensor,
    targets: Tensor,
    *,
    frames_per_step: int,
    options: TacotronLossOptions,
) -> TacotronLosses:
    """Compute the training loss.

    Args:
        output: a teacher-forced pass.
        token_lengths: ``[B]``.
        mels: ``[B, T_mel, C]`` as in the batch.
        mel_lengths: ``[B]`` frames.
        targets: ``[B, T_mel, O]`` what the postnet is to give: mels, or linear spectrograms for Tacotron.
        frames_per_step: r.
        options: weights of the terms.
    """
    frames = output.decoder_outputs.shape[1]
    mels, targets = padded_to_groups(mels, frames_per_step), padded_to_groups(targets, frames_per_step)
    counted = mel_lengths if options.masked else torch.full_like(mel_lengths, frames)
    terms: dict[str, Tensor] = {}
    weights: dict[str, float] = {}

    def add(name: str, weight: float, value: Tensor) -> None:
        terms[name], weights[name] = value, weight

    def error(predicted: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        return _error(predicted, target, lengths, options.error, by_clip=options.by_clip and options.masked)

    if options.decoder > 0:
        add("decoder_loss", options.decoder, error(output.decoder_outputs, mels, counted))
    if options.postnet > 0:
        add("postnet_loss", options.postnet, error(output.outputs, targets, counted))
    if options.stopnet:
        add("stopnet_loss", 1.0, _stop_loss(output.stops, mel_lengths, frames_per_step, options.stop_weight))
    if options.bidirectional and output.second_outputs is not None:
        mirrored = output.second_outputs.flip(1)
        add("decoder_b_loss", options.decoder, error(mirrored, mels, counted))
        add("decoder_c_loss", options.decoder, F.l1_loss(mirrored, output.decoder_outputs))
    if options.coarse and output.second_outputs is not None and output.second_alignments is not None:
        add("decoder_coarse_loss", options.decoder, error(output.second_outputs, mels, counted))
        add("decoder_ddc_loss", options.decoder, F.l1_loss(output.alignments, output.second_alignments))
    if options.guided_attention > 0:
        # The last group of the longest clip may be cut, and the lengths of all are rounded as its is.
        steps = (mel_lengths + (frames - mel_lengths.max())) // frames_per_step
        add("ga_loss", options.guided_attention, _guide_loss(output.alignments, token_lengths, steps))
    for name, weight, predicted, target in (
        ("decoder_diff_spec_loss", options.decoder_difference, output.decoder_outputs, mels),
        ("postnet_diff_spec_loss", options.postnet_difference, output.outputs, targets),
    ):
        if weight > 0:
            add(name, weight, error(predicted.diff(dim=1), target.diff(dim=1), counted - 1))
    for name, weight, predicted, target in (
        ("decoder_ssim_loss", options.decoder_similarity, output.decoder_outputs, mels),
        ("postnet_ssim_loss", options.postnet_similarity, output.outputs, targets),
    ):
        if weight > 0:
            add(name, weight, similarity_loss(predicted, target, counted))
    beside: dict[str, Tensor] = {}
    if output.posterior is not None and output.beta is not None:
        numbers = counted.float().mean() * mels.shape[2]
        capacitron = capacitron_loss(
            output.posterior, output.beta, capacity=options.capacity, weight=options.prosody, numbers_per_clip=numbers
        )
        # Its weight is in it, as in 🐸TTS.
        add("capacitron_vae_loss", 1.0, capacitron.latent)
        beside = {
            "capacitron_vae_beta_loss": capacitron.beta,
            "capacitron_vae_kl_term": capacitron.divergence,
            "capacitron_beta": capacitron.multiplier,
        }
    total = output.decoder_outputs.new_zeros(())
    for name, value in terms.items():
        total = total + weights[name] * value
    return TacotronLosses(total, {**terms, **beside})


def alignment_error(alignments: Tensor) -> Tensor:
    """How undecided the attention is: one minus the mean over all symbols of the most that each was ever read.

    Args:
        alignments: ``[B, T, S]``.
    """
    return 1 - alignments.amax(dim=1).mean()


def _error(predicted: Tensor, target: Tensor, lengths: Tensor, kind: str, *, by_clip: bool) -> Tensor:
    """Mean error over the frames inside of ``lengths``, or over the clips' means."""
    mask = sequence_mask(lengths, target.shape[1]).unsqueeze(2).to(predicted.dtype)  # [B, T, 1]
    difference = (predicted - target) * mask
    error = difference.abs() if kind == "l1" else difference * difference
    channels = target.shape[2]
    if by_clip:
        return (error / mask.sum(dim=1, keepdim=True).clamp(min=1)).sum() / (target.shape[0] * channels)
    return error.sum() / (mask.sum() * channels).clamp(min=1)


def _stop_loss(stops: Tensor, mel_lengths: Tensor, frames_per_step: int, weight: float) -> Tensor:
    """Cross entropy of "this was the last step" for each step of each clip."""
    steps = -(-mel_lengths // frames_per_step)
    mask = sequence_mask(steps, stops.shape[1])
    last = torch.arange(stops.shape[1], device=stops.device) == (steps - 1).unsqueeze(1)
    positive = torch.full((), weight, device=stops.device)  # not a copy, which would wait for a GPU
    entropy = F.binary_cross_entropy_with_logits(stops, last.to(stops.dtype), pos_weight=positive, reduction="none")
    return (entropy * mask).sum() / mask.sum()


def _guide_loss(alignments: Tensor, token_lengths: Tensor, steps: Tensor) -> Tensor:
    """Mean of the attention off the diagonal (Tachibana et al. 2018, equation 2)."""
    _, decoder_steps, symbols = alignments.shape
    steps = steps.clamp(min=1)
    place = torch.arange(decoder_steps, device=alignments.device).view(1, -1, 1) / steps.view(-1, 1, 1)
    symbol = torch.arange(symbols, device=alignments.device).view(1, 1, -1) / token_lengths.view(-1, 1, 1)
    off = 1.0 - torch.exp(-((symbol - place) ** 2) / (2 * _GUIDE_WIDTH**2))
    mask = sequence_mask(steps, decoder_steps).unsqueeze(2) & sequence_mask(token_lengths, symbols).unsqueeze(1)
    return (off * alignments * mask).sum() / mask.sum()

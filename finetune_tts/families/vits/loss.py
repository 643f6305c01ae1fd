"""The objectives of VITS (Kim et al. 2021, section 2.4): of the generator, and of the discriminator that judges it.

All of them are computed in float32.

Dimensions: B batch, H channels of the latent, T_spec frames, E width of a speaker encoder's vectors.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from finetune_tts.families.vits.passes import VITSOutput
from finetune_tts.layers.judgement import Judgement


@dataclass(frozen=True)
class LossWeights:
    """How much each part counts."""

    adversarial: float = 1.0
    features: float = 1.0
    kl: float = 1.0
    mel: float = 45.0
    duration: float = 1.0
    speaker: float = 1.0
    discriminator: float = 1.0


@dataclass(frozen=True)
class GeneratorLosses:
    """Scalars, each with its weight; ``total`` is their sum."""

    total: Tensor
    kl: Tensor
    mel: Tensor
    duration: Tensor
    adversarial: Tensor | None
    """None without a judgement."""
    features: Tensor | None
    speaker: Tensor | None
    """None without speaker vectors."""


@dataclass(frozen=True)
class DiscriminatorLosses:
    """Scalars; ``real`` has one for each part of the discriminator, without weight."""

    total: Tensor
    real: list[Tensor]


def generator_loss(
    output: VITSOutput,
    mels: Tensor,
    generated_mels: Tensor,
    *,
    real: Judgement | None = None,
    generated: Judgement | None = None,
    speakers: tuple[Tensor, Tensor] | None = None,
    weights: LossWeights,
) -> GeneratorLosses:
    """Compute what the generator minimises.

    Args:
        output: of a training pass.
        mels: log-mel spectrograms of the recordings' slices.
        generated_mels: of the generated slices, of the same shape.
        real, generated: what the discriminator says of the slices; None before it has a say.
        speakers: vectors ``[B, E]`` that a speaker encoder gives the recordings' slices and the generated ones.
        weights: of the parts.
    """
    kl = kl_divergence(output) * weights.kl
    mel = F.l1_loss(mels.float(), generated_mels.float()) * weights.mel
    duration = output.duration_loss.float().sum() * weights.duration
    total = kl + mel + duration
    adversarial = features = speaker = None
    if real is not None and generated is not None:
        adversarial = adversarial_loss(generated) * weights.adversarial
        features = feature_matching(real, generated) * weights.features
        total = total + adversarial + features
    if speakers is not None:
        recorded, spoken = speakers
        speaker = -F.cosine_similarity(recorded.float(), spoken.float()).mean() * weights.speaker
        total = total + speaker
    return GeneratorLosses(total, kl, mel, duration, adversarial, features, speaker)


def discriminator_loss(real: Judgement, generated: Judgement, *, weight: float = 1.0) -> DiscriminatorLosses:
    """Compute what the discriminator minimises: recordings are to score 1, generated waveforms 0 (Mao et al. 2017)."""
    recorded = [(1 - score.float()).square().mean() for score in real.scores]
    spoken = [score.float().square().mean() for score in generated.scores]
    return DiscriminatorLosses((torch.stack(recorded).sum() + torch.stack(spoken).sum()) * weight, recorded)


def adversarial_loss(generated: Judgement) -> Tensor:
    """How far the scores of generated waveforms are from those of recordings."""
    return torch.stack([(1 - score.float()).square().mean() for score in generated.scores]).sum()


def feature_matching(real: Judgement, generated: Judgement) -> Tensor:
    """Mean distance of the discriminator's hidden layers, twice, as in HiFi-GAN; recordings are the fixed side."""
    pairs = [
        (recorded, spoken)
        for recorded_layers, spoken_layers in zip(real.features, generated.features, strict=True)
        for recorded, spoken in zip(recorded_layers, spoken_layers, strict=True)
    ]
    return 2 * torch.stack([F.l1_loss(spoken.float(), recorded.detach().float()) for recorded, spoken in pairs]).sum()


def kl_divergence(output: VITSOutput) -> Tensor:
    """Divergence of posterior and prior, estimated at the latent that was drawn; the mean over frames, summed over H.

    The flow keeps volume, so no determinant enters.
    """
    squared = (output.z_prior - output.mean).square() * torch.exp(-2 * output.log_scale)
    divergence = output.log_scale - output.posterior_log_scale - 0.5 + 0.5 * squared
    return (divergence * output.mask).sum() / output.mask.sum()

"""What a vocoder's generator and discriminator are trained for.

The generator is told in two ways how far it is from a recording: directly, by spectrograms of several resolutions
(Yamamoto, Song and Kim 2020) or by a mel spectrogram (Kong, Kim and Bae 2020), and by the discriminator, through its
scores (least squares, Mao et al. 2017; or the hinge, Lim and Ye 2017) and its hidden layers (Larsen et al. 2016).
All of it is computed in float32 at least.

Dimensions: B batch, N bands, T_wav samples, M mel bands, F frequencies.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from finetune_tts.layers.judgement import Judgement
from finetune_tts.layers.precision import at_least_float32
from finetune_tts.layers.stft import MagnitudeSTFT

#: Least magnitude under a logarithm. What the STFT gives is well above; only a filter without any frequency is below.
LOG_FLOOR = 1e-10


@dataclass(frozen=True)
class Resolution:
    """One short-time Fourier transform; all in samples."""

    fft_size: int
    hop_length: int
    win_length: int


class STFTLoss(nn.Module):
    """Distance of magnitude spectrograms, averaged over several resolutions.

    Args:
        resolutions: at least one.
    """

    def __init__(self, resolutions: Sequence[Resolution]) -> None:
        super().__init__()
        if not resolutions:
            raise ValueError("an STFT loss needs at least one resolution.")
        self.transforms = nn.ModuleList(
            MagnitudeSTFT(resolution.fft_size, resolution.hop_length, resolution.win_length)
            for resolution in resolutions
        )

    def forward(self, generated: Tensor, recorded: Tensor) -> tuple[Tensor, Tensor]:
        """Return the distance of the logarithms, and the spectral convergence; scalars.

        Args:
            generated, recorded: ``[B, N, T_wav]``; bands are compared one by one.
        """
        logarithmic, convergence = [], []
        for transform in self.transforms:
            ours = transform(generated.flatten(0, 1))  # [B * N, F, frames]
            theirs = transform(recorded.flatten(0, 1))
            logarithmic.append(F.l1_loss(torch.log(theirs), torch.log(ours)))
            convergence.append(torch.linalg.vector_norm(theirs - ours) / torch.linalg.vector_norm(theirs))
        return torch.stack(logarithmic).mean(), torch.stack(convergence).mean()


class SpectrogramLoss(nn.Module):
    """Mean absolute difference of logarithmic spectrograms.

    Args:
        resolution: of the spectrogram.
        mel_filters: ``[M, F]`` for a mel spectrogram; None for a linear one.
    """

    mel_filters: Tensor | None

    def __init__(self, resolution: Resolution, mel_filters: Tensor | None = None) -> None:
        super().__init__()
        self.transform = MagnitudeSTFT(resolution.fft_size, resolution.hop_length, resolution.win_length)
        self.register_buffer("mel_filters", mel_filters)

    def forward(self, generated: Tensor, recorded: Tensor) -> Tensor:
        """Return the difference of ``generated`` and ``recorded``, ``[B, 1, T_wav]`` each, as a scalar."""
        return F.l1_loss(self.logarithmic(generated), self.logarithmic(recorded))

    def logarithmic(self, waveform: Tensor) -> Tensor:
        """Return the logarithmic spectrogram ``[B, M or F, frames]`` of ``waveform [B, 1, T_wav]``."""
        magnitudes = self.transform(waveform.squeeze(1))
        if self.mel_filters is not None:
            with torch.autocast(magnitudes.device.type, enabled=False):
                magnitudes = self.mel_filters @ magnitudes
        return torch.log(torch.clamp(magnitudes, min=LOG_FLOOR))


def feature_matching(generated: Sequence[Sequence[Tensor]], recorded: Sequence[Sequence[Tensor]]) -> Tensor:
    """Return the mean absolute difference of a discriminator's hidden layers, averaged over layers.

    Args:
        generated: features of the generated waveform, by part and layer.
        recorded: those of the recording; no gradient goes through them.
    """
    pairs = [
        F.l1_loss(at_least_float32(ours), at_least_float32(theirs.detach()))
        for ours_of_part, theirs_of_part in zip(generated, recorded, strict=True)
        for ours, theirs in zip(ours_of_part, theirs_of_part, strict=True)
    ]
    return torch.stack(pairs).mean()


def mse_to_real(score: Tensor) -> Tensor:
    """Return the squared distance from the score of a recording, 1."""
    return F.mse_loss(score, torch.ones_like(score))


def mse_to_fake(score: Tensor) -> Tensor:
    """Return the squared distance from the score of a generated waveform, 0."""
    return F.mse_loss(score, torch.zeros_like(score))


def hinge_to_real(score: Tensor) -> Tensor:
    """Return how far the score stays below 1."""
    return F.relu(1.0 - score).mean()


def hinge_to_fake(score: Tensor) -> Tensor:
    """Return how far the score stays above -1."""
    return F.relu(1.0 + score).mean()


def negative_score(score: Tensor) -> Tensor:
    """Return the generator's part of the hinge objective: the score has no upper end."""
    return -score.mean()


#: kind of adversarial objective → what the generator wants; what the discriminator wants of recordings, of others.
ADVERSARIAL: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "mse": (mse_to_real, mse_to_real, mse_to_fake),
    "hinge": (negative_score, hinge_to_real, hinge_to_fake),
}


@dataclass(frozen=True)
class GeneratorLosses:
    """What a generator is told.

    Attributes:
        total: what is minimised.
        spectral: its part that compares with the recording.
        adversarial: its part that the discriminator gives.
        parts: each summand by name, before its weight; without a gradient.
    """

    total: Tensor
    spectral: Tensor
    adversarial: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class DiscriminatorLosses:
    """What a discriminator is told.

    Attributes:
        total: what is minimised.
        parts: each summand by name; without a gradient.
    """

    total: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)


class GeneratorLoss(nn.Module):
    """The weighted sum of what the config of a vocoder switches on; None switches a part off.

    Args:
        stft: distance from the recording at several resolutions.
        stft_weight: its weight.
        subband_stft: the same for sub-bands.
        subband_stft_weight: its weight.
        spectrogram: distance of one (mel) spectrogram.
        spectrogram_weight: its weight.
        adversarial: ``"mse"`` or ``"hinge"``.
        adversarial_weight: its weight.
        feature_match_weight: weight of the hidden layers' distance; None leaves it out.
    """

    def __init__(
        self,
        *,
        stft: STFTLoss | None = None,
        stft_weight: float = 0.0,
        subband_stft: STFTLoss | None = None,
        subband_stft_weight: float = 0.0,
        spectrogram: SpectrogramLoss | None = None,
        spectrogram_weight: float = 0.0,
        adversarial: str | None = None,
        adversarial_weight: float = 0.0,
        feature_match_weight: float | None = None,
    ) -> None:
        super().__init__()
        if adversarial is not None and adversarial not in ADVERSARIAL:
            raise ValueError(f"adversarial {adversarial!r} is not one of {', '.join(ADVERSARIAL)}.")
        self.stft = stft
        self.stft_weight = stft_weight
        self.subband_stft = subband_stft
        self.subband_stft_weight = subband_stft_weight
        self.spectrogram = spectrogram
        self.spectrogram_weight = spectrogram_weight
        self.adversarial = adversarial
        self.adversarial_weight = adversarial_weight
        self.feature_match_weight = feature_match_weight

    def forward(
        self,
        generated: Tensor,
        recorded: Tensor,
        *,
        judged_generated: Judgement | None = None,
        judged_recorded: Judgement | None = None,
        generated_bands: Tensor | None = None,
        recorded_bands: Tensor | None = None,
    ) -> GeneratorLosses:
        """Measure generated waveforms.

        Args:
            generated, recorded: ``[B, 1, T_wav]``.
            judged_generated: what the discriminator says of ``generated``; None while it does not take part.
            judged_recorded: what it says of ``recorded``; only its features are used.
            generated_bands, recorded_bands: ``[B, N, T_wav / N]``, where sub-bands are compared.
        """
        parts: dict[str, Tensor] = {}
        spectral = generated.new_zeros(())
        if self.stft is not None:
            logarithmic, convergence = self.stft(generated, recorded)
            parts |= {"G_stft_loss_mg": logarithmic, "G_stft_loss_sc": convergence}
            spectral = spectral + self.stft_weight * (logarithmic + convergence)
        if self.spectrogram is not None:
            parts["G_l1_spec_loss"] = self.spectrogram(generated, recorded)
            spectral = spectral + self.spectrogram_weight * parts["G_l1_spec_loss"]
        if self.subband_stft is not None:
            if generated_bands is None or recorded_bands is None:
                raise ValueError("a sub-band STFT loss needs the sub-bands of both waveforms.")
            logarithmic, convergence = self.subband_stft(generated_bands, recorded_bands)
            parts |= {"G_subband_stft_loss_mg": logarithmic, "G_subband_stft_loss_sc": convergence}
            spectral = spectral + self.subband_stft_weight * (logarithmic + convergence)
        adversarial = generated.new_zeros(())
        if self.adversarial is not None and judged_generated is not None:
            wanted = ADVERSARIAL[self.adversarial][0]
            name = f"G_{self.adversarial}_fake_loss"
            parts[name] = mean_over(wanted, judged_generated.scores)
            adversarial = adversarial + self.adversarial_weight * parts[name]
        if self.feature_match_weight is not None and has_features(judged_generated, judged_recorded):
            assert judged_generated is not None
            assert judged_recorded is not None
            parts["G_feat_match_loss"] = feature_matching(judged_generated.features, judged_recorded.features)
            adversarial = adversarial + self.feature_match_weight * parts["G_feat_match_loss"]
        detached = {name: part.detach() for name, part in parts.items()}
        return GeneratorLosses(spectral + adversarial, spectral, adversarial, detached)


class DiscriminatorLoss(nn.Module):
    """High scores for recordings, low ones for generated waveforms.

    Args:
        adversarial: ``"mse"`` or ``"hinge"``.
    """

    def __init__(self, adversarial: str = "mse") -> None:
        super().__init__()
        if adversarial not in ADVERSARIAL:
            raise ValueError(f"adversarial {adversarial!r} is not one of {', '.join(ADVERSARIAL)}.")
        self.adversarial = adversarial

    def forward(self, judged_recorded: Judgement, judged_generated: Judgement) -> DiscriminatorLosses:
        """Measure what a discriminator said of recordings, and of generated waveforms without their gradient."""
        _, of_recorded, of_generated = ADVERSARIAL[self.adversarial]
        real = mean_over(of_recorded, judged_recorded.scores)
        fake = mean_over(of_generated, judged_generated.scores)
        total = real + fake
        kind = f"D_{self.adversarial}_gan"
        parts = {f"{kind}_real_loss": real, f"{kind}_fake_loss": fake, f"{kind}_loss": total}
        return DiscriminatorLosses(total, {name: part.detach() for name, part in parts.items()})


def mean_over(objective: Callable[[Tensor], Tensor], scores: Sequence[Tensor]) -> Tensor:
    """Return the objective's mean over the parts of a discriminator."""
    return torch.stack([objective(at_least_float32(score)) for score in scores]).mean()


def has_features(*judgements: Judgement | None) -> bool:
    """Tell whether all judgements are there and show hidden layers."""
    return all(judgement is not None and judgement.features for judgement in judgements)

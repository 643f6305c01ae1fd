"""The objectives of a vocoder that is trained against a discriminator, as its config names them."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from finetune_tts.config.vocoder import GANVocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.layers.adversarial_losses import (
    DiscriminatorLoss,
    GeneratorLoss,
    Resolution,
    SpectrogramLoss,
    STFTLoss,
)

Params = Mapping[str, Any]


def build_generator_loss(config: GANVocoderConfig, mel_filters: Tensor | None = None) -> GeneratorLoss:
    """Build the objective of the generator.

    Args:
        config: of the vocoder.
        mel_filters: ``[n_mels, n_fft // 2 + 1]``, needed where :func:`needs_mel_filters` says so.
    """
    spectrum = config.l1_spec_loss_params
    return GeneratorLoss(
        stft=STFTLoss(resolutions(config.stft_loss_params)) if config.use_stft_loss else None,
        stft_weight=config.stft_loss_weight,
        subband_stft=STFTLoss(resolutions(config.subband_stft_loss_params)) if config.use_subband_stft_loss else None,
        subband_stft_weight=config.subband_stft_loss_weight,
        spectrogram=SpectrogramLoss(
            Resolution(spectrum["n_fft"], spectrum["hop_length"], spectrum["win_length"]), mel_filters
        )
        if config.use_l1_spec_loss
        else None,
        spectrogram_weight=config.l1_spec_loss_weight,
        adversarial=adversarial_kind(config),
        adversarial_weight=config.mse_G_loss_weight if config.use_mse_gan_loss else config.hinge_G_loss_weight,
        feature_match_weight=config.feat_match_loss_weight if config.use_feat_match_loss else None,
    )


def build_discriminator_loss(config: GANVocoderConfig) -> DiscriminatorLoss:
    """Build the objective of the discriminator.

    Raises:
        UserError: the config switches every adversarial loss off.
    """
    kind = adversarial_kind(config)
    if kind is None:
        raise UserError("use_mse_gan_loss and use_hinge_gan_loss are both false: a discriminator needs one of them.")
    return DiscriminatorLoss(kind)


def needs_mel_filters(config: GANVocoderConfig) -> bool:
    """Tell whether the generator's objective compares mel spectrograms."""
    return config.use_l1_spec_loss and bool(config.l1_spec_loss_params.get("use_mel", True))


def adversarial_kind(config: GANVocoderConfig) -> str | None:
    """Return ``"mse"``, ``"hinge"`` or None, as the config switches them."""
    return "mse" if config.use_mse_gan_loss else "hinge" if config.use_hinge_gan_loss else None


def resolutions(params: Params) -> list[Resolution]:
    """Return the resolutions of an STFT loss as a config names them."""
    return [
        Resolution(*sizes) for sizes in zip(params["n_ffts"], params["hop_lengths"], params["win_lengths"], strict=True)
    ]

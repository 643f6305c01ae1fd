"""From the config of a vocoder to its networks and losses: the builders, and their registries, written by hand."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from finetune_tts.config.values import shown
from finetune_tts.config.vocoder import GANVocoderConfig, VocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.families.melgan.discriminator import MelganMultiscaleDiscriminator
from finetune_tts.families.melgan.network import MelganGenerator, MultibandMelganGenerator
from finetune_tts.families.parallel_wavegan.discriminator import (
    ParallelWaveganDiscriminator,
    ResidualParallelWaveganDiscriminator,
)
from finetune_tts.families.parallel_wavegan.network import ParallelWaveganGenerator
from finetune_tts.families.univnet.discriminator import UnivnetDiscriminator
from finetune_tts.families.univnet.network import UnivnetGenerator
from finetune_tts.families.wavegrad.config import WavegradConfig
from finetune_tts.families.wavegrad.network import NoiseSchedule, Wavegrad
from finetune_tts.families.wavernn.config import WavernnConfig
from finetune_tts.families.wavernn.network import Wavernn
from finetune_tts.layers.adversarial_losses import (
    DiscriminatorLoss,
    GeneratorLoss,
    Resolution,
    SpectrogramLoss,
    STFTLoss,
)
from finetune_tts.layers.waveform_discriminators import WaveformDiscriminator
from finetune_tts.layers.waveform_generator import WaveformGenerator

logger = logging.getLogger(__name__)

Params = Mapping[str, Any]

#: Parameters of MelGAN's generators that count; releases name others too, and their networks have the defaults.
MELGAN_PARAMS = ("upsample_factors", "num_res_blocks")
WAVEGAN_PARAMS = ("upsample_factors", "num_res_blocks", "stacks")


def build_hifigan(config: GANVocoderConfig) -> WaveformGenerator:
    """Build the generator of HiFi-GAN."""
    params = {"in_channels": config.audio.num_mels, **config.generator_model_params}
    if "resblock_type" in params:
        params["resblock_type"] = str(params["resblock_type"])  # a number in some hand-written configs
    return WaveformGenerator(**params)


def build_melgan(config: GANVocoderConfig) -> MelganGenerator:
    """Build the generator of MelGAN or full-band MelGAN."""
    return MelganGenerator(in_channels=config.audio.num_mels, **counting(config.generator_model_params, MELGAN_PARAMS))


def build_multiband_melgan(config: GANVocoderConfig) -> MultibandMelganGenerator:
    """Build the generator of multi-band MelGAN."""
    params = counting(config.generator_model_params, MELGAN_PARAMS)
    return MultibandMelganGenerator(in_channels=config.audio.num_mels, **params)


def build_parallel_wavegan(config: GANVocoderConfig) -> ParallelWaveganGenerator:
    """Build the generator of Parallel WaveGAN."""
    params = counting(config.generator_model_params, WAVEGAN_PARAMS)
    return ParallelWaveganGenerator(aux_channels=config.audio.num_mels, **params)


def build_univnet(config: GANVocoderConfig) -> UnivnetGenerator:
    """Build the generator of UnivNet."""
    return UnivnetGenerator(**{"cond_channels": config.audio.num_mels, **config.generator_model_params})


def build_wavegrad(config: WavegradConfig) -> Wavegrad:
    """Build WaveGrad, which speaks along ``test_noise_schedule``."""
    args = config.model_params
    return Wavegrad(
        in_channels=args.in_channels,
        out_channels=args.out_channels,
        use_weight_norm=args.use_weight_norm,
        y_conv_channels=args.y_conv_channels,
        x_conv_channels=args.x_conv_channels,
        dblock_out_channels=args.dblock_out_channels,
        ublock_out_channels=args.ublock_out_channels,
        upsample_factors=args.upsample_factors,
        upsample_dilations=args.upsample_dilations,
        schedule=build_noise_schedule(config.test_noise_schedule),
    )


def build_wavernn(config: WavernnConfig) -> Wavernn:
    """Build WaveRNN."""
    args = config.model_args
    return Wavernn(
        feat_dims=args.feat_dims,
        rnn_dims=args.rnn_dims,
        fc_dims=args.fc_dims,
        compute_dims=args.compute_dims,
        res_out_dims=args.res_out_dims,
        num_res_blocks=args.num_res_blocks,
        use_aux_net=args.use_aux_net,
        use_upsample_net=args.use_upsample_net,
        upsample_factors=args.upsample_factors,
        mode=int(args.mode) if str(args.mode).isdigit() else args.mode,
        mulaw=args.mulaw,
        pad=args.pad,
        batched=config.batched,
        target_samples=config.target_samples,
        overlap_samples=config.overlap_samples,
    )


def build_noise_schedule(fields: Params) -> NoiseSchedule:
    """Build the schedule that ``train_noise_schedule`` or ``test_noise_schedule`` describes."""
    return NoiseSchedule.linear(fields["min_val"], fields["max_val"], fields["num_steps"])


GENERATORS: dict[str, Callable[[Any], nn.Module]] = {
    "hifigan_generator": build_hifigan,
    "melgan_generator": build_melgan,
    "fullband_melgan_generator": build_melgan,
    "multiband_melgan_generator": build_multiband_melgan,
    "parallel_wavegan_generator": build_parallel_wavegan,
    "univnet_generator": build_univnet,
    "wavegrad": build_wavegrad,
    "wavernn": build_wavernn,
}
#: discriminator_model → its class, and the parameters of a config that count; the others have their defaults.
DISCRIMINATORS: dict[str, tuple[Callable[..., nn.Module], tuple[str, ...]]] = {
    "hifigan_discriminator": (WaveformDiscriminator, ()),
    "melgan_multiscale_discriminator": (
        MelganMultiscaleDiscriminator,
        ("base_channels", "max_channels", "downsample_factors"),
    ),
    "parallel_wavegan_discriminator": (ParallelWaveganDiscriminator, ("num_layers",)),
    "residual_parallel_wavegan_discriminator": (ResidualParallelWaveganDiscriminator, ("num_layers", "stacks")),
    "univnet_discriminator": (UnivnetDiscriminator, ()),
}


def build_generator(config: VocoderConfig) -> nn.Module:
    """Build the network that makes waveforms, of any vocoder.

    Returns:
        A network with ``inference(mel [B, M, T]) -> [B, 1, T_wav]`` and ``prepare_for_inference()``.

    Raises:
        UserError: there is no builder for this network, or its parameters contradict each other.
    """
    name = str(getattr(config, "generator_model", None) or config.model).lower()
    if name not in GENERATORS:
        raise UserError(
            f"generator_model = {shown(name)}: there is no such network; known are {', '.join(GENERATORS)}."
        )
    return built(name, lambda: GENERATORS[name](config))


def build_discriminator(config: GANVocoderConfig) -> nn.Module:
    """Build the network that judges waveforms ``[B, 1, T_wav]`` and gives a ``Judgement``.

    Raises:
        UserError: there is no such network, or its parameters contradict each other.
    """
    name = config.discriminator_model.lower()
    if name not in DISCRIMINATORS:
        known = ", ".join(DISCRIMINATORS)
        raise UserError(f"discriminator_model = {shown(name)}: there is no such network; known are {known}.")
    network, counts = DISCRIMINATORS[name]
    return built(name, lambda: network(**counting(config.discriminator_model_params, counts)))


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


def counting(params: Params, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the parameters that count; others, which coqui-tts takes no notice of either, are logged."""
    ignored = [name for name in params if name not in names]
    if ignored:
        logger.info("not used, as in the released networks: %s", ", ".join(ignored))
    return {name: params[name] for name in names if name in params}


def built(name: str, make: Callable[[], nn.Module]) -> nn.Module:
    """Return what ``make`` makes; a contradiction between parameters becomes a message for the person."""
    try:
        return make()
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise UserError(f"The config describes no {name} that can be built: {error}") from error

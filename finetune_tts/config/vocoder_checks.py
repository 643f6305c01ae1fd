"""Values of a vocoder's config that have the right type and make no sense; all named at once."""

import math
from collections.abc import Iterator
from typing import Any

from finetune_tts.config.checks import (
    ABOVE_ZERO,
    FROM_ONE,
    FROM_ZERO,
    SPEECH_RANGES,
    audio_faults,
    is_number,
    is_whole,
    not_among,
    out_of_range,
    require_no_faults,
)
from finetune_tts.config.checks import CHOICES as TRAINING_CHOICES
from finetune_tts.config.optimizer_checks import optimizers
from finetune_tts.config.optimizers import SCHEDULERS
from finetune_tts.config.values import shown
from finetune_tts.config.vocoder import GANVocoderConfig, VocoderConfig
from finetune_tts.families.wavegrad.config import WavegradConfig
from finetune_tts.families.wavernn.config import WavernnConfig

VOCODER_RANGES = {"seq_len": FROM_ONE, "pad_short": FROM_ZERO, "conv_pad": FROM_ZERO, "wd": FROM_ZERO}
GAN_RANGES = {
    "lr_gen": ABOVE_ZERO,
    "lr_disc": ABOVE_ZERO,
    "steps_to_start_discriminator": FROM_ZERO,
    "stft_loss_weight": FROM_ZERO,
    "subband_stft_loss_weight": FROM_ZERO,
    "mse_G_loss_weight": FROM_ZERO,
    "hinge_G_loss_weight": FROM_ZERO,
    "feat_match_loss_weight": FROM_ZERO,
    "l1_spec_loss_weight": FROM_ZERO,
}
WAVERNN_RANGES = {"target_samples": FROM_ONE, "overlap_samples": FROM_ZERO, "num_epochs_before_test": FROM_ONE}
WAVERNN_ARG_RANGES = {
    "rnn_dims": FROM_ONE,
    "fc_dims": FROM_ONE,
    "compute_dims": FROM_ONE,
    "res_out_dims": FROM_ONE,
    "num_res_blocks": FROM_ONE,
    "upsample_factors": FROM_ONE,
    "pad": FROM_ONE,
    "feat_dims": FROM_ONE,
}
WAVEGRAD_ARG_RANGES = {
    "in_channels": FROM_ONE,
    "out_channels": FROM_ONE,
    "y_conv_channels": FROM_ONE,
    "x_conv_channels": FROM_ONE,
    "dblock_out_channels": FROM_ONE,
    "ublock_out_channels": FROM_ONE,
    "upsample_factors": FROM_ONE,
}
MODES = ("mold", "gauss")


def check_vocoder_config(config: VocoderConfig) -> list[str]:
    """Return what is out of range or contradicts itself, one line each; nothing where all is well."""
    shared = {name: allowed for name, allowed in SPEECH_RANGES.items() if hasattr(config, name)}
    faults = [
        *out_of_range(config, {**shared, **VOCODER_RANGES}),
        *not_among(config, TRAINING_CHOICES),
        *optimizers(config),
        *audio_faults(config.audio),
        *hop_faults(config),
    ]
    if isinstance(config, GANVocoderConfig):
        faults += gan_faults(config)
    if isinstance(config, WavegradConfig):
        faults += wavegrad_faults(config)
    if isinstance(config, WavernnConfig):
        faults += wavernn_faults(config)
    return faults


def require_valid_vocoder(config: VocoderConfig, where: str = "config") -> None:
    """Refuse a config with values that make no sense.

    Args:
        config: what to check.
        where: what the config is called in the message, for example the file's name.

    Raises:
        UserError: one message that names all of them.
    """
    require_no_faults(check_vocoder_config(config), where)


def upsample_factors(config: VocoderConfig) -> tuple[str, Any]:
    """Return the name of the field that holds the factors from frames to samples, and its value."""
    if isinstance(config, WavegradConfig):
        return "model_params.upsample_factors", config.model_params.upsample_factors
    if isinstance(config, WavernnConfig):
        return "model_args.upsample_factors", config.model_args.upsample_factors
    assert isinstance(config, GANVocoderConfig)
    return "generator_model_params.upsample_factors", config.generator_model_params.get("upsample_factors")


def hop_faults(config: VocoderConfig) -> Iterator[str]:
    """Yield factors from frames to samples that do not make the hop length."""
    name, factors = upsample_factors(config)
    if not isinstance(factors, list) or not all(is_whole(factor) and factor >= 1 for factor in factors):
        yield f"{name} = {shown(factors)}: must be a list of whole numbers, each at least 1"
        return
    bands = 4 if getattr(config, "use_pqmf", False) else 1
    product = math.prod(factors) * bands
    if config.audio.hop_length is not None and product != config.audio.hop_length:
        times = " times 4 sub-bands" if bands > 1 else ""
        hop_length = config.audio.hop_length
        yield f"{name} = {shown(factors)}: their product{times} is {product}, not audio.hop_length = {hop_length}"


def gan_faults(config: GANVocoderConfig) -> Iterator[str]:
    """Yield what generator, discriminator and their losses cannot be made of."""
    yield from out_of_range(config, GAN_RANGES)
    for field in ("lr_scheduler_gen", "lr_scheduler_disc"):
        name = getattr(config, field)
        if name is not None and name.lower() not in {known.lower() for known in SCHEDULERS}:
            yield f"{field} = {shown(name)}: must be one of {', '.join(SCHEDULERS)}"
    if config.use_mse_gan_loss and config.use_hinge_gan_loss:
        yield "use_mse_gan_loss and use_hinge_gan_loss are both true: a run has one of them"
    if config.use_subband_stft_loss and not config.use_pqmf:
        yield "use_subband_stft_loss is true but use_pqmf is false: there are no sub-bands"
    if config.use_stft_loss:
        yield from resolution_faults("stft_loss_params", config.stft_loss_params)
    if config.use_subband_stft_loss:
        yield from resolution_faults("subband_stft_loss_params", config.subband_stft_loss_params)
    if config.use_l1_spec_loss:
        yield from spectrogram_faults(config)


def resolution_faults(name: str, params: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the resolutions of an STFT loss."""
    lists = [params.get(part) for part in ("n_ffts", "hop_lengths", "win_lengths")]
    if not all(
        isinstance(part, list) and part and all(is_whole(item) and item >= 1 for item in part) for part in lists
    ):
        yield f"{name} = {shown(params)}: must hold n_ffts, hop_lengths and win_lengths, lists of whole numbers"
        return
    sizes, hops, windows = (part for part in lists if isinstance(part, list))
    if not len(sizes) == len(hops) == len(windows):
        yield f"{name} = {shown(params)}: n_ffts, hop_lengths and win_lengths must be of the same length"
    for size, window in zip(sizes, windows, strict=False):
        if window > size:
            yield f"{name}.win_lengths: {window} is longer than its n_ffts, {size}"


def spectrogram_faults(config: GANVocoderConfig) -> Iterator[str]:
    """Yield what is wrong with the spectrogram of ``use_l1_spec_loss``."""
    params = config.l1_spec_loss_params
    for name in ("sample_rate", "n_fft", "hop_length", "win_length"):
        if not is_whole(params.get(name)) or params[name] < 1:
            yield f"l1_spec_loss_params.{name} = {shown(params.get(name))}: must be a whole number, at least 1"
            return
    if params["sample_rate"] != config.audio.sample_rate:
        yield (
            f"l1_spec_loss_params.sample_rate = {params['sample_rate']}: "
            f"must be audio.sample_rate = {config.audio.sample_rate}"
        )
    if params["win_length"] > params["n_fft"]:
        yield f"l1_spec_loss_params.win_length = {params['win_length']}: must be at most n_fft = {params['n_fft']}"
    if params.get("use_mel", True) and not (is_whole(params.get("n_mels", 80)) and params.get("n_mels", 80) >= 1):
        yield f"l1_spec_loss_params.n_mels = {shown(params['n_mels'])}: must be a whole number, at least 1"


def wavegrad_faults(config: WavegradConfig) -> Iterator[str]:
    """Yield what a WaveGrad cannot be made of."""
    args = config.model_params
    yield from out_of_range(args, WAVEGRAD_ARG_RANGES, "model_params.")
    blocks = len(args.upsample_factors)
    for name, wanted in (
        ("ublock_out_channels", blocks),
        ("upsample_dilations", blocks),
        ("dblock_out_channels", blocks - 1),
    ):
        if len(getattr(args, name)) != wanted:
            yield f"model_params.{name}: must have {wanted} items, as upsample_factors has {blocks}"
    for field in ("train_noise_schedule", "test_noise_schedule"):
        schedule = getattr(config, field)
        low, high, steps = (schedule.get(name) for name in ("min_val", "max_val", "num_steps"))
        if not (is_number(low) and is_number(high) and 0 < low <= high < 1):
            yield f"{field}: min_val = {shown(low)} and max_val = {shown(high)} must lie between 0 and 1, in this order"
        if not is_whole(steps) or steps < 1:
            yield f"{field}.num_steps = {shown(steps)}: must be a whole number, at least 1"


def wavernn_faults(config: WavernnConfig) -> Iterator[str]:
    """Yield what a WaveRNN cannot be made of."""
    yield from out_of_range(config, WAVERNN_RANGES)
    yield from out_of_range(config.model_args, WAVERNN_ARG_RANGES, "model_args.")
    mode = config.model_args.mode
    if mode not in MODES and not (is_whole(mode) and 2 <= int(mode) <= 16):
        yield f"model_args.mode = {shown(mode)}: must be one of {', '.join(MODES)}, or a number of bits from 2 to 16"

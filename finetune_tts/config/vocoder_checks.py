"""Values of a vocoder's config that have the right type and make no sense; all named at once."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from finetune_tts.config.adaptation import adaptation_faults
from finetune_tts.config.checks import (
    AUDIO_RANGES,
    SPEECH_RANGES,
    path_faults,
    reading_faults,
)
from finetune_tts.config.checks import CHOICES as TRAINING_CHOICES
from finetune_tts.config.optimizer_checks import optimizers
from finetune_tts.config.optimizers import SCHEDULERS
from finetune_tts.config.ranges import (
    ABOVE_ZERO,
    CHANNELS,
    COUNT,
    FROM_ZERO,
    KERNEL,
    SHARE,
    STRETCH,
    Range,
    is_number,
    is_whole,
    leaves,
    not_among,
    out_of_range,
)
from finetune_tts.config.values import shown
from finetune_tts.config.vocoder import GANVocoderConfig, VocoderConfig

VOCODER_RANGES = {
    "seq_len": STRETCH,
    "pad_short": Range(0, STRETCH.high),
    "conv_pad": Range(0, 1024),
    "wd": FROM_ZERO,
}
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
#: arguments that generators and discriminators of several architectures take; a network refuses those it does not know.
ARGUMENT_RANGES = {
    **dict.fromkeys(("in_channels", "out_channels", "hidden_channels", "base_channels", "max_channels"), CHANNELS),
    **dict.fromkeys(("cond_channels", "aux_channels", "upsample_initial_channel"), CHANNELS),
    **dict.fromkeys(("num_res_blocks", "stacks", "num_layers"), COUNT),
    **dict.fromkeys(("upsample_factors", "upsample_kernel_sizes", "downsample_factors", "periods"), KERNEL),
    **dict.fromkeys(("resblock_kernel_sizes", "resblock_dilation_sizes"), KERNEL),
    "dropout": SHARE,
}
FOURIER = Range(1, AUDIO_RANGES["fft_size"].high)
BANDS = AUDIO_RANGES["num_mels"]


def vocoder_faults(config: VocoderConfig) -> Iterator[str]:
    """Yield what keeps any vocoder from being trained, whatever its network and its spectrograms."""
    shared = {name: allowed for name, allowed in SPEECH_RANGES.items() if hasattr(config, name)}
    yield from out_of_range(config, {**shared, **VOCODER_RANGES})
    yield from not_among(config, TRAINING_CHOICES)
    yield from optimizers(config)
    yield from adaptation_faults(config)
    yield from path_faults(config)
    yield from reading_faults(config.audio)


def hop_faults(config: VocoderConfig, name: str, factors: Any) -> Iterator[str]:
    """Yield factors from frames to samples that do not make the hop length.

    Args:
        config: of the vocoder.
        name: of the field that holds the factors.
        factors: what stands there.
    """
    if not isinstance(factors, list) or not all(is_whole(factor) and KERNEL.holds(factor) for factor in factors):
        yield f"{name} = {shown(factors)}: must be a list of whole numbers, each {KERNEL}"
        return
    bands = 4 if getattr(config, "use_pqmf", False) else 1
    product = math.prod(factors) * bands
    if config.audio.hop_length is not None and product != config.audio.hop_length:
        times = " times 4 sub-bands" if bands > 1 else ""
        hop_length = config.audio.hop_length
        yield f"{name} = {shown(factors)}: their product{times} is {product}, not audio.hop_length = {hop_length}"


def argument_faults(name: str, params: Mapping[str, Any], ranges: Mapping[str, Range]) -> Iterator[str]:
    """Yield the numbers among the arguments of a network that none can have.

    Args:
        name: of the field that holds the arguments.
        params: argument → value, or a list of values.
        ranges: argument → its range; whole numbers, but for a share.
    """
    for argument, allowed in ranges.items():
        for path, number in leaves(params[argument], argument) if argument in params else ():
            if allowed is SHARE and not (is_number(number) and allowed.holds(number)):
                yield f"{name}.{path} = {shown(number)}: must be {allowed}"
            elif allowed is not SHARE and not (is_whole(number) and allowed.holds(number)):
                yield f"{name}.{path} = {shown(number)}: must be a whole number, {allowed}"


def adversarial_faults(config: GANVocoderConfig) -> Iterator[str]:
    """Yield what a generator cannot be made of."""
    yield from hop_faults(
        config, "generator_model_params.upsample_factors", config.generator_model_params.get("upsample_factors")
    )
    yield from argument_faults("generator_model_params", config.generator_model_params, ARGUMENT_RANGES)


def adversarial_run_faults(config: GANVocoderConfig) -> Iterator[str]:
    """Yield what a discriminator cannot be made of, and what it and its generator cannot be trained with."""
    yield from argument_faults("discriminator_model_params", config.discriminator_model_params, ARGUMENT_RANGES)
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
        isinstance(part, list) and part and all(is_whole(item) and FOURIER.holds(item) for item in part)
        for part in lists
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
        allowed = FOURIER if name != "sample_rate" else Range(1, 192_000)
        if not (is_whole(params.get(name)) and allowed.holds(params[name])):
            yield f"l1_spec_loss_params.{name} = {shown(params.get(name))}: must be a whole number, {allowed}"
            return
    if params["sample_rate"] != config.audio.sample_rate:
        yield (
            f"l1_spec_loss_params.sample_rate = {params['sample_rate']}: "
            f"must be audio.sample_rate = {config.audio.sample_rate}"
        )
    if params["win_length"] > params["n_fft"]:
        yield f"l1_spec_loss_params.win_length = {params['win_length']}: must be at most n_fft = {params['n_fft']}"
    bands = params.get("n_mels", 80)
    if params.get("use_mel", True) and not (is_whole(bands) and BANDS.holds(bands)):
        yield f"l1_spec_loss_params.n_mels = {shown(bands)}: must be a whole number, {BANDS}"

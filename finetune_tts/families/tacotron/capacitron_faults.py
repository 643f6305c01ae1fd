"""What is wrong with the Capacitron part of a config."""

from collections.abc import Iterator
from typing import Any

from finetune_tts.config.optimizer_checks import named_among, optimizer_arguments
from finetune_tts.config.optimizers import OPTIMIZERS
from finetune_tts.config.ranges import ABOVE_ZERO, CHANNELS, FROM_ZERO, is_number, out_of_range
from finetune_tts.config.values import shown, shown_name
from finetune_tts.families.tacotron.capacitron_config import CAPACITRON_OPTIMIZER
from finetune_tts.families.tacotron.config import TacotronConfig

CAPACITRON_RANGES = {
    "capacitron_VAE_embedding_dim": CHANNELS,
    "capacitron_text_summary_embedding_dim": CHANNELS,
}
CAPACITRON_RUN_RANGES = {
    "capacitron_capacity": ABOVE_ZERO,
    "capacitron_VAE_loss_alpha": FROM_ZERO,
    "capacitron_grad_clip": FROM_ZERO,
}
EXAMPLE = '{"RAdam": {"betas": [0.9, 0.998], "weight_decay": 1e-6}, "SGD": {"lr": 1e-5, "momentum": 0.9}}'


def capacitron_faults(config: TacotronConfig) -> Iterator[str]:
    """Yield what a network with Capacitron cannot be built with."""
    if not config.use_capacitron_vae:
        return
    if config.capacitron_vae is None:
        yield "capacitron_vae = null: must be an object of fields, as use_capacitron_vae is true; {} has the defaults"
    else:
        yield from out_of_range(config.capacitron_vae, CAPACITRON_RANGES, "capacitron_vae.")
        speakers = config.use_speaker_embedding or config.use_d_vector_file
        if config.capacitron_vae.capacitron_use_speaker_embedding and not speakers:
            yield "capacitron_vae.capacitron_use_speaker_embedding is true, but the model has no speakers"


def capacitron_run_faults(config: TacotronConfig) -> Iterator[str]:
    """Yield what a network with Capacitron cannot be trained with."""
    if not config.use_capacitron_vae:
        return
    if config.capacitron_vae is not None:
        yield from out_of_range(config.capacitron_vae, CAPACITRON_RUN_RANGES, "capacitron_vae.")
    if config.optimizer != CAPACITRON_OPTIMIZER:
        yield f"optimizer = {shown(config.optimizer)}: must be {CAPACITRON_OPTIMIZER}, as use_capacitron_vae is true"
    yield from double_optimizer(config.optimizer_params)


def double_optimizer(params: Any) -> Iterator[str]:
    """Yield what is wrong with the arguments of the two optimizers, the network's and that of beta."""
    if not isinstance(params, dict) or len(params) != 2 or not all(isinstance(of, dict) for of in params.values()):
        yield f"optimizer_params = {shown(params)}: must name two optimizers, as {EXAMPLE}"
        return
    for name, arguments in params.items():
        yield from named_among("optimizer_params", name, OPTIMIZERS)
        yield from optimizer_arguments(arguments, f"optimizer_params.{shown_name(name)}.")
    name, arguments = list(params.items())[1]
    rate = arguments.get("lr")
    if not is_number(rate) or not ABOVE_ZERO.holds(rate):
        yield f"optimizer_params.{shown_name(name)}.lr = {shown(rate)}: must be {ABOVE_ZERO}, the rate of beta"

"""From a config to a network and to the task that trains it, whichever family they are of."""

from collections.abc import Callable, Container
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from finetune_tts.checkpoints.reading import Checkpoint, read_checkpoint
from finetune_tts.checkpoints.report import Fate, RestoreReport
from finetune_tts.config.adaptation import patterns_of
from finetune_tts.config.base import Config
from finetune_tts.config.network_size import built_if_held
from finetune_tts.config.values import shown
from finetune_tts.config.vocoder import GANVocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.families.adapters import adapt, plain
from finetune_tts.families.family import Family, Fitted, Sizes
from finetune_tts.families.registry import ENTRIES, architecture_name, family_of, is_vocoder
from finetune_tts.layers.gan import GANVocoder
from finetune_tts.layers.parameter_count import build_within, count_parameters
from finetune_tts.tasks.freezing import freeze
from finetune_tts.tasks.patterns import is_named
from finetune_tts.tasks.task import TTSTask


def build_model(
    config: Config, num_symbols: int = 0, num_speakers: int = 0, num_languages: int = 0, *, for_training: bool = True
) -> nn.Module:
    """Build the network of ``config.model``.

    Args:
        config: of any architecture.
        num_symbols: size of the vocabulary, for a network that reads text.
        num_speakers: rows of the speaker embedding, for a config that uses one.
        num_languages: rows of the language embedding, likewise.
        for_training: false leaves out what only training needs.

    Raises:
        UserError: there is no such architecture, the config contradicts itself, or its network would be too large.
    """
    build = family_of(config.model).implementation.build
    if build is None:
        return _build_gan_vocoder(config, for_training=for_training)
    sizes = Sizes(num_symbols, num_speakers, num_languages)
    return built(config, config.model, lambda other: build(other, sizes, for_training=for_training))


def _build_gan_vocoder(config: Any, *, for_training: bool) -> nn.Module:
    generator = build_generator(config)
    if not for_training:
        return generator
    if config.use_pqmf != hasattr(generator, "pqmf_synthesis"):
        gives = "gives no" if config.use_pqmf else "gives"
        raise UserError(f"use_pqmf = {shown(config.use_pqmf)}: the generator of {config.model} {gives} sub-bands.")
    return GANVocoder(generator=generator, discriminator=build_discriminator(config))


def build_generator(config: GANVocoderConfig) -> nn.Module:
    """Build the network that ``generator_model`` names.

    Raises:
        UserError: there is no such network, its parameters contradict each other, or it would be too large.
    """
    name = (config.generator_model or config.model).lower()
    architecture = architecture_name(name.removesuffix("_generator"))
    generator = family_of(architecture).implementation.generator if is_vocoder(architecture) else None
    if generator is None:
        raise UserError(f"generator_model = {shown(name)}: there is no such network; known are {_known()}.")
    return built(config, name, generator)


def build_discriminator(config: GANVocoderConfig) -> nn.Module:
    """Build the network that judges waveforms ``[B, 1, T_wav]`` and gives a ``Judgement``.

    Raises:
        UserError: there is no such network, its parameters contradict each other, or it would be too large.
    """
    name = config.discriminator_model.lower()
    owners = {known: entry for entry in ENTRIES.values() for known in entry.discriminators}
    if name not in owners:
        known = ", ".join(owners)
        raise UserError(f"discriminator_model = {shown(name)}: there is no such network; known are {known}.")
    discriminator = owners[name].load().implementation.discriminators[name]
    return built(config, name, lambda changed_config: discriminator(changed_config.discriminator_model_params))


def _known() -> str:
    able = [name for name, entry in ENTRIES.items() if entry.is_vocoder and entry.load().implementation.generator]
    return ", ".join(f"{name}_generator" for name in able)


def built(config: Any, name: str, make: Callable[[Any], nn.Module]) -> nn.Module:
    """Return what ``make`` makes of a config that describes a network which can be built and held."""
    return built_if_held(config, name, make, build_within, count_parameters)


def make_task(network: nn.Module, config: Any, speak: Any | None = None) -> TTSTask:
    """Make the task that trains a network.

    Args:
        network: on its device.
        config: of the run.
        speak: synthesises test sentences, or generates recordings again.

    Raises:
        UserError: the config does not fit the task, or freezes what there is not.
    """
    family = family_of(config.model)
    if config.lora_rank and family.adapters is not None:
        places = family.adapters
        adapt(network, config, usual=places.layers, never=places.never, whole=_learns_whole(family, config))
    task = family.implementation.task(network, config, speak)
    freeze(network, patterns_of(config.freeze))
    return task


def require_base(config: Any, report: RestoreReport | None) -> None:
    """Refuse adapters beside weights that were not learned.

    Args:
        config: of a run that begins.
        report: of what was restored; None from scratch.

    Raises:
        UserError: a part of the network that only adapters are to change begins fresh.
    """
    family = family_of(config.model)
    if not config.lora_rank or family.adapters is None:
        return
    flag = f"--coqpit.lora_rank {config.lora_rank}: adapters stand beside weights that were learned before"
    if report is None:
        raise UserError(f"{flag}. Name a model to start from: --model_name or --restore_path.")
    whole = _learns_whole(family, config)
    fresh = [
        tensor.module
        for tensor in report.of(Fate.FRESH)
        if not tensor.name.endswith("num_batches_tracked") and not any(is_named(tensor.name, name) for name in whole)
    ]
    if fresh:
        names = ", ".join(dict.fromkeys(fresh))
        raise UserError(f"{flag}, but {report.source} has not all of {names}. Train the weights: leave lora_rank out.")


def _learns_whole(family: Family, config: Any) -> list[str]:
    """Patterns of the weights that learn as they are, beside adapters: what may be new, and what judges."""
    rows, places = family.rows, family.adapters
    own = places.whole if places is not None else ()
    tables = [rows.symbols, rows.speakers, rows.languages, *rows.heads] if rows is not None else []
    return [name for name in (*family.renewed(config), family.discriminator, *own, *tables) if name]


def read_weights(path: str | Path, config: Config) -> Checkpoint:
    """Read a checkpoint of the architecture that a config names, its tensors under 🐸TTS's names.

    Args:
        path: a checkpoint, or a folder that holds one.
        config: of the model.

    Raises:
        UserError: as for :func:`finetune_tts.checkpoints.reading.read_checkpoint`.
    """
    checkpoint = read_checkpoint(path)
    family = family_of(config.model)
    weights = family.implementation.completed(checkpoint.model, checkpoint.path.parent)
    return replace(checkpoint, model=dict(family.translate_names(weights)))


def fit_to_weights(config: Config, checkpoint: Checkpoint, chosen: Container[str] = ()) -> Fitted:
    """Add adapters to their layers, and make ``config`` describe the network that a checkpoint's weights are of.

    Args:
        config: of the run.
        checkpoint: weights, and what else the file holds.
        chosen: names of the config fields that the user set, which are not changed.
    """
    known: dict[str, Any] = {**checkpoint.extra, "config": checkpoint.config}
    return family_of(config.model).implementation.fit_to_weights(config, plain(checkpoint.model), known, chosen)

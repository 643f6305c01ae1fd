"""From the config file of a vocoder to a config object: released ones of every age, nothing lost on the way."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from finetune_tts.config.commented_json import read_object
from finetune_tts.config.released import (
    Values,
    architecture_name,
    move,
    name_fourier_size,
    rename_dataset_fields,
    rename_fields,
    spread_distributed,
    unbound_lengths,
)
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.values import shown
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.families.hifigan.config import HifiganConfig
from finetune_tts.families.loading import built, config_from_dict
from finetune_tts.families.melgan.config import FullbandMelganConfig, MelganConfig, MultibandMelganConfig
from finetune_tts.families.parallel_wavegan.config import ParallelWaveganConfig
from finetune_tts.families.univnet.config import UnivnetConfig
from finetune_tts.families.wavegrad.config import WavegradConfig
from finetune_tts.families.wavernn.config import WavernnConfig

#: Architecture (the ``model`` field, or what stands for it) → its config class.
VOCODER_CLASSES: dict[str, type[VocoderConfig]] = {
    "hifigan": HifiganConfig,
    "melgan": MelganConfig,
    "fullband_melgan": FullbandMelganConfig,
    "multiband_melgan": MultibandMelganConfig,
    "parallel_wavegan": ParallelWaveganConfig,
    "univnet": UnivnetConfig,
    "wavegrad": WavegradConfig,
    "wavernn": WavernnConfig,
}
#: Spellings of architectures without the usual separators.
SPELLINGS = {
    "hifi_gan": "hifigan",
    "mel_gan": "melgan",
    "fullbandmelgan": "fullband_melgan",
    "multibandmelgan": "multiband_melgan",
    "parallelwavegan": "parallel_wavegan",
    "wave_grad": "wavegrad",
    "wave_rnn": "wavernn",
}


def load_vocoder_config(path: str | Path, *, quiet: bool = False) -> VocoderConfig:
    """Read the config file of a vocoder.

    Accepts what releases from 2020 on have written: comments, no ``model`` but a ``generator_model``, older field
    names, files that state only what differs from the defaults. Fields that no class here has are kept and logged,
    unless ``quiet``.

    Raises:
        UserError: the file cannot be read, is not a JSON object, names no known vocoder, or holds values of a wrong
            type; all of those are named, with what was expected.
    """
    return vocoder_config_from_dict(read_object(path), where=str(path), quiet=quiet)


def vocoder_config_from_dict(values: Mapping[str, Any], where: str = "config", *, quiet: bool = False) -> VocoderConfig:
    """Make a config of plain values, as a config file or a checkpoint holds them.

    Args:
        values: field name → value, in the form of any release; left as it is.
        where: what the values are called in messages, for example the file's name.
        quiet: log nothing.

    Raises:
        UserError: as for :func:`load_vocoder_config`.
    """
    current = current_vocoder_form(dict(values))
    name = current.get("model")
    if name not in VOCODER_CLASSES:
        known = ", ".join(VOCODER_CLASSES)
        raise UserError(f"{where}: model = {shown(name)} is no vocoder that is known here. Known: {known}.")
    config = built(VOCODER_CLASSES[name], current, where, quiet=quiet)
    assert isinstance(config, VocoderConfig)
    return config


def load_any_config(path: str | Path, *, quiet: bool = False) -> SpeechConfig | VocoderConfig:
    """Read the config file of a text-to-speech model or a vocoder.

    Raises:
        UserError: as for :func:`load_vocoder_config` and :func:`finetune_tts.families.loading.load_config`.
    """
    return any_config_from_dict(read_object(path), where=str(path), quiet=quiet)


def any_config_from_dict(
    values: Mapping[str, Any], where: str = "config", *, quiet: bool = False
) -> SpeechConfig | VocoderConfig:
    """Make a config of plain values; what they name decides whether it is that of a vocoder (raises likewise)."""
    if vocoder_name(values) is not None:
        return vocoder_config_from_dict(values, where, quiet=quiet)
    return config_from_dict(values, where, quiet=quiet)


def vocoder_name(values: Mapping[str, Any]) -> str | None:
    """Return the architecture of a vocoder's config as it is written today; None where it is no vocoder's.

    Args:
        values: of a config of any age. Where ``model`` is missing, ``generator_model`` tells.
    """
    for field in ("model", "generator_model"):
        value = values.get(field)
        if isinstance(value, str) and value:
            name = architecture_name(value).removesuffix("_generator")
            name = SPELLINGS.get(name, name)
            return name if name in VOCODER_CLASSES else None
    return None


def current_vocoder_form(values: Values) -> Values:
    """Return the values of a vocoder's config under today's names; the argument is left as it is."""
    values = deepcopy(values)
    for bring_up_to_date in STEPS:
        bring_up_to_date(values)
    return values


def name_vocoder(values: Values) -> None:
    """Write the architecture as it is written today."""
    name = vocoder_name(values)
    if name is not None:
        values["model"] = name


def join_clips(values: Values) -> None:
    """The bounds of the two gradients had names of their own, and -1 switched one off."""
    old = ("disc_clip_grad", "gen_clip_grad")
    if "grad_clip" not in values and all(isinstance(values.get(name), int | float) for name in old):
        values["grad_clip"] = [max(0.0, float(values.pop(name))) for name in old]


def drop_old_target(values: Values) -> None:
    """Losses were called otherwise before 2021, and a loss of such a name never comes: the default counts."""
    target = values.get("target_loss")
    if isinstance(target, str) and target.startswith("avg_"):
        del values["target_loss"]


def gather_wavernn(values: Values) -> None:
    """The network of WaveRNN stood under ``model_params``, its mode at top level."""
    if values.get("model") == "wavernn":
        move(values, "model_params", values, "model_args")
        group = values.get("model_args")
        if isinstance(group, dict):
            for name in ("mode", "mulaw"):
                move(values, name, group, name)


STEPS: tuple[Callable[[Values], None], ...] = (
    name_vocoder,
    rename_fields,
    spread_distributed,
    unbound_lengths,
    rename_dataset_fields,
    name_fourier_size,
    join_clips,
    drop_old_target,
    gather_wavernn,
)

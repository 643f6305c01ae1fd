"""From a config file to a config object: released configs of every age, nothing lost on the way.

A config is that of a model that reads text or of a vocoder; its ``model`` field names the family, whose config class
it gets.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetune_tts.config.base import Config
from finetune_tts.config.commented_json import read_object
from finetune_tts.config.making import built
from finetune_tts.config.released import VOCODER_STEPS, Values, with_current_names
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.values import shown
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.families.registry import ENTRIES, architecture_name, family_of, is_vocoder, names


def load_config(path: str | Path, *, quiet: bool = False) -> SpeechConfig:
    """Read the config file of a text-to-speech model; its ``model`` field decides the class.

    Accepts what releases from 2020 on have written (see :mod:`finetune_tts.config.released`), comments, and files
    that state only what differs from the defaults. Fields that no class here has are kept and logged, unless ``quiet``.

    Raises:
        UserError: the file cannot be read, is not a JSON object, names no known architecture, or holds values of
            a wrong type; all of those are named, with what was expected.
    """
    return config_from_dict(own_form(read_object(path), Path(path)), where=str(path), quiet=quiet)


def load_vocoder_config(path: str | Path, *, quiet: bool = False) -> VocoderConfig:
    """Read the config file of a vocoder; where ``model`` is missing, ``generator_model`` tells the architecture.

    Raises:
        UserError: as for :func:`load_config`.
    """
    return vocoder_config_from_dict(read_object(path), where=str(path), quiet=quiet)


def load_any_config(path: str | Path, *, quiet: bool = False) -> SpeechConfig | VocoderConfig:
    """Read the config file of a text-to-speech model or a vocoder.

    Raises:
        UserError: as for :func:`load_config`.
    """
    return any_config_from_dict(own_form(read_object(path), Path(path)), where=str(path), quiet=quiet)


def config_from_dict(values: Mapping[str, Any], where: str = "config", *, quiet: bool = False) -> SpeechConfig:
    """Make a config of plain values, as a config file or a checkpoint holds them.

    Args:
        values: field name → value, in the form of any release; left as it is.
        where: what the values are called in messages, for example the file's name.
        quiet: log nothing.

    Raises:
        UserError: as for :func:`load_config`.
    """
    current = current_form(dict(values))
    config = built(class_for(current, where), current, where, quiet=quiet)
    assert isinstance(config, SpeechConfig)
    return config


def vocoder_config_from_dict(values: Mapping[str, Any], where: str = "config", *, quiet: bool = False) -> VocoderConfig:
    """Make the config of a vocoder of plain values (see :func:`config_from_dict`, which raises likewise)."""
    current = current_vocoder_form(dict(values))
    name = current.get("model")
    if not (isinstance(name, str) and is_vocoder(name)):
        known = ", ".join(names(vocoders=True))
        raise UserError(f"{where}: model = {shown(name)} is no vocoder that is known here. Known: {known}.")
    config = built(family_of(name).config_class, current, where, quiet=quiet)
    assert isinstance(config, VocoderConfig)
    return config


def any_config_from_dict(
    values: Mapping[str, Any], where: str = "config", *, quiet: bool = False
) -> SpeechConfig | VocoderConfig:
    """Make a config of plain values; what they name decides whether it is that of a vocoder (raises likewise)."""
    if vocoder_name(values) is not None:
        return vocoder_config_from_dict(values, where, quiet=quiet)
    return config_from_dict(values, where, quiet=quiet)


def own_form(values: Values, path: Path) -> Values:
    """The values of a config file, or of the config in a checkpoint, under 🐸TTS's names if a program has others."""
    if isinstance(values.get("model"), str):
        return values
    for entry in ENTRIES.values():
        if entry.foreign and (found := entry.load().from_foreign(values, path)) is not None:
            return found
    return values


def vocoder_name(values: Mapping[str, Any]) -> str | None:
    """Return the architecture of a vocoder's config as it is written today; None where it is no vocoder's.

    Args:
        values: of a config of any age. Where ``model`` is missing, ``generator_model`` tells.
    """
    for field in ("model", "generator_model"):
        value = values.get(field)
        if isinstance(value, str) and value:
            name = architecture_name(architecture_name(value).removesuffix("_generator"))
            return name if is_vocoder(name) else None
    return None


def current_form(values: Values) -> Values:
    """Return the values of a released config under today's names; the argument is left as it is.

    Where the old and the new name both stand, the new one counts and the old one is kept as an unknown field.
    """
    spelling = values.get("model")
    values = with_current_names(values)
    if isinstance(spelling, str):
        values["model"] = architecture_name(spelling)
    return _modernised(values, spelling)


def current_vocoder_form(values: Values) -> Values:
    """Return the values of a vocoder's config under today's names; the argument is left as it is."""
    spelling, name = values.get("model"), vocoder_name(values)
    values = with_current_names(values, VOCODER_STEPS)
    if name is not None:
        values["model"] = name
    return _modernised(values, spelling)


def _modernised(values: Values, spelling: Any) -> Values:
    name = values.get("model")
    if isinstance(name, str) and name in ENTRIES:
        family_of(name).modernise(values, spelling if isinstance(spelling, str) else "")
    return values


def class_for(values: Mapping[str, Any], where: str) -> type[Config]:
    """Return the config class of the architecture that ``values["model"]`` names.

    Raises:
        UserError: there is no such field, or no class for what it says.
    """
    model = values.get("model")
    known = ", ".join(sorted(names(vocoders=False)))
    if isinstance(model, str) and model in ENTRIES and not is_vocoder(model):
        return family_of(model).config_class
    if model == "speaker_encoder":
        raise UserError(f"{where}: is the config of a speaker encoder: name it with --encoder_config_path.")
    if isinstance(model, str) and model:
        raise UserError(f'{where}: model = "{model}" has no config class here. Known: {known}.')
    if "generator_model" in values:
        raise UserError(f"{where}: is the config of a vocoder. A config of a text-to-speech model is needed: {known}.")
    raise UserError(f"{where}: the field model must name the architecture, one of: {known}; it is {shown(model)}.")

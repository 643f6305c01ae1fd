"""What ``--help`` says of config fields: those of the model or vocoder that the other flags name."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune_tts.files import expanded

if TYPE_CHECKING:
    from finetune_tts.config.base import Config

TITLE = """
Every field of the config can be set: --coqpit.FIELD VALUE, --coqpit.audio.sample_rate 16000, --coqpit.lr_scheduler null
The fields of {}{}:

"""


def field_list(arguments: argparse.Namespace, config: "Config | None") -> str:
    """Return the fields with their help texts.

    Args:
        arguments: of ``tts-finetune``; nothing is downloaded for them.
        config: of a recipe.

    Raises:
        UserError: a config that the flags name cannot be read, or the catalog has no such model.
    """
    from finetune_tts.config.field_help import format_field_help

    if config is not None:
        kind: Any = type(config)
    elif (path := _config_path(arguments)) is not None:
        from finetune_tts.families.loading import load_any_config

        kind = type(load_any_config(path, quiet=True))
    else:
        from finetune_tts.families.registry import ENTRIES

        name = _architecture(arguments) or next(iter(ENTRIES))
        if name not in ENTRIES:
            return f"\nThe fields of {arguments.model_name} ({name}) are not known here: it cannot be fine-tuned yet."
        kind = ENTRIES[name].load().config_class
    named = any((arguments.config_path, arguments.restore_path, arguments.continue_path, arguments.model_name, config))
    hint = "" if named else "; name a model or a config for its own"
    return TITLE.format(kind().model, hint) + format_field_help(kind)


def _config_path(arguments: argparse.Namespace) -> Path | None:
    if arguments.config_path:
        path: Path = arguments.config_path
        return path
    if arguments.continue_path:
        from finetune_tts.runs.folder import CONFIG_NAME

        return expanded(arguments.continue_path) / CONFIG_NAME
    if arguments.restore_path and not arguments.model_name:
        from finetune_tts.synthesis.loading import find_config

        return find_config(arguments.restore_path)
    return None


def _architecture(arguments: argparse.Namespace) -> str:
    """The architecture of the catalog model that the flags name; empty where the catalog does not tell."""
    if not arguments.model_name:
        return ""
    from finetune_tts.catalog.listing import load_catalog
    from finetune_tts.catalog.lookup import find

    return find(load_catalog(arguments.models_file), arguments.model_name).architecture.lower()

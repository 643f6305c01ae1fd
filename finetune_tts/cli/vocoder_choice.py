"""Which vocoder ``tts`` uses: the one that the user names, else the one that the catalog names, else none."""

import argparse
from typing import TYPE_CHECKING

from finetune_tts.cli.program import say
from finetune_tts.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from finetune_tts.synthesis.vocoder import Vocoder
    from finetune_tts.synthesis.voice import Voice

GRIFFIN_LIM = "Griffin-Lim generates the waveform"


def check_vocoder_flags(arguments: argparse.Namespace) -> None:
    """Refuse flags that contradict each other, before anything is loaded."""
    if arguments.vocoder_name and (arguments.vocoder_path or arguments.vocoder_config_path):
        other = "vocoder_path" if arguments.vocoder_path else "vocoder_config_path"
        raise UserError(f"--vocoder_name brings its own files: leave --{other} out, or --vocoder_name.")
    if arguments.vocoder_config_path and not arguments.vocoder_path:
        raise UserError("--vocoder_config_path is given without --vocoder_path, the checkpoint that it belongs to.")


def give_vocoder(
    voice: "Voice", arguments: argparse.Namespace, model_path: "Path", device: "torch.device", *, aside: bool
) -> None:
    """Give ``voice`` a vocoder, and say with which.

    Raises:
        UserError: the vocoder that the user names cannot be found, loaded, or brought together with the model.
    """
    if not voice.needs_vocoder:
        if arguments.vocoder_name or arguments.vocoder_path:
            raise UserError("This model generates waveforms by itself: leave --vocoder_name and --vocoder_path out.")
        return
    if arguments.vocoder_path:
        from finetune_tts.synthesis.vocoder import load_vocoder

        vocoder = load_vocoder(arguments.vocoder_path, arguments.vocoder_config_path, device=device)
        vocoder.pair_with(voice.extractor).require_fit(f"--vocoder_path {arguments.vocoder_path}")
        name = str(arguments.vocoder_path)
    elif arguments.vocoder_name:
        name = arguments.vocoder_name
        vocoder = _of_catalog(name, arguments, device)
        vocoder.pair_with(voice.extractor).require_fit(f"--vocoder_name {name}")
    else:
        found = _default(voice, arguments, model_path, device)
        if found is None:
            return
        name, vocoder = found
    voice.vocoder = vocoder
    say(f"vocoder: {name}", aside=aside)


def _default(
    voice: "Voice", arguments: argparse.Namespace, model_path: "Path", device: "torch.device"
) -> "tuple[str, Vocoder] | None":
    """The vocoder that the catalog names for the model, with its name; downloaded for a model that is named itself."""
    from finetune_tts.catalog.listing import load_catalog
    from finetune_tts.synthesis.available_vocoder import available_vocoder, default_vocoder

    if arguments.model_name:
        from finetune_tts.catalog.lookup import find
        from finetune_tts.families.registry import NOT_YET, support

        catalog = load_catalog(arguments.models_file)
        name = find(catalog, arguments.model_name).default_vocoder
        entry = catalog.get(name) if name else None
        if entry is None:
            say(f"The catalog names no vocoder for this model: {GRIFFIN_LIM}.", aside=True)
            return None
        if support(entry.architecture) == NOT_YET:
            say(f"Its vocoder {entry.name} cannot be used yet: {GRIFFIN_LIM}.", aside=True)
            return None
        try:
            vocoder = _of_catalog(entry.name, arguments, device)
        except UserError as error:
            # The model itself is here: without a network it still synthesises.
            say(f"Its vocoder cannot be had, so {GRIFFIN_LIM}. {error}", aside=True)
            return None
    else:
        entry = default_vocoder(model_path)
        at_hand = available_vocoder(model_path, device)
        if at_hand is None or entry is None:
            hint = f"; --vocoder_name {entry.name} would sound better" if entry is not None else ""
            say(f"No vocoder is named: {GRIFFIN_LIM}{hint}.", aside=True)
            return None
        vocoder = at_hand
    misfits = vocoder.pair_with(voice.extractor).misfits()
    if misfits:
        say(f"The vocoder {entry.name} does not fit ({'; '.join(misfits)}): {GRIFFIN_LIM}.", aside=True)
        return None
    return entry.name, vocoder


def _of_catalog(name: str, arguments: argparse.Namespace, device: "torch.device") -> "Vocoder":
    from finetune_tts.catalog.fetch import fetch
    from finetune_tts.catalog.listing import load_catalog
    from finetune_tts.catalog.lookup import find
    from finetune_tts.families.registry import FINE_TUNE, SPEAK, require_support
    from finetune_tts.synthesis.vocoder import load_vocoder

    entry = find(load_catalog(arguments.models_file), name)
    if entry.model_type != "vocoder_models":
        raise UserError(f"--vocoder_name {name}: is no vocoder. --list_models vocoder_models shows those.")
    require_support(entry, (FINE_TUNE, SPEAK))
    files = fetch(entry, accept_terms=arguments.yes)
    return load_vocoder(files.model_file, files.config_file, device=device)

"""Which vocoder a voice uses: the one that the user names, else the one that the catalog names, else none."""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from finetune_tts.catalog.cache import ModelFiles, complete_model, model_folder
from finetune_tts.catalog.listing import load_catalog
from finetune_tts.catalog.lookup import find
from finetune_tts.errors import UserError
from finetune_tts.families.registry import NOT_YET, support
from finetune_tts.families.released import released_files
from finetune_tts.synthesis.available_vocoder import available_vocoder, default_vocoder
from finetune_tts.synthesis.vocoder import Vocoder, load_vocoder
from finetune_tts.synthesis.voice import Voice

logger = logging.getLogger(__name__)

GRIFFIN_LIM = "Griffin-Lim generates the waveform"


@dataclass(frozen=True)
class VocoderChoice:
    """What the user says of the vocoder, and of where the model is from."""

    name: str | None = None
    """In the catalog."""
    path: Path | None = None
    """A checkpoint, or the folder of a run."""
    config_path: Path | None = None
    """Config of that checkpoint; the one beside it by default."""
    model_name: str | None = None
    """That of the voice in the catalog, which then may be asked for its vocoder."""
    models_file: Path | None = None
    """A catalog of your own."""
    accept_terms: bool = False


@dataclass(frozen=True)
class FoundVocoder:
    """Files of a vocoder.

    Attributes:
        weights: its checkpoint, or the folder of a run.
        config_path: its config; None for the one beside the checkpoint.
        label: how the user names it.
    """

    weights: Path
    config_path: Path | None
    label: str


def find_vocoder(choice: VocoderChoice, model_path: Path) -> FoundVocoder | None:
    """Find the vocoder that the user names, or else the one that the catalog names, if it is in the cache.

    Args:
        choice: what the user says.
        model_path: the model that it is for.

    Raises:
        UserError: the one that the user names cannot be had.
    """
    if choice.path:
        return FoundVocoder(choice.path, choice.config_path, f"--vocoder_path {choice.path}")
    if choice.name:
        files = _files_of_catalog(choice.name, choice)
        return FoundVocoder(files.model_file, files.config_file, f"--vocoder_name {choice.name}")
    entry = default_vocoder(model_path)
    if entry is None or support(entry.architecture) == NOT_YET:
        return None
    at_hand = complete_model(model_folder(entry), entry)
    return (
        None if at_hand is None else FoundVocoder(at_hand.model_file, at_hand.config_file, f"the vocoder {entry.name}")
    )


def give_vocoder(voice: Voice, choice: VocoderChoice, model_path: Path, device: torch.device) -> str | None:
    """Give ``voice`` a vocoder, and return its name; None where Griffin-Lim or the model itself does its work.

    Raises:
        UserError: the vocoder that the user names cannot be found, loaded, or brought together with the model.
    """
    if not voice.needs_vocoder:
        if choice.name or choice.path:
            raise UserError("This model generates waveforms by itself: leave --vocoder_name and --vocoder_path out.")
        return None
    if choice.path:
        vocoder = load_vocoder(choice.path, choice.config_path, device=device)
        vocoder.pair_with(voice.extractor).require_fit(f"--vocoder_path {choice.path}")
        name = str(choice.path)
    elif choice.name:
        name = choice.name
        vocoder = _of_catalog(name, choice, device)
        vocoder.pair_with(voice.extractor).require_fit(f"--vocoder_name {name}")
    else:
        found = _default(voice, choice, model_path, device)
        if found is None:
            return None
        name, vocoder = found
    voice.vocoder = vocoder
    return name


def _default(voice: Voice, choice: VocoderChoice, model_path: Path, device: torch.device) -> tuple[str, Vocoder] | None:
    """The vocoder that the catalog names for the model, with its name; downloaded for a model that is named itself."""
    if choice.model_name:
        catalog = load_catalog(choice.models_file)
        name = find(catalog, choice.model_name).default_vocoder
        entry = catalog.get(name) if name else None
        if entry is None:
            logger.info("The catalog names no vocoder for this model: %s.", GRIFFIN_LIM)
            return None
        if support(entry.architecture) == NOT_YET:
            logger.info("Its vocoder %s cannot be used yet: %s.", entry.name, GRIFFIN_LIM)
            return None
        try:
            vocoder = _of_catalog(entry.name, choice, device)
        except UserError as error:
            # The model itself is here: without a network it still synthesises.
            logger.info("Its vocoder cannot be had, so %s. %s", GRIFFIN_LIM, error)
            return None
    else:
        entry = default_vocoder(model_path)
        at_hand = available_vocoder(model_path, device)
        if at_hand is None or entry is None:
            hint = f"; --vocoder_name {entry.name} would sound better" if entry is not None else ""
            logger.info("No vocoder is named: %s%s.", GRIFFIN_LIM, hint)
            return None
        vocoder = at_hand
    misfits = vocoder.pair_with(voice.extractor).misfits()
    if misfits:
        logger.info("The vocoder %s does not fit (%s): %s.", entry.name, "; ".join(misfits), GRIFFIN_LIM)
        return None
    return entry.name, vocoder


def _of_catalog(name: str, choice: VocoderChoice, device: torch.device) -> Vocoder:
    files = _files_of_catalog(name, choice)
    return load_vocoder(files.model_file, files.config_file, device=device)


def _files_of_catalog(name: str, choice: VocoderChoice) -> ModelFiles:
    if find(load_catalog(choice.models_file), name).model_type != "vocoder_models":
        raise UserError(f"--vocoder_name {name}: is no vocoder. --list_models vocoder_models shows those.")
    return released_files(name, models_file=choice.models_file, accept_terms=choice.accept_terms)

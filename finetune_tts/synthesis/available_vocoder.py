"""The vocoder that belongs to a model of the catalog, if it was downloaded before: nothing is downloaded here."""

import logging
from pathlib import Path

import torch

from finetune_tts.catalog.cache import complete_model, model_folder
from finetune_tts.catalog.entry import ModelEntry
from finetune_tts.catalog.folder import catalog_entry
from finetune_tts.catalog.listing import load_catalog
from finetune_tts.errors import UserError
from finetune_tts.families.registry import NOT_YET, support
from finetune_tts.runs.record import read_record
from finetune_tts.synthesis.vocoder import Vocoder, load_vocoder
from finetune_tts.synthesis.voice import Voice

logger = logging.getLogger(__name__)


def default_vocoder(weights: Path) -> ModelEntry | None:
    """The vocoder that the catalog names for a model, or for the model that a run started from.

    Args:
        weights: a checkpoint, in the cache or in a run folder, or the folder.
    """
    folder = weights if weights.is_dir() else weights.parent
    entry = catalog_entry(folder)
    try:
        catalog = load_catalog()
        record = read_record(folder) if entry is None else None
    except UserError:  # a file of your own that cannot be read any more; nothing depends on it
        return None
    if entry is None and record is not None and record.base is not None:
        entry = catalog.get(record.base.name)
    return catalog.get(entry.default_vocoder) if entry is not None and entry.default_vocoder else None


def available_vocoder(weights: Path, device: torch.device | str = "cpu") -> Vocoder | None:
    """Load the default vocoder of a model if it is in the cache and can be used here.

    Args:
        weights: as for :func:`default_vocoder`.
        device: where it is to work.
    """
    entry = default_vocoder(weights)
    if entry is None or support(entry.architecture) == NOT_YET:
        return None
    try:
        files = complete_model(model_folder(entry), entry)
        if files is None:
            return None
        return load_vocoder(files.model_file, files.config_file, device=device)
    except (UserError, OSError) as error:
        logger.warning("The vocoder %s is ignored. %s", entry.name, error)
        return None


def give_available_vocoder(voice: Voice, weights: Path, device: torch.device | str) -> None:
    """Let the samples of a run be generated with the model's default vocoder, if it is in the cache and fits.

    Args:
        voice: of the run.
        weights: that it starts from, or its run folder.
        device: of the run.
    """
    if not voice.needs_vocoder:
        return
    vocoder = available_vocoder(weights, device)
    if vocoder is None or vocoder.pair_with(voice.extractor).misfits():
        return
    voice.vocoder = vocoder
    logger.info("Samples are generated with the vocoder %s, which is in the cache.", vocoder.config.model)

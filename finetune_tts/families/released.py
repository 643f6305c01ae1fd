"""From the name of a model of the catalog to its files on this machine."""

from collections.abc import Collection
from pathlib import Path

from finetune_tts.catalog.cache import ModelFiles
from finetune_tts.catalog.fetch import fetch
from finetune_tts.catalog.listing import load_catalog
from finetune_tts.catalog.lookup import find
from finetune_tts.families.registry import FINE_TUNE, SPEAK, require_support


def released_files(
    name: str,
    *,
    needed: Collection[str] = (FINE_TUNE, SPEAK),
    models_file: str | Path | None = None,
    accept_terms: bool = False,
    for_training: bool = False,
) -> ModelFiles:
    """Return the files of a model of the catalog, downloaded if they are not here yet.

    Args:
        name: in the catalog.
        needed: marks of the catalog, of which the model has to have one.
        models_file: a catalog of your own, merged in.
        accept_terms: you have accepted the terms of its licence.
        for_training: bring the files that only fine-tuning needs, too.

    Raises:
        UserError: there is no such model, it cannot be used, or cannot be downloaded.
    """
    entry = find(load_catalog(models_file), name)
    require_support(entry, needed)
    return fetch(entry, accept_terms=accept_terms, for_training=for_training)

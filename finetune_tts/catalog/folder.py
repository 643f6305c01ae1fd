"""From a folder of the cache back to the model of the catalog that stands in it."""

import logging
from dataclasses import dataclass
from pathlib import Path

from finetune_tts.catalog.cache import ORIGIN_NAME, cache_root, model_folder
from finetune_tts.catalog.entry import ModelEntry
from finetune_tts.catalog.listing import load_catalog
from finetune_tts.catalog.lookup import find
from finetune_tts.catalog.terms import acceptance
from finetune_tts.errors import UserError
from finetune_tts.json_text import read_json

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from and on which terms.

    Attributes:
        name: in the catalog.
        licence: as its makers call it.
        terms_accepted: when the terms of the licence were accepted, or which file says so; "" where there are none to
            accept, or nothing tells.
    """

    name: str
    licence: str
    terms_accepted: str


def provenance(folder: Path) -> Provenance | None:
    """Say where the model in a folder comes from; None where neither the catalog nor its download tells.

    A model of a catalog file that is not read now, and a copy of a model's folder, are known by the file that the
    download left in it.
    """
    entry = catalog_entry(folder)
    if entry is not None:
        return Provenance(entry.name, entry.licence, acceptance(folder) if entry.terms_required else "")
    path = folder / ORIGIN_NAME
    if not path.is_file():
        return None
    try:
        values = read_json(path, what="origin of a model")
    except UserError as error:
        logger.warning("Where the model in %s comes from cannot be told: %s", folder, error)
        return None
    name, licence = (values.get(key) if isinstance(values, dict) else None for key in ("name", "license"))
    if not isinstance(name, str) or not isinstance(licence, str):
        logger.warning("%s: does not tell where the model comes from.", path)
        return None
    return Provenance(name, licence, acceptance(folder))


def catalog_entry(folder: Path) -> ModelEntry | None:
    """The entry whose folder this is; None for any other folder."""
    folder = folder.resolve()
    try:
        catalog = load_catalog()
        entries = (entry for entry in catalog.values() if entry.bundled or entry.folder_name == folder.name)
        found = next((entry for entry in entries if model_folder(entry).resolve() == folder), None)
        if found is None and folder.parent == cache_root().resolve():
            # Some entries are made from their name alone.
            found = find(catalog, folder.name.replace("--", "/"))
    except UserError:  # not of the catalog, or a catalog file of your own is gone; nothing depends on it
        return None
    return found

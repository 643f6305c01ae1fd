"""From a folder of the cache back to the model of the catalog that stands in it."""

from pathlib import Path

from finetune_tts.catalog.cache import cache_root, model_folder
from finetune_tts.catalog.entry import ModelEntry
from finetune_tts.catalog.listing import load_catalog
from finetune_tts.catalog.lookup import find
from finetune_tts.errors import UserError


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

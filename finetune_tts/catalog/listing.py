"""The catalog: the entries of this package, with those of your own file merged in."""

import os
from pathlib import Path
from typing import Any

from finetune_tts.catalog.entry import ModelEntry
from finetune_tts.catalog.released_form import entries_of_released_form
from finetune_tts.catalog.schema import entries_of_schema
from finetune_tts.errors import UserError
from finetune_tts.files import expanded
from finetune_tts.json_text import read_json

#: names another catalog file; its entries replace those of the same name.
MODELS_FILE_VARIABLE = "TTS_MODELS_FILE"

_OWN = Path(__file__).with_name("models.json")


def load_catalog(models_file: str | Path | None = None) -> dict[str, ModelEntry]:
    """Read every entry, by name.

    Args:
        models_file: a catalog of your own, in our schema or in the nested form of 🐸's ``.models.json``;
            without it the one that ``TTS_MODELS_FILE`` names, if any.

    Raises:
        UserError: the file cannot be read, is not JSON, or an entry is wrong.
    """
    catalog = read_catalog_file(_OWN)
    own_file = models_file or os.environ.get(MODELS_FILE_VARIABLE)
    if own_file:
        catalog.update(read_catalog_file(expanded(own_file)))
    return catalog


def read_catalog_file(path: Path) -> dict[str, ModelEntry]:
    """Read one catalog file in either form.

    Raises:
        UserError: see :func:`load_catalog`.
    """
    content: Any = read_json(path, what="catalog", refuse_repeated=True)
    if not isinstance(content, dict):
        raise UserError(f'{path}: a catalog is an object, {{"models": [...]}} or {{type: {{language: ...}}}}.')
    in_our_schema = isinstance(content.get("models"), list)
    try:
        entries = entries_of_schema(content) if in_our_schema else entries_of_released_form(content)
    except ValueError as error:
        raise UserError(f"{path}: {error}.") from error
    return {entry.name: entry for entry in entries}

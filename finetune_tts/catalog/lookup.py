"""Finding a model by name."""

import re
from collections.abc import Mapping

from finetune_tts.catalog.address import Archive, remote_file
from finetune_tts.catalog.entry import ModelEntry, naming
from finetune_tts.errors import UserError


def find(catalog: Mapping[str, ModelEntry], name: str) -> ModelEntry:
    """Return the entry of that name, or make it for one of the releases in many languages.

    Raises:
        UserError: there is none; the message offers the nearest names.
    """
    if name in catalog:
        return catalog[name]
    by_folder_name = [entry for entry in catalog.values() if entry.folder_name == name]
    if len(by_folder_name) == 1:
        return by_folder_name[0]
    for release in naming()["families"]:
        match = re.fullmatch(release["pattern"], name)
        if match:
            return _entry_of_family(name, match["language"], release)
    raise UserError(f"No model is called {name!r}. {nearest_hint(catalog, name)}")


def search(catalog: Mapping[str, ModelEntry], words: str | None) -> list[ModelEntry]:
    """Return the entries whose names contain every word, in any letter case, ``-`` and ``_`` being the same.

    Raises:
        UserError: no name does.
    """
    wanted = _plain(words or "").split()
    found = [entry for entry in catalog.values() if all(word in _plain(entry.name) for word in wanted)]
    if not found:
        raise UserError(f"No model's name contains {words!r}. {nearest_hint(catalog, words or '')}")
    return found


def nearest_hint(catalog: Mapping[str, ModelEntry], name: str) -> str:
    """Say which names are nearest to ``name``, and where the whole list is."""
    names = nearest_names(catalog, name)
    hint = f"Nearest: {', '.join(names)}. " if names else ""
    return hint + "All of them: --list_models"


def nearest_names(catalog: Mapping[str, ModelEntry], name: str, at_most: int = 4) -> list[str]:
    """Return the names that look most like ``name``; parts may be missing from it, or wrong."""
    from difflib import SequenceMatcher

    def likeness(candidate: str) -> float:
        # A name without its type, or the model's name alone, is compared with as many of the last parts.
        parts = min(name.count("/") + 1, 4)
        shortened = "/".join(candidate.split("/")[-parts:])
        return SequenceMatcher(None, _plain(name), _plain(shortened)).ratio()

    ranked = sorted(((likeness(candidate), candidate) for candidate in catalog), key=lambda pair: -pair[0])
    return [candidate for value, candidate in ranked[:at_most] if value >= 0.6]


def _entry_of_family(name: str, language: str, release: Mapping[str, str]) -> ModelEntry:
    return ModelEntry(
        name=name,
        addresses=(Archive(remote_file(release["archive"].format(language=language))),),
        licence=release["license"],
        architecture=release["architecture"],
        description=release["description"],
    )


def _plain(text: str) -> str:
    return text.lower().replace("-", "_")

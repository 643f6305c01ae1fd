"""Showing the catalog: ``--list_models`` and ``--model_info``."""

import sys
from itertools import groupby
from pathlib import Path

from finetune_tts.catalog.cache import cache_root, is_downloaded, is_whole, model_folder
from finetune_tts.catalog.entry import ModelEntry, naming
from finetune_tts.catalog.licences import licence_page, restriction
from finetune_tts.catalog.listing import load_catalog
from finetune_tts.catalog.lookup import find, search
from finetune_tts.families.registry import FINE_TUNE, NOT_YET, SPEAK, support

_TYPE_TITLES = {
    "tts_models": "Text to speech",
    "vocoder_models": "Vocoders",
    "voice_conversion_models": "Voice conversion",
}
#: what can be done with a model: (the word in plain lines, the sign on a terminal, the legend's words).
_SUPPORT_MARKS = {
    FINE_TUNE: ("fine-tune", "F", "can be fine-tuned here"),
    SPEAK: ("speak", "S", "can be used for synthesis, not fine-tuned"),
    NOT_YET: ("not-yet", "-", "not supported yet"),
    "": ("unknown", "?", "its config will tell, once it is downloaded"),
}
#: what else is shown of one.
_OTHER_MARKS = {
    "bundled": ("B", "comes with this package"),
    "downloaded": ("D", "is downloaded"),
    "restricted": ("!", "the licence restricts what it may be used for: see --model_info NAME"),
}
_DOWNLOADED, _NOT_DOWNLOADED = "downloaded", "not downloaded yet"


def print_models(filter: str | None, models_file: Path | None) -> None:
    """Print the models whose names contain every word of ``filter``.

    On a terminal they are grouped by type and language, with signs and their legend. Into a pipe goes one line for
    each: its name, a tab, its marks as words with commas between.

    Raises:
        UserError: no name contains the words; the catalog file is wrong.
    """
    entries = search(load_catalog(models_file), filter)
    if sys.stdout.isatty():
        _print_groups(entries)
        return
    for entry in entries:
        print(entry.name, ",".join([_SUPPORT_MARKS[_support(entry)][0], *_other_marks(entry)]), sep="\t")


def print_info(name: str, models_file: Path | None) -> None:
    """Print everything about one model.

    Raises:
        UserError: the name is unknown (the nearest ones are offered); the catalog file is wrong.
    """
    entry = find(load_catalog(models_file), name)
    rows = [("name", entry.name)]
    if entry.description:
        rows.append(("description", entry.description))
    rows.append(("architecture", entry.architecture or "unknown"))
    rows.append(("support", _SUPPORT_MARKS[_support(entry)][2]))
    rows.append(("licence", " ".join(filter(None, [entry.licence or "unknown", licence_page(entry.licence)]))))
    limits = restriction(entry)
    if limits:
        rows.append(("restriction", limits))
    if entry.terms_required:
        rows.append(("terms", "are to be accepted before the download, by --yes or at the prompt"))
    if entry.default_vocoder:
        rows.append(("vocoder", entry.default_vocoder))
    rows.append(("folder", f"{model_folder(entry)} ({_presence(entry)})"))
    rows += [("address", address.label) for address in entry.addresses]
    for file in entry.training_files:
        rows.append(("to fine-tune", f"{file.url} ({_there(model_folder(entry) / file.name)})"))
    for key, value in rows:
        print(f"{key + ':':14}{value}")


def _print_groups(entries: list[ModelEntry]) -> None:
    ordered = sorted(entries, key=lambda entry: (_type_rank(entry), entry.model_type, _language_rank(entry)))
    width = max(len(entry.name) for entry in entries)
    used = set()
    for model_type, of_type in groupby(ordered, key=lambda entry: entry.model_type):
        models = list(of_type)
        print(f"{_TYPE_TITLES.get(model_type, model_type)} ({len(models)})")
        for language, of_language in groupby(models, key=lambda entry: entry.language):
            print(f"  {language}")
            for entry in of_language:
                others = _other_marks(entry)
                used.update([_support(entry), *others])
                signs = [_SUPPORT_MARKS[_support(entry)][1], *(_OTHER_MARKS[mark][0] for mark in others)]
                print(f"    {entry.name:{width}}  {' '.join(signs)}")
        print()
    legend = [f"{sign} {words}" for key, (_, sign, words) in _SUPPORT_MARKS.items() if key in used]
    legend += [f"{sign} {words}" for mark, (sign, words) in _OTHER_MARKS.items() if mark in used]
    print("\n".join(legend))
    print()
    for release in naming()["families"]:
        print(f"Beside these: {release['shown']}.")
    print(f"Downloads stand in {cache_root()}")


def _support(entry: ModelEntry) -> str:
    return support(entry.architecture) if entry.architecture else ""


def _other_marks(entry: ModelEntry) -> list[str]:
    facts = {
        "bundled": entry.bundled,
        "downloaded": is_downloaded(entry),
        "restricted": restriction(entry) is not None,
    }
    return [mark for mark, holds in facts.items() if holds]


def _presence(entry: ModelEntry) -> str:
    if entry.bundled:
        return "comes with this package"
    return _DOWNLOADED if is_downloaded(entry) else _NOT_DOWNLOADED


def _there(path: Path) -> str:
    try:
        return _DOWNLOADED if is_whole(path) else _NOT_DOWNLOADED
    except OSError:  # it may not be read
        return _NOT_DOWNLOADED


def _type_rank(entry: ModelEntry) -> int:
    known = list(_TYPE_TITLES)
    return known.index(entry.model_type) if entry.model_type in known else len(known)


def _language_rank(entry: ModelEntry) -> tuple[bool, str]:
    # What serves any language stands first.
    return entry.language not in ("multilingual", "universal"), entry.language

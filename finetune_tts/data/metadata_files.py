"""Which metadata file the user means."""

from collections.abc import Sequence
from pathlib import Path

from finetune_tts.errors import UserError, excerpt
from finetune_tts.files import expanded

METADATA_EXTENSIONS = (".csv", ".tsv", ".txt", ".jsonl", ".json", ".list")


def find_metadata(root: Path, meta_file: str, patterns: Sequence[str]) -> list[Path]:
    """The metadata files to read: the one that the user names, else the usual ones of the layout.

    Args:
        root: folder of the data set.
        meta_file: a name below ``root`` or an absolute path; empty for the layout's usual name.
        patterns: usual names of the layout (may hold ``*`` and ``**``); the first that matches counts.

    Returns:
        One file, or all that match if the pattern searches folders (``**``).

    Raises:
        UserError: nothing there; the message lists the files that are.
    """
    if meta_file:
        path = root / expanded(meta_file)
        if is_file(path):
            return [path]
        raise UserError(f"{excerpt(str(path), 300)}: no such metadata file. {_what_is_there(root)}")
    for pattern in patterns:
        found = sorted(path for path in root.glob(pattern) if path.is_file())
        if "**" not in pattern and len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise UserError(f"{root}: several metadata files ({names}). Name one with --meta_file.")
        if found:
            return found
    raise UserError(
        f"{root}: no metadata file ({' or '.join(patterns)}). {_what_is_there(root)} Name yours with --meta_file."
    )


def _what_is_there(root: Path) -> str:
    try:
        entries = sorted(root.iterdir())
    except OSError as error:
        return f"{root} cannot be listed ({error.strerror})."
    names = [entry.name + ("/" if entry.is_dir() else "") for entry in entries if not entry.name.startswith(".")]
    # Text files first: the metadata is among them, while there may be thousands of recordings.
    names.sort(key=lambda name: (not name.lower().endswith(METADATA_EXTENSIONS), name))
    if not names:
        return f"The folder {root} is empty."
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"In {root} there are: {', '.join(names[:10])}{more}."


def is_file(path: Path) -> bool:
    """Whether there is such a file; a name that no file system takes is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; a name that no file system takes is none."""
    try:
        return path.is_dir()
    except OSError:
        return False

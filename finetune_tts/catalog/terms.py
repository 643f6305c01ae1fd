"""Licences with terms: shown before the download, which begins only when they are accepted."""

import logging
import os
import re
import sys
from datetime import datetime
from pathlib import Path

from finetune_tts.catalog.cache import ACCEPTED_NAME
from finetune_tts.catalog.entry import ModelEntry
from finetune_tts.catalog.licences import licence_page, restriction
from finetune_tts.errors import UserError
from finetune_tts.files import write_text

logger = logging.getLogger(__name__)

#: coqui-tts's own way to accept without being asked.
ACCEPTED_VARIABLE = "COQUI_TOS_AGREED"

#: how our own file says when; that of coqui-tts does not.
_WHEN = re.compile(r"accepted on (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
#: nothing that either program writes is longer.
_LONGEST_FILE = 1000


def require_acceptance(entry: ModelEntry, accepted: bool) -> None:
    """Show the terms of a licence that has some and see that they are accepted, by flag or at the prompt.

    Args:
        entry: the model that is about to be downloaded.
        accepted: the user has said yes beforehand (``--yes``).

    Raises:
        UserError: they are declined, or there is no terminal to ask at.
    """
    if not entry.terms_required:
        return
    text = terms_text(entry)
    if accepted or os.environ.get(ACCEPTED_VARIABLE) == "1":
        logger.warning("%s Accepted beforehand.", text)
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UserError(f"{text} To accept these terms, read them and add --yes.")
    sys.stderr.write(f"{text}\nDo you accept these terms? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UserError(f"The terms of {entry.name} were not accepted; nothing was downloaded.")


def remember_acceptance(entry: ModelEntry, folder: Path) -> None:
    """Write into the model's folder that its terms were accepted now.

    Raises:
        OSError: the file cannot be written.
    """
    when = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
    licence = entry.licence or "unnamed"
    write_text(folder / ACCEPTED_NAME, f"The terms of this model's licence ({licence}) were accepted on {when}.\n")


def are_accepted(folder: Path) -> bool:
    """Whether a model's folder says that its terms were accepted."""
    return (folder / ACCEPTED_NAME).is_file()


def acceptance(folder: Path) -> str:
    """Say when the terms of a model were accepted, or by which file another program remembers it; "" if none does."""
    path = folder / ACCEPTED_NAME
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="replace") as file:
        when = _WHEN.search(file.read(_LONGEST_FILE))
    return f"on {when[1]}" if when else f"as {ACCEPTED_NAME} beside the model says"


def terms_text(entry: ModelEntry) -> str:
    """Say in one line what the licence asks and where it can be read."""
    page = licence_page(entry.licence)
    return (
        f"{entry.name} has a licence with terms: {entry.licence or 'unnamed'}, {restriction(entry)}"
        + (f" ({page})." if page else ".")
        + (" A commercial licence bought from Coqui serves as well." if entry.licence.upper() == "CPML" else "")
    )

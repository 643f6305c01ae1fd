"""Licences with terms: shown before the download, which begins only when they are accepted."""

import logging
import os
import sys

from finetune_tts.catalog.entry import ModelEntry
from finetune_tts.catalog.licences import licence_page, restriction
from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)

#: coqui-tts's own way to accept without being asked, and the file by which it remembers.
ACCEPTED_VARIABLE = "COQUI_TOS_AGREED"
ACCEPTED_FILE = "tos_agreed.txt"
ACCEPTED_TEXT = "The terms of this model's licence were accepted before it was downloaded.\n"


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


def terms_text(entry: ModelEntry) -> str:
    """Say in one line what the licence asks and where it can be read."""
    page = licence_page(entry.licence)
    return (
        f"{entry.name} has a licence with terms: {entry.licence or 'unnamed'}, {restriction(entry)}"
        + (f" ({page})." if page else ".")
        + (" A commercial licence bought from Coqui serves as well." if entry.licence.upper() == "CPML" else "")
    )

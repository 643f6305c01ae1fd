"""Serving a page to the browser on this machine until Ctrl-C."""

import logging
import os
import sys
import threading
import webbrowser
from contextlib import suppress

from finetune_tts.cli.program import say
from finetune_tts.serving.server import PageServer

logger = logging.getLogger(__name__)


def serve(server: PageServer, name: str, advice: str, *, open_browser: bool) -> None:
    """Print the address of a page, open it where there is a screen, and answer its browser until Ctrl-C.

    Args:
        server: of the page.
        name: what the address is printed as.
        advice: a sentence for whoever looks at the terminal.
        open_browser: false where a browser is not to be opened.
    """
    say(f"{name}: {server.address}")
    sys.stdout.flush()
    logger.info(advice)
    if open_browser and _has_screen():
        threading.Thread(target=_open_browser, args=(server.address_for_once(),), daemon=True).start()
    with suppress(KeyboardInterrupt):
        server.serve_forever()


def _open_browser(address: str) -> None:
    if not webbrowser.open(address):
        logger.info("No browser opens by itself: open the address in one.")


def _has_screen() -> bool:
    """Whether a browser would have a window; elsewhere one for terminals might take this one over."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))

"""The server of a run's live page."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from finetune_tts.errors import UserError, excerpt
from finetune_tts.files import read_bytes
from finetune_tts.serving.handler import Content, Refused
from finetune_tts.serving.page import Page
from finetune_tts.serving.server import PageServer
from finetune_tts.watch.watched_run import WatchedRun

WATCH_PAGE = Page(Path(__file__).parent / "page", ("run.js", "curves.js", "samples.js", "start.js"))
_KINDS = {".wav": "audio/wav", ".png": "image/png"}


class WatchServer(PageServer):
    """Serves the page of one run at 127.0.0.1; it writes nothing.

    Args:
        run: to be shown.
        port: 0 for one that is free.

    Raises:
        UserError: the port is taken, or not for you.
    """

    def __init__(self, run: WatchedRun, port: int = 0) -> None:
        self.run = run
        super().__init__(WATCH_PAGE, port)

    def get(self, path: str, asked: Mapping[str, str]) -> dict[str, Any] | Content:
        """How the run stands, and its samples."""
        if path == "/run":
            seen = asked.get("seen", "-1")
            if not re.fullmatch("-1|[0-9]{1,15}", seen):
                raise Refused(HTTPStatus.BAD_REQUEST, f"seen={excerpt(seen)}: must be a whole number.")
            return self.run.look(int(seen))
        if path.startswith("/sample/"):
            step, _, name = path.removeprefix("/sample/").partition("/")
            try:
                found = self.run.sample(unquote(step), unquote(name))
            except UserError as error:
                raise Refused(HTTPStatus.NOT_FOUND, str(error)) from error
            return Content(_KINDS[found.suffix], read_bytes(found))
        return super().get(path, asked)

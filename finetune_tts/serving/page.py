"""A page of HTML put together from the files of a folder, and what it may do."""

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import finetune_tts
from finetune_tts.files import read_text


@dataclass(frozen=True)
class Page:
    """``page.html`` with ``page.css`` and scripts put into its ``{{style}}`` and ``{{script}}``.

    Attributes:
        folder: of the files.
        scripts: names, in the order in which they make one script.
    """

    folder: Path
    scripts: Sequence[str]

    def html(self, data: str = "null", policy: str | None = None) -> str:
        """The whole page.

        Args:
            data: JSON for its ``{{data}}``, without ``<``.
            policy: for a page that no server sends, in whose ``{{policy}}`` it stands.
        """
        meta = "" if policy is None else f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">'
        parts = {
            "policy": meta,
            "style": self._style(),
            "script": self._script(),
            "data": data,
            "version": html.escape(finetune_tts.__version__),
        }
        return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _text(self.folder / "page.html"))

    def policy(self, images: str = "data:") -> str:
        """What a page may do everywhere: run its own script, wear its own style, show some images, and nothing else."""
        script, style = (
            base64.b64encode(hashlib.sha256(part.encode("utf-8")).digest()).decode("ascii")
            for part in (self._script(), self._style())
        )
        return f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; img-src {images}"

    def live_policy(self) -> str:
        """What the page of a server may do besides, as a value of the header ``Content-Security-Policy``."""
        own = "connect-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return "; ".join((self.policy("'self' data:"), own))

    def _style(self) -> str:
        return _text(self.folder / "page.css")

    def _script(self) -> str:
        return "".join(_text(self.folder / name) for name in self.scripts)


@cache
def _text(path: Path) -> str:
    return read_text(path)

"""Your token of the model hub, found where the hub's own programs find it: nothing else reads it, nothing prints it."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from finetune_tts.catalog.address import hub_root
from finetune_tts.errors import UserError

_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_YES = ("1", "on", "yes", "true")
_USABLE = re.compile(r"[!-~]+")


def token_for(url: str) -> str | None:
    """The token that goes with a request; None where there is none, or the address is another host's than the hub's.

    Args:
        url: that is asked, of the hub or of where the hub leads on to.

    Raises:
        UserError: what stands in the place of a token cannot be one.
    """
    return hub_token() if is_of_hub(url) else None


def is_of_hub(url: str) -> bool:
    """Whether an address is at the host of the hub, or of the one that ``HF_ENDPOINT`` names."""
    return _origin(url) == _origin(hub_root())


def hub_token() -> str | None:
    """The token of the environment variable ``HF_TOKEN``, or the one that ``hf auth login`` has kept.

    Raises:
        UserError: what stands there cannot be one.
    """
    if os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").lower() in _YES:
        return None
    for name in _VARIABLES:
        if token := os.environ.get(name, "").strip():
            return _usable(token, f"The environment variable {name}")
    path = _token_file()
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return _usable(token, str(path)) if token else None


def _token_file() -> Path:
    if named := os.environ.get("HF_TOKEN_PATH"):
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("HF_HOME") or f"{cache}/huggingface").expanduser() / "token"


def _usable(token: str, place: str) -> str:
    if not _USABLE.fullmatch(token):
        raise UserError(f"{place}: what it holds cannot be a token of the model hub. Log in again: hf auth login")
    return token


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)

"""Where a model can be had: an archive, single files, a repository of the model hub, or the package itself."""

import os
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from finetune_tts.errors import UserError

#: the only host that may be spoken to without encryption: a server on your own machine.
LOOPBACK = "127.0.0.1"

HUB = "https://huggingface.co"

_CHECKSUM = re.compile(r"(md5:[0-9a-f]{32}|sha1:[0-9a-f]{40}|sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class RemoteFile:
    """One file at one address.

    Attributes:
        url: ``https://…``, or ``http://127.0.0.1…``.
        name: what the file is called in the model's folder.
        checksum: ``"sha256:…"``, ``"sha1:…"`` or ``"md5:…"`` where it is known.
        length: bytes, where it is known before asking.
    """

    url: str
    name: str
    checksum: str | None = None
    length: int | None = None


@dataclass(frozen=True)
class Archive:
    """A zip or tar that holds the whole model."""

    file: RemoteFile

    @property
    def label(self) -> str:
        return self.file.url


@dataclass(frozen=True)
class SingleFiles:
    """Files at addresses of their own; all of them together are the model."""

    files: tuple[RemoteFile, ...]

    @property
    def label(self) -> str:
        others = len(self.files) - 1
        return self.files[0].url + (f" and {others} more" if others else "")


@dataclass(frozen=True)
class HubRepository:
    """A repository of the model hub: its files that match ``allow`` (all, if empty) and do not match ``ignore``."""

    repository: str
    allow: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    revision: str = "main"

    @property
    def label(self) -> str:
        return f"{HUB}/{self.repository}"


@dataclass(frozen=True)
class Bundled:
    """A folder of this package, ``assets/<name>/base``: nothing to download."""

    name: str

    @property
    def label(self) -> str:
        return "part of this package"


Address = Archive | SingleFiles | HubRepository | Bundled


def remote_file(url: str, checksum: str | None = None) -> RemoteFile:
    """Make a :class:`RemoteFile` named by the last part of the address.

    Raises:
        ValueError: the address or the checksum cannot be used; the message says why.
    """
    check_url(url)
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise ValueError(f"{url} does not end in a file name")
    if checksum is not None and not _CHECKSUM.fullmatch(checksum):
        raise ValueError(f"checksum {checksum!r} is not of the form sha256:<64 hex digits>, sha1:… or md5:…")
    return RemoteFile(url=url, name=name, checksum=checksum)


def check_url(url: str) -> None:
    """Admit ``https://`` anywhere and ``http://`` on this machine, nothing else.

    Raises:
        ValueError: any other address.
    """
    parts = urlsplit(url)
    if not parts.hostname or not (parts.scheme == "https" or is_loopback(url)):
        raise ValueError(f"{url} is not an https:// address (http:// is accepted for {LOOPBACK} only)")


def is_loopback(url: str) -> bool:
    """Say whether the address is plain http to this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname == LOOPBACK


def hub_root() -> str:
    """The hub's address, or that of a mirror which the environment variable ``HF_ENDPOINT`` names.

    Raises:
        UserError: the variable holds an address that :func:`check_url` refuses.
    """
    root = os.environ.get("HF_ENDPOINT", "").rstrip("/") or HUB
    try:
        check_url(root)
    except ValueError as error:
        raise UserError(f"The environment variable HF_ENDPOINT: {error}.") from error
    return root


def by_way_of_hub_mirror(url: str) -> str:
    """Return the address with the hub's host replaced by ``HF_ENDPOINT``, where that is set."""
    return hub_root() + url.removeprefix(HUB) if url.startswith(HUB + "/") else url


def hub_file_url(repository: str, revision: str, path: str) -> str:
    """The address of one file of a hub repository."""
    return f"{hub_root()}/{quote(repository)}/resolve/{quote(revision, safe='')}/{quote(path)}"

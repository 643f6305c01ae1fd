"""One file from one address into a temporary place: resumed where the server allows, checked when it is there."""

import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from finetune_tts.catalog.address import RemoteFile
from finetune_tts.catalog.connection import RANGE_NOT_SATISFIABLE, opened
from finetune_tts.catalog.failure import AddressFailure, connection_failure, megabytes
from finetune_tts.catalog.progress import progress
from finetune_tts.errors import UserError
from finetune_tts.files import write_json

if TYPE_CHECKING:
    from requests import Response

logger = logging.getLogger(__name__)

#: how often a cut connection is taken up again before the next mirror is tried; only while bytes keep coming.
_MOST_RESUMES = 20
_CHUNK = 1 << 14
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")
_HTML_BEGINNINGS = (b"<!doctype html", b"<html")
#: room that a download leaves on the disk.
_SPARE_BYTES = 50_000_000


class _Cut(AddressFailure):
    """The connection ended before the file did; what has come is kept."""


@dataclass(frozen=True)
class _Version:
    """Which version of a file the bytes on disk belong to: what the server said when they came.

    Attributes:
        url: where they come from.
        validator: a strong ETag or a date, for ``If-Range``; "" where the server gave none and nothing can be resumed.
    """

    url: str
    validator: str


def download(file: RemoteFile, part: Path) -> None:
    """Bring ``file`` to ``part``, continuing from what an earlier call left there.

    Beside ``part`` a small JSON file remembers which version of the remote file the bytes belong to.

    Raises:
        AddressFailure: this address does not give the file; what has come stays for another try unless it is wrong.
        UserError: there is not enough space on the disk.
        OSError: the file cannot be written.
    """
    for _ in range(_MOST_RESUMES):
        before = _size(part) if _resumable(part, file.url) else 0
        try:
            checksum = _receive(file, part)
        except _Cut as cut:
            if _size(part) <= before or not _resumable(part, file.url):
                raise
            logger.info("%s: %s; continuing from there.", file.name, cut)
            continue
        if checksum is not None:
            _verify(part, checksum)
        return
    raise AddressFailure(f"the connection was cut {_MOST_RESUMES} times")


def forget(part: Path) -> None:
    """Remove what has come of a file, because it is wrong."""
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)


def check_space(folder: Path, needed: int, what: str) -> None:
    """Make sure that ``needed`` bytes fit on the disk of ``folder``.

    Raises:
        UserError: they do not.
    """
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE_BYTES:
        raise UserError(
            f"{what} needs {megabytes(needed)} in {folder}, where {megabytes(free)} are free. "
            "Free some space, or point the environment variable TTS_HOME to another disk."
        )


def _receive(file: RemoteFile, part: Path) -> str | None:
    """Ask once and write what comes; return the checksum that the file should have, where somebody named it."""
    import requests

    version = _resumable(part, file.url)
    start = _size(part) if version else 0
    asking = {"Range": f"bytes={start}-", "If-Range": version.validator} if version and start else {}
    with opened(file.url, asking) as response:
        checksum = file.checksum or _linked_checksum(response)
        position, total = _span(response, start)
        if position is None:
            if total == start and start:
                return checksum
            forget(part)
            raise AddressFailure("the server does not give the rest of the file; the next run starts it again")
        if file.length is not None and total is not None and total != file.length:
            raise AddressFailure(f"the file there has {total} bytes, the catalog's has {file.length}")
        if total is not None:
            check_space(part.parent, total - position, file.name)
        if position == 0:
            forget(part)
            write_json(_version_file(part), asdict(_Version(file.url, _validator(response.headers))))
        with part.open("ab") as out, progress(file.name, position, total) as arrived:
            received = position
            try:
                for chunk in response.iter_content(_CHUNK):
                    if received == 0 and chunk.lstrip()[:14].lower().startswith(_HTML_BEGINNINGS):
                        raise AddressFailure("it is a web page (HTML), not a file")
                    out.write(chunk)
                    received += len(chunk)
                    arrived(len(chunk))
            except requests.RequestException as error:
                out.flush()
                raise _Cut(str(connection_failure(error, urlsplit(file.url).hostname or "", received))) from error
            out.flush()
            os.fsync(out.fileno())
    if total is not None and received < total:
        raise _Cut(f"the connection was cut after {megabytes(received)} of {megabytes(total)}")
    if (total is not None and received > total) or (file.length is not None and received != file.length):
        forget(part)
        raise AddressFailure(f"{received} bytes came where {total or file.length} were announced")
    return checksum


def _span(response: "Response", start: int) -> tuple[int | None, int | None]:
    """Return where the body begins (None: there is no rest to come) and how long the whole file is, if that is said."""
    content_range = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if response.status_code == RANGE_NOT_SATISFIABLE:
        return None, int(content_range[2]) if content_range else None
    if response.status_code == 206:
        if content_range is None or content_range[1] is None or int(content_range[1]) != start:
            return None, None
        return start, int(content_range[2])
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return 0, None
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _validator(headers: Mapping[str, str]) -> str:
    if headers.get("Content-Encoding", "identity") != "identity":
        return ""
    etag = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified", "")


def _linked_checksum(response: "Response") -> str | None:
    linked = response.headers.get("X-Linked-ETag", "").strip('"')
    return f"sha256:{linked}" if re.fullmatch(r"[0-9a-f]{64}", linked) else None


def _verify(part: Path, checksum: str) -> None:
    kind, _, wanted = checksum.partition(":")
    digest = hashlib.new(kind, usedforsecurity=False)
    with part.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != wanted:
        forget(part)
        raise AddressFailure(f"the {kind} checksum is {digest.hexdigest()}, it should be {wanted}")


def _resumable(part: Path, url: str) -> _Version | None:
    try:
        version = _Version(**json.loads(_version_file(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return version if version.url == url and version.validator else None


def _version_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0

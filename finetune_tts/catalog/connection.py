"""Asking a server for a file: encrypted all the way, every refusal in words."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from finetune_tts.catalog.address import by_way_of_hub_mirror, check_url, is_loopback
from finetune_tts.catalog.failure import AddressFailure, connection_failure

if TYPE_CHECKING:
    from requests import Response

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 15.0
#: longest silence while a file comes.
READ_SECONDS = 60.0

_MOST_REDIRECTS = 10
_REDIRECTS = (301, 302, 303, 307, 308)
_REFUSALS = {
    401: "the server wants a login (401): the address is private",
    403: "the server refuses it (403): the address is private or does not exist",
    404: "there is nothing at this address (404)",
    410: "it was there once and is gone (410)",
    429: "the server has had too many requests (429): try again later",
}
RANGE_NOT_SATISFIABLE = 416


@contextmanager
def opened(url: str, headers: Mapping[str, str] | None = None) -> Iterator["Response"]:
    """Ask for ``url`` and follow its redirects, each of which must be encrypted as the address itself is.

    The block gets the answer with its body still to come; its status is 200, 206 or 416.

    Raises:
        AddressFailure: no connection, too many redirects, an error status, or a web page in place of a file.
    """
    import requests

    from finetune_tts import __version__

    url = by_way_of_hub_mirror(url)
    all_headers = {"Accept-Encoding": "identity", "User-Agent": f"finetune-tts/{__version__}", **(headers or {})}
    linked_etag = ""
    with requests.Session() as session:
        # A proxy is for the world outside; this machine is spoken to directly.
        session.trust_env = not is_loopback(url)
        for _ in range(_MOST_REDIRECTS + 1):
            host = urlsplit(url).hostname or url
            try:
                response = session.get(
                    url,
                    headers=all_headers,
                    stream=True,
                    allow_redirects=False,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                )
            except requests.RequestException as error:
                raise connection_failure(error, host) from error
            with response:
                linked_etag = response.headers.get("X-Linked-ETag", linked_etag)
                if response.status_code not in _REDIRECTS:
                    _check_answer(response)
                    # The hub names the file's sha256 before it sends us on to the place where the file lies.
                    response.headers.setdefault("X-Linked-ETag", linked_etag)
                    yield response
                    return
                url = _next_url(url, response.headers.get("Location", ""))
    raise AddressFailure(f"more than {_MOST_REDIRECTS} redirects")


def _next_url(url: str, location: str) -> str:
    following = urljoin(url, location)
    try:
        check_url(following)
    except ValueError as error:
        raise AddressFailure(f"it leads on to {following}, which is not encrypted; not followed") from error
    if is_loopback(following) and not is_loopback(url):
        raise AddressFailure(f"it leads on to {following}, on this machine; not followed")
    logger.debug("%s leads on to %s", url, following)
    return following


def _check_answer(response: "Response") -> None:
    status = response.status_code
    if status not in (200, 206, RANGE_NOT_SATISFIABLE):
        other = f"the server has a fault ({status})" if status >= 500 else f"the server answers with status {status}"
        raise AddressFailure(_REFUSALS.get(status, other))
    if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() == "text/html":
        raise AddressFailure("it is a web page (HTML), not a file; is a login or a proxy's page in between?")

"""Asking a server for a file: encrypted all the way, every refusal in words."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from finetune_tts.catalog.address import by_way_of_hub_mirror, check_url, is_loopback
from finetune_tts.catalog.failure import AddressFailure, connection_failure
from finetune_tts.catalog.hub_token import is_of_hub, token_for

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

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
#: of the model hub: without a token, and with one.
_HUB_REFUSALS = {
    401: "the hub wants a login (401): it is private, or does not exist. Log in with hf auth login, or set HF_TOKEN",
    403: "the hub refuses it (403): log in with hf auth login, or set HF_TOKEN, and accept the terms on its page",
}
_HUB_REFUSALS_OF_TOKEN = {
    401: "the hub does not know this token (401): log in again with hf auth login, or set HF_TOKEN to another",
    403: "the hub refuses it for this token (403): accept the terms on its page, or make a token that may read it",
    404: "there is nothing at this address (404), or nothing that this token may see",
}
RANGE_NOT_SATISFIABLE = 416
_LOGIN_WANTED = 401


class _Bearer:
    """Tells a token; a header alone would give way to what a file of passwords has for the host."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: "PreparedRequest") -> "PreparedRequest":
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@contextmanager
def opened(url: str, headers: Mapping[str, str] | None = None) -> Iterator["Response"]:
    """Ask for ``url`` and follow its redirects, each of which must be encrypted as the address itself is.

    The block gets the answer with its body still to come; its status is 200, 206 or 416. The hub itself, and no other
    host that it leads on to, is told your token; where it does not know the token, it is asked without.

    Raises:
        UserError: what stands in the place of a token cannot be one.
        AddressFailure: no connection, too many redirects, an error status, or a web page in place of a file.
    """
    import requests

    from finetune_tts import __version__

    url = by_way_of_hub_mirror(url)
    all_headers = {"Accept-Encoding": "identity", "User-Agent": f"finetune-tts/{__version__}", **(headers or {})}
    linked_etag = ""
    unknown_token = ""  # what to say of a token that the hub does not know
    with requests.Session() as session:
        # A proxy is for the world outside; this machine is spoken to directly.
        session.trust_env = not is_loopback(url)
        redirects = 0
        while redirects <= _MOST_REDIRECTS:
            host = urlsplit(url).hostname or url
            token = token_for(url) if not unknown_token else None
            try:
                response = session.get(
                    url,
                    headers=all_headers,
                    auth=_Bearer(token) if token else None,
                    stream=True,
                    allow_redirects=False,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                )
            except requests.RequestException as error:
                raise connection_failure(error, host) from error
            with response:
                linked_etag = response.headers.get("X-Linked-ETag", linked_etag)
                if response.status_code == _LOGIN_WANTED and token:
                    unknown_token = _refusal(response, url, token)
                    continue
                if response.status_code not in _REDIRECTS:
                    of_token = unknown_token if response.status_code == _LOGIN_WANTED else ""
                    _check_answer(response, of_token or _refusal(response, url, token))
                    if unknown_token:
                        logger.warning("The hub does not know your token (401), and gave this without it.")
                    # The hub names the file's sha256 before it sends us on to the place where the file lies.
                    response.headers.setdefault("X-Linked-ETag", linked_etag)
                    yield response
                    return
                url = _next_url(url, response.headers.get("Location", ""))
                redirects += 1
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


def _check_answer(response: "Response", refusal: str) -> None:
    if response.status_code not in (200, 206, RANGE_NOT_SATISFIABLE):
        raise AddressFailure(refusal)
    if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() == "text/html":
        raise AddressFailure("it is a web page (HTML), not a file; is a login or a proxy's page in between?")


def _refusal(response: "Response", url: str, token: str | None) -> str:
    status = response.status_code
    other = f"the server has a fault ({status})" if status >= 500 else f"the server answers with status {status}"
    told: Mapping[int, str] = {}
    if is_of_hub(url):
        told = _HUB_REFUSALS_OF_TOKEN if token else _HUB_REFUSALS
    return told.get(status) or _REFUSALS.get(status, other)

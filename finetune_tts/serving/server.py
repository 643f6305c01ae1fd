"""A server of one page for this machine and one browser alone, see SECURITY.md.

Whoever opens the page shows a key in its address once and gets a cookie for it. Writing asks for the page's own origin
besides, so that no other page in the same browser can do it.
"""

import hmac
import json
import logging
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from finetune_tts.errors import UserError
from finetune_tts.json_text import NotJSON, parse_json
from finetune_tts.serving.page import Page

logger = logging.getLogger(__name__)

ADDRESS = "127.0.0.1"
_MOST_OF_BODY = 64 * 1024
_MOST_FIELDS = 10  # behind the question mark of an address
_SILENCE = 60.0  # seconds after which a connection is closed
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Refused(Exception):
    """A request that is answered with an error.

    Args:
        status: of the answer.
        message: what is wrong, for whoever looks at the page.
        read: whether the request was read to its end, so that another one may follow.
        details: further fields of the answer.
    """

    def __init__(self, status: HTTPStatus, message: str, *, read: bool = True, **details: Any) -> None:
        super().__init__(message)
        self.status, self.read, self.details = status, read, details


@dataclass(frozen=True)
class Content:
    """A file as an answer, of which a browser may ask for a part."""

    kind: str
    """Its media type."""
    content: bytes


class PageServer(ThreadingHTTPServer):
    """Serves one page at 127.0.0.1, and what the page asks for.

    Args:
        page: sent for ``/``.
        port: 0 for one that is free.

    Attributes:
        address: with the key, for whoever starts the server.

    Raises:
        UserError: the port is taken, or not for you.
    """

    daemon_threads = True
    # On Windows it would let another program take over the port.
    allow_reuse_address = os.name == "posix"

    def __init__(self, page: Page, port: int = 0) -> None:
        self.page = page
        self._key = secrets.token_urlsafe(32)
        self._once: set[str] = set()
        self.cookie = secrets.token_urlsafe(32)
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise UserError(
                f"--port {port}: cannot be used ({error.strerror}). Choose another one, or leave it out."
            ) from error

    def get(self, path: str, asked: Mapping[str, str]) -> dict[str, Any] | Content:
        """What the page gets at another path than ``/``.

        Args:
            path: as it stands in the address, with its percent signs.
            asked: the fields behind its question mark.

        Raises:
            Refused, UserError: there is nothing, or nothing for this request.
        """
        raise Refused(HTTPStatus.NOT_FOUND, "There is no such page.")

    def post(self, path: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Do what the page asks for, and return what it is to know.

        Raises:
            Refused, UserError: it cannot be.
        """
        raise Refused(HTTPStatus.NOT_FOUND, "There is no such page.")

    def server_bind(self) -> None:
        """Bind, without asking a name server what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    @property
    def address(self) -> str:
        return f"http://{ADDRESS}:{self.server_port}/?key={self._key}"

    def address_for_once(self) -> str:
        """An address that opens the page once: others on this machine may see the arguments of a browser."""
        key = secrets.token_urlsafe(32)
        self._once.add(key)
        return f"http://{ADDRESS}:{self.server_port}/?key={key}"

    @property
    def cookie_name(self) -> str:
        """One for each port, as browsers do not tell the ports of a machine apart."""
        return f"finetune_tts_{self.server_port}"

    def takes(self, key: str) -> bool:
        """Whether this key opens the page; one for once does so no more."""
        if key in self._once:
            self._once.discard(key)
            return True
        return _equal(key, self._key)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "finetune-tts", ""
    timeout = _SILENCE
    server: PageServer

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_HEAD(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug(format, *args)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses, in words that give nothing of the request back."""
        self.close_connection = True
        self._send_json(HTTPStatus(code), {"error": HTTPStatus(code).phrase})

    def _answer(self, handle: Any) -> None:
        try:
            handle()
        except Refused as refusal:
            if not refusal.read:
                self.close_connection = True  # what follows is no request
            self._send_json(refusal.status, {"error": str(refusal), **refusal.details})
        except UserError as error:
            self._send_json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        except ValueError:
            self._send_json(HTTPStatus.BAD_REQUEST, {"error": "The address cannot be read."})
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the browser has gone
        except OSError as error:
            if self.command == "POST":
                logger.warning("Not saved: %s", error)
                message = f"Not saved: {error}. Nothing has changed."
            else:
                message = f"Cannot be read: {error}."
            self._send_json(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": message})

    def _get(self) -> None:
        address = urlsplit(self.path)
        self._require_own_host()
        asked = {name: values[0] for name, values in parse_qs(address.query, max_num_fields=_MOST_FIELDS).items()}
        is_page = address.path == "/"
        cookie = None
        if is_page and "key" in asked and self.server.takes(asked["key"]):
            cookie = f"{self.server.cookie_name}={self.server.cookie}; HttpOnly; SameSite=Strict; Path=/"
        else:
            self._require_cookie()
        if is_page:
            content = self.server.page.html().encode("utf-8")
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", content, Set_Cookie=cookie)
            return
        answer = self.server.get(address.path, asked)
        if isinstance(answer, Content):
            self._send_content(answer)
        else:
            self._send_json(HTTPStatus.OK, answer)

    def _post(self) -> None:
        self._require_own_host()
        self._require_own_origin()
        self._require_cookie()
        self._send_json(HTTPStatus.OK, self.server.post(urlsplit(self.path).path, self._body()))

    def _require_own_host(self) -> None:
        """Refuse a name that somebody else's name server gives this machine."""
        if len(self.headers.get_all("Host", [])) != 1 or self._host() not in self._own_hosts():
            raise Refused(
                HTTPStatus.FORBIDDEN,
                f"This server answers at {self._own_hosts()[0]} alone. Through a tunnel, give both ends that port.",
                read=False,
            )

    def _host(self) -> str:
        return str(self.headers.get("Host", ""))

    def _own_hosts(self) -> tuple[str, str]:
        return f"{ADDRESS}:{self.server.server_port}", f"localhost:{self.server.server_port}"

    def _require_own_origin(self) -> None:
        """Refuse what another page asks for, also one of this machine at another port."""
        if self.headers.get_all("Origin") != [f"http://{self._host()}"]:
            raise Refused(HTTPStatus.FORBIDDEN, "Only the page of this server may write.", read=False)

    def _require_cookie(self) -> None:
        if self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise Refused(HTTPStatus.FORBIDDEN, "Only the page of this server may ask for this.", read=False)
        # By hand: what other programs of this machine have left must not hide it, whatever is in it.
        cookies = dict(part.strip().partition("=")[::2] for part in self.headers.get("Cookie", "").split(";"))
        if not _equal(cookies.get(self.server.cookie_name, ""), self.server.cookie):
            raise Refused(
                HTTPStatus.FORBIDDEN,
                "Open the address that the program has printed: it holds the key to this page.",
                read=False,
            )

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,9}", length):
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "Content-Length: is needed.", read=False)
        if int(length) > _MOST_OF_BODY:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"More than {_MOST_OF_BODY:,} bytes.", read=False)
        if self.headers.get_content_type() != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type: must be application/json.", read=False)
        try:
            asked = parse_json(self.rfile.read(int(length)).decode("utf-8"))
        except (NotJSON, UnicodeDecodeError) as error:
            raise Refused(HTTPStatus.BAD_REQUEST, f"The request is not JSON: {error}.") from error
        if not isinstance(asked, dict):
            raise Refused(HTTPStatus.BAD_REQUEST, "The request is no object of JSON.")
        return asked

    def _send_content(self, answer: Content) -> None:
        kind, content = answer.kind, answer.content
        wanted = self.headers.get("Range")
        found = None if wanted is None else _RANGE.fullmatch(wanted.strip())
        if found is None or found.groups() == ("", ""):  # none, or of a kind that may be ignored
            self._send(HTTPStatus.OK, kind, content, Accept_Ranges="bytes")
            return
        first, last = _place(found[1], found[2], len(content))
        if not first <= last:
            no_content = {"Content_Range": f"bytes */{len(content)}"}
            self._send(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "text/plain", b"", **no_content)
            return
        where = {"Content_Range": f"bytes {first}-{last}/{len(content)}"}
        self._send(HTTPStatus.PARTIAL_CONTENT, kind, content[first : last + 1], Accept_Ranges="bytes", **where)

    def _send_json(self, status: HTTPStatus, content: Any) -> None:
        text = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
        self._send(status, "application/json; charset=utf-8", text)

    def _send(self, status: HTTPStatus, kind: str, content: bytes, **headers: str | None) -> None:
        self.send_response(status)
        if self.close_connection:
            self.send_header("Connection", "close")
        policy = {"Content-Security-Policy": self.server.page.live_policy()}
        for name, value in {**_HEADERS, **policy, **headers}.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _place(first: str, last: str, size: int) -> tuple[int, int]:
    """The first and last byte of a range; none where the first is behind the last."""
    if not first:  # so many from the end
        return max(0, size - int(last)), size - 1 if int(last) else -1
    return int(first), min(int(last or size), size - 1)


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8"))

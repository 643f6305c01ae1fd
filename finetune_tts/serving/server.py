"""A server of one page for this machine and one browser alone, see SECURITY.md.

Whoever opens the page shows a key in its address once and gets a cookie for it. Writing asks for the page's own origin
besides, so that no other page in the same browser can do it.
"""

import hmac
import logging
import os
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from finetune_tts.errors import UserError
from finetune_tts.serving.handler import Content, Handler, Refused
from finetune_tts.serving.page import Page

logger = logging.getLogger(__name__)

ADDRESS = "127.0.0.1"
_MOST_FIELDS = 10  # behind the question mark of an address


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


class _Handler(Handler):
    server: PageServer

    def setup(self) -> None:
        super().setup()
        self.policy = self.server.page.live_policy()

    def do_GET(self) -> None:
        self.answer(self._get)

    def do_HEAD(self) -> None:
        self.answer(self._get)

    def do_POST(self) -> None:
        self.answer(self._post)

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
            self.send(HTTPStatus.OK, "text/html; charset=utf-8", content, Set_Cookie=cookie)
            return
        answer = self.server.get(address.path, asked)
        if isinstance(answer, Content):
            self.send_content(answer)
        else:
            self.send_json(HTTPStatus.OK, answer)

    def _post(self) -> None:
        self._require_own_host()
        self._require_own_origin()
        self._require_cookie()
        self.send_json(HTTPStatus.OK, self.server.post(urlsplit(self.path).path, self._body()))

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
        body = self.read_body()
        if self.headers.get_content_type() != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type: must be application/json.", read=False)
        return self.json_of(body)


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8"))

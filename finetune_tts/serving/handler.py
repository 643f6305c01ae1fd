"""Answers of a server to browsers and programs: whole, refused in words, and with a bound on all that they send."""

import io
import json
import logging
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from finetune_tts.errors import UserError
from finetune_tts.json_text import NotJSON, parse_json

logger = logging.getLogger(__name__)

SILENCE = 60.0
"""Seconds after which a connection is closed on which nothing happens."""
_TIME_FOR_REQUEST = 30.0  # seconds in which a request that has begun has to be there
_MOST_OF_BODY = 64 * 1024
_WRITTEN_AT_ONCE = 64 * 1024
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
        headers: further ones of the answer, with ``_`` for ``-``.
        details: further fields of the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        read: bool = True,
        headers: Mapping[str, str] | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status, self.read, self.details, self.headers = status, read, details, dict(headers or {})


@dataclass(frozen=True)
class Content:
    """A file as an answer, of which a browser may ask for a part."""

    kind: str
    """Its media type."""
    content: bytes


class _Incoming(io.RawIOBase):
    """What comes over a connection, with a bound on the time that a request takes, however slowly it drips in."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._until: float | None = None

    def begin(self) -> None:
        """The next request may take its time to begin, and then has to be there."""
        self._until = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = SILENCE if self._until is None else self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request took too long")
        self._connection.settimeout(left)
        count = self._connection.recv_into(buffer)
        self._connection.settimeout(SILENCE)
        if self._until is None:
            self._until = time.monotonic() + _TIME_FOR_REQUEST
        return count


class Handler(BaseHTTPRequestHandler):
    """Answers requests; what there is to answer is for those who inherit it.

    Attributes:
        policy: value of the header ``Content-Security-Policy``.
    """

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "finetune-tts", ""
    timeout = SILENCE
    policy = "default-src 'none'"

    def setup(self) -> None:
        super().setup()
        self._incoming = _Incoming(self.connection)
        self.rfile = io.BufferedReader(self._incoming)

    def handle_one_request(self) -> None:
        self._incoming.begin()
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug(format, *args)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class refuses, in words that give nothing of the request back."""
        self.close_connection = True
        self.send_json(HTTPStatus(code), {"error": HTTPStatus(code).phrase})

    def answer(self, handle: Any) -> None:
        """Call ``handle``, and answer what it refuses."""
        try:
            handle()
        except Refused as refusal:
            if not refusal.read:
                self.close_connection = True  # what follows is no request
            self.send_json(refusal.status, {"error": str(refusal), **refusal.details}, **refusal.headers)
        except UserError as error:
            self.send_json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        except ValueError:
            self.send_json(HTTPStatus.BAD_REQUEST, {"error": "The address cannot be read."})
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the browser has gone
        except OSError as error:
            if self.command == "POST":
                logger.warning("Not saved: %s", error)
                message = f"Not saved: {error}. Nothing has changed."
            else:
                message = f"Cannot be read: {error}."
            self.send_json(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": message})

    def read_body(self, most: int = _MOST_OF_BODY) -> bytes:
        """The body of the request.

        Raises:
            Refused: it has no length, or is longer than ``most`` bytes.
        """
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,9}", length):
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "Content-Length: is needed.", read=False)
        if int(length) > most:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"More than {most:,} bytes.", read=False)
        return self.rfile.read(int(length))

    def json_of(self, body: bytes) -> dict[str, Any]:
        """The object that a body is.

        Raises:
            Refused: it is none.
        """
        try:
            asked = parse_json(body.decode("utf-8"))
        except NotJSON as error:
            raise Refused(HTTPStatus.BAD_REQUEST, f"The body of the request: {error}.".replace("?.", "?")) from error
        except UnicodeDecodeError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, "The body of the request is not UTF-8 text.") from error
        if not isinstance(asked, dict):
            raise Refused(HTTPStatus.BAD_REQUEST, "The request is no object of JSON.")
        return asked

    def send_content(self, answer: Content) -> None:
        """Answer with a file, or the part of it that is asked for."""
        kind, content = answer.kind, answer.content
        wanted = self.headers.get("Range")
        found = None if wanted is None else _RANGE.fullmatch(wanted.strip())
        if found is None or found.groups() == ("", ""):  # none, or of a kind that may be ignored
            self.send(HTTPStatus.OK, kind, content, Accept_Ranges="bytes")
            return
        first, last = _place(found[1], found[2], len(content))
        if not first <= last:
            no_content = {"Content_Range": f"bytes */{len(content)}"}
            self.send(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "text/plain", b"", **no_content)
            return
        where = {"Content_Range": f"bytes {first}-{last}/{len(content)}"}
        self.send(HTTPStatus.PARTIAL_CONTENT, kind, content[first : last + 1], Accept_Ranges="bytes", **where)

    def send_json(self, status: HTTPStatus, content: Any, **headers: str) -> None:
        """Answer with JSON."""
        text = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
        self.send(status, "application/json; charset=utf-8", text, **headers)

    def send(self, status: HTTPStatus, kind: str, content: bytes, **headers: str | None) -> None:
        """Answer with some content of a media type."""
        self.begin_answer(status, kind, Content_Length=str(len(content)), **headers)
        if self.command != "HEAD":
            # Whoever takes none of it for a while has gone; a slow one may take its time.
            for start in range(0, len(content), _WRITTEN_AT_ONCE):
                self.wfile.write(content[start : start + _WRITTEN_AT_ONCE])

    def begin_answer(self, status: HTTPStatus, kind: str, **headers: str | None) -> None:
        """Send what stands before the content."""
        self.send_response(status)
        if self.close_connection:
            self.send_header("Connection", "close")
        own = {"Content_Security_Policy": self.policy, "Content_Type": kind}
        for name, value in {**_HEADERS, **own, **headers}.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()


def _place(first: str, last: str, size: int) -> tuple[int, int]:
    """The first and last byte of a range; none where the first is behind the last."""
    if not first:  # so many from the end
        return max(0, size - int(last)), size - 1 if int(last) else -1
    return int(first), min(int(last or size), size - 1)

"""The server of the review page: for this machine and one browser alone, see SECURITY.md.

Whoever opens the page shows a key in its address once and gets a cookie for it. Writing asks for the page's own origin
besides, so that no other page in the same browser can do it.
"""

import hmac
import json
import logging
import os
import re
import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from finetune_tts.corpus.clips import FLAC
from finetune_tts.corpus.cuts import own_sound
from finetune_tts.corpus.review import ChangedMeanwhile, Review, UnknownClip
from finetune_tts.corpus.review_page import as_json, live_page, live_policy, next_edit, page_data
from finetune_tts.errors import UserError, excerpt
from finetune_tts.files import read_bytes
from finetune_tts.json_text import NotJSON, parse_json

logger = logging.getLogger(__name__)

ADDRESS = "127.0.0.1"
_MOST_OF_BODY = 64 * 1024
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


class ReviewServer(ThreadingHTTPServer):
    """Serves one review at 127.0.0.1.

    Args:
        review: the data set.
        port: 0 for one that is free.

    Attributes:
        address: with the key, for whoever starts the server.

    Raises:
        UserError: the port is taken, or not for you.
    """

    daemon_threads = True
    # On Windows it would let another program take over the port.
    allow_reuse_address = os.name == "posix"

    def __init__(self, review: Review, port: int = 0) -> None:
        self.review = review
        self._key = secrets.token_urlsafe(32)
        self._once: set[str] = set()
        self.cookie = secrets.token_urlsafe(32)
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise UserError(
                f"--port {port}: cannot be used ({error.strerror}). Choose another one, or leave it out."
            ) from error

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
        return f"review_{self.server_port}"

    def takes(self, key: str) -> bool:
        """Whether this key opens the page; one for once does so no more."""
        if key in self._once:
            self._once.discard(key)
            return True
        return _equal(key, self._key)


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, message: str, *, read: bool = True, **details: Any) -> None:
        super().__init__(message)
        self.status, self.read, self.details = status, read, details


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "finetune-tts", ""
    timeout = _SILENCE
    server: ReviewServer

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
        except _Refused as refusal:
            if not refusal.read:
                self.close_connection = True  # what follows is no request
            self._send_json(refusal.status, {"error": str(refusal), **refusal.details})
        except UnknownClip as error:
            self._send_json(HTTPStatus.NOT_FOUND, {"error": str(error)})
        except ChangedMeanwhile as error:
            self._send_json(HTTPStatus.CONFLICT, self._state(error.clip, error=str(error)))
        except UserError as error:
            self._send_json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        except ValueError:
            self._send_json(HTTPStatus.BAD_REQUEST, {"error": "The address cannot be read."})
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the browser has gone
        except OSError as error:
            logger.warning("Not saved: %s", error)
            self._send_json(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": f"Not saved: {error}. Nothing has changed."})

    def _get(self) -> None:
        address = urlsplit(self.path)
        self._require_own_host()
        cookie = None
        key = parse_qs(address.query, max_num_fields=10).get("key", [""])[0] if address.path == "/" else ""
        if key and self.server.takes(key):
            cookie = f"{self.server.cookie_name}={self.server.cookie}; HttpOnly; SameSite=Strict; Path=/"
        else:
            self._require_cookie()
        review = self.server.review
        if address.path == "/":
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", live_page().encode("utf-8"), Set_Cookie=cookie)
        elif address.path == "/clips":
            sequence, _ = review.changes(0)  # first, so that no change is missed
            undoable, redoable = review.undoable, review.redoable
            self._send_json(
                HTTPStatus.OK,
                page_data(review.corpus, review.clips, sequence=sequence, undoable=undoable, redoable=redoable),
            )
        elif address.path == "/changes":
            since = parse_qs(address.query, max_num_fields=10).get("since", [""])[0]
            if not re.fullmatch("[0-9]{1,9}", since):
                raise _Refused(HTTPStatus.BAD_REQUEST, f"since={excerpt(since)}: must be a whole number.")
            sequence, clips = review.changes(int(since))
            self._send_json(HTTPStatus.OK, self._state(sequence=sequence, clips=[as_json(clip) for clip in clips]))
        elif address.path.startswith("/waveform/"):
            found = review.around(unquote(address.path.removeprefix("/waveform/")))
            content = {"start": found.start, "peaks": found.peaks, "obstacle": found.obstacle}
            self._send_json(HTTPStatus.OK, content)
        elif address.path.startswith("/sound/"):
            self._send_sound(unquote(address.path.removeprefix("/sound/")))
        else:
            raise _Refused(HTTPStatus.NOT_FOUND, "There is no such page.")

    def _post(self) -> None:
        self._require_own_host()
        self._require_own_origin()
        self._require_cookie()
        asked = self._body()
        review = self.server.review
        path = urlsplit(self.path).path
        if path == "/edit":
            if not isinstance(asked.get("clip"), str):
                raise _Refused(HTTPStatus.BAD_REQUEST, "clip: must be the name of a clip.")
            seen, wanted = asked.get("seen"), asked.get("wanted")
            if not isinstance(seen, dict) or not isinstance(wanted, dict):
                raise _Refused(HTTPStatus.BAD_REQUEST, "seen, wanted: must be fields of a clip.")
            clip = review.edit(asked["clip"], seen, wanted, continued=_whole(asked, "continued", or_none=True))
        elif path == "/undo":
            clip = review.undo(_whole(asked, "number") or 0)
        elif path == "/redo":
            clip = review.redo(_whole(asked, "number") or 0)
        else:
            raise _Refused(HTTPStatus.NOT_FOUND, "There is no such page.")
        self._send_json(HTTPStatus.OK, self._state(clip))

    def _state(self, clip: Any = None, **more: Any) -> dict[str, Any]:
        review = self.server.review
        own = {} if clip is None else {"clip": as_json(clip)}
        return {"undoable": next_edit(review.undoable), "redoable": next_edit(review.redoable), **own, **more}

    def _require_own_host(self) -> None:
        """Refuse a name that somebody else's name server gives this machine."""
        if len(self.headers.get_all("Host", [])) != 1 or self._host() not in self._own_hosts():
            raise _Refused(
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
            raise _Refused(HTTPStatus.FORBIDDEN, "Only the review page may write.", read=False)

    def _require_cookie(self) -> None:
        if self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise _Refused(HTTPStatus.FORBIDDEN, "Only the review page may ask for this.", read=False)
        # By hand: what other programs of this machine have left must not hide it, whatever is in it.
        cookies = dict(part.strip().partition("=")[::2] for part in self.headers.get("Cookie", "").split(";"))
        if not _equal(cookies.get(self.server.cookie_name, ""), self.server.cookie):
            raise _Refused(
                HTTPStatus.FORBIDDEN,
                "Open the address that the program has printed: it holds the key to this page.",
                read=False,
            )

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,9}", length):
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "Content-Length: is needed.", read=False)
        if int(length) > _MOST_OF_BODY:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"More than {_MOST_OF_BODY:,} bytes.", read=False)
        if self.headers.get_content_type() != "application/json":
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type: must be application/json.", read=False)
        try:
            asked = parse_json(self.rfile.read(int(length)).decode("utf-8"))
        except (NotJSON, UnicodeDecodeError) as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, f"The request is not JSON: {error}.") from error
        if not isinstance(asked, dict):
            raise _Refused(HTTPStatus.BAD_REQUEST, "The request is no object of JSON.")
        return asked

    def _send_sound(self, name: str) -> None:
        review = self.server.review
        review.clip(name)  # no other name leads to a file
        path = own_sound(review.corpus, name)
        if not path.is_file():
            raise _Refused(HTTPStatus.NOT_FOUND, f"{path}: the sound of the clip is gone.")
        content = read_bytes(path)
        kind = "audio/flac" if review.corpus.format == FLAC else "audio/wav"
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
        for name, value in {**_HEADERS, "Content-Security-Policy": live_policy(), **headers}.items():
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


def _whole(asked: dict[str, Any], field: str, *, or_none: bool = False) -> int | None:
    value = asked.get(field)
    if value is None and or_none:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Refused(HTTPStatus.BAD_REQUEST, f"{field}: must be a whole number.")
    return value


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8"))

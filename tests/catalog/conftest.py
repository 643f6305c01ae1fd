"""A server on this machine that behaves well or badly, and a cache folder of the test's own."""

import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

WAIT_SECONDS = 30
NAME = "tts_models/xx/test/glow-tts"


@dataclass
class Page:
    """What the server has at one path, and how it behaves.

    ``cuts`` are places in the file at which the connection ends, one for each request, the first one first; ``pause``
    is a place at which the server waits for the event ``go_on``, after setting ``paused``. A page that has a ``token``
    is given to whoever tells it, and one whose token is "" to whoever tells none; others get 401.
    """

    content: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str | None = '"v1"'
    resumes: bool = True
    says_length: bool = True
    cuts: list[int] = field(default_factory=list)
    pause: int | None = None
    token: str | None = None
    paused: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


class Server(ThreadingHTTPServer):
    """Serves ``pages`` by path and remembers what was asked, as ``(path, Range header, status)``.

    ``told`` is ``(path, Authorization header)`` of each request.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str | None, int]] = []
        self.told: list[tuple[str, str | None]] = []

    def put(self, path: str, content: bytes = b"", **behaviour: Any) -> str:
        """Serve ``content`` at ``path``; return the address."""
        self.pages[path] = Page(content, **behaviour)
        return self.url(path)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def ranges(self, path: str) -> list[str | None]:
        return [asked_range for asked_path, asked_range, _ in self.asked if asked_path == path]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no fault of the server."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path, Page(status=404))
        asked_range = self.headers.get("Range")
        start, status = 0, page.status
        told = self.headers.get("Authorization")
        self.server.told.append((self.path, told))
        if page.token is not None and (told or "") != (f"Bearer {page.token}" if page.token else ""):
            status = 401
        fresh = self.headers.get("If-Range") in (None, page.etag)
        if asked_range and page.resumes and fresh and status == 200:
            start = int(asked_range.removeprefix("bytes=").removesuffix("-"))
            status = 206 if start < len(page.content) else 416
        self.server.asked.append((self.path, asked_range, status))
        self.send_response(status)
        for key, value in page.headers.items():
            self.send_header(key, value)
        if page.etag:
            self.send_header("ETag", page.etag)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(page.content) - 1}/{len(page.content)}")
        if status == 416:
            self.send_header("Content-Range", f"bytes */{len(page.content)}")
        body = page.content[start:] if status in (200, 206) else b""
        if page.says_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if page.cuts:
            body = page.content[start : page.cuts.pop(0)]
        if page.pause is not None and start < page.pause:
            self.wfile.write(body[: page.pause - start])
            self.wfile.flush()
            page.paused.set()
            page.go_on.wait(WAIT_SECONDS)
            body = body[page.pause - start :]
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """The test's output stays clean."""


def _serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    for page in server.pages.values():
        page.go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    yield from _serving()


@pytest.fixture
def server_of_others() -> Iterator[Server]:
    """Another one, at another port."""
    yield from _serving()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder; nothing of your own environment reaches a test."""
    variables = ("TTS_MODELS_FILE", "HF_ENDPOINT", "COQUI_TOS_AGREED", "XDG_DATA_HOME", "HTTP_PROXY", "http_proxy")
    for variable in variables:
        monkeypatch.delenv(variable, raising=False)
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_DISABLE_IMPLICIT_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("TTS_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "tts"


@pytest.fixture
def model_files() -> dict[str, bytes]:
    """The files of a small release; its config has a comment and a path of the machine that trained it."""
    checkpoint = io.BytesIO()
    with zipfile.ZipFile(checkpoint, "w") as content:
        content.writestr("archive/data.pkl", bytes(range(256)) * 1600)
    config = '{\n  "model": "glow_tts", // the architecture\n  "audio": {"stats_path": "/home/me/scale_stats.npy"}\n}\n'
    return {
        "model_file.pth": checkpoint.getvalue(),
        "config.json": config.encode(),
        "scale_stats.npy": b"\x93NUMPY",
    }


@pytest.fixture
def release(model_files: dict[str, bytes]) -> bytes:
    """The release as a zip with one folder, as 🐸 ships them."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        for name, data in model_files.items():
            content.writestr(f"tts_models--xx--test--glow-tts/{name}", data)
    return archive.getvalue()


@pytest.fixture
def catalog_of(tmp_path: Path) -> Callable[..., Path]:
    """Write a catalog of one model with the given addresses and fields; return the file."""

    def write(*addresses: Any, **fields: Any) -> Path:
        path = tmp_path / "my_models.json"
        path.write_text(json.dumps({"models": [{"name": NAME, "addresses": list(addresses), **fields}]}))
        return path

    return write

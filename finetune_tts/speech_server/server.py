"""The server: a page to type in, and an API like that of coqui-tts's server. See docs/serving.md and SECURITY.md."""

import ipaddress
import json
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

import finetune_tts
from finetune_tts.audio.wav_header import wav_header
from finetune_tts.audio.writing import SOUND_KINDS, encoded, pcm
from finetune_tts.errors import UserError
from finetune_tts.serving.handler import Handler, Refused
from finetune_tts.serving.page import Page
from finetune_tts.speech_server.asked import Asked, Rules
from finetune_tts.speech_server.mary import locales, read_process, voices
from finetune_tts.speech_server.worker import Busy, Job, SpeechWorker
from finetune_tts.synthesis.likeness import Likeness

SPEECH_PAGE = Page(Path(__file__).parent / "page", ("page.js",))
_MOST_FIELDS = 50
_BYTES_A_CHARACTER = 12  # percent signs make three of each of the four bytes that a character may have
_SPARE_CONNECTIONS = 64
_FROM_HEADERS = ("text", "speaker-id", "language-id", "style-wav", "speaker-wav")
#: of MaryTTS's API.
_LISTS = {"/voices": voices, "/locales": locales}
#: flags in messages that are the command line's → the field of a request.
_FIELDS = {"--speaker_idx": "speaker_id", "--language_idx": "language_id", "--speaker_wav": "speaker_wav",
           "--text": "text"}  # fmt: skip


class SpeechServer(ThreadingHTTPServer):
    """Synthesises for whoever asks. One request at a time is worked on; the others wait.

    Args:
        rules: what may be asked for, and who speaks.
        likeness: makes the voice speak like recordings.
        model: name of the model, for those who ask.
        host: address to listen at.
        port: 0 for one that is free.
        names: further names under which it may be asked.
        most_waiting: requests that may wait.

    Raises:
        UserError: the address or the port cannot be used.
    """

    daemon_threads = True
    allow_reuse_address = os.name == "posix"
    request_queue_size = 128

    def __init__(
        self,
        rules: Rules,
        likeness: Likeness,
        model: str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        names: Sequence[str] = (),
        most_waiting: int = 32,
    ) -> None:
        self.rules, self.model = rules, model
        self._likeness, self._host = likeness, host
        self._names = {name.lower() for name in names}
        self._most_waiting = most_waiting
        self._connections = threading.BoundedSemaphore(2 * most_waiting + _SPARE_CONNECTIONS)
        try:
            if ":" in host:
                self.address_family = socket.AF_INET6
            super().__init__((host, port), _SpeechHandler)
        except (OSError, UnicodeError) as error:
            raise UserError(
                f"--host {host} --port {port}: cannot be used ({getattr(error, 'strerror', None) or error}). Choose "
                "another address or port."
            ) from error
        self.worker = SpeechWorker(most_waiting)

    def server_bind(self) -> None:
        """Bind, without asking a name server what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self._host, self.server_address[1]

    def server_close(self) -> None:
        super().server_close()
        if hasattr(self, "worker"):
            self.worker.close()

    @property
    def address(self) -> str:
        """For the browser of whoever starts it."""
        host = "127.0.0.1" if self._host in ("0.0.0.0", "::", "") else self._host
        return f"http://[{host}]:{self.server_port}/" if ":" in host else f"http://{host}:{self.server_port}/"

    @property
    def is_open(self) -> bool:
        """Whether other machines reach it."""
        try:
            return not ipaddress.ip_address(self._host).is_loopback
        except ValueError:
            return self._host != "localhost"

    def answers_to(self, host: str) -> bool:
        """Whether a request may name this host: no name that somebody else's name server gives this machine.

        An address of numbers cannot be such a name; a server that is open to others answers to all of them.
        """
        name = urlsplit(f"//{host}").hostname or ""
        if name in self._names or name in ("localhost", "127.0.0.1", "::1"):
            return True
        if not self.is_open:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in (self._host.lower(), socket.gethostname().lower())
        return True

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, where there are not too many already."""
        if not self._connections.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def speak(self, asked: Asked) -> Job:
        """Put a request into the queue.

        Raises:
            Busy: it is full.
        """

        def parts() -> Iterator[np.ndarray]:
            delivery = asked.delivery
            if asked.recordings:
                delivery = self._likeness.give(delivery, asked.recordings)
            return self.rules.voice.stream(asked.text, delivery)

        job = Job(parts)
        self.worker.add(job)
        return job

    def details(self) -> dict[str, Any]:
        """What there is to know of the model and the server."""
        voice = self.rules.voice
        return {
            "model": self.model,
            "architecture": voice.config.model,
            "speakers": list(voice.speaker_names),
            "languages": list(voice.languages),
            "default_speaker": self.rules.delivery.speaker,
            "default_language": self.rules.delivery.language,
            "imitates": (voice.imitator is not None or voice.takes_d_vectors) and self.rules.wav_dir is not None,
            "sample_rate": voice.sample_rate,
            "formats": [suffix[1:] for suffix in SOUND_KINDS if suffix != ".wave"],
            "most_characters": self.rules.most_text,
            "waiting": self.worker.waiting,
            "most_waiting": self._most_waiting,
            "version": finetune_tts.__version__,
        }


class _SpeechHandler(Handler):
    server: SpeechServer
    policy = "; ".join((SPEECH_PAGE.policy("'self' data:"), "connect-src 'self'; media-src 'self' blob:; "
                        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"))  # fmt: skip

    def do_GET(self) -> None:
        self.answer(self._get)

    def do_HEAD(self) -> None:
        self.answer(self._get)

    def do_POST(self) -> None:
        self.answer(self._post)

    def _get(self) -> None:
        self._require_allowed()
        address = urlsplit(self.path)
        if address.path == "/":
            self.send(HTTPStatus.OK, "text/html; charset=utf-8", SPEECH_PAGE.html().encode("utf-8"))
        elif address.path == "/details":
            self.send_json(HTTPStatus.OK, self.server.details())
        elif address.path == "/api/tts":
            self._speak(self.server.rules.read(self._fields(address.query)))
        elif address.path == "/v1/audio/speech":
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "/v1/audio/speech takes an object of JSON, by POST.")
        elif address.path == "/process":
            self._speak(read_process(self.server.rules, self._parsed(address.query)))
        elif address.path in _LISTS:
            listed = _LISTS[address.path](self.server.rules, self.server.model)
            self.send(HTTPStatus.OK, "text/plain; charset=utf-8", listed.encode("utf-8"))
        else:
            raise Refused(HTTPStatus.NOT_FOUND, "There is no such page. /details and /api/tts?text=... are here.")

    def _post(self) -> None:
        self._require_allowed()
        address = urlsplit(self.path)
        kind = self.headers.get_content_type()
        if address.path not in ("/api/tts", "/v1/audio/speech", "/process"):
            raise Refused(HTTPStatus.NOT_FOUND, "There is no such page.", read=False)
        body = self.read_body(_BYTES_A_CHARACTER * self.server.rules.most_text + 4096) if self._has_body() else b""
        if address.path == "/v1/audio/speech":
            fields = self.json_of(body)
            self._speak(self.server.rules.read_speech(fields))
            return
        if address.path == "/process":  # whose clients do not say what they send
            asked = {**self._parsed(address.query), **self._parsed(body.decode("ascii", "replace"))}
            self._speak(read_process(self.server.rules, asked))
            return
        if kind == "application/json":
            given = {name: _as_text(name, value) for name, value in self.json_of(body).items()}
        elif kind == "application/x-www-form-urlencoded" or not body:
            given = self._parsed(body.decode("ascii", "replace"))
        else:
            raise Refused(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "Content-Type: must be application/x-www-form-urlencoded or application/json.",
            )
        self._speak(self.server.rules.read({**self._fields(address.query), **given}))

    def _has_body(self) -> bool:
        return self.headers.get("Content-Length") is not None or "Transfer-Encoding" in self.headers

    def _require_allowed(self) -> None:
        """Refuse what a page of another site asks for in the browser of somebody who can reach this server."""
        hosts = self.headers.get_all("Host", [])
        try:
            allowed = len(hosts) == 1 and self.server.answers_to(hosts[0])
        except ValueError:
            allowed = False
        if not allowed:
            raise Refused(
                HTTPStatus.FORBIDDEN,
                f"This server answers at {self.server.address} alone. --allow_host NAME lets it answer to a name.",
                read=False,
            )
        site = self.headers.get("Sec-Fetch-Site", "none")
        if site not in ("none", "same-origin") or self.headers.get("Origin", f"http://{hosts[0]}") not in (
            f"http://{hosts[0]}",
            f"https://{hosts[0]}",  # behind a proxy
        ):
            raise Refused(HTTPStatus.FORBIDDEN, "Pages of other sites may not ask this server.", read=False)

    def _fields(self, query: str) -> dict[str, str]:
        """The fields behind the question mark, and those in headers, as clients of coqui-tts may send them."""
        found = {}
        for name in _FROM_HEADERS:
            value = self.headers.get(name)
            if value:
                found[name.replace("-", "_")] = value.encode("latin-1", "replace").decode("utf-8", "replace")
        return {**self._parsed(query), **found}

    def _parsed(self, query: str) -> dict[str, str]:
        fields = parse_qs(query, max_num_fields=_MOST_FIELDS, errors="strict")
        return {name: values[0] for name, values in fields.items()}

    def _speak(self, asked: Asked) -> None:
        """Synthesise what was asked for, and send it: as it comes, or when all is there."""
        if self.command == "HEAD":
            self.send(HTTPStatus.OK, "audio/wav", b"")
            return
        try:
            job = self.server.speak(asked)
        except Busy as busy:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{busy}.".capitalize(),
                headers={"Retry_After": str(busy.seconds)},
            ) from busy
        try:
            parts = job.parts(self._require_client)
            first = self._first(parts)
            if asked.stream:
                self._send_stream(asked, first, parts)
            else:
                self._send_whole(asked, np.concatenate([first, *parts]))
        finally:
            self.server.worker.cancel(job)

    def _first(self, parts: Iterator[np.ndarray]) -> np.ndarray:
        """The first part that has sound in it: what is wrong is known by then, and can still be answered."""
        try:
            first = next((part for part in parts if len(part)), None)
        except UserError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, _of_request(str(error))) from error
        except (RuntimeError, MemoryError) as error:
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "It could not be synthesised.") from error
        if first is None:
            raise Refused(HTTPStatus.BAD_REQUEST, "text: the model makes no sound of so short a text.")
        return first

    def _send_whole(self, asked: Asked, waveform: np.ndarray) -> None:
        rate = self.server.rules.voice.sample_rate
        if asked.kind is None:
            self.send(HTTPStatus.OK, f"audio/pcm;rate={rate}", pcm(waveform))
        else:
            self.send(HTTPStatus.OK, asked.kind.media_type, encoded(waveform, rate, asked.kind))

    def _send_stream(self, asked: Asked, first: np.ndarray, parts: Iterator[np.ndarray]) -> None:
        rate = self.server.rules.voice.sample_rate
        chunked = self.request_version == "HTTP/1.1"
        self.close_connection = self.close_connection or not chunked
        kind = f"audio/pcm;rate={rate}" if asked.kind is None else asked.kind.media_type
        self.begin_answer(HTTPStatus.OK, kind, Transfer_Encoding="chunked" if chunked else None)
        if asked.kind is not None:
            self._send_part(wav_header(rate), chunked)
        try:
            self._send_part(pcm(first), chunked)
            for part in parts:
                self._send_part(pcm(part), chunked)
        except (UserError, RuntimeError, MemoryError):
            self.close_connection = True  # without the last chunk: whoever reads it learns that something lacks
            return
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _send_part(self, content: bytes, chunked: bool) -> None:
        if content:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content) if chunked else content)

    def _require_client(self) -> None:
        """Find out while it waits whether the client still does.

        Raises:
            ConnectionError: it has gone.
        """
        timeout = self.connection.gettimeout()
        self.connection.settimeout(0)
        try:
            if not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionAbortedError("the client has gone")
        except BlockingIOError:
            pass
        finally:
            self.connection.settimeout(timeout)


def _as_text(name: str, value: Any) -> str:
    """A value of a JSON object as it would stand in an address.

    Raises:
        UserError: it is several.
    """
    if isinstance(value, list) or (isinstance(value, dict) and name != "style_wav"):
        raise UserError(f"{name}: must be a text or a number.")
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)


def _of_request(message: str) -> str:
    for flag, field in _FIELDS.items():
        message = message.replace(flag, field)
    return message

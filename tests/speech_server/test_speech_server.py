"""The API: what is answered, what is refused, and what happens to whoever goes away."""

import io
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import numpy as np
import pytest
import soundfile

from finetune_tts.audio.writing import pcm
from finetune_tts.synthesis.delivery import Delivery

FORM = "application/x-www-form-urlencoded"


def sound(content):
    return soundfile.read(io.BytesIO(content), dtype="float32")


def error(content):
    return json.loads(content)["error"]


def eventually(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Slow:
    """Parts of speech that come when they are let."""

    def __init__(self, voice, monkeypatch):
        self.go, self.taken, self.closed = threading.Semaphore(0), threading.Semaphore(0), threading.Event()
        self.made = 0
        monkeypatch.setattr(voice, "stream", self.stream)

    def ends_early(self):
        """Let parts be made one by one, until no more are asked for."""

        def ended():
            self.go.release()
            return self.closed.wait(0.05)

        eventually(ended)
        return self.made < 50

    def stream(self, text, delivery):
        try:
            for self.made in range(1, 51):
                self.go.acquire(timeout=60)
                yield np.full(8000, 0.1, np.float32)
                self.taken.release()
        finally:
            self.closed.set()


@pytest.fixture
def slow(voice, monkeypatch):
    return Slow(voice, monkeypatch)


def raw(server, request, *, end=True):
    """What is answered to bytes."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as connection:
        connection.sendall(request)
        answer = b""
        try:
            while part := connection.recv(65536):
                answer += part
                if b"\r\n\r\n" in answer and end:
                    break
        except ConnectionError:
            pass
        return answer


@pytest.mark.parametrize("how", ["get", "form", "json", "headers"])
def test_speech_is_what_the_voice_says_however_it_is_asked_for(serve, ask, voice, how):
    server = serve()
    if how == "get":
        status, headers, content = ask(server, "/api/tts?text=a%20bad+egg&speaker_id=bob&language_id=&style_wav=")
    elif how == "form":
        status, headers, content = ask(
            server, "/api/tts", b"text=a+bad+egg&speaker_id=bob&style_wav=", Content_Type=FORM
        )
    elif how == "json":
        body = json.dumps({"text": "a bad egg", "speaker_id": "bob", "seed": 0}).encode()
        status, headers, content = ask(server, "/api/tts", body, Content_Type="application/json")
    else:
        status, headers, content = ask(server, "/api/tts", b"", text="a bad egg", speaker_id="bob")
    assert (status, headers["content-type"]) == (200, "audio/wav"), content
    waveform = voice.speak("a bad egg", Delivery(speaker="bob")).waveform
    waveform = waveform / max(1.0, np.abs(waveform).max())
    np.testing.assert_allclose(sound(content)[0], waveform, atol=1e-4)


def test_a_stream_comes_while_it_is_made(serve, slow):
    server = serve()
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as connection:
        request = f"GET /api/tts?text=a&stream=true HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n"
        connection.sendall(request.encode())
        slow.go.release()
        answer = b""
        while len(answer) < 16000:
            answer += connection.recv(65536)
        assert b"Transfer-Encoding: chunked" in answer
        assert b"RIFF" in answer
        assert not slow.closed.is_set()
    assert slow.ends_early()  # whoever asked has gone, and the rest of it is not made


def test_a_stream_has_the_same_samples(serve, ask, voice):
    server = serve()
    text = "a bad egg.\n\nhad a hag."
    status, headers, content = ask(server, f"/api/tts?text={quote(text)}&stream=true&format=pcm")
    assert (status, headers["content-type"]) == (200, "audio/pcm;rate=8000")
    assert content == pcm(voice.speak(text, Delivery(speaker="ann")).waveform)


def test_speech_of_which_nobody_waits_any_more_is_not_made(serve, slow):
    server = serve()
    path = f"GET /api/tts?text=a HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n".encode()
    first = socket.create_connection(("127.0.0.1", server.server_port))
    first.sendall(path)
    slow.go.release()
    assert slow.taken.acquire(timeout=60)
    second = socket.create_connection(("127.0.0.1", server.server_port))
    second.sendall(path)
    eventually(lambda: server.worker.waiting == 1)
    second.close()
    eventually(lambda: server.worker.waiting == 0)
    first.close()
    assert slow.ends_early()


def test_more_requests_than_may_wait_are_sent_away_and_none_is_lost(serve, slow, ask):
    server = serve(most_waiting=1)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ask, server, "/api/tts?text=a")
        slow.go.release()
        assert slow.taken.acquire(timeout=60)
        second = pool.submit(ask, server, "/api/tts?text=a")
        eventually(lambda: server.worker.waiting == 1)
        status, headers, content = ask(server, "/api/tts?text=a")
        assert status == 503
        assert int(headers["retry-after"]) >= 1
        assert "as may" in error(content)
        slow.go.release(200)
        assert first.result()[0] == second.result()[0] == 200


def test_many_clients_at_once_get_each_their_own(serve, ask):
    server = serve()
    texts = ["a bad egg", "had a hag", "a cab", "faded"]

    def one(number):
        return ask(server, f"/api/tts?text={quote(texts[number % 4])}&seed={number % 2}")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(64)))
    assert {status for status, _, _ in answers} == {200}
    for number in range(4, 64):
        assert answers[number][2] == answers[number % 4][2]
    eventually(lambda: server.worker.done == 64)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("", "text: is missing"),
        ("text=%20", "text: is missing"),
        (f"text={'a' * 501}", "text: 501 characters; 500 can be"),
        ("text=%CE%A9", "nothing in it that this model can read"),
        ("text=a&speaker_id=carl", "no such speaker: ann, bob"),
        ("text=a&speed=nan", "speed nan: must be a number"),
        ("text=a&speed=0", "speed 0: must be a number from 0.25"),
        ("text=a&seed=-1", "seed -1: must be a whole number"),
        ("text=a&format=aac", "format aac: must be one of wav, flac"),
        ("text=a&stream=perhaps", "stream perhaps: must be true or false"),
        ("text=a&stream=1&format=mp3", "a stream is wav or pcm"),
        ("text=a&style_wav=/etc/passwd", "takes no recordings"),
        ("text=a&speaker_wav=../../etc/passwd", "takes no recordings"),
        ("text=a&style_wav=%7B%22a%22", "style_wav: is no JSON"),
        ("text=a&style_wav=%7B%221%22:1%7D", "takes no style"),
        ("text=a&pitch=2", "pitch: this kind of model does not know it"),
        ("text=%ff", "address cannot be read"),
        ("&".join(f"a{number}=1" for number in range(60)), "address cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_in_words(serve, ask, fields, told):
    status, headers, content = ask(serve(), f"/api/tts?{fields}")
    assert status == 400
    assert headers["content-type"].startswith("application/json")
    assert told in error(content)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"text": ["a bad egg"]}', "text: must be a text or a number"),
        ('{"text": {"a": "b"}}', "text: must be a text or a number"),
        ('{"text": ', "The body of the request: not JSON (Expecting value); the text ends here, was it cut off?"),
        ("[1]", "no object of JSON"),
        ("\xff", "not UTF-8"),
    ],
)
def test_json_that_cannot_be_is_refused_in_words(serve, ask, body, told):
    status, _, content = ask(serve(), "/api/tts", body.encode("latin-1"), Content_Type="application/json")
    assert status == 400
    assert error(content).startswith(told) or told in error(content)
    assert not error(content).endswith("?.")


@pytest.mark.parametrize("name", ["../secret.wav", "/etc/hostname", "a\0b", "..", "", "link.wav", "nothing.wav"])
def test_recordings_are_those_of_one_folder_and_no_others(serve, ask, tmp_path, name):
    folder = tmp_path / "wavs"
    folder.mkdir()
    (tmp_path / "secret.wav").write_bytes(b"RIFF")
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    (folder / "own.wav").write_bytes(b"RIFF")
    server = serve(wav_dir=folder)
    status, _, content = ask(server, f"/api/tts?text=a&speaker_wav={quote(name) or ','}")
    if name:
        assert (status, "no such recording" in error(content)) == (400, True)
    else:
        assert status == 200  # no name is no recording
    assert "does not know its speakers by d-vectors" in error(ask(server, "/api/tts?text=a&speaker_wav=own.wav")[2])


def test_the_api_of_other_clients(serve, ask):
    server = serve()
    body = {"model": "tts-1", "voice": "bob", "input": "a bad egg"}
    status, headers, content = ask(server, "/v1/audio/speech", json.dumps(body).encode())
    assert (status, headers["content-type"]) == (200, "audio/mpeg")
    assert soundfile.info(io.BytesIO(content)).format == "MP3"
    lengths = {}
    for speed in (1.0, 0.5):
        wanted = json.dumps(body | {"response_format": "flac", "speed": speed}).encode()
        lengths[speed] = len(sound(ask(server, "/v1/audio/speech", wanted)[2])[0])
    assert lengths[0.5] > 1.5 * lengths[1.0]
    for wrong, told in (
        ({"voice": "alloy"}, "no such speaker"),
        ({"input": 3}, "must be a text"),
        ({"speed": 9}, "speed"),
    ):
        status, _, content = ask(server, "/v1/audio/speech", json.dumps(body | wrong).encode())
        assert (status, told in error(content)) == (400, True)
    assert ask(server, "/v1/audio/speech", b"[]")[0] == 400
    assert ask(server, "/v1/audio/speech", b"{")[0] == 400


def test_details(serve, ask):
    found = json.loads(ask(serve(), "/details")[2])
    assert (found["model"], found["speakers"], found["sample_rate"]) == ("tiny", ["ann", "bob"], 8000)
    assert (found["most_characters"], found["most_waiting"], found["default_speaker"]) == (500, 32, "ann")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /api/tts?text=a HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"403"),
        (b"GET /api/tts?text=a HTTP/1.1\r\n\r\n", b"403"),
        (b"GET /api/tts?text=a HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\n\r\n", b"403"),
        (b"GET /api/tts?text=a HTTP/1.1\r\nHost: HOST\r\nOrigin: http://evil.example\r\n\r\n", b"403"),
        (b"GET /api/tts?text=a HTTP/1.1\r\nHost: HOST\r\nSec-Fetch-Site: cross-site\r\n\r\n", b"403"),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: HOST\r\n\r\n", b"404"),
        (b"GET /%zz HTTP/1.1\r\nHost: HOST\r\n\r\n", b"404"),
        (b"GET http://[ HTTP/1.1\r\nHost: HOST\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nHost: HOST\r\nX: " + b"a" * 70000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /v1/audio/speech HTTP/1.1\r\nHost: HOST\r\n\r\n", b"405"),
        (b"DELETE / HTTP/1.1\r\nHost: HOST\r\n\r\n", b"501"),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"Bad"),
        (b"POST /api/tts HTTP/1.1\r\nHost: HOST\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST /api/tts HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\n", b"411"),
        (b"POST /api/tts HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST /api/tts HTTP/1.1\r\nHost: HOST\r\nContent-Type: a/b\r\nContent-Length: 1\r\n\r\na", b"415"),
        (b"POST /else HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\n\r\na", b"404"),
    ],
)
def test_hostile_requests_are_refused_and_the_next_one_is_answered(serve, ask, request_bytes, status):
    server = serve()
    host = f"127.0.0.1:{server.server_port}".encode()
    answer = raw(server, request_bytes.replace(b"HOST", host))
    assert status in answer.split(b"\r\n", 1)[0] or (status.isalpha() and status in answer), answer[:200]
    assert b"Traceback" not in answer
    assert ask(server, "/api/tts?text=a+bad+egg")[0] == 200


def test_a_request_that_drips_in_is_given_up(serve, monkeypatch):
    monkeypatch.setattr("finetune_tts.serving.handler._TIME_FOR_REQUEST", 0.2)
    server = serve()
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as connection:

        def is_closed():
            try:
                connection.sendall(b"a")
            except OSError:
                return True
            return False

        connection.sendall(b"GET /details HTTP/1.1\r\nX: ")
        eventually(is_closed)


def test_a_server_of_all_addresses_answers_to_addresses_and_its_names(serve):
    server = serve(host="0.0.0.0", names=("voice.example",))
    assert server.is_open
    for host in ("192.168.1.5:5002", "[fe80::1]:5002", "localhost", "VOICE.example:80"):
        assert server.answers_to(host)
    for host in ("evil.example", "", "127.0.0.1.evil.example"):
        assert not server.answers_to(host)
    assert not serve().answers_to("192.168.1.5")


def test_more_connections_than_may_be_are_closed_and_others_go_on(serve, ask):
    server = serve(most_waiting=1)
    idle = [socket.create_connection(("127.0.0.1", server.server_port)) for _ in range(66)]
    last = socket.create_connection(("127.0.0.1", server.server_port), timeout=60)
    assert last.recv(1) == b""
    for connection in (*idle, last):
        connection.close()

    def answered():
        try:
            return ask(server, "/details")[0] == 200
        except OSError:
            return False

    eventually(answered)

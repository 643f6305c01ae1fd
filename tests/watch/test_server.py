"""What the server gives of a run folder; what it refuses of whom is tried with the page of a review."""

import http.client
import json
from typing import Any
from urllib.parse import quote

import pytest

from finetune_tts.watch.server import WatchServer


def ask(server: WatchServer, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    try:
        connection.request("GET", path, headers={"Cookie": f"{server.cookie_name}={server.cookie}"} | headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


@pytest.fixture
def server(run: Any, serve: Any) -> WatchServer:
    run.add(100)
    run.speak(100)
    return serve(run.path)


def test_the_run_and_its_samples_are_given(server, run):
    status, _, content = ask(server, "/run?seen=-1")
    shown = json.loads(content)
    assert (status, shown["progress"]["step"]) == (200, 100)
    assert json.loads(ask(server, f"/run?seen={shown['version']}")[2])["curves"] is None
    for sound in shown["samples"][0]["sounds"]:
        status, headers, content = ask(server, f"/{sound['sound']}", Range="bytes=0-3")
        assert (status, headers["Content-Type"], content) == (206, "audio/wav", b"RIFF")
        status, headers, content = ask(server, f"/{sound['picture']}")
        assert (status, headers["Content-Type"], content[1:4]) == (200, "image/png", b"PNG")


def test_without_the_cookie_nothing_is_shown(server):
    sound = json.loads(ask(server, "/run")[2])["samples"][0]["sounds"][0]["sound"]
    for path in ("/", "/run", f"/{sound}"):
        status, _, content = ask(server, path, Cookie="")
        assert (status, b"my-voice" in content) == (403, False)


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "../config.json",
        "../../history.jsonl",
        "%00",
        "",
        "1_Be_a_voice_not_an_echo",
        "/etc/passwd",
        "a/b",
    ],
)
def test_no_other_file_is_given(server, name):
    ask(server, "/run")
    for path in (f"/sample/step_0000100/{name}", f"/sample/step_0000100/{quote(name, safe='')}", f"/sample/{name}"):
        assert ask(server, path)[0] == 404
    assert ask(server, "/history.jsonl")[0] == 404


@pytest.mark.parametrize("seen", ["-2", "1.5", "x", "9" * 40])
def test_a_version_that_is_none_is_refused(server, seen):
    status, _, content = ask(server, f"/run?seen={seen}")
    assert (status, b"whole number" in content) == (400, True)


def test_nothing_is_written(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    own = {"Cookie": f"{server.cookie_name}={server.cookie}", "Origin": f"http://127.0.0.1:{server.server_port}"}
    connection.request("POST", "/run", b"{}", own | {"Content-Type": "application/json"})
    assert connection.getresponse().status == 404
    connection.close()


def test_a_folder_that_cannot_be_read_is_said_and_ends_nothing(server, run, monkeypatch):
    def fail(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(server.run, "look", fail)
        status, _, content = ask(server, "/run")
    assert (status, b"Cannot be read" in content, b"Permission denied" in content) == (500, True, True)
    assert ask(server, "/run")[0] == 200

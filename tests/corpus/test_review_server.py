"""The server of the review page: what it does for its page, and refuses everybody else."""

import http.client
import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from finetune_tts.corpus.clips import Corpus, open_corpus
from finetune_tts.corpus.review_server import ReviewServer
from finetune_tts.errors import UserError

KEEP = {"clip": "clip_1", "seen": {"kept": False}, "wanted": {"kept": True}}


class Answer:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.content = answer.status, answer.headers, answer.read()

    @property
    def json(self) -> Any:
        return json.loads(self.content)


def ask(
    server: ReviewServer, path: str, content: Any = None, method: str | None = None, **headers: str | None
) -> Answer:
    """Ask as the page does; a header that is None is left out."""
    own = f"127.0.0.1:{server.server_port}"
    sent: dict[str, str | None] = {"Host": own, "Cookie": f"{server.cookie_name}={server.cookie}"}
    body = None
    if content is not None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        sent |= {"Origin": f"http://{own}", "Content-Type": "application/json", "Content-Length": str(len(body))}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    try:
        connection.putrequest(method or ("GET" if body is None else "POST"), path, skip_host=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def is_untouched(server: ReviewServer) -> bool:
    return [clip.kept for clip in open_corpus(server.review.corpus.folder)[1]] == [True, False, True, True]


def test_it_listens_on_this_machine_alone(server: ReviewServer) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_the_key_in_the_address_opens_the_page_and_gives_a_cookie(server: ReviewServer) -> None:
    path = server.address.split(str(server.server_port))[1]
    answer = ask(server, path, Cookie=None)
    assert answer.status == 200
    assert answer.content.startswith(b"<!doctype html>")
    cookie = answer.headers["Set-Cookie"]
    assert cookie == f"{server.cookie_name}={server.cookie}; HttpOnly; SameSite=Strict; Path=/"
    assert server.cookie not in server.address
    assert ask(server, "/", Cookie=cookie.split(";")[0]).status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_the_address_for_the_browser_opens_it_once(server: ReviewServer) -> None:
    path = server.address_for_once().split(str(server.server_port))[1]
    assert [ask(server, path, Cookie=None).status for _ in range(2)] == [200, 403]


@pytest.mark.parametrize(
    "path", ["/", "/?key=wrong", "/clips", "/changes?since=0", "/waveform/clip_0", "/sound/clip_0"]
)
@pytest.mark.parametrize("cookie", [None, "{name}=wrong", "{name}=", "other={value}", "{name}=é", ";;=;\x7f"])
def test_without_the_cookie_nothing_is_shown(server: ReviewServer, path: str, cookie: str | None) -> None:
    given = cookie and cookie.format(name=server.cookie_name, value=server.cookie)
    answer = ask(server, path, Cookie=given)
    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers
    assert b"clip_0" not in answer.content
    assert server.cookie.encode() not in answer.content


def test_cookies_of_other_programs_do_no_harm(server: ReviewServer) -> None:
    others = 'a[b]={"c": [1, 2]}; ; user="2|1:0|x"; ='
    assert ask(server, "/clips", Cookie=f"{others}; {server.cookie_name}={server.cookie}; é").status == 200


@pytest.mark.parametrize("headers", [{"Host": None}, {"Host": "evil.example:{port}"}, {"Host": "127.0.0.1"}])
def test_under_another_name_nothing_is_answered(server: ReviewServer, headers: dict[str, str | None]) -> None:
    filled = {name: value and value.format(port=server.server_port) for name, value in headers.items()}
    for answer in (ask(server, "/clips", **filled), ask(server, "/edit", KEEP, **filled)):
        assert answer.status == 403
        assert f"answers at 127.0.0.1:{server.server_port} alone" in answer.json["error"]
    assert is_untouched(server)


def test_localhost_is_this_machine_too(server: ReviewServer) -> None:
    own = f"localhost:{server.server_port}"
    assert ask(server, "/edit", KEEP, Host=own, Origin=f"http://{own}").status == 200


@pytest.mark.parametrize(
    "origin",
    [None, "null", "http://evil.example", "http://127.0.0.1", "http://127.0.0.1:1", "https://127.0.0.1:{port}"],
)
def test_no_other_origin_can_write(server: ReviewServer, origin: str | None) -> None:
    given = origin and origin.format(port=server.server_port)
    answer = ask(server, "/edit", KEEP, Origin=given)
    assert (answer.status, answer.json) == (403, {"error": "Only the page of this server may write."})
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert is_untouched(server)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_page_gets_nothing_although_the_browser_sends_the_cookie(server: ReviewServer, site: str) -> None:
    assert ask(server, "/clips", Sec_Fetch_Site=site).status == 403
    assert ask(server, "/edit", KEEP, Sec_Fetch_Site=site).status == 403
    assert ask(server, "/clips", Sec_Fetch_Site="same-origin").status == 200


@pytest.mark.parametrize("cookie", [None, "{name}=wrong"])
def test_nobody_writes_without_the_cookie(server: ReviewServer, cookie: str | None) -> None:
    given = cookie and cookie.format(name=server.cookie_name)
    assert [ask(server, path, KEEP, Cookie=given).status for path in ("/edit", "/undo", "/redo")] == [403] * 3
    assert is_untouched(server)


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_unknown(server: ReviewServer, method: str) -> None:
    answer = ask(server, "/edit", method=method)
    assert answer.status == 501
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    ("content", "headers", "status", "message"),
    [
        (b"{", {}, 400, "not JSON"),
        (b"\xff", {}, 400, "not UTF-8"),
        (b"[" * 60_000, {}, 400, "nested deeper"),
        (b"[]", {}, 400, "no object"),
        (b'{"clip": "clip_1", "clip": "clip_2"}', {}, 400, "twice"),
        (b'{"clip": "clip_1", "seen": {}, "wanted": {"start": NaN}}', {}, 400, "NaN"),
        (b'{"clip": "clip_1", "seen": {}, "wanted": {"text": "\\ud800"}}', {}, 400, "surrogate"),
        (b"{}", {"Content-Length": "1000000"}, 413, "More than"),
        (b"{}", {"Content-Length": "-1"}, 411, "Content-Length"),
        (b"{}", {"Content-Length": None}, 411, "Content-Length"),
        (b"{}", {"Transfer-Encoding": "chunked"}, 411, "Content-Length"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "application/json"),
        (b"{}", {"Content-Type": None}, 415, "application/json"),
    ],
)
def test_a_broken_request_is_refused_in_words(
    server: ReviewServer, content: bytes, headers: dict[str, str | None], status: int, message: str
) -> None:
    answer = ask(server, "/edit", content, **headers)
    assert answer.status == status
    assert message in answer.json["error"]
    assert is_untouched(server)


@pytest.mark.parametrize(
    ("path", "content", "status", "message"),
    [
        ("/edit", {"clip": "clip_9", "seen": {}, "wanted": {}}, 404, "there is no such clip"),
        ("/edit", {"clip": ["clip_1"], "seen": {}, "wanted": {}}, 400, "name of a clip"),
        ("/edit", {"clip": "clip_1", "seen": {}, "wanted": []}, 400, "fields of a clip"),
        ("/edit", {"clip": "clip_1", "seen": {"end": 5.0}, "wanted": {"end": 99.0}}, 400, "possible"),
        ("/edit", {"clip": "clip_1", "seen": {"end": 5.0}, "wanted": {"end": 13.0}}, 400, "ends at 12.00 s"),
        ("/edit", {"clip": "clip_1", "seen": {"name": "x"}, "wanted": {"name": "../x"}}, 400, "no field"),
        ("/edit", {**KEEP, "continued": "1"}, 400, "whole number"),
        ("/edit", {**KEEP, "seen": {"kept": True}}, 409, "another window"),
        ("/undo", {"number": True}, 400, "whole number"),
        ("/undo", {}, 400, "whole number"),
        ("/undo", {"number": 1}, 400, "nothing to undo"),
        ("/redo", {"number": 1}, 400, "nothing to do again"),
        ("/other", {}, 404, "no such page"),
    ],
)
def test_an_edit_that_cannot_be_is_refused_in_words(
    server: ReviewServer, path: str, content: Any, status: int, message: str
) -> None:
    answer = ask(server, path, content)
    assert answer.status == status
    assert message in answer.json["error"]
    assert is_untouched(server)


def test_an_edit_is_answered_with_the_clip_and_undone(server: ReviewServer) -> None:
    answer = ask(server, "/edit", KEEP).json
    assert answer["clip"]["kept"] is True
    assert not is_untouched(server)
    assert ask(server, "/clips").json["undoable"] == answer["undoable"] == {"number": 1, "clip": "clip_1"}
    assert ask(server, "/changes?since=0").json["clips"] == [answer["clip"]]
    undone = ask(server, "/undo", {"number": 1}).json
    assert (undone["clip"]["kept"], undone["undoable"], undone["redoable"]["number"]) == (False, None, 1)
    assert is_untouched(server)
    assert ask(server, "/redo", {"number": 1}).json["clip"] == answer["clip"]


def test_what_the_disk_does_not_take_is_said(
    server: ReviewServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Corpus, "save", fail)
    answer = ask(server, "/edit", KEEP)
    assert (answer.status, "No space left" in answer.json["error"]) == (500, True)
    assert is_untouched(server)
    assert "No space left" in caplog.text


@pytest.mark.parametrize(
    "name", ["..%2f..%2flong", "../long", "%2e%2e/%2e%2e/long", "..%5clong", "clip_0%00", "", ".", "clip_0.wav", "%ff"]
)
@pytest.mark.parametrize("kind", ["sound", "waveform"])
def test_no_path_leads_out_of_the_data_set(server: ReviewServer, kind: str, name: str) -> None:
    assert ask(server, f"/{kind}/{name}").status == 404


@pytest.mark.parametrize(
    "path", ["/sources.csv", "/.review.json", "/page.css", "//etc/passwd", "/sound", "/favicon.ico"]
)
def test_there_is_no_other_file(server: ReviewServer, path: str) -> None:
    assert ask(server, path).status == 404


@pytest.mark.parametrize(
    "path", ["http://[", "/?" + "a=1&" * 20, "/changes?since=-1", "/changes?since=%C2%B2", "/changes"]
)
def test_an_address_that_cannot_be_read_is_refused(server: ReviewServer, path: str) -> None:
    assert ask(server, path).status == 400


def test_a_link_among_the_sounds_is_not_followed(server: ReviewServer, tmp_path: Path) -> None:
    sound = server.review.corpus.sound_file("clip_0")
    (tmp_path / "secret").write_text("secret")
    sound.unlink()
    sound.symlink_to(tmp_path / "secret")
    answer = ask(server, "/sound/clip_0")
    assert (answer.status, "is a link" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [("bytes=0-99", 0, 99), ("bytes=100-", 100, None), ("bytes=-50", -50, None), ("bytes=10-999999999", 10, None)],
)
def test_a_part_of_a_sound_is_sent(server: ReviewServer, wanted: str, first: int, last: int | None) -> None:
    content = server.review.corpus.sound_file("clip_0").read_bytes()
    answer = ask(server, "/sound/clip_0", Range=wanted)
    expected = content[first : None if last is None else last + 1]
    start = first % len(content)
    assert (answer.status, answer.content) == (206, expected)
    assert answer.headers["Content-Range"] == f"bytes {start}-{start + len(expected) - 1}/{len(content)}"


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=9-3", "bytes=-0"])
def test_a_part_that_is_not_there_is_refused(server: ReviewServer, wanted: str) -> None:
    size = server.review.corpus.sound_file("clip_0").stat().st_size
    answer = ask(server, "/sound/clip_0", Range=wanted)
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{size}")


@pytest.mark.parametrize("wanted", [None, "bytes=-", "bytes=0-1,3-4", "seconds=1-2", "bytes=" + "9" * 400 + "-"])
def test_of_ranges_that_are_not_understood_the_whole_is_sent(server: ReviewServer, wanted: str | None) -> None:
    answer = ask(server, "/sound/clip_0", Range=wanted)
    assert (answer.status, answer.content) == (200, server.review.corpus.sound_file("clip_0").read_bytes())
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_a_head_has_no_content(server: ReviewServer) -> None:
    answer = ask(server, "/sound/clip_0", method="HEAD")
    assert (answer.status, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) == server.review.corpus.sound_file("clip_0").stat().st_size


def test_what_is_no_http_does_not_end_the_server(server: ReviewServer) -> None:
    for sent in (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\n\r\n", b"X\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as connection:
            connection.sendall(sent)
            assert re.match(rb"(HTTP/1\.1 4\d\d|\{)", connection.recv(1000))
    assert ask(server, "/clips").status == 200


def test_a_port_that_is_taken_is_named(server: ReviewServer) -> None:
    with pytest.raises(UserError, match=f"--port {server.server_port}: cannot be used"):
        ReviewServer(server.review, server.server_port)

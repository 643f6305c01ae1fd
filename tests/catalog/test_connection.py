"""Asking a server: redirects, refusals, and what may not be followed."""

import socket

import pytest
import requests

from finetune_tts.catalog.connection import opened
from finetune_tts.catalog.failure import AddressFailure, connection_failure
from finetune_tts.errors import UserError


def body(url):
    with opened(url) as response:
        return response.content


def test_redirects_are_followed(server):
    server.put("/b", b"content")
    url = server.put("/a", status=302, headers={"Location": "/b"})
    assert body(url) == b"content"


@pytest.mark.parametrize("target", ["http://a.example/x", "file:///etc/passwd", "ftp://a.example/x", ""])
def test_redirects_to_unencrypted_places_are_not_followed(server, target):
    url = server.put("/a", status=302, headers={"Location": target})
    with pytest.raises(AddressFailure, match="not encrypted|more than 10 redirects"):
        body(url)


def test_an_address_outside_may_not_lead_to_this_machine(server, monkeypatch):
    inner = server.put("/secret", b"x")

    def answer(self, url, **_):
        response = requests.Response()
        response.status_code = 302
        response.headers["Location"] = inner
        response.raw = __import__("io").BytesIO()
        return response

    monkeypatch.setattr(requests.Session, "get", answer)
    with pytest.raises(AddressFailure, match="on this machine; not followed"):
        body("https://a.example/x")
    assert not server.asked


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "login"),
        (403, "private or does not exist"),
        (404, "nothing at this address"),
        (429, "too many"),
        (418, "418"),
    ],
)
def test_refusals_are_put_into_words(server, status, told):
    with pytest.raises(AddressFailure, match=told):
        body(server.put("/a", status=status))


def test_a_server_that_falls_silent_is_told(server, monkeypatch):
    monkeypatch.setattr("finetune_tts.catalog.connection.READ_SECONDS", 0.1)
    url = server.put("/a", b"x" * 10, pause=5)
    monkeypatch.setattr("finetune_tts.catalog.connection.CONNECT_SECONDS", 5)
    with pytest.raises(requests.ConnectionError) as error, opened(url) as response:
        _ = response.content
    assert str(connection_failure(error.value, "host", 5000)) == "host stopped sending after 5.0 kB"


def test_a_host_that_takes_no_connection_is_told(monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: (_ for _ in ()).throw(TimeoutError()))
    with pytest.raises(AddressFailure, match=r"127\.0\.0\.1 does not answer"):
        body("http://127.0.0.1:9/x")


def test_a_hub_mirror_is_used_for_the_hubs_addresses(server, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url("") + "/")
    server.put("/me/x/resolve/main/model.pth", b"content")
    assert body("https://huggingface.co/me/x/resolve/main/model.pth") == b"content"
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.example")
    with pytest.raises(UserError, match="HF_ENDPOINT: http://mirror.example is not an https"):
        body("https://huggingface.co/me/x/resolve/main/model.pth")

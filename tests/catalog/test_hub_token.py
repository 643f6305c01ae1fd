"""A token of the model hub goes to the hub and to nobody else, and is printed nowhere."""

import json
import logging

import pytest

from finetune_tts.catalog.address import HubRepository
from finetune_tts.catalog.connection import opened
from finetune_tts.catalog.download import download
from finetune_tts.catalog.failure import AddressFailure
from finetune_tts.catalog.fetch import obtain
from finetune_tts.catalog.hub import hub_files
from finetune_tts.catalog.hub_token import hub_token, token_for
from finetune_tts.errors import UserError

TOKEN = "hf_verySecret123"
LISTING = "/api/models/me/voice/revision/main?blobs=true"
NAME = "tts_models/xx/test/glow-tts"


def body(url):
    with opened(url) as response:
        return response.content


@pytest.fixture
def hub(server, monkeypatch):
    """The fake server as the hub; another name of the same machine is another host."""
    monkeypatch.setenv("HF_ENDPOINT", server.url(""))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return server


def test_a_private_repository_is_listed_and_downloaded_with_the_token(hub, tmp_path):
    hub.put(LISTING, json.dumps({"siblings": [{"rfilename": "model.pth"}]}).encode(), token=TOKEN)
    hub.put("/me/voice/resolve/main/model.pth", b"content", token=TOKEN)
    (file,) = hub_files(HubRepository("me/voice"))
    download(file, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == b"content"


def test_a_private_model_of_a_catalog_is_fetched_by_its_name(hub, model_files, catalog_of, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    siblings = [{"rfilename": name} for name in model_files]
    hub.put(LISTING, json.dumps({"siblings": siblings}).encode(), token=TOKEN)
    for name, content in model_files.items():
        hub.put(f"/me/voice/resolve/main/{name}", content, token=TOKEN)
    files = obtain(NAME, models_file=catalog_of({"hub": "me/voice"}))
    assert files.model_file.read_bytes() == model_files["model_file.pth"]
    written = [path.read_bytes() for path in files.folder.iterdir()]
    assert not any(TOKEN.encode() in content for content in written)
    assert TOKEN not in caplog.text + "".join(capfd.readouterr())


def test_no_other_host_gets_it_not_even_one_that_the_hub_leads_on_to(hub, server_of_others):
    there = server_of_others.put("/blob", b"content")
    url = hub.put("/me/voice/resolve/main/model.pth", status=302, headers={"Location": there})
    assert body(url) == b"content"
    assert hub.told == [("/me/voice/resolve/main/model.pth", f"Bearer {TOKEN}")]
    assert server_of_others.told == [("/blob", None)]
    assert body(server_of_others.put("/other", b"x")) == b"x"
    assert server_of_others.told[-1] == ("/other", None)


@pytest.mark.parametrize(
    "url",
    [
        "https://huggingface.co.evil.example/a",
        "https://evil.example/huggingface.co",
        "https://huggingface.co@evil.example/a",
        "https://huggingface.co:444/a",
        "http://huggingface.co/a",
        "https://cdn-lfs.huggingface.co/a",
    ],
)
def test_addresses_that_look_like_the_hubs_are_not_told_it(url, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert token_for("https://huggingface.co/me/voice") == TOKEN
    assert token_for(url) is None


def test_with_a_mirror_the_hub_itself_is_not_told_it(hub):
    assert token_for("https://huggingface.co/me/voice") is None
    assert token_for(hub.url("/me/voice")) == TOKEN


def test_a_token_that_the_hub_does_not_know_keeps_nobody_from_what_is_public(hub, caplog):
    assert body(hub.put("/me/voice/resolve/main/a", b"content", token="")) == b"content"
    assert "does not know your token" in caplog.text


@pytest.mark.parametrize(
    ("token", "behaviour", "told"),
    [
        (None, {"token": "another"}, r"wants a login \(401\).*hf auth login, or set HF_TOKEN"),
        (TOKEN, {"token": "another"}, r"does not know this token \(401\): log in again with hf auth login"),
        (
            None,
            {"status": 403},
            r"refuses it \(403\): log in with hf auth login, or set HF_TOKEN, and accept the terms",
        ),
        (TOKEN, {"status": 403}, r"refuses it for this token \(403\): accept the terms on its page"),
        (TOKEN, {"status": 404}, r"\(404\), or nothing that this token may see"),
        (None, {"status": 404}, r"there is nothing at this address \(404\)$"),
    ],
)
def test_a_refusal_says_what_to_do_and_not_the_token(hub, monkeypatch, token, behaviour, told):
    if token is None:
        monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(AddressFailure, match=told) as failure:
        body(hub.put("/me/voice/resolve/main/a", **behaviour))
    assert TOKEN not in str(failure.value)


@pytest.mark.parametrize("where", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HOME", "XDG_CACHE_HOME"])
def test_it_stands_where_the_hubs_own_programs_look_for_it(where, monkeypatch, tmp_path):
    assert hub_token() is None
    if where.endswith("_TOKEN"):
        monkeypatch.setenv(where, f" {TOKEN}\n")
    else:
        if where == "XDG_CACHE_HOME":
            monkeypatch.delenv("HF_HOME")
        path = {"HF_TOKEN_PATH": tmp_path / "t", "HF_HOME": tmp_path / "h" / "token"}.get(
            where, tmp_path / "h" / "huggingface" / "token"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{TOKEN}\n")
        monkeypatch.setenv(where, str(path if where == "HF_TOKEN_PATH" else tmp_path / "h"))
    assert hub_token() == TOKEN
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    assert hub_token() is None


@pytest.mark.parametrize("token", ["two words", "line\nInjected: header", "töken"])
def test_what_cannot_be_a_token_is_refused_without_being_shown(hub, monkeypatch, token):
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(UserError, match="HF_TOKEN: what it holds cannot be a token") as error:
        body(hub.url("/a"))
    assert token not in str(error.value)
    assert not hub.asked

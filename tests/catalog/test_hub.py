"""What the hub says about a repository."""

import json

import pytest

from finetune_tts.catalog.address import HubRepository
from finetune_tts.catalog.failure import AddressFailure
from finetune_tts.catalog.hub import hub_files

LISTING = "/api/models/me/my%20voice/revision/main?blobs=true"


@pytest.fixture
def hub(server, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url(""))

    def holds(*names):
        server.put(LISTING, json.dumps({"siblings": [{"rfilename": name} for name in names]}).encode())

    holds.server = server
    return holds


def test_patterns_select_files_which_lose_their_folder(hub):
    hub(
        "checkpoints/converter/config.json",
        "checkpoints/converter/a b.pth",
        "checkpoints/base/config.json",
        "README.md",
    )
    files = hub_files(HubRepository("me/my voice", allow=("checkpoints/converter/*",)))
    assert [file.name for file in files] == ["config.json", "a b.pth"]
    assert files[1].url.endswith("/me/my%20voice/resolve/main/checkpoints/converter/a%20b.pth")


def test_ignored_files_stay_away(hub):
    hub("model.pth", "dvae.pth", "samples/a.wav", ".gitattributes", "config.json")
    files = hub_files(HubRepository("me/my voice", ignore=("samples/*", "dvae.pth")))
    assert [file.name for file in files] == ["model.pth", "config.json"]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a/config.json", "b/config.json"], "two files called config.json"),
        (["README.md"], "no file that the catalog asks for"),
        (["a/.."], "unusable name"),
        (["a\\b"], "unusable name"),
    ],
)
def test_a_repository_that_cannot_be_used_is_told(hub, names, told):
    hub(*names)
    with pytest.raises(AddressFailure, match=told):
        hub_files(HubRepository("me/my voice"))


@pytest.mark.parametrize(("content", "told"), [(b"[1]", "no list of files"), (b"{", "not JSON"), (b"{}", "no list")])
def test_an_answer_that_is_no_list_is_told(hub, content, told):
    hub.server.put(LISTING, content)
    with pytest.raises(AddressFailure, match=told):
        hub_files(HubRepository("me/my voice"))


def test_a_repository_that_does_not_exist_is_told(hub):
    with pytest.raises(AddressFailure, match="404"):
        hub_files(HubRepository("me/none"))

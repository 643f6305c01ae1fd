"""A voice goes to the model hub with its card in one commit, for nobody else's eyes, and comes back the same."""

import base64
import importlib.util
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from finetune_tts.cli import finetune, speak
from finetune_tts.synthesis.loading import load_voice

TOKEN = "hf_a_very_secret_token"


@dataclass
class Repository:
    """What the hub holds under one name, and how many commits it has seen."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0


class Hub(ThreadingHTTPServer):
    """Speaks as much of the hub's API as making, filling and downloading a repository takes.

    Attributes:
        repositories: by name.
        refused: part of a path → the status that it is answered with.
        objects: large files that were uploaded, by sha256.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _HubHandler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.repositories: dict[str, Repository] = {}
        self.refused: dict[str, int] = {}
        self.objects: dict[str, bytes] = {}
        self.asked: list[str] = []


class _HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def _answer(self, content: Any, status: int = 200, kind: str = "application/json") -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _is_refused(self) -> bool:
        self.server.asked.append(f"{self.command} {self.path}")
        status = next((status for part, status in self.server.refused.items() if part in self.path), None)
        if status is None and self.headers.get("Authorization") != f"Bearer {TOKEN}" and self.command == "POST":
            status = 401
        if status is not None:
            self._answer({"error": f"refused, {self.headers.get('Authorization')}"}, status)
        return status is not None

    def _repository(self) -> Repository | None:
        parts = self.path.partition("?")[0].removeprefix("/api/models").strip("/").split("/")
        return self.server.repositories.get("/".join(parts[:2]).removesuffix(".git"))

    def do_GET(self) -> None:
        if self._is_refused():
            return
        repository, path = self._repository(), self.path.partition("?")[0]
        if repository is None:
            self._answer({"error": "no such repository"}, 404)
        elif "/resolve/main/" in path:
            content = repository.files.get(path.partition("/resolve/main/")[2])
            self._answer(content or b"", 200 if content is not None else 404, "application/octet-stream")
        else:
            siblings = [{"rfilename": name, "size": len(data)} for name, data in repository.files.items()]
            name = "/".join(path.removeprefix("/api/models/").split("/")[:2])
            self._answer({"id": name, "private": repository.private, "siblings": siblings, "tags": []})

    def do_PUT(self) -> None:
        body = self._body()
        if not self._is_refused():
            self.server.objects[self.path.rpartition("/")[2]] = body
            self._answer({})

    def _faults(self, card: str) -> dict[str, list[dict[str, str]]]:
        import yaml

        head = yaml.safe_load(card.split("---\n")[1])
        said = "" if isinstance(head.get("license"), str) else "no licence"
        return {"errors": [], "warnings": [{"message": said}] if said else []}

    def do_POST(self) -> None:
        body = self._body()
        if self._is_refused():
            return
        url, path = self.server.url, self.path.partition("?")[0]
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            private = asked.get("visibility") == "private" or asked.get("private", False)
            is_there = name in self.server.repositories
            self.server.repositories.setdefault(name, Repository(private))
            self._answer({"url": f"{url}/{name}", "error": "there already"}, 409 if is_there else 200)
        elif path == "/api/validate-yaml":
            self._answer(self._faults(json.loads(body)["content"]))
        elif "/preupload/" in path:
            files = [
                {"path": file["path"], "uploadMode": "lfs" if "safetensors" in file["path"] else "regular",
                 "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]  # fmt: skip
            self._answer({"files": files})
        elif path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**entry, "actions": {"upload": {"href": f"{url}/upload/{entry['oid']}"}}}
                for entry in json.loads(body)["objects"]
            ]
            self._answer({"transfer": "basic", "objects": objects})
        elif "/commit/" in path:
            repository = self._repository()
            assert repository is not None
            for line in map(json.loads, body.decode().splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    repository.files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    repository.files[value["path"]] = self.server.objects[value["oid"]]
            repository.commits += 1
            self._answer({"success": True, "commitOid": "0" * 40, "commitUrl": f"{url}/ana/voice/commit/{'0' * 40}"})
        else:
            self._answer({"error": "unknown"}, 404)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A model hub on this machine, to which one is logged in."""
    constants = pytest.importorskip("huggingface_hub.constants")
    # Its other way to upload has a protocol and servers of its own.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setattr(constants, "ENDPOINT", server.url)  # which the client has read already
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("TTS_HOME", str(tmp_path / "cache"))
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def upload(run, *flags, name="ana/voice"):
    return finetune.main(["--export", "hub", str(run), "--hub_name", name, *flags])


def test_it_is_uploaded_in_one_commit_for_nobody_else_to_see(make_run, hub, capsys):
    run = make_run()
    assert upload(run) == 0
    repository = hub.repositories["ana/voice"]
    assert repository.private
    assert repository.commits == 1
    folder = run / "hub"
    assert set(repository.files) == {"README.md", "model.safetensors", "config.json", "speakers.json",
                                     "samples/sample_1.wav"}  # fmt: skip
    for name, content in repository.files.items():
        assert (folder / name).read_bytes() == content
    said = capsys.readouterr()
    assert f"uploaded: {hub.url}/ana/voice (you alone see it" in said.out
    assert "non-commercial use only" in said.out
    assert TOKEN not in said.out + said.err
    assert all(TOKEN.encode() not in content for content in repository.files.values())


def test_what_was_uploaded_is_downloaded_by_name_and_is_the_same(make_run, hub, tmp_path):
    run = make_run()
    before = load_voice(run).network.state_dict()
    assert upload(run, "--hub_public") == 0
    catalog = tmp_path / "models.json"
    address = {"hub": "ana/voice", "ignore": ["samples/*"]}
    entry = {"name": "tts_models/en/ana/voice", "addresses": [address], "license": "CC BY-NC-ND 4.0"}
    catalog.write_text(json.dumps({"models": [entry]}))
    words = ["--model_name", entry["name"], "--models_file", str(catalog), "--speaker_idx", "ana"]
    assert speak.main([*words, "--text", "a bad egg", "--out_path", str(tmp_path / "out.wav")]) == 0
    folder = tmp_path / "cache" / "tts" / "tts_models--en--ana--voice"
    after = load_voice(folder).network.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_only_who_says_so_shows_it_to_everybody(make_run, hub, capsys):
    run = make_run()
    assert upload(run, "--hub_public") == 0
    assert not hub.repositories["ana/voice"].private
    said = capsys.readouterr()
    assert "(everybody sees it)" in said.out
    assert "whose base model has a restricted licence" in said.err
    assert upload(run) == 2
    assert "everybody sees this repository. Add --hub_public" in capsys.readouterr().err
    assert hub.repositories["ana/voice"].commits == 1


def test_a_repository_of_ones_own_is_not_opened_by_an_upload(make_run, hub, capsys):
    run = make_run()
    assert upload(run) == 0
    assert upload(run) == 0
    assert hub.repositories["ana/voice"].commits == 2
    assert upload(run, "--hub_public") == 2
    assert "is there already, and you alone see it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("part", "status", "message"),
    [
        ("/api/repos/create", 401, "does not know this token: log in again with hf auth login. Nothing was uploaded."),
        ("/api/repos/create", 403, "this token may not write there"),
        ("/commit/", 403, "this token may not write there"),
        ("/upload/", 413, "the hub finds a file too large. Nothing was published by halves; "),
        ("/preupload/", 400, "BadRequestError: "),
    ],
)
def test_a_hub_that_refuses_leaves_nothing_half_published(part, status, message, make_run, hub, capsys):
    hub.refused[part] = status
    run = make_run()
    assert upload(run) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert TOKEN not in said.out + said.err
    assert all(not repository.files for repository in hub.repositories.values())
    hub.refused.clear()
    assert upload(run) == 0
    assert hub.repositories["ana/voice"].commits == 1


def test_without_a_token_nothing_is_asked_of_the_hub(make_run, hub, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    assert upload(make_run()) == 2
    assert "no token of the hub is here. Log in with hf auth login, or set HF_TOKEN" in capsys.readouterr().err
    assert hub.asked == []


def test_a_missing_package_is_named(make_run, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert upload(make_run()) == 2
    assert "pip install 'finetune-tts[hub]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["hub", "ana/voice"], "which repository? Name it with --hub_name USER/NAME"),
        (["hub", "run", "--hub_name", "voice"], "--hub_name voice: not of the form USER/NAME"),
        (["hub", "run", "--hub_name", "../x/y"], "not of the form USER/NAME"),
        (["hub", "run", "--hub_name", "ana/vo ice"], "not of the form USER/NAME"),
        (["hub", "run", "--hub_name", "ana/voice.git"], "not of the form USER/NAME"),
        (["onnx", "run", "--hub_name", "ana/voice"], "it belongs to --export hub"),
        (["card", "run", "--hub_public"], "it belongs to --export hub"),
        (["hub", "run", "--hub_name", "ana/voice", "--precision", "int8"], "--export hub writes fp32 or fp16"),
    ],
)
def test_names_are_checked_before_anything_is_loaded(flags, message, capsys):
    assert finetune.main(["--export", *flags]) == 2
    assert message in capsys.readouterr().err

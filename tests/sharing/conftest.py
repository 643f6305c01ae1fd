"""A run of a very small Glow-TTS of two speakers: what ways out are tried with; and a model hub on this machine."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finetune_tts.config.speakers import SpeakerConfig
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.building import build_model
from finetune_tts.families.loading import load_config
from finetune_tts.runs.record import BaseModel, Clip, DataFacts, RunRecord, write_record

TINY = Path(__file__).parents[1] / "families" / "tiny"


@pytest.fixture
def make_run(tmp_path) -> Callable[..., Path]:
    """Makes a run folder, whose base model is under a licence; None is a run from scratch."""

    def make(licence: str | None = "CC BY-NC-ND 4.0", name: str = "glow_tts", **fields: Any) -> Path:
        folder = tmp_path / "run"
        folder.mkdir()
        values = json.loads((TINY / f"{name}.json").read_text(encoding="utf-8"))
        two = {"use_speaker_embedding": True, "speakers_file": "/home/someone/run/speakers.json", "num_speakers": 2}
        values |= {"output_path": "/home/someone/runs", "datasets": [{"formatter": "csv", "path": "../recordings"}]}
        (folder / "speakers.json").write_text(json.dumps({"ana": 0, "rui": 1}))
        np.save(folder / "scale_stats.npy", {"mel_mean": np.zeros(1)})
        (folder / "config.json").write_text(json.dumps({**values, **two, **fields}))
        config = load_config(folder / "config.json", quiet=True)
        assert isinstance(config, SpeakerConfig)
        torch.manual_seed(3)
        network = build_model(config, len(build_tokenizer(config).vocabulary), 2)
        for file_name in ("best_model.pth", "best_model_70.pth"):
            torch.save({"model": network.state_dict(), "step": 70}, folder / file_name)
        base = BaseModel("base/model_file.pth", name="tts_models/en/x/glow-tts", licence=licence or "")
        write_record(
            folder,
            RunRecord(
                started="2026-01-02T03:04:05+00:00",
                device="CPU",
                versions={"finetune-tts": "0"},
                data=DataFacts(("recordings",), 7, 2, 1.5, speakers=("ana", "rui"), languages=("en",)),
                base=None if licence is None else base,
                speaker="ana",
                clips=(Clip("clip1", "a secret sentence", "recordings/clip1.wav", "ana"),),
            ),
        )
        return folder

    return make


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

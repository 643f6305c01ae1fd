"""A run folder as a run would write it, but in no time."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetune_tts.runs.history import History, HistoryEntry
from finetune_tts.tasks.spoken_samples import SpokenSample, write_samples
from finetune_tts.watch.server import WatchServer
from finetune_tts.watch.watched_run import WatchedRun

SENTENCES = ["Be a voice, not an echo.", "Größer als zuvor? <b>Yes</b>, and for that reason longer too."]


class RunFolder:
    """A run that writes what it is told to.

    Attributes:
        path: of the folder.
        now: the time that its page sees.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = 0.0
        path.mkdir()
        self.write_config(run_name="my-voice", model="glow_tts", test_sentences=SENTENCES)

    def write_config(self, **values: Any) -> None:
        (self.path / "config.json").write_text(json.dumps(values))

    def add(self, step: int, split: Any = "train", loss: float = 1.0, *, seconds: float | None = None) -> None:
        """Add an entry to the history, by default of a run that takes a step in half a second."""
        position = (self.path / "history.jsonl").stat().st_size if (self.path / "history.jsonl").exists() else 0
        losses = {"loss": loss, "loss_mle": loss / 2}
        rate = 0.001 if split == "train" else None
        with History(self.path, position) as history:
            taken = step / 2 if seconds is None else seconds
            history.add(HistoryEntry(step, step // 100, split, losses, rate, loss, taken, 1000))

    def hear(self, step: int, mcd: float, *, seconds: float) -> None:
        """Add what was heard of a step."""
        with History(self.path, (self.path / "history.jsonl").stat().st_size) as history:
            values = {"mcd": mcd, "wer": 0.25}
            history.add(HistoryEntry(step, step // 100, "heard", values, None, None, seconds, 1000))

    def log(self, level: str, text: str) -> None:
        with open(self.path / "trainer_0_log.txt", "a") as file:
            file.write(f"2026-11-28 21:10:07,873 {level} {text}\n")

    def speak(self, step: int, *, alignment: bool = True) -> None:
        picture = np.eye(20, 10, dtype=np.float32) if alignment else None
        sound = (0.1 * np.sin(np.arange(8000) * 0.05)).astype(np.float32)
        write_samples(self.path, step, {text: SpokenSample(sound, 8000, None, picture) for text in SENTENCES})


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "my-voice-November-28-2026")


@pytest.fixture
def watched(run: RunFolder) -> WatchedRun:
    return WatchedRun(run.path, lambda: run.now)


@pytest.fixture
def serve() -> Iterator[Callable[[Path], WatchServer]]:
    started: list[tuple[WatchServer, threading.Thread]] = []

    def start(folder: Path) -> WatchServer:
        server = WatchServer(WatchedRun(folder))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        started.append((server, thread))
        return server

    yield start
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()

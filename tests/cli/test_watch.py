"""``tts-finetune --watch``: from the command to the page, and its end by Ctrl-C."""

import http.client
import json
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from finetune_tts.cli.finetune import main
from finetune_tts.runs.history import History, HistoryEntry


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my-run"
    folder.mkdir()
    with History(folder) as history:
        history.add(HistoryEntry(25, 0, "train", {"loss": 1.0}, 0.1, 1.0, 5.0, 100))
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is no signal there")
def test_the_page_is_served_until_ctrl_c(folder: Path) -> None:
    words = [sys.executable, "-m", "finetune_tts", "--watch", str(folder), "--no_browser"]
    # A shell without job control lets what runs in the background ignore Ctrl-C, and so would we.
    handling = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, handling)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("watch: http://127.0.0.1:")
        address = urlsplit(line.removeprefix("watch: ").strip())
        connection = http.client.HTTPConnection(address.netloc, timeout=30)
        connection.request("GET", f"/?{address.query}")
        answer = connection.getresponse()
        assert b"<!doctype html>" in answer.read()
        connection.request("GET", "/run", headers={"Cookie": answer.headers["Set-Cookie"].split(";")[0]})
        assert json.loads(connection.getresponse().read())["progress"]["step"] == 25
        process.send_signal(signal.SIGINT)  # while a browser still has a connection
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Ctrl-C closes the page, and leaves the run alone." in errors
        connection.close()
    finally:
        process.kill()
        process.communicate()
    assert [path.name for path in folder.iterdir()] == ["history.jsonl"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--watch", "{folder}/none"], "--watch {folder}/none: no such folder"),
        (["--watch", "{folder}/.."], "is no folder of a run, as it has no history.jsonl"),
        (["--watch", "{folder}", "--port", "70000"], "--port 70000: must be from 1 to 65535"),
        (["--watch", "{folder}", "--review", "{folder}"], "--review and --watch do not go together"),
        (["--watch", "{folder}", "--check"], "--watch and --check do not go together"),
        (["--watch", "{folder}", "--dataset_path", "x"], "--watch and --dataset_path do not go together"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main([word.format(folder=folder) for word in words]) == 2
    assert message.format(folder=folder) in capsys.readouterr().err


def test_watching_loads_no_torch() -> None:
    code = "import sys, finetune_tts.cli.watch; print(*sorted({'torch', 'numpy', 'scipy'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""

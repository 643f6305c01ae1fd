"""``tts-finetune --review``: from the command to the page, and its end by Ctrl-C."""

import http.client
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from finetune_tts.audio.reading import write_waveform
from finetune_tts.cli.finetune import main
from finetune_tts.corpus.clips import Clip, Corpus


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recording = tmp_path / "long.wav"
    write_waveform(recording, np.linspace(-0.5, 0.5, 16000, dtype=np.float32), 8000)
    corpus, clips = Corpus(tmp_path / "my-voice"), [Clip("clip_1", recording, 0.5, 1.5, "It is said.", 0.5)]
    corpus.folder.mkdir()
    corpus.write_sound(clips[0])
    corpus.save(clips)
    return corpus.folder


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def run(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "finetune_tts", *words]
        # A shell without job control lets what runs in the background ignore Ctrl-C, and so would we.
        handling = signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        signal.signal(signal.SIGINT, handling)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is no signal there")
def test_the_page_is_served_until_ctrl_c(folder: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start("--review", str(folder), "--no_browser")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("review: http://127.0.0.1:")
    address = urlsplit(line.removeprefix("review: ").strip())
    connection = http.client.HTTPConnection(address.netloc, timeout=30)
    connection.request("GET", f"/?{address.query}")
    answer = connection.getresponse()
    assert answer.status == 200
    assert b"<!doctype html>" in answer.read()
    second = start("--review", str(folder), "--no_browser")
    assert "another process is making or reviewing this data set" in second.communicate(timeout=60)[1]
    assert second.returncode == 2
    process.send_signal(signal.SIGINT)  # while a browser still has a connection
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (0, f"copy to look and listen: {folder / 'review.html'}\n")
    assert "0 edits; 1 of 1 clip kept, 0.0 minutes" in errors
    assert (folder / "review.html").is_file()
    connection.close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--review", "{folder}/wavs"], "has no sources.csv, so it is no data set that was cut from recordings"),
        (["--review", "{folder}", "--port", "70000"], "--port 70000: must be from 1 to 65535"),
        (["--review", "{folder}", "--port", "-1"], "--port -1: must be"),
        (["--review", "{folder}", "--model_name", "x"], "--model_name and --review do not go together"),
        (["--review", "{folder}", "--check"], "--review and --check do not go together"),
        (["--demo", "--port", "8000"], "--port is given without --review or --watch"),
        (["--demo", "--no_browser"], "--no_browser is given without --review or --watch"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main([word.format(folder=folder) for word in words]) == 2
    assert message in capsys.readouterr().err


def test_reviewing_loads_no_torch() -> None:
    code = "import sys, finetune_tts.cli.review; print(*sorted({'torch', 'scipy', 'soundfile'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""

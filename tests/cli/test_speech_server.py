"""``tts --server`` as a program."""

import json
import signal
import subprocess
import sys
import urllib.request

import pytest


def test_the_program_serves_until_it_is_stopped(release):
    words = [sys.executable, "-m", "finetune_tts.cli.speak", "--model_path", str(release), "--server", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        line = program.stdout.readline()
        assert line.startswith("serving: http://127.0.0.1:")
        address = line.split()[1]
        with urllib.request.urlopen(f"{address}api/tts?text=a+bad+egg", timeout=60) as answer:
            assert answer.read(4) == b"RIFF"
        with urllib.request.urlopen(f"{address}details", timeout=60) as answer:
            assert json.load(answer)["model"] == "release"
        program.send_signal(signal.SIGTERM)
        assert program.wait(60) == 0
        assert "Traceback" not in program.stderr.read()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--server", "--text", "a"), "--server and --text"),
        (("--server", "--out_dir", "x"), "--server and --out_dir"),
        (("--text", "a", "--port", "1"), "--port is given without --server"),
        (("--server", "--port", "70000"), "--port 70000: must be from 1"),
        (("--server", "--max_text", "0"), "--max_text 0: must be from 1"),
        (("--server", "--wav_dir", "nowhere"), "--wav_dir nowhere: no such folder"),
        (("--server", "--host", "no such host"), "--host no such host"),
    ],
)
def test_what_contradicts_itself_is_refused(tts, release, words, told):
    tts("--model_path", release, *words).refused(told)

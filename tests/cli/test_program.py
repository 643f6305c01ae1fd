"""Exit statuses, and what is said with them."""

import errno
import logging
import subprocess
import sys

import pytest

from finetune_tts.cli.program import FAILURE, INTERRUPTED, MISTAKE, Parser, run_program, say
from finetune_tts.errors import UserError


def ending(error):
    def run(words):
        raise error

    return run


def test_nothing_wrong(capsys):
    seen = []
    assert run_program(seen.append, ["a", "b"]) == 0
    assert seen == [["a", "b"]]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (UserError("--lr: too high."), MISTAKE, "error: --lr: too high.\n"),
        (KeyboardInterrupt(), INTERRUPTED, "Stopped.\n"),
        (KeyboardInterrupt("Stopped after step 3."), INTERRUPTED, "Stopped after step 3.\n"),
        (RuntimeError("odd"), FAILURE, "failed: RuntimeError: odd\nSet TTS_TRACEBACK=1 to see where.\n"),
        (OSError(errno.EIO, "broken", "x"), FAILURE, "failed: [Errno 5] broken: 'x'\nSet TTS_TRACEBACK=1"),
        (OSError(errno.ENOSPC, "full", "x.pth"), MISTAKE, "error: x.pth: the disk is full. Free some space"),
        (PermissionError(errno.EACCES, "no", "x"), MISTAKE, "error: x: the permission is missing."),
    ],
)
def test_each_end_has_its_status_and_its_words(capsys, error, status, said):
    assert run_program(ending(error), []) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(said)


def test_a_failure_shows_where_if_asked(monkeypatch):
    monkeypatch.setenv("TTS_TRACEBACK", "1")
    with pytest.raises(RuntimeError, match="odd"):
        run_program(ending(RuntimeError("odd")), [])


def test_what_the_package_logs_goes_to_standard_error(capsys):
    log = logging.getLogger("finetune_tts.some.module")
    assert run_program(lambda words: log.info("%d samples", 3), []) == 0
    assert capsys.readouterr() == ("", "3 samples\n")


def test_only_the_first_of_several_processes_speaks(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")

    def run(words):
        say("result")
        logging.getLogger("finetune_tts").info("news")
        logging.getLogger("finetune_tts").warning("care")

    assert run_program(run, []) == 0
    assert capsys.readouterr() == ("", "care\n")


def test_an_unknown_flag_is_answered_with_near_ones():
    parser = Parser(prog="some")
    parser.add_argument("--model_path")
    with pytest.raises(UserError, match="--model_pth=x: not a flag of some. Did you mean --model_path"):
        parser.parse_known_flags(["--model_pth=x"])
    with pytest.raises(UserError, match="--help lists the flags"):
        parser.parse_known_flags(["--zzz"])
    with pytest.raises(UserError, match="Argument --model_path: expected one argument"):
        parser.parse_known_flags(["--model_path"])


def test_a_reader_that_goes_away_is_no_failure():
    command = f"{sys.executable} -m finetune_tts --help | head -n 1"
    run = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert run.stdout.startswith("usage: tts-finetune")
    assert run.stderr == ""

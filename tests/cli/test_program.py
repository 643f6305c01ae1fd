"""Exit statuses, and what is said with them."""

import errno
import io
import logging
import os
import subprocess
import sys

import pytest

from finetune_tts.cli import embeddings, finetune, speak
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
        (OSError(errno.ENOSPC, "full"), MISTAKE, "error: The disk is full. Free some space"),
        (FileExistsError(errno.EEXIST, "no", "x"), MISTAKE, "error: x: something is there already."),
        (IsADirectoryError(errno.EISDIR, "no", "x"), MISTAKE, "error: x: is a folder, and a file is to be"),
        (NotADirectoryError(errno.ENOTDIR, "no", "x/y"), MISTAKE, "error: x/y: is no folder."),
    ],
)
def test_each_end_has_its_status_and_its_words(capsys, error, status, said):
    assert run_program(ending(error), []) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(said)


def test_streams_that_are_closed_are_empty_and_take_everything(monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    seen = []

    def run(words):
        seen.append(sys.stdin.buffer.read())
        sys.stdout.buffer.write(b"speech")
        say("written")

    assert run_program(run, []) == 0
    assert run_program(ending(UserError("wrong")), []) == MISTAKE
    assert seen == [b""]
    assert sys.stdin is sys.stdout is sys.stderr is None


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


def flags_of(build):
    """Every flag of a program that takes a value, with a value for it."""
    for action in build()._actions:
        if action.option_strings and action.nargs != 0:
            number = "1" if action.type in (int, float) else "x"
            if action.choices:
                number = next(iter(action.choices))
            count = action.nargs if isinstance(action.nargs, int) else 1
            yield action.option_strings[-1], action, [number] * count


DATA_FLAGS = ("--dataset_path", "--dataset_format", "--meta_file", "--columns")
PARSERS = [finetune.build_parser, speak.build_parser, embeddings.build_classic_parser]


@pytest.mark.parametrize("build", PARSERS)
def test_every_flag_given_twice_is_a_list_or_a_mistake(build):
    for flag, action, values in flags_of(build):
        others = ["2" for _ in values]
        if action.choices:
            others = list(action.choices)[1:2]
        if action.nargs == "+" or flag in DATA_FLAGS and build != PARSERS[2]:
            given = getattr(build().parse_known_flags([flag, *values, flag, *others]), action.dest)
            assert [str(value) for value in given] == [*values, *others]
            continue
        assert getattr(build().parse_known_flags([flag, *values, flag, *values]), action.dest) not in (None, [])
        with pytest.raises(UserError, match=f"{flag}: given twice, as {'.* '.join(values)}.* and as {others[0]}"):
            build().parse_known_flags([flag, *values, flag, *others])


@pytest.mark.parametrize("build", PARSERS)
def test_every_flag_takes_two_dashes_for_a_text_or_refuses_them(build):
    for flag, action, values in flags_of(build):
        if action.type in (int, float):
            mistake = f"invalid {action.type.__name__} value: '--'" if len(values) == 1 else "expected 2 arguments"
            with pytest.raises(UserError, match=f"{flag}: {mistake}"):
                build().parse_known_flags([f"{flag}=--"])
        elif action.choices and action.nargs != "?":
            with pytest.raises(UserError, match=f"{flag}: invalid choice: '--'"):
                build().parse_known_flags([f"{flag}=--"])
        elif len(values) == 1 and action.nargs != "?":
            value = getattr(build().parse_known_flags([f"{flag}=--"]), action.dest)
            assert [str(item) for item in (value if isinstance(value, list) else [value])] == ["--"]


@pytest.mark.parametrize("build", PARSERS)
def test_an_empty_value_is_a_mistake(build):
    for flag, action, values in flags_of(build):
        if action.default == "" or flag in ("--text", "--list_models"):
            build().parse_known_flags([f"{flag}="])
            continue
        for words in ([f"{flag}="], [flag, ""], [flag, "", *values[1:]]):
            with pytest.raises(UserError, match=f"{flag}: its value is empty"):
                build().parse_known_flags(words)


def test_a_value_that_begins_with_a_dash_is_explained():
    with pytest.raises(UserError, match="--text: expected one argument.* written --flag=-value"):
        speak.build_parser().parse_known_flags(["--text", "-hm"])
    assert speak.build_parser().parse_known_flags(["--text=-hm"]).text == "-hm"
    assert speak.build_parser().parse_known_flags(["--text", "- hm"]).text == "- hm"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8"])
def test_no_character_ends_a_program(encoding, monkeypatch):
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)

    def run(words):
        say("🐸TTS → głos/ĝi.wav …")
        say("caf\udce9.wav")
        raise UserError("░ ✗ \udcff \ud800")

    assert run_program(run, []) == MISTAKE
    out.flush(), err.flush()
    assert (out.errors, err.errors) == ("strict", "strict")
    first, second, *_ = out.buffer.getvalue().splitlines()
    assert second == b"caf\xe9.wav"
    if encoding == "utf-8":
        assert first.decode(encoding) == "🐸TTS → głos/ĝi.wav …"
    elif encoding == "ascii":
        assert first == b"TTS -> g\\u0142os/\\u011di.wav ..."
    assert b"\xff" in err.buffer.getvalue()


def test_help_and_catalog_are_shown_in_any_encoding():
    for encoding in ("ascii", "cp1252"):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        for words in (["-m", "finetune_tts", "--help"], ["-m", "finetune_tts.cli.speak", "--list_models"]):
            run = subprocess.run([sys.executable, *words], capture_output=True, env=environment)
            assert (run.returncode, run.stderr) == (0, b"")
            assert len(run.stdout.decode(encoding)) > 1000


def test_a_reader_that_goes_away_is_no_failure():
    command = f"{sys.executable} -m finetune_tts --help | head -n 1"
    run = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert run.stdout.startswith("usage: tts-finetune")
    assert run.stderr == ""

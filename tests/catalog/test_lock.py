"""One at a time, whoever holds the lock; a lock ends with its holder."""

import errno
import logging
import os
import subprocess
import sys
import threading

import pytest
from filelock import FileLock

from finetune_tts.catalog.lock import locked


class Hearing(logging.Handler):
    """Sets an event as soon as something is logged."""

    def __init__(self):
        super().__init__()
        self.heard = threading.Event()

    def emit(self, record):
        self.heard.set()


def test_the_second_waits_for_the_first(tmp_path, caplog):
    path, order = tmp_path / "lock", []
    hearing = Hearing()
    logger = logging.getLogger("finetune_tts.catalog.lock")

    def second():
        with locked(path, "the model"):
            order.append("second")

    thread = threading.Thread(target=second)
    logger.addHandler(hearing)
    try:
        with caplog.at_level(logging.INFO), locked(path, "the model"):
            thread.start()
            assert hearing.heard.wait(30)
            order.append("first")
        thread.join(30)
    finally:
        logger.removeHandler(hearing)
    assert order == ["first", "second"]
    assert "getting the model; waiting" in caplog.text


def test_an_error_releases_the_lock(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / "lock", "it"):
        raise KeyError
    with locked(tmp_path / "lock", "it"):
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path, caplog):
    path = tmp_path / "lock"
    code = (
        "import os, pathlib\nfrom finetune_tts.catalog.lock import locked\n"
        f"with locked(pathlib.Path({str(path)!r}), 'it'):\n    os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    with caplog.at_level(logging.INFO), locked(path, "it"):
        assert "waiting" not in caplog.text


@pytest.mark.parametrize("answer", [OSError(errno.ENOLCK, os.strerror(errno.ENOLCK)), NotImplementedError("no flock")])
def test_a_disk_without_locks_is_warned_of_and_used(tmp_path, caplog, monkeypatch, answer):
    def refuse(self, *args, **kwargs):
        raise answer

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with locked(tmp_path / "lock", "it"):
        pass
    assert "no two processes" in caplog.text


def test_a_lock_file_that_cannot_be_opened_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), locked(tmp_path / "file" / "lock", "it"):
        pass

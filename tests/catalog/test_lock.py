"""One at a time, whoever holds the lock; a lock ends with its holder."""

import logging
import threading

import pytest

from finetune_tts.catalog import lock as lock_module
from finetune_tts.catalog.lock import locked


def test_the_second_waits_for_the_first(tmp_path, caplog, monkeypatch):
    path = tmp_path / "lock"
    waiting, order = threading.Event(), []
    monkeypatch.setattr(lock_module.time, "sleep", lambda _: waiting.set())

    def second():
        with locked(path, "the model"):
            order.append("second")

    thread = threading.Thread(target=second)
    with caplog.at_level(logging.INFO), locked(path, "the model"):
        thread.start()
        assert waiting.wait(30)
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]
    assert "getting the model; waiting" in caplog.text


def test_an_error_releases_the_lock(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / "lock", "it"):
        raise KeyError
    with locked(tmp_path / "lock", "it"):
        pass

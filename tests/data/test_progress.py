import itertools
import logging

from finetune_tts.data import progress as module


def test_items_pass_through_and_lines_are_logged_where_there_is_no_terminal(caplog, monkeypatch):
    clock = itertools.count(step=10.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    with caplog.at_level(logging.INFO):
        assert list(module.progress(iter("abcd"), 4, "Features")) == list("abcd")
    assert [record.message for record in caplog.records] == [
        "Features: 2 of 4, about 20 s left",
        "Features: 4 of 4, about 0 s left",
    ]


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: True, raising=False)
    assert list(module.progress(iter("abc"), 3, "Features")) == list("abc")
    assert "Features" in capsys.readouterr().err

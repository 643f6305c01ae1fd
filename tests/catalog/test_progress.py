"""A bar on a terminal, plain lines elsewhere."""

import io
import logging
import sys

from finetune_tts.catalog.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar(monkeypatch):
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    with progress("model.zip", 500_000, 1_000_000) as arrived:
        arrived(500_000)
    assert "model.zip: 100%" in shown.getvalue()
    assert "1.00M/1.00M" in shown.getvalue()


def test_a_log_gets_a_line_for_every_fifth(caplog, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with caplog.at_level(logging.INFO), progress("model.zip", 300_000, 1_000_000) as arrived:
        for _ in range(70):
            arrived(10_000)
    assert caplog.messages == [
        "model.zip: continuing at 0.3 MB of 1.0 MB",
        *(f"model.zip: {size} MB of 1.0 MB" for size in ("0.4", "0.6", "0.8", "1.0")),
    ]


def test_an_unknown_length_is_no_hindrance(caplog, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with caplog.at_level(logging.INFO), progress("model.zip", 0, None) as arrived:
        arrived(150_000_000)
    assert caplog.messages == ["model.zip: starting", "model.zip: 150.0 MB"]

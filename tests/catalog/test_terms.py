"""Terms of a licence: shown, and accepted or not."""

import io
import logging
import re
import sys

import pytest

from finetune_tts.catalog.entry import ModelEntry
from finetune_tts.catalog.licences import restriction
from finetune_tts.catalog.terms import acceptance, are_accepted, remember_acceptance, require_acceptance
from finetune_tts.errors import UserError

ENTRY = ModelEntry("tts_models/a/b/c", (), licence="CPML", terms_required=True)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    def answering(answer):
        shown = Terminal()
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        monkeypatch.setattr(sys, "stderr", shown)
        return shown

    return answering


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_terms_are_shown_and_accepted_at_the_prompt(terminal, answer):
    shown = terminal(answer)
    require_acceptance(ENTRY, accepted=False)
    assert "CPML, non-commercial use only" in shown.getvalue()
    assert "https://coqui.ai/cpml" in shown.getvalue()


@pytest.mark.parametrize("answer", ["\n", "n\n", "", "yesterday\n"])
def test_any_other_answer_declines(terminal, answer):
    terminal(answer)
    with pytest.raises(UserError, match="not accepted; nothing was downloaded"):
        require_acceptance(ENTRY, accepted=False)


def test_without_a_terminal_the_way_to_accept_is_told():
    with pytest.raises(UserError, match=r"CPML.*coqui\.ai.*--yes"):
        require_acceptance(ENTRY, accepted=False)


def test_terms_accepted_beforehand_are_shown_too(caplog, monkeypatch):
    with caplog.at_level(logging.WARNING):
        require_acceptance(ENTRY, accepted=True)
    assert "CPML" in caplog.text
    monkeypatch.setenv("COQUI_TOS_AGREED", "1")
    require_acceptance(ENTRY, accepted=False)


@pytest.mark.parametrize(
    ("licence", "told"),
    [
        ("CC BY-NC-ND 4.0", "non-commercial use only, changed versions may not be passed on"),
        ("CC BY-NC 4.0", "non-commercial use only"),
        ("openrail", "some uses are forbidden"),
        ("custom - see https://a.example", "conditions of its own"),
        ("apache 2.0", None),
        ("CC-BY-SA 4.0", None),
        ("", None),
    ],
)
def test_restrictions_are_read_from_the_licences_name(licence, told):
    assert restriction(ModelEntry("tts_models/a/b/c", (), licence=licence)) == told


def test_acceptance_is_remembered_with_its_time(tmp_path):
    assert not are_accepted(tmp_path)
    assert acceptance(tmp_path) == ""
    remember_acceptance(ENTRY, tmp_path)
    assert are_accepted(tmp_path)
    assert "(CPML)" in (tmp_path / "tos_agreed.txt").read_text()
    assert re.fullmatch(r"on \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", acceptance(tmp_path))


@pytest.mark.parametrize("content", [b"I have read, understood and agreed.", b"", b"\xff\0accepted on 1", b"x" * 5000])
def test_the_file_of_another_program_tells_no_time(tmp_path, content):
    (tmp_path / "tos_agreed.txt").write_bytes(content)
    assert are_accepted(tmp_path)
    assert acceptance(tmp_path) == "as tos_agreed.txt beside the model says"

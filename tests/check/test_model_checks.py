from pathlib import Path

import pytest
from torch import nn

from finetune_tts.check.finding import Severity
from finetune_tts.check.model_checks import check_restored, check_text_settings, summarise_model
from finetune_tts.checkpoints.report import Fate, RestoreReport, RowReport, TensorReport
from finetune_tts.families.glow_tts.config import GlowTTSConfig


def report(*fresh, rows=()):
    tensors = [TensorReport("encoder.emb.weight", Fate.RESTORED, 10)]
    tensors += [TensorReport(name, Fate.FRESH, 10, "not in the checkpoint") for name in fresh]
    return RestoreReport("model.pth", tuple(tensors), tuple(rows))


def test_a_whole_model_is_fine():
    assert check_restored(report()).severity is Severity.FINE
    assert check_text_settings(GlowTTSConfig(), GlowTTSConfig()).severity is Severity.FINE


def test_parts_that_start_fresh_are_named():
    found = check_restored(report("disc.a.weight", "disc.b.weight"))
    assert found.severity is Severity.ADVISES
    assert "2 tensors of 3" in found.title
    assert "disc" in found.title


def test_new_rows_are_named_and_are_fine():
    row = RowReport("emb_g.weight", ("ann",), ("bob", "cleo"), ())
    found = check_restored(report(rows=[row]))
    assert found.severity is Severity.FINE
    assert "2 new in emb_g.weight (bob cleo)" in found.title


@pytest.mark.parametrize(
    ("field", "value"), [("phoneme_language", "de"), ("text_cleaner", "basic_cleaners"), ("add_blank", True)]
)
def test_another_reading_of_the_text_is_named(field, value):
    there = GlowTTSConfig()
    setattr(there, field, value)
    found = check_text_settings(there, GlowTTSConfig())
    assert found.severity is Severity.ADVISES
    assert field in found.title
    assert repr(value) in found.title


def test_a_model_that_starts_from_nothing_is_told():
    assert check_restored(None).severity is Severity.ADVISES


def test_what_was_restored_is_put_into_numbers():
    row = RowReport("emb_g.weight", ("ann",), ("bob",), ())
    found = summarise_model(Path("model.pth"), report("disc.weight", rows=[row]), nn.Linear(2, 3)).to_dict()
    assert (found["source"], found["parameters"], found["restored"], found["fresh"]) == ("model.pth", 9, 1, 1)
    assert found["rows"][0]["new"] == ("bob",)
    assert summarise_model(None, None, nn.Linear(2, 3)).source == ""

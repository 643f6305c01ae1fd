from pathlib import Path
from types import SimpleNamespace

import pytest
from torch import nn

from finetune_tts.checkpoints.report import Fate, RestoreReport, RowReport, TensorReport
from finetune_tts.config.glow_tts import GlowTTSConfig
from finetune_tts.data.finding import Severity
from finetune_tts.training.model_checks import check_model, summarise_model


def report(*fresh, rows=()):
    tensors = [TensorReport("encoder.emb.weight", Fate.RESTORED, 10)]
    tensors += [TensorReport(name, Fate.FRESH, 10, "not in the checkpoint") for name in fresh]
    return RestoreReport("model.pth", tuple(tensors), tuple(rows))


def pretrained(**fields):
    config = GlowTTSConfig()
    for name, value in fields.items():
        setattr(config, name, value)
    return SimpleNamespace(config=config, checkpoint=SimpleNamespace(path=Path("model.pth")))


def findings(restored, **fields):
    found = check_model(pretrained(**fields), restored, GlowTTSConfig())
    return {finding.id: finding for finding in found}


def test_a_whole_model_is_fine():
    assert {finding.severity for finding in findings(report()).values()} == {Severity.FINE}


def test_parts_that_start_fresh_are_named():
    found = findings(report("disc.a.weight", "disc.b.weight"))["restore"]
    assert found.severity is Severity.ADVISES
    assert "2 tensors of 3" in found.title
    assert "disc" in found.title


def test_new_rows_are_named_and_are_fine():
    row = RowReport("emb_g.weight", ("ann",), ("bob", "cleo"), ())
    found = findings(report(rows=[row]))["restore"]
    assert found.severity is Severity.FINE
    assert "2 new in emb_g.weight (bob cleo)" in found.title


@pytest.mark.parametrize(
    ("field", "value"), [("phoneme_language", "de"), ("text_cleaner", "basic_cleaners"), ("add_blank", True)]
)
def test_another_reading_of_the_text_is_named(field, value):
    found = findings(report(), **{field: value})["text_settings"]
    assert found.severity is Severity.ADVISES
    assert field in found.title
    assert repr(value) in found.title


def test_a_model_that_starts_from_nothing_is_told():
    (found,) = check_model(None, None, GlowTTSConfig())
    assert found.severity is Severity.ADVISES


def test_what_was_restored_is_put_into_numbers():
    row = RowReport("emb_g.weight", ("ann",), ("bob",), ())
    found = summarise_model(pretrained(), report("disc.weight", rows=[row]), nn.Linear(2, 3)).to_dict()
    assert (found["source"], found["parameters"], found["restored"], found["fresh"]) == ("model.pth", 9, 1, 1)
    assert found["rows"][0]["new"] == ("bob",)
    assert summarise_model(None, None, nn.Linear(2, 3)).source == ""

"""A licence that forbids a use goes with the voice, wherever it goes."""

import pytest

from finetune_tts.cli import finetune
from finetune_tts.sharing.licence import Terms, terms_of


def test_a_voice_inherits_what_the_licence_of_its_base_forbids(make_run):
    terms = terms_of(make_run("CC BY-NC-ND 4.0"))
    assert terms.restriction == "non-commercial use only, changed versions may not be passed on"
    base, data = terms.remarks()
    assert "tts_models/en/x/glow-tts is under CC BY-NC-ND 4.0 (https://creativecommons.org/" in base
    assert "non-commercial use only, changed versions may not be passed on, and so for this voice" in base
    assert "not known here" in data
    assert terms.metadata()["base_model_restriction"] == terms.restriction


@pytest.mark.parametrize(
    ("licence", "told"),
    [
        ("CPML", "non-commercial use only, terms to be accepted, and so for this voice"),
        ("MIT", "it forbids no use; name its makers"),
        ("CC-BY-SA 4.0", "it forbids no use; name its makers, pass changed versions on under the same licence"),
        ("openrail", "some uses are forbidden, and so for this voice"),
        ("", "is not known; find it out before you pass this voice on"),
        (None, "trained from scratch, so that the licence of the recordings alone counts"),
    ],
)
def test_what_a_licence_means_is_said_in_words(licence, told, make_run):
    assert told in terms_of(make_run(licence)).remarks()[0]


def test_a_folder_that_tells_nothing_is_said_to_tell_nothing(tmp_path):
    terms = terms_of(tmp_path)
    assert terms == Terms()
    assert "that of the base model is not known" in terms.remarks()[0]
    assert terms.metadata() == {"base_model_licence": "not known", "data_licence": "not known"}


def test_a_model_of_the_catalog_is_under_the_licence_of_the_catalog(tmp_path):
    (tmp_path / ".finetune-tts.json").write_text('{"name": "tts_models/a/b/c", "license": "CC BY-NC 4.0"}')
    terms = terms_of(tmp_path, "CC0")
    assert (terms.base, terms.restriction, terms.data_licence) == ("tts_models/a/b/c", "non-commercial use only", "CC0")


def test_every_export_says_it(make_run, capsys):
    run = make_run("CPML")
    assert finetune.main(["--export", "safetensors", str(run), "--data_licence", "CC0 by Ana"]) == 0
    printed = capsys.readouterr().out
    assert "is under CPML (https://coqui.ai/cpml): non-commercial use only" in printed
    assert "recordings: CC0 by Ana" in printed


def test_what_was_exported_still_knows_the_licence(make_run):
    run = make_run("CC BY-NC 4.0")
    assert finetune.main(["--export", "safetensors", str(run)]) == 0
    again = terms_of(run / "safetensors")
    assert again.licence == "CC BY-NC 4.0"
    assert again.base == ""  # it is not that model any more

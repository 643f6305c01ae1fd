"""Every field has a help text, and ``--help`` can list it."""

from dataclasses import fields

import pytest

from finetune_tts.config.field_help import field_help, format_field_help
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.overrides import apply_overrides, parse_overrides


def test_every_field_has_a_name_a_type_a_default_and_a_help_text():
    entries = field_help(GlowTTSConfig)
    names = [entry.name for entry in entries]
    assert len(names) == len(set(names))
    assert {"lr", "audio.sample_rate", "datasets.0.path", "characters.phonemes", "num_flow_blocks_dec"} <= set(names)
    assert all(entry.help and entry.type and entry.default for entry in entries)
    tops = {name.split(".")[0] for name in names}
    assert tops == {field.name for field in fields(GlowTTSConfig)}


def test_help_shows_type_and_default_below_a_heading():
    text = format_field_help(GlowTTSConfig)
    assert "Optimisation:" in text
    assert "  --coqpit.lr  a number or a list, each item a number; default 0.001" in text
    assert max(len(line) for line in text.splitlines()) < 200


@pytest.mark.parametrize("entry", field_help(GlowTTSConfig), ids=lambda entry: entry.name)
def test_every_listed_field_takes_its_own_default_as_an_override(entry):
    word = entry.default.strip('"') if entry.type.startswith("a text") else entry.default
    config = GlowTTSConfig()
    if entry.default.endswith("…"):
        return
    apply_overrides(config, parse_overrides([f"--coqpit.{entry.name}={word}"]))
    assert config.lr == 0.001

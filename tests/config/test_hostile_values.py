"""Whatever a file or a command line holds, the answer is a config or a UserError, never another exception."""

import json
from contextlib import suppress

import pytest

from finetune_tts.config.field_help import field_help
from finetune_tts.errors import UserError
from finetune_tts.families.checks import check_config
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.loading import config_from_dict
from finetune_tts.families.overrides import Override, apply_overrides

NAMES = [entry.name.replace(".0", "") for entry in field_help(GlowTTSConfig)]
OLD_NAMES = [
    "distributed",
    "wd",
    "noam_schedule",
    "characters.unique",
    "audio.num_freq",
    "text",
    "phonemes",
    "datasets",
]
VALUES = [
    *(None, True, False, 0, -1, 1, 2.5, 10**30, -(10**400), 1e308, float("inf"), float("-inf"), float("nan"), ""),
    *("???", "x", "null", "[1", "\x00", "ɹ" * 1000, [], [[]], [None], ["a"], [1, "a"], {}, {"a": {"b": [None]}}, [{}]),
    *([{"path": 3}], {"": None}, {"lr": 1}, {"weight_decay": "x", "betas": 3, "warmup_steps": True}),
    *({"num_heads": 0, "dilations": 3}, {"dropout_p": None, "num_layers": float("inf"), "kernel_size": True}),
]
WORDS = [
    "",
    "-1",
    "1e400",
    "nan",
    "9" * 5000,
    "null",
    "True",
    "???",
    "[1",
    "[null, {}]",
    '{"a": {"b": [null]}}',
    "[" * 9999,
]


def holding(name: str, value: object) -> dict:
    for part in reversed(name.split(".")):
        value = {part: [value] if part == "datasets" and isinstance(value, dict) else value}
    return {"model": "glow_tts", **value}


@pytest.mark.parametrize("name", [*NAMES, *OLD_NAMES])
def test_a_file_with_any_value_in_any_field(name):
    for value in VALUES:
        with suppress(UserError):
            config = config_from_dict(holding(name, value))
            assert all(isinstance(fault, str) for fault in check_config(config))
            json.dumps(config.to_dict())


@pytest.mark.parametrize("name", [entry.name for entry in field_help(GlowTTSConfig)])
def test_a_command_line_with_any_word_for_any_field(name):
    for word in WORDS:
        for path in (name, f"{name}.x", f"{name}.0"):
            config = GlowTTSConfig()
            with suppress(UserError):
                apply_overrides(config, [Override(path, (word,))])
                assert all(isinstance(fault, str) for fault in check_config(config))

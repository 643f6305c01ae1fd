"""What the types of fields are taken for, on every Python that is supported."""

from typing import Any

import pytest

from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.values import Findings, config_class, describe, fit, is_nullable


@pytest.mark.parametrize(
    "kind", [dict[str, Any], dict[str, Any] | None, list[AudioConfig], list[int] | None, dict, Any, int]
)
def test_only_a_config_is_a_config_class(kind):
    assert config_class(kind) is None


def test_a_config_is_found_beside_null():
    assert config_class(AudioConfig) is AudioConfig
    assert config_class(AudioConfig | None) is AudioConfig


def test_containers_and_unions_are_described_and_filled():
    findings = Findings()
    assert fit({"a": [1]}, dict[str, Any] | None, "x", findings) == {"a": [1]}
    assert fit([1, 2.0], list[int] | int, "y", findings) == [1, 2]
    assert findings.faults == []
    assert is_nullable(list[int] | None)
    assert describe(list[int] | float | None) == "a list, each item a whole number or a number or null"
    fit({"a": 1}, list[int], "z", findings)
    assert findings.faults == ['z = {"a": 1}: expected a list, each item a whole number']

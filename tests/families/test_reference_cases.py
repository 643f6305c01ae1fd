"""Every reference case has a test, or belongs to an architecture that has not landed."""

import json
import os
from pathlib import Path

import pytest

from finetune_tts.families.registry import NOT_YET, support

HERE = Path(__file__).parent
REFERENCE = Path(os.environ.get("TTS_REFERENCE_DIR") or HERE.parent / "reference")
CASES = sorted(path.parent for path in REFERENCE.glob("*/shapes.json"))


def test_reference_folder_holds_cases():
    assert CASES


@pytest.mark.parametrize("folder", CASES, ids=[folder.name for folder in CASES])
def test_reference_case_is_tested(folder):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    model = (config.get("model") or config.get("model_name") or "?").lower()
    tests = list(HERE.parent.rglob(f"test_reference_{model}.py"))
    if not tests and support(model) == NOT_YET:
        pytest.skip(f"{model} has not landed")
    assert tests

"""The ids of texts are those of coqui-tts."""

import json
import os
from pathlib import Path

import pytest

from finetune_tts.families.xtts.text.tokenizer import XttsTokenizer

REFERENCE = Path(os.environ.get("TTS_REFERENCE_DIR") or Path(__file__).parents[3] / "reference")
FOLDERS = sorted(path.parent for path in REFERENCE.glob("xtts*/tokens.json"))


def test_there_are_cases() -> None:
    assert FOLDERS


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_reference_ids(folder: Path) -> None:
    tokenizer = XttsTokenizer.read(folder / "vocab.json")
    cases = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))
    assert cases
    for case in cases:
        encoded = tokenizer.encoded(case["text"], case["language"])
        assert (encoded.cleaned, encoded.ids) == (case["cleaned"], case["ids"])

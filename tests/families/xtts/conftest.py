"""A small XTTS with random weights."""

from pathlib import Path
from typing import Any

import pytest
import torch

from finetune_tts.families.building import build_model
from finetune_tts.families.loading import load_config
from finetune_tts.families.reading import locate, tokenizer_of

TINY = Path(__file__).parents[1] / "tiny"


@pytest.fixture
def xtts_config() -> Any:
    """The config of the tiny XTTS, with its files found."""
    config = load_config(TINY / "xtts.json", quiet=True)
    locate(config, TINY / "xtts")
    return config


@pytest.fixture
def xtts(small_widths: None, xtts_config: Any) -> Any:
    """The tiny XTTS, in eval mode."""
    torch.manual_seed(1)
    return build_model(xtts_config, len(tokenizer_of(xtts_config).vocabulary)).eval()

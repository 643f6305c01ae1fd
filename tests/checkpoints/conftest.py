"""Checkpoints of the kinds that people have, made on the spot."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    """A small state dict."""
    generator = torch.Generator().manual_seed(3)
    return {
        "encoder.emb.weight": torch.randn(4, 3, generator=generator),
        "decoder.conv.weight_g": torch.rand(2, 1, 1, generator=generator),
        "decoder.conv.weight_v": torch.randn(2, 3, 1, generator=generator),
    }


@pytest.fixture
def rewrite_pickle() -> Callable[[Path, bytes, bytes], None]:
    """Replaces bytes in the pickle of a checkpoint that torch wrote as a zip."""

    def rewrite(path: Path, old: bytes, new: bytes) -> None:
        with zipfile.ZipFile(path) as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in entries.items():
                if name.endswith("data.pkl"):
                    assert old in data
                    data = data.replace(old, new)
                archive.writestr(name, data)

    return rewrite

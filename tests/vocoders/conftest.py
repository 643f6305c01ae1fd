"""Fixtures for tests of vocoders: an input and a comparison for golden numbers.

Golden numbers in these tests come from coqui-tts 0.28.0 with the weights of the reference cases' rule, seed 7.
"""

from typing import Any

import pytest
import torch


@pytest.fixture
def chirp() -> Any:
    """Make a batch of waveforms ``[B, 1, T]`` that is the same everywhere: a rising tone over a steady one."""

    def make(samples: int, batch: int = 1) -> torch.Tensor:
        time = torch.arange(samples * batch, dtype=torch.float64).reshape(batch, 1, samples)
        return (0.5 * torch.sin(time * time * 1e-4) + 0.3 * torch.cos(time * 0.37)).float()

    return make


@pytest.fixture
def assert_golden() -> Any:
    """Compare the sum and the norm of a tensor with the golden numbers."""

    def check(tensor: torch.Tensor, total: float, norm: float) -> None:
        tensor = tensor.detach().double()
        assert tensor.norm().item() == pytest.approx(norm, rel=1e-4)
        assert tensor.sum().item() == pytest.approx(total, rel=1e-4, abs=1e-4 * norm)

    return check

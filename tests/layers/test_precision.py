"""Float32 inside of a lower precision."""

import pytest
import torch

from finetune_tts.layers.precision import at_least_float32, in_float32, without_autocast
from finetune_tts.layers.resampling import Resampler


@pytest.fixture
def _in_bfloat16():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        yield


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.usefixtures("_in_bfloat16")
def test_a_product_has_the_digits_of_float32():
    x, y = drawn(3, 4), drawn(4, 5)
    exact = (x.unsqueeze(2) * y).sum(dim=1)
    product = in_float32(torch.matmul, x.float(), y.float())
    torch.testing.assert_close(product.double(), exact, rtol=1e-5, atol=1e-5)
    assert (torch.matmul(x.float(), y.float()).double() - exact).abs().max() > 1e-3
    with without_autocast("cpu"):
        assert torch.matmul(x.float(), y.float()).dtype == torch.float32


@pytest.mark.usefixtures("_in_bfloat16")
def test_what_comes_in_with_few_digits_is_widened_and_float64_stays():
    assert in_float32(torch.neg, torch.ones(2, dtype=torch.bfloat16)).dtype == torch.float32
    assert in_float32(torch.matmul, drawn(2, 2), drawn(2, 2)).dtype == torch.float64
    assert at_least_float32(torch.ones(2, dtype=torch.float16)).dtype == torch.float32


def test_a_recording_is_resampled_with_all_its_digits():
    resample = Resampler(source_rate=3, target_rate=2)
    wav = drawn(2, 60).float()
    expected = resample(wav)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(resample(wav), expected)

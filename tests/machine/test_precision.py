from types import SimpleNamespace

import pytest
import torch

from finetune_tts.machine import precision
from finetune_tts.machine.precision import allow_fast_matrix_products, choose_precision

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def config(mixed=True, name="fp16"):
    return SimpleNamespace(mixed_precision=mixed, precision=name)


def test_float32_unless_mixed_precision_is_on():
    assert choose_precision(config(mixed=False), GPU).dtype == torch.float32


@pytest.mark.parametrize("fast", [True, False])
def test_bf16_on_a_cpu_only_where_it_is_fast(monkeypatch, fast):
    monkeypatch.setattr(precision, "_cpu_is_fast_in_bf16", lambda: fast)
    chosen = choose_precision(config(), CPU)
    assert chosen.dtype == (torch.bfloat16 if fast else torch.float32)
    assert not chosen.scales_loss
    with chosen.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == chosen.dtype


def test_the_fp16_of_a_released_config_means_bf16(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert choose_precision(config(), GPU).dtype == torch.bfloat16


def test_fp16_only_if_it_is_asked_for(monkeypatch):
    chosen = choose_precision(config(), GPU, {"precision"})
    assert chosen.dtype == torch.float16
    assert chosen.scales_loss


def test_an_older_gpu_computes_in_float32(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    chosen = choose_precision(config(), GPU)
    assert chosen.dtype == torch.float32
    assert "not fast in bf16" in chosen.reason


@pytest.fixture
def _switches_of_before():
    """Leave torch's switches as they were."""
    backends = torch.backends.cudnn
    names = ("allow_tf32", "enabled", "benchmark", "deterministic")
    before, products = {name: getattr(backends, name) for name in names}, torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(products)
    for name, value in before.items():
        setattr(backends, name, value)


@pytest.mark.usefixtures("_switches_of_before")
@pytest.mark.parametrize(
    ("asked", "chosen", "allowed"),
    [(False, {"allow_tf32"}, False), (False, set(), True), (True, {"allow_tf32"}, True)],
    ids=["turned off", "off in a released config", "turned on"],
)
def test_tensorfloat_32_of_products_and_of_convolutions(asked, chosen, allowed):
    fields = SimpleNamespace(allow_tf32=asked, cudnn_enable=True, cudnn_benchmark=False, cudnn_deterministic=False)
    allow_fast_matrix_products(fields, chosen)
    assert torch.get_float32_matmul_precision() == ("high" if allowed else "highest")
    assert torch.backends.cudnn.allow_tf32 is allowed

"""The kernels of alignment search against the loop: on a GPU, or in Triton's interpreter (``make test-triton``)."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
import torch

triton = pytest.importorskip("triton")

NAME = "finetune_tts.layers.alignment_kernel"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def imported_anew() -> Iterator[ModuleType]:
    """The module of the kernels, which Triton decides about when they are defined."""
    known = sys.modules.pop(NAME, None)
    try:
        yield importlib.import_module(NAME)
    finally:
        sys.modules.pop(NAME)
        if known is not None:
            sys.modules[NAME] = known


@pytest.fixture
def kernels(monkeypatch):
    """In the interpreter, where there is no GPU."""
    if DEVICE == "cpu":
        monkeypatch.setenv("TRITON_INTERPRET", "1")
    yield from imported_anew()


@pytest.fixture
def compiled(monkeypatch, tmp_path):
    """For a GPU, whether there is one or not."""
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    yield from imported_anew()


def drawn(*shape: int) -> torch.Tensor:
    return 10 * torch.randn(shape, generator=torch.Generator().manual_seed(4)) - 100


@pytest.mark.parametrize(
    ("scores", "token_lengths", "mel_lengths"),
    [
        (drawn(4, 20, 60), [20, 13, 9, 1], [60, 43, 31, 59]),
        (drawn(1, 70, 90), [70], [90]),
        (drawn(2, 16, 16), [16, 3], [16, 3]),
        (drawn(1, 1, 5), [1], [5]),
        (torch.zeros(2, 4, 9), [4, 2], [9, 5]),
        (drawn(2, 6, 20).bfloat16(), [6, 4], [20, 11]),
        (drawn(2, 6, 20).transpose(1, 2).contiguous().transpose(1, 2), [6, 4], [20, 11]),
        (torch.full((1, 3, 7), torch.nan), [3], [7]),
    ],
    ids=["lengths", "several groups of threads", "no choice", "one symbol", "ties", "bfloat16", "strides", "no number"],
)
def test_the_path_is_that_of_the_loop(kernels, search_by_loop, scores, token_lengths, mel_lengths):
    lengths = torch.tensor(token_lengths), torch.tensor(mel_lengths)
    path = kernels.search_with_triton(scores.to(DEVICE), *(length.to(DEVICE) for length in lengths))
    expected = search_by_loop(scores, *lengths)
    assert path.dtype == scores.dtype
    assert torch.equal(path.cpu(), expected)


@pytest.mark.parametrize("symbols", [32, 512])
def test_the_kernels_compile_for_a_gpu(compiled, symbols):
    target = triton.backends.compiler.GPUTarget("cuda", 80, 32)
    sizes = {"num_tokens": "i32", "num_frames": "i32"}
    forward = {"scores": "*fp32", "mel_lengths": "*i64", "stayed": "*i8", **sizes, "SYMBOLS": "constexpr"}
    back = {"stayed": "*i8", "token_lengths": "*i64", "mel_lengths": "*i64", "path": "*fp32", **sizes}
    for kernel, signature, constants in (
        (compiled._go_forward, forward, {"SYMBOLS": symbols}),
        (compiled._go_back, back, {}),
    ):
        source = triton.compiler.ASTSource(kernel, signature, constants)
        binary = triton.compile(source, target=target, options={"enable_fp_fusion": False})
        assert "ld.global" in binary.asm["ptx"]

"""Alignment search: the best monotonic path, wherever it is searched."""

import itertools
import logging
import sys
from types import ModuleType

import pytest
import torch

from finetune_tts.layers import alignment
from finetune_tts.layers.alignment import expand_durations, search_alignment, search_on_cpu, search_on_gpu

KERNEL = "finetune_tts.layers.alignment_kernel"


def best_by_trying_all(scores: torch.Tensor) -> torch.Tensor:
    """The best path of ``[T_text, T_mel]`` among all ways to share the frames out."""
    tokens, frames = scores.shape
    best, best_score = None, -torch.inf
    for cuts in itertools.combinations(range(1, frames), tokens - 1):
        ends = torch.tensor([*cuts, frames])
        path = expand_durations(torch.diff(ends, prepend=torch.tensor([0]))[None], frames)[0]
        score = (path * scores).sum()
        if score > best_score:
            best, best_score = path, score
    return best


@pytest.fixture(params=["as it is", "by a loop"])
def search(request, search_by_loop):
    return search_alignment if request.param == "as it is" else search_by_loop


def test_path_is_the_best_of_all(search):
    scores = torch.randn(3, 4, 9, generator=torch.Generator().manual_seed(3))
    lengths = torch.tensor([4, 3, 4]), torch.tensor([9, 7, 4])
    found = search(scores, *lengths)
    for row, (tokens, frames) in enumerate(zip(*lengths, strict=True)):
        assert torch.equal(found[row, :tokens, :frames], best_by_trying_all(scores[row, :tokens, :frames]))
    assert found[1, 3:].sum() == 0
    assert found[1, :, 7:].sum() == 0


def test_both_searches_agree_on_a_long_batch(search_by_loop):
    generator = torch.Generator().manual_seed(4)
    scores = 10 * torch.randn(4, 40, 200, generator=generator) - 100
    lengths = torch.tensor([40, 33, 21, 2]), torch.tensor([200, 150, 180, 199])
    assert torch.equal(search_alignment(scores, *lengths), search_by_loop(scores, *lengths))


@pytest.fixture
def with_kernel(monkeypatch):
    """Let the kernels of the GPU be a function, or fail as an error says."""
    monkeypatch.setattr(alignment, "_kernels_fail", False)

    def put(outcome):
        def search_with_triton(*arguments):
            if isinstance(outcome, Exception):
                raise outcome
            return outcome(*arguments)

        module = ModuleType(KERNEL)
        module.search_with_triton = search_with_triton
        monkeypatch.setitem(sys.modules, KERNEL, module)

    return put


BATCH = torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(5)), torch.tensor([3, 2]), torch.tensor([7, 5])


def test_a_gpu_uses_its_kernels(with_kernel):
    with_kernel(lambda scores, *lengths: scores + 1)
    assert torch.equal(search_on_gpu(*BATCH), BATCH[0] + 1)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ImportError("No module named 'triton'"), "Triton is not installed"),
        (RuntimeError("Failed to find C compiler.\nPlease specify"), "Failed to find C compiler"),
    ],
)
def test_a_gpu_without_kernels_takes_the_cpu_and_says_so_once(with_kernel, caplog, error, said):
    with_kernel(error)
    with caplog.at_level(logging.WARNING):
        paths = [search_on_gpu(*BATCH) for _ in range(2)]
    assert all(torch.equal(path, search_on_cpu(*BATCH)) for path in paths)
    assert len(caplog.messages) == 1
    assert said in caplog.text


def test_memory_that_does_not_suffice_is_no_reason_to_take_the_cpu(with_kernel, caplog):
    with_kernel(torch.cuda.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(torch.cuda.OutOfMemoryError):
        search_on_gpu(*BATCH)
    assert caplog.messages == []


def test_durations_expand_to_consecutive_frames():
    path = expand_durations(torch.tensor([[2, 0, 3]]), 5)[0]
    assert path.tolist() == [[1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 1, 1, 1]]

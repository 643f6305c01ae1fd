import random

import numpy as np
import pytest
import torch

from finetune_tts.machine.seeds import borrowed_randomness, random_state, restore_random_state, seed_everything


def draw():
    return random.random(), float(np.random.rand()), float(np.random.randn()), torch.rand(3).tolist()


def test_a_state_repeats_what_came_after_it_through_a_file(tmp_path):
    seed_everything(1)
    draw()
    torch.save(random_state(), tmp_path / "state.pth")
    wanted = draw()
    draw()
    restore_random_state(torch.load(tmp_path / "state.pth", weights_only=True))
    assert draw() == wanted


def test_borrowed_randomness_repeats_itself_and_leaves_no_trace():
    seed_everything(1)
    wanted = draw()
    seed_everything(1)
    with borrowed_randomness(5):
        first = draw()
    assert draw() == wanted
    with borrowed_randomness(5):
        assert draw() == first


class Generator:
    """The random numbers of a GPU, in place of one: torch.manual_seed seeds it, as it does every device."""

    def __init__(self, monkeypatch):
        self.words = torch.zeros(2, dtype=torch.uint8)
        seed = torch.manual_seed
        monkeypatch.setattr(
            torch, "manual_seed", lambda number: (self.set_state(torch.full((2,), number)), seed(number))
        )

    def get_state(self):
        return self.words.clone()

    def set_state(self, words):
        self.words = words.to(torch.uint8)


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_the_random_numbers_of_a_gpu_are_left_as_they_were(monkeypatch, tmp_path, kind):
    gpu = Generator(monkeypatch)
    available = torch.backends.mps if kind == "mps" else torch.cuda
    monkeypatch.setattr(available, "is_available", lambda: True)
    monkeypatch.setattr(getattr(torch, kind), "get_rng_state", gpu.get_state)
    monkeypatch.setattr(getattr(torch, kind), "set_rng_state", gpu.set_state)
    gpu.set_state(torch.tensor([3, 4]))

    with borrowed_randomness(5):
        assert gpu.words.tolist() == [5, 5]
    assert gpu.words.tolist() == [3, 4]

    torch.save(random_state(), tmp_path / "state.pth")
    seed_everything(9)
    restore_random_state(torch.load(tmp_path / "state.pth", weights_only=True))
    assert gpu.words.tolist() == [3, 4]


def test_a_state_of_a_machine_with_another_gpu_is_restored_as_far_as_it_goes():
    seed_everything(1)
    state = {**random_state(), "cuda": torch.zeros(16, dtype=torch.uint8), "mps": torch.zeros(16, dtype=torch.uint8)}
    wanted = draw()
    restore_random_state(state)
    assert draw() == wanted

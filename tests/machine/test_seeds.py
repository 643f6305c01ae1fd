import random

import numpy as np
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

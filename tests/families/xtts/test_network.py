"""The language model: what it may see, and what it is asked for."""

import pytest
import torch

from finetune_tts.families.xtts.loss import gpt_losses
from finetune_tts.families.xtts.network import IGNORED


@pytest.fixture
def clips():
    random = torch.Generator().manual_seed(2)
    return {
        "text_ids": torch.randint(5, 30, (3, 9), generator=random),
        "text_lengths": torch.tensor([9, 4, 6]),
        "codes": torch.randint(0, 64, (3, 20), generator=random),
        "code_lengths": torch.tensor([11, 20, 3]),
        "waveforms": [torch.randn(length, generator=random) * 0.1 for length in (4000, 6000, 4000)],
    }


@torch.no_grad()
def test_a_clip_is_read_the_same_alone_and_in_a_batch(xtts, clips):
    together = xtts(**clips)
    for row in range(3):
        tokens, codes = int(clips["text_lengths"][row]), int(clips["code_lengths"][row])
        alone = xtts(
            clips["text_ids"][row : row + 1, :tokens],
            clips["text_lengths"][row : row + 1],
            clips["codes"][row : row + 1, :codes],
            clips["code_lengths"][row : row + 1],
            clips["waveforms"][row : row + 1],
        )
        for logits, targets in (("text_logits", "text_targets"), ("code_logits", "code_targets")):
            counts = getattr(together, targets)[row] != IGNORED
            assert counts.sum() == (getattr(alone, targets)[0] != IGNORED).sum()
            found, expected = getattr(together, logits)[row][counts], getattr(alone, logits)[0]
            torch.testing.assert_close(found, expected[: len(found)], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_what_fills_a_batch_changes_nothing(xtts, clips):
    before = gpt_losses(xtts(**clips), text_weight=0.01, code_weight=1.0)
    filled = {**clips, "text_ids": clips["text_ids"].clone(), "codes": clips["codes"].clone()}
    filled["text_ids"][1, 4:] = 7
    filled["codes"][2, 3:] = 9
    after = gpt_losses(xtts(**filled), text_weight=0.01, code_weight=1.0)
    for name, loss in before.items():
        torch.testing.assert_close(after[name], loss)


@torch.no_grad()
def test_the_codes_of_the_prompt_are_not_asked_for_in_any_clip(xtts, clips):
    heard = torch.tensor([[2, 6], [0, 10], [1, 2]])
    everything, masked = xtts(**clips).code_targets, xtts(**clips, heard=heard).code_targets
    for row, (first, end) in enumerate(heard.tolist()):
        place = torch.arange(everything.shape[1])
        inside = (place >= first) & (place < end)
        assert (masked[row][inside] == IGNORED).all()
        assert torch.equal(masked[row][~inside], everything[row][~inside])


def test_keeping_less_in_memory_gives_the_same_gradients(xtts, clips):
    def gradients(recompute):
        xtts.train()
        xtts.gpt.gpt.recompute = recompute
        xtts.zero_grad()
        torch.manual_seed(4)  # dropout draws the same, also when it is computed again
        gpt_losses(xtts(**clips), text_weight=0.01, code_weight=1.0)["loss"].backward()
        return {name: weight.grad for name, weight in xtts.named_parameters() if weight.grad is not None}

    plain, recomputed = gradients(False), gradients(True)
    assert plain.keys() == recomputed.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(recomputed[name], gradient, rtol=1e-5, atol=1e-7)


def test_the_decoder_does_not_learn(xtts, clips):
    gpt_losses(xtts(**clips), text_weight=0.01, code_weight=1.0)["loss"].backward()
    assert all(weight.grad is None for weight in xtts.hifigan_decoder.parameters())
    assert xtts.gpt.conditioning_encoder.init.weight.grad is not None

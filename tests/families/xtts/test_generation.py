"""How codes are drawn, and what is done with them."""

import pytest
import torch

from finetune_tts.families.xtts.generation import Sampling, draw, most_codes, write

LOGITS = torch.tensor([[2.0, 1.0, 0.0, -1.0, -2.0]])
NOTHING = torch.zeros(1, 5, dtype=torch.bool)


def drawn(sampling, seen=NOTHING, times=300, logits=LOGITS):
    random = torch.Generator().manual_seed(0)
    return {int(draw(logits, seen, sampling, random)) for _ in range(times)}


def test_temperature_zero_takes_the_likeliest():
    assert drawn(Sampling(temperature=0), times=20) == {0}


def test_top_k_keeps_as_many_codes_and_top_p_as_much_chance():
    flat = Sampling(temperature=5.0, top_k=0, top_p=1.0, repetition_penalty=1.0)
    assert drawn(flat) == {0, 1, 2, 3, 4}
    assert drawn(Sampling(temperature=5.0, top_k=2, top_p=1.0, repetition_penalty=1.0)) == {0, 1}
    # softmax(2, 1, 0, -1, -2) = 0.636, 0.234, 0.086, …
    assert drawn(Sampling(temperature=1.0, top_k=0, top_p=0.6, repetition_penalty=1.0)) == {0}
    assert drawn(Sampling(temperature=1.0, top_k=0, top_p=0.7, repetition_penalty=1.0)) == {0, 1}


def test_what_was_written_before_becomes_less_likely_whatever_its_sign():
    seen = torch.tensor([[True, False, False, True, False]])
    greedy = Sampling(temperature=0, repetition_penalty=10.0)
    assert drawn(greedy, seen, times=1) == {1}
    # A penalised code of a negative logit falls, too: -1 becomes -10, below -2.
    low = torch.tensor([[-9.0, -9.0, -9.0, -1.0, -2.0]])
    assert drawn(greedy, seen, times=1, logits=low) == {4}


@torch.no_grad()
def test_the_cache_gives_what_a_pass_over_everything_gives(xtts):
    gpt = xtts.gpt
    prompt, text = torch.randn(2, 5, 32), torch.randint(5, 30, (2, 7))
    sampling = Sampling(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0)
    steps = list(write(gpt, prompt, text, sampling, limit=12, random=torch.Generator().manual_seed(3)))
    codes = torch.stack([step.codes for step in steps], dim=1)
    start = torch.full((2, 1), gpt.start_audio)
    vectors = torch.cat((prompt, gpt.read(text), gpt.vectors_of_codes(torch.cat((start, codes[:, :-1]), dim=1))), dim=1)
    from finetune_tts.families.xtts.transformer import Context

    hidden = gpt.final_norm(gpt.gpt(vectors, Context()))[:, -codes.shape[1] :]
    latents = torch.stack([step.latents for step in steps], dim=1)
    for row in range(2):
        until = codes[row].tolist().index(gpt.stop_audio) + 1 if gpt.stop_audio in codes[row] else codes.shape[1]
        torch.testing.assert_close(latents[row, :until], hidden[row, :until], rtol=1e-4, atol=1e-5)


def test_no_more_codes_than_the_network_has_places_for(xtts):
    sampling = Sampling(temperature=0)
    with torch.no_grad():
        xtts.gpt.mel_head.bias[xtts.gpt.stop_audio] = -1e4
    steps = list(write(xtts.gpt, torch.randn(1, 5, 32), torch.tensor([[5, 6]]), sampling, limit=most_codes(xtts.gpt)))
    assert len(steps) == 57


@pytest.mark.parametrize("rows", [1, 3])
def test_a_sequence_that_has_ended_writes_stop_until_the_others_have(xtts, rows):
    sampling = Sampling(temperature=1.0, top_k=0, top_p=1.0)
    with torch.no_grad():
        xtts.gpt.mel_head.bias[xtts.gpt.stop_audio] = 3.0
    prompt, text = torch.randn(rows, 5, 32), torch.randint(5, 30, (rows, 4))
    steps = list(write(xtts.gpt, prompt, text, sampling, limit=50, random=torch.Generator().manual_seed(0)))
    codes = torch.stack([step.codes for step in steps], dim=1)
    assert (codes[:, -1] == xtts.gpt.stop_audio).all()
    for row in codes.tolist():
        assert set(row[row.index(xtts.gpt.stop_audio) :]) == {xtts.gpt.stop_audio}

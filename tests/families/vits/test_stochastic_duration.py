"""The stochastic duration predictor gives the numbers of coqui-tts 0.28.0, and does what a flow does."""

import pytest
import torch

from finetune_tts.families.vits.stochastic_duration import StochasticDurationPredictor


@pytest.fixture
def predictor(with_rule_weights):
    network = StochasticDurationPredictor(15, hidden_channels=16, condition_channels=6, language_channels=3)
    return with_rule_weights(network, seed=7)


@pytest.fixture
def text():
    """Hidden text, mask, durations, speaker, language, noise of two sentences."""
    batch, steps = 2, 9
    x = torch.sin(torch.arange(batch * 15 * steps, dtype=torch.float64).reshape(batch, 15, steps) * 0.37).float()
    mask = torch.ones(batch, 1, steps)
    mask[1, :, 6:] = 0
    durations = ((torch.arange(batch * steps) % 5) + 1.0).reshape(batch, 1, steps) * mask
    speaker = torch.cos(torch.arange(batch * 6.0)).reshape(batch, 6, 1)
    language = torch.sin(torch.arange(batch * 3.0)).reshape(batch, 3, 1)
    noise = torch.cos(torch.arange(batch * 2 * steps) * 1.7).reshape(batch, 2, steps)
    return x, mask, durations, speaker, language, noise


def test_loss_and_gradient_are_those_of_coqui_tts(predictor, text):
    loss = predictor(*text)
    torch.testing.assert_close(loss, torch.tensor([1242.8670654296875, 770.2447509765625]), rtol=1e-4, atol=0)
    loss.sum().backward()
    norm = sum(float(p.grad.norm()) ** 2 for p in predictor.parameters() if p.grad is not None) ** 0.5
    assert norm == pytest.approx(5861.609459987698, rel=1e-3)


def test_drawn_durations_are_those_of_coqui_tts(predictor, text):
    x, mask, _, speaker, language, noise = text
    drawn = predictor.predict(x, mask, speaker, language, noise_scale=0.8, noise=noise) * mask
    assert drawn.sum().item() == pytest.approx(-49.60072326660156, rel=1e-4)
    assert drawn.norm().item() == pytest.approx(21.58112144470215, rel=1e-4)


def test_padding_does_not_change_a_sentence(predictor, text):
    x, mask, durations, speaker, language, noise = text
    alone = predictor(x[1:, :, :6], mask[1:, :, :6], durations[1:, :, :6], speaker[1:], language[1:], noise[1:, :, :6])
    torch.testing.assert_close(predictor(*text)[1:], alone, rtol=1e-5, atol=0)

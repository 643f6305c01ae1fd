"""Distributions of samples: coqui-tts's losses and draws, and levels to waveforms and back."""

import pytest
import torch

from finetune_tts.families.wavernn.sample_distribution import Levels, MixtureOfLogistics, Normal, sample_distribution


@pytest.fixture
def target(chirp):
    return chirp(24, batch=2)[:, 0] * 0.7


def test_mixture_of_logistics(chirp, target, assert_golden):
    output = chirp(720, batch=2).reshape(2, 24, 30)
    kind = MixtureOfLogistics()
    assert kind.loss(output, target).item() == pytest.approx(11.849219, rel=1e-5)
    loudest = target / target.abs().max()
    assert kind.loss(output, loudest).item() == pytest.approx(11.677395, rel=1e-5)
    torch.manual_seed(0)
    assert_golden(kind.draw(output.flatten(0, 1)), 4.65916, 5.6914)


def test_normal(chirp, target, assert_golden):
    steady = chirp(24, batch=2)[:, 0]
    output = torch.stack([steady, steady * 3 - 1], dim=2)
    assert Normal().loss(output, target).item() == pytest.approx(0.0158906, rel=1e-4)
    torch.manual_seed(0)
    assert_golden(Normal().draw(output.flatten(0, 1)), -1.20697, 3.21047)


@pytest.mark.parametrize("kind", [MixtureOfLogistics(), Normal()])
def test_extreme_outputs_have_finite_losses_and_gradients(kind, target):
    for size in (1e3, -1e3):
        output = torch.full((2, 24, kind.channels), size, requires_grad=True)
        loss = kind.loss(output, target)
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(output.grad).all()


@pytest.mark.parametrize(("mulaw", "total"), [(True, 71411), (False, 61156)])
def test_levels(mulaw, total, chirp):
    wave = chirp(200)[0]
    kind = Levels(9, mulaw)
    placed, level = kind.encode(wave)
    assert level.sum().item() == total
    torch.testing.assert_close(kind.decode(placed), wave, atol=2e-2, rtol=0)
    logits = torch.zeros(1, 200, 512).scatter_(2, level.unsqueeze(2), 30.0)
    assert kind.loss(logits, level).item() < 1e-3
    assert torch.equal(kind.draw(logits[0]), placed[0])


@pytest.mark.parametrize("mulaw", [True, False])
def test_loud_samples_stay_within_the_levels(mulaw):
    _, level = Levels(4, mulaw).encode(torch.tensor([[-1.2, -1.0, 1.0, 1.2]]))
    assert level.tolist() == [[0, 0, 15, 15]]


def test_kinds_by_name():
    assert sample_distribution("mold", True).channels == 30
    assert sample_distribution("gauss", True).channels == 2
    assert sample_distribution(9, False) == Levels(9, False)
    with pytest.raises(ValueError, match="mode 'loud'"):
        sample_distribution("loud", True)

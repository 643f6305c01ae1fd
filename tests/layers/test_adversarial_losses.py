"""Losses of vocoders: the numbers of coqui-tts for every part, and parts that are switched off."""

import numpy as np
import pytest
import torch

from finetune_tts.audio.mel_filters import mel_filter_bank
from finetune_tts.layers.adversarial_losses import (
    DiscriminatorLoss,
    GeneratorLoss,
    Resolution,
    SpectrogramLoss,
    STFTLoss,
)
from finetune_tts.layers.judgement import Judgement


def noise(seed, *shape):
    """A floor under every frequency: where a spectrogram is close to 0, rounding decides what its logarithm is."""
    return torch.from_numpy(0.2 * np.random.RandomState(seed).standard_normal(shape)).float()


@pytest.fixture
def signals(chirp):
    """Two recordings and what a poor vocoder made of them."""
    recorded = chirp(2000, batch=2) + noise(1, 2, 1, 2000)
    hum = torch.cos(torch.arange(4000, dtype=torch.float64) * 0.9).float().reshape(2, 1, 2000)
    return 0.6 * recorded + 0.1 * hum + noise(2, 2, 1, 2000), recorded


@pytest.fixture
def bands(chirp):
    recorded = chirp(500, batch=8).reshape(2, 4, 500) + noise(3, 2, 4, 500)
    hum = torch.cos(torch.arange(4000, dtype=torch.float64) * 0.7).float().reshape(2, 4, 500)
    return {"generated_bands": 0.7 * recorded + 0.05 * hum + noise(4, 2, 4, 500), "recorded_bands": recorded}


@pytest.fixture
def judgements(chirp):
    fake = [chirp(20, batch=2)[:, 0], chirp(30, batch=2)[:, 0] * 0.3]
    real = [0.8 - fake[0], 0.5 + fake[1]]
    features = [
        [chirp(20, batch=4).reshape(2, 2, 20), chirp(10, batch=8).reshape(2, 4, 10)],
        [chirp(30, batch=4).reshape(2, 2, 30), chirp(9, batch=8).reshape(2, 4, 9)],
    ]
    others = [[0.5 * layer + 0.1 for layer in part] for part in features]
    return {"judged_generated": Judgement(fake, features), "judged_recorded": Judgement(real, others)}


def whole_loss(mel=True, adversarial="mse"):
    filters = torch.from_numpy(mel_filter_bank(8000, 256, 20, 50.0, 3500.0)) if mel else None
    return GeneratorLoss(
        stft=STFTLoss([Resolution(256, 40, 150), Resolution(128, 20, 100)]),
        stft_weight=0.5,
        subband_stft=STFTLoss([Resolution(64, 10, 40), Resolution(32, 5, 20)]),
        subband_stft_weight=0.25,
        spectrogram=SpectrogramLoss(Resolution(256, 64, 200), filters),
        spectrogram_weight=45,
        adversarial=adversarial,
        adversarial_weight=2.5,
        feature_match_weight=108,
    )


# What coqui-tts computes of these inputs in float64; in float32 it differs by at most 4e-7, the gradient by 2e-7.
GOLDEN = {
    "G_stft_loss_mg": 0.64273665,
    "G_stft_loss_sc": 0.47101961,
    "G_l1_spec_loss": 0.35539438,
    "G_subband_stft_loss_mg": 0.60439546,
    "G_subband_stft_loss_sc": 0.39209408,
    "G_mse_fake_loss": 0.96080207,
    "G_feat_match_loss": 0.1066722,
}


def test_generator_loss_and_its_gradient(signals, bands, judgements):
    generated, recorded = signals
    generated.requires_grad_()
    losses = whole_loss()(generated, recorded, **judgements, **bands)
    assert {name: part.item() for name, part in losses.parts.items()} == pytest.approx(GOLDEN, rel=1e-5)
    assert losses.total.item() == pytest.approx(30.72135, rel=1e-5)
    assert losses.spectral.item() == pytest.approx(16.798748, rel=1e-5)
    assert losses.adversarial.item() == pytest.approx(13.922602, rel=1e-5)
    losses.total.backward()
    assert generated.grad.double().norm().item() == pytest.approx(2.816035, rel=1e-5)


def test_linear_spectrogram(signals, bands, judgements):
    losses = whole_loss(mel=False)(*signals, **judgements, **bands)
    assert losses.parts["G_l1_spec_loss"].item() == pytest.approx(0.64737433, rel=1e-5)
    assert losses.total.item() == pytest.approx(43.860448, rel=1e-5)


def test_discriminator_losses(judgements):
    fake, real = judgements["judged_generated"], judgements["judged_recorded"]
    losses = DiscriminatorLoss("mse")(real, fake)
    assert losses.parts["D_mse_gan_real_loss"].item() == pytest.approx(0.1718065, rel=1e-5)
    assert losses.parts["D_mse_gan_fake_loss"].item() == pytest.approx(0.0263343, rel=1e-5)
    assert losses.total.item() == pytest.approx(0.198141, rel=1e-5)
    losses = DiscriminatorLoss("hinge")(real, fake)
    assert losses.parts["D_hinge_gan_real_loss"].item() == pytest.approx(0.370398, rel=1e-5)
    assert losses.parts["D_hinge_gan_fake_loss"].item() == pytest.approx(1.032766, rel=1e-5)
    assert losses.total.item() == pytest.approx(1.403164, rel=1e-5)


def test_the_hinge_pulls_the_generators_scores_up(signals, bands, judgements):
    losses = whole_loss(adversarial="hinge")(*signals, **judgements, **bands)
    scores = judgements["judged_generated"].scores
    expected = -(scores[0].mean() + scores[1].mean()) / 2
    assert losses.parts["G_hinge_fake_loss"].item() == pytest.approx(expected.item())
    assert losses.adversarial.item() == pytest.approx(2.5 * expected.item() + 108 * 0.106672, rel=1e-4)


def test_before_the_discriminator_takes_part_only_the_spectra_count(signals, bands):
    losses = whole_loss()(*signals, **bands)
    assert losses.adversarial.item() == 0
    assert losses.total.item() == losses.spectral.item()
    assert not any("mse" in name or "feat" in name for name in losses.parts)


def test_no_gradient_reaches_the_features_of_the_recording(signals, judgements):
    theirs = [[layer.clone().requires_grad_() for layer in part] for part in judgements["judged_recorded"].features]
    ours = [[layer.clone().requires_grad_() for layer in part] for part in judgements["judged_generated"].features]
    scores = judgements["judged_generated"].scores
    loss = GeneratorLoss(feature_match_weight=1.0)
    loss(*signals, judged_generated=Judgement(scores, ours), judged_recorded=Judgement(scores, theirs)).total.backward()
    assert all(layer.grad is not None for part in ours for layer in part)
    assert all(layer.grad is None for part in theirs for layer in part)


def test_features_are_left_out_where_a_discriminator_shows_none(signals, judgements):
    bare = Judgement(judgements["judged_generated"].scores)
    loss = GeneratorLoss(adversarial="mse", adversarial_weight=1.0, feature_match_weight=10.0)
    losses = loss(*signals, judged_generated=bare, judged_recorded=bare)
    assert set(losses.parts) == {"G_mse_fake_loss"}


@pytest.mark.parametrize("use_mel", [True, False])
def test_silence_and_equal_waveforms_give_finite_numbers(use_mel, bands):
    silence = torch.zeros(2, 1, 2000, requires_grad=True)
    losses = whole_loss(mel=use_mel)(silence, torch.zeros(2, 1, 2000), **bands)
    losses.total.backward()
    assert torch.isfinite(losses.total)
    assert torch.isfinite(silence.grad).all()


def test_a_filter_without_a_frequency_gives_a_finite_loss(signals):
    filters = torch.cat([torch.zeros(1, 129), torch.ones(1, 129)])
    assert torch.isfinite(SpectrogramLoss(Resolution(256, 64, 200), filters)(*signals))


def test_mistakes_are_named(signals):
    with pytest.raises(ValueError, match="adversarial 'wasserstein'"):
        GeneratorLoss(adversarial="wasserstein")
    with pytest.raises(ValueError, match="adversarial 'wasserstein'"):
        DiscriminatorLoss("wasserstein")
    with pytest.raises(ValueError, match="at least one resolution"):
        STFTLoss([])
    with pytest.raises(ValueError, match="sub-bands of both"):
        whole_loss()(*signals)

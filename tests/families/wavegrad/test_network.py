"""WaveGrad: golden numbers of a guess and of synthesis, mixing with noise, and lists that do not go together."""

import pytest
import torch

from finetune_tts.families.wavegrad.network import NoiseSchedule, Wavegrad, mix_with_noise, wavegrad_loss

SMALL = {
    "in_channels": 5,
    "y_conv_channels": 4,
    "x_conv_channels": 12,
    "dblock_out_channels": [6, 8],
    "ublock_out_channels": [10, 8, 6],
    "upsample_factors": [3, 2, 2],
    "upsample_dilations": [[1, 2, 1, 2], [1, 2, 1, 2], [1, 2, 4, 8]],
    "schedule": NoiseSchedule.linear(1e-6, 0.01, 6),
}


@pytest.fixture
def network(with_rule_weights):
    return with_rule_weights(Wavegrad(**SMALL), seed=7)


def test_guessed_noise(network, chirp, assert_golden):
    guess = network(chirp(48, batch=2), chirp(20, batch=2).reshape(2, 5, 4), torch.tensor([0.3, 0.9]))
    assert_golden(guess, -48.2097, 6.45154)


def test_synthesis_from_given_and_from_drawn_noise(network, chirp, assert_golden):
    mel = chirp(20, batch=2).reshape(2, 5, 4)
    torch.manual_seed(0)
    assert_golden(network.inference(mel[:1], chirp(48, batch=2)[:1]), 8.86569, 2.12123)
    torch.manual_seed(0)
    assert_golden(network.inference(mel), 17.3594, 7.04964)


def test_weight_norm_under_released_names_and_folded(chirp):
    torch.manual_seed(0)
    network = Wavegrad(**SMALL, use_weight_norm=True)
    names = set(network.state_dict())
    assert {"y_conv.weight_g", "film.0.input_conv.weight_v", "ublocks.0.main_block.0.weight_g"} <= names
    arguments = chirp(48), chirp(20).reshape(1, 5, 4), torch.tensor([0.5])
    before = network(*arguments)
    network.prepare_for_inference()
    torch.testing.assert_close(network(*arguments), before)


@pytest.mark.parametrize("steps", [1, 6, 1000])
def test_a_mixture_has_the_variance_of_its_parts(steps):
    torch.manual_seed(0)
    schedule = NoiseSchedule.linear(1e-6, 0.01, steps)
    recorded = torch.randn(64, 1, 50)
    noise, mixture, amplitude = mix_with_noise(recorded, schedule.amplitudes)
    share = amplitude.reshape(-1, 1, 1)
    torch.testing.assert_close(mixture, share * recorded + (1 - share**2).sqrt() * noise)
    assert (amplitude <= 1).all()
    assert (amplitude >= schedule.kept[-1].sqrt() - 1e-6).all()
    assert mixture.std().item() == pytest.approx(1.0, abs=0.05)


def test_learning_lowers_the_loss(chirp):
    torch.manual_seed(0)
    network = Wavegrad(**SMALL)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    mel = chirp(20, batch=2).reshape(2, 5, 4)
    noise, mixture, amplitude = mix_with_noise(chirp(48, batch=2), SMALL["schedule"].amplitudes)
    losses = []
    for _ in range(20):
        loss = wavegrad_loss(network(mixture, mel, amplitude), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    "change",
    [{"dblock_out_channels": [6]}, {"upsample_dilations": [[1, 2, 1, 2]]}, {"upsample_dilations": [[1, 2]] * 3}],
)
def test_lists_that_do_not_go_together(change):
    with pytest.raises(ValueError, match="upsample_"):
        Wavegrad(**{**SMALL, **change})

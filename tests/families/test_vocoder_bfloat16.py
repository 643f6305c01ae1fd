"""What vocoders keep in float32 while they compute in bfloat16: a waveform has sixteen bits, bfloat16 has eight."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from finetune_tts.families.melgan.network import MelganGenerator, MultibandMelganGenerator
from finetune_tts.families.parallel_wavegan.network import ParallelWaveganGenerator
from finetune_tts.families.univnet.network import UnivnetGenerator
from finetune_tts.families.wavegrad.network import Wavegrad
from finetune_tts.families.wavernn.network import Wavernn
from finetune_tts.layers.adversarial_losses import DiscriminatorLoss, GeneratorLoss
from finetune_tts.layers.judgement import Judgement
from finetune_tts.layers.pqmf import PQMF
from finetune_tts.layers.waveform_generator import WaveformGenerator

MELS, FRAMES, HOP = 5, 12, 8


def in_bfloat16() -> torch.autocast:
    return torch.autocast("cpu", dtype=torch.bfloat16)


def share_of_few_digits(x: torch.Tensor) -> float:
    """Which share of numbers bfloat16 could hold."""
    return float((x == x.bfloat16()).float().mean())


def wavegrad() -> Wavegrad:
    return Wavegrad(
        in_channels=MELS,
        y_conv_channels=4,
        x_conv_channels=8,
        dblock_out_channels=[6],
        ublock_out_channels=[8, 6],
        upsample_factors=[4, 2],
        upsample_dilations=[[1, 2, 1, 2]] * 2,
    )


def wavernn(mode: str | int) -> Wavernn:
    return Wavernn(
        feat_dims=MELS,
        rnn_dims=8,
        fc_dims=8,
        compute_dims=8,
        res_out_dims=8,
        num_res_blocks=1,
        upsample_factors=[4, 2],
        mode=mode,
        pad=1,
    )


GENERATORS: dict[str, Callable[[], nn.Module]] = {
    "hifigan": lambda: WaveformGenerator(
        in_channels=MELS,
        resblock_type="1",
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1]],
        upsample_factors=[8],
        upsample_kernel_sizes=[16],
        upsample_initial_channel=16,
    ),
    "melgan": lambda: MelganGenerator(in_channels=MELS, base_channels=16, upsample_factors=[4, 2], num_res_blocks=1),
    "multiband_melgan": lambda: MultibandMelganGenerator(
        in_channels=MELS, base_channels=16, upsample_factors=[4, 2], num_res_blocks=1
    ),
    "parallel_wavegan": lambda: ParallelWaveganGenerator(
        aux_channels=MELS, num_res_blocks=2, stacks=1, upsample_factors=[4, 2]
    ),
    "univnet": lambda: UnivnetGenerator(
        cond_channels=MELS, in_channels=4, hidden_channels=4, kpnet_hidden_channels=8, upsample_factors=[4, 2]
    ),
}


@pytest.fixture
def mel() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(2, MELS, FRAMES)


@torch.no_grad()
@pytest.mark.parametrize("name", GENERATORS)
def test_the_layer_that_makes_a_waveform_keeps_its_digits(name, mel):
    generator = GENERATORS[name]()
    with in_bfloat16():
        made = generator(mel)
    assert made.dtype == torch.float32
    assert share_of_few_digits(made) < 0.1


@torch.no_grad()
def test_recordings_are_split_and_joined_as_in_float32():
    bank = PQMF(4)
    wav = torch.randn(2, 1, 256, generator=torch.Generator().manual_seed(0))
    bands = bank.analysis(wav)
    with in_bfloat16():
        torch.testing.assert_close(bank.analysis(wav), bands)
        torch.testing.assert_close(bank.synthesis(bands.bfloat16()), bank.synthesis(bands.bfloat16().float()))


@torch.no_grad()
def test_wavegrad_hears_noise_that_bfloat16_would_round_away(mel):
    network = wavegrad()
    wav = torch.randn(2, 1, FRAMES * HOP)
    amplitude = torch.full((2,), 0.999)
    with in_bfloat16():
        guess = network(wav, mel, amplitude)
        of_rounded = network(wav.bfloat16().float(), mel, amplitude)
    assert guess.dtype == torch.float32
    assert share_of_few_digits(guess) < 0.1
    assert not torch.equal(guess, of_rounded)


@torch.no_grad()
@pytest.mark.parametrize("mode", ["mold", "gauss", 9])
def test_distributions_of_the_next_sample_keep_their_digits(mode, mel):
    with in_bfloat16():
        output = wavernn(mode)(torch.rand(2, (FRAMES - 2) * HOP), mel)
    assert output.dtype == torch.float32
    assert share_of_few_digits(output) < 0.1


@pytest.mark.parametrize("kind", ["mse", "hinge"])
def test_losses_of_a_judgement_in_bfloat16_are_means_in_float32(kind):
    torch.manual_seed(0)
    scores, features = torch.randn(2, 3, 50).bfloat16(), torch.randn(2, 4, 60).bfloat16()
    rough = [Judgement([score], [[feature]]) for score, feature in zip(scores, features, strict=True)]
    wide = [Judgement([score.float()], [[f.float()]]) for score, f in zip(scores, features, strict=True)]
    generator = GeneratorLoss(adversarial=kind, adversarial_weight=1.0, feature_match_weight=1.0)
    discriminator = DiscriminatorLoss(kind)
    wav = torch.zeros(2, 1, 8)

    def losses(real: Judgement, made: Judgement) -> list[Any]:
        return [
            generator(wav, wav, judged_generated=made, judged_recorded=real).total,
            discriminator(real, made).total,
        ]

    with in_bfloat16():
        torch.testing.assert_close(losses(*rough), losses(*wide))

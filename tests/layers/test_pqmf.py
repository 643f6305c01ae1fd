"""The filter bank: golden numbers, and a waveform comes back nearly as it was."""

import pytest
import torch

from finetune_tts.layers.pqmf import PQMF


def test_bands_and_back(chirp, assert_golden):
    bank = PQMF()
    bands = bank.analysis(chirp(512))
    assert bands.shape == (1, 4, 128)
    assert_golden(bands, 5.8254, 4.1186)
    assert_golden(bank.synthesis(bands), 30.6764, 9.74717)


def test_a_tone_comes_back_one_sample_late():
    bank = PQMF()
    tone = torch.sin(torch.arange(2048) * 0.5).reshape(1, 1, -1)
    back = bank.synthesis(bank.analysis(tone)).roll(-1, dims=-1)
    inner = slice(128, -128)
    assert (back - tone)[..., inner].norm() < 0.2 * tone[..., inner].norm()


def test_a_low_tone_lies_in_the_lowest_band():
    bands = PQMF().analysis(torch.sin(torch.arange(1024) * 0.1).reshape(1, 1, -1))
    energy = bands.square().sum(dim=(0, 2))
    assert energy[0] > 100 * energy[1:].sum()


@pytest.mark.parametrize("num_bands", [2, 8])
def test_other_numbers_of_bands(num_bands):
    bands = PQMF(num_bands).analysis(torch.zeros(1, 1, 64))
    assert bands.shape == (1, num_bands, 64 // num_bands)

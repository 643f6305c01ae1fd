import numpy as np
import pytest
import soxr
import torch

from finetune_tts.layers.resampling import Resampler


def tones(rate, seconds=0.5):
    time = np.arange(int(rate * seconds)) / rate
    return sum(np.sin(2 * np.pi * pitch * time + pitch) for pitch in (110.0, 440.0, 1300.0)).astype(np.float32)


@pytest.mark.parametrize(("source", "target"), [(22050, 16000), (16000, 22050), (48000, 16000), (8000, 16000)])
def test_tones_are_the_same_as_with_the_resampler_of_recordings(source, target):
    wav = tones(source)
    ours = Resampler(source_rate=source, target_rate=target)(torch.from_numpy(wav)[None])[0].numpy()
    theirs = soxr.resample(wav, source, target, quality="HQ")
    assert len(ours) == -(-len(wav) * target // source)
    inner = slice(200, min(len(ours), len(theirs)) - 200)  # the ends differ by what each takes to lie beyond them
    assert np.linalg.norm(ours[inner] - theirs[inner]) < 5e-3 * np.linalg.norm(theirs[inner])


def test_what_the_target_cannot_hold_is_taken_out():
    time = torch.arange(48000) / 48000
    high = Resampler(source_rate=48000, target_rate=16000)(torch.sin(2 * torch.pi * 11000 * time)[None])
    assert high[0, 200:-200].abs().max() < 0.02


def test_equal_rates_pass_through():
    wav = torch.randn(2, 50)
    assert torch.equal(Resampler(source_rate=16000, target_rate=16000)(wav), wav)


def test_gradients_and_an_empty_state():
    resampler = Resampler(source_rate=3000, target_rate=2000)
    wav = torch.randn(1, 90, requires_grad=True)
    resampler(wav).square().sum().backward()
    assert (wav.grad != 0).all()
    assert not resampler.state_dict()

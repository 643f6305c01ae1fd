from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from finetune_tts.audio.pictures import alignment_picture, spectrogram_picture


def opened(content):
    return np.asarray(Image.open(BytesIO(content)).convert("L")).astype(int)


def test_a_loud_low_channel_is_bright_and_below():
    amplitudes = np.full((80, 300), 1e-6)
    amplitudes[10] = 1.0
    picture = opened(spectrogram_picture(amplitudes))
    assert picture.shape == (96, 300)
    assert picture.mean(axis=1).argmax() == pytest.approx(96 - 12 * 1.05, abs=3)


def test_a_long_spectrogram_becomes_a_small_picture():
    content = spectrogram_picture(np.abs(np.random.default_rng(0).normal(size=(80, 3000))))
    assert opened(content).shape == (96, 420)
    assert len(content) < 40_000


def test_an_alignment_rises_from_the_lower_left():
    picture = opened(alignment_picture(np.eye(30)))
    assert picture.shape == (30, 30)
    assert (picture.argmax(axis=0) == np.arange(30)[::-1]).all()


@pytest.mark.parametrize("array", [np.zeros((5, 0)), np.zeros((4, 4)), np.full((3, 3), np.nan)])
def test_nothing_and_silence_can_be_drawn(array):
    assert spectrogram_picture(np.nan_to_num(array)).startswith(b"\x89PNG")
    assert alignment_picture(np.ones((1, 1)) * np.nan).startswith(b"\x89PNG")

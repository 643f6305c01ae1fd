import numpy as np
import pytest

from finetune_tts.hearing.attention import attention_values


def test_a_sharp_attention_that_only_goes_forward():
    alignment = np.full((6, 3), 0.05)
    alignment[np.arange(6), [0, 0, 1, 1, 2, 2]] = 0.9
    assert attention_values(alignment) == pytest.approx({"focus": 0.9, "backward": 0.0})


def test_a_flat_attention_that_goes_back():
    alignment = np.full((5, 4), 0.25)
    alignment[np.arange(5), [0, 1, 0, 2, 1]] += 0.1
    assert attention_values(alignment) == pytest.approx({"focus": 0.35, "backward": 0.5})


@pytest.mark.parametrize("alignment", [np.eye(4), np.zeros((1, 3)), np.full((4, 4), np.nan), np.zeros((5, 0))])
def test_durations_and_what_is_no_attention_tell_nothing(alignment):
    assert attention_values(alignment) == {}

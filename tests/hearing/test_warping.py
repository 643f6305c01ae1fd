import numpy as np
import pytest

from finetune_tts.hearing.warping import warping_path


def test_the_same_frames_lie_on_the_diagonal():
    frames = np.random.default_rng(0).normal(size=(20, 3))
    first, second = warping_path(frames, frames)
    assert (first == np.arange(20)).all()
    assert (second == np.arange(20)).all()


def test_repeated_frames_are_paired_with_the_one_that_they_repeat():
    frames = np.arange(6.0)[:, None]
    repeated = np.repeat(frames, [1, 3, 1, 2, 1, 1], axis=0)
    first, second = warping_path(frames, repeated)
    assert (frames[first] == repeated[second]).all()
    assert (second == np.arange(9)).all()


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 7), (7, 1), (5, 9)])
def test_a_path_goes_from_corner_to_corner_in_single_steps(rows, columns):
    random = np.random.default_rng(1)
    first, second = warping_path(random.normal(size=(rows, 2)), random.normal(size=(columns, 2)))
    assert (first[0], second[0], first[-1], second[-1]) == (0, 0, rows - 1, columns - 1)
    for steps in (np.diff(first), np.diff(second)):
        assert set(steps) <= {0, 1}


def test_nothing_cannot_be_warped():
    with pytest.raises(ValueError, match="without frames"):
        warping_path(np.zeros((0, 2)), np.zeros((3, 2)))

"""Dynamic time warping: which frame of one sound belongs to which of another (Sakoe, Chiba 1978)."""

import numpy as np


def warping_path(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the cheapest way through all frames of both, each step one frame on in one of them or in both.

    Args:
        first: ``[N, D]`` features.
        second: ``[M, D]`` features.

    Returns:
        ``[P]`` frames of the first and ``[P]`` of the second, from (0, 0) to (N - 1, M - 1).

    Raises:
        ValueError: one of them has no frames.
    """
    rows, columns = len(first), len(second)
    if not rows or not columns:
        raise ValueError("nothing to warp: a sound without frames.")
    cost = _distances(first, second)
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0.0
    # The cells of an antidiagonal depend on the two before it only, so each is computed at once.
    for diagonal in range(2, rows + columns + 1):
        row = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        column = diagonal - row
        before = np.minimum(total[row - 1, column - 1], np.minimum(total[row - 1, column], total[row, column - 1]))
        total[row, column] = cost[row - 1, column - 1] + before
    return _walked_back(total)


def _walked_back(total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    row, column = total.shape[0] - 1, total.shape[1] - 1
    path = [(row, column)]
    while (row, column) != (1, 1):
        steps = ((row - 1, column - 1), (row - 1, column), (row, column - 1))
        row, column = min(steps, key=lambda step: total[step])
        path.append((row, column))
    frames = np.array(path[::-1]) - 1
    return frames[:, 0], frames[:, 1]


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Euclidean distances of all pairs, ``[N, M]``."""
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2.0 * first @ second.T
    return np.sqrt(np.maximum(squares, 0.0))

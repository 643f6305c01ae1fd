"""Weights that make up for rare speakers, languages and lengths, by 🐸TTS's rule."""

from collections.abc import Sequence

import numpy as np

from finetune_tts.data.sample import Sample

LENGTH_BUCKETS = 10


def sampling_weights(
    samples: Sequence[Sample],
    lengths: Sequence[int],
    *,
    speaker_alpha: float | None = None,
    language_alpha: float | None = None,
    length_alpha: float | None = None,
) -> np.ndarray | None:
    """How likely each sample is drawn: the sum over the given criteria of alpha times its balancing weight.

    The weight of a sample under a criterion is one over the number of samples of the same kind, scaled so that the
    squares of all samples' weights sum to 1 (so alphas can be compared). Lengths fall into ten equal ranges.

    Args:
        samples: the samples.
        lengths: their mel frames.
        speaker_alpha: strength of balancing speakers; None for not at all. Likewise ``language_alpha``,
            ``length_alpha``.

    Returns:
        ``[len(samples)]``, positive with sum 1; None if no criterion is given.
    """
    criteria: list[tuple[float, Sequence[str | int]]] = []
    if speaker_alpha is not None:
        criteria.append((speaker_alpha, [sample.speaker for sample in samples]))
    if language_alpha is not None:
        criteria.append((language_alpha, [sample.language for sample in samples]))
    if length_alpha is not None:
        edges = np.linspace(min(lengths), max(lengths), LENGTH_BUCKETS + 1)[1:-1]
        criteria.append((length_alpha, np.digitize(lengths, edges).tolist()))
    if not criteria:
        return None
    weights = sum((alpha * _balance(kinds) for alpha, kinds in criteria), np.zeros(len(samples)))
    return weights / weights.sum()


def _balance(kinds: Sequence[str | int]) -> np.ndarray:
    _, which, counts = np.unique(np.asarray(kinds), return_inverse=True, return_counts=True)
    weights = 1.0 / counts[which]
    return weights / np.linalg.norm(weights)

"""What an alignment tells of a model's attention: how sharp it is, and whether it goes back.

Legend: T_mel frames, T_text symbols.
"""

import numpy as np


def attention_values(alignment: np.ndarray) -> dict[str, float]:
    """Metrics of an alignment ``[T_mel, T_text]``; none where frames were given to symbols by durations.

    ``focus`` is the focus rate of FastSpeech (Ren et al. 2019).
    """
    if alignment.ndim != 2 or len(alignment) < 2 or not alignment.shape[1] or not np.isfinite(alignment).all():
        return {}
    if np.isin(alignment, (0.0, 1.0)).all():
        return {}
    heeded = alignment.argmax(axis=1)
    return {"focus": float(alignment.max(axis=1).mean()), "backward": float(np.mean(np.diff(heeded) < 0))}

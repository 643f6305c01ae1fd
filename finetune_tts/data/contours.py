"""Contours of recordings: the pitch and the energy of each frame, for networks that learn these."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

#: contour → the fields of a config that say what it is measured in, see :class:`Scale`.
SCALE_FIELDS = {"pitch": ("pitch_mean", "pitch_std"), "energy": ("energy_mean", "energy_std")}
CONTOURS = tuple(SCALE_FIELDS)


@dataclass(frozen=True)
class Scale:
    """What a contour is measured in: deviations from its mean, over all frames that are not 0.

    Attributes:
        mean: in Hz for the pitch.
        std: standard deviation, above 0.
    """

    mean: float
    std: float

    @classmethod
    def of(cls, contours: Iterable[np.ndarray]) -> "Scale":
        """Measure contours ``[T]``; frames of 0 do not count. Without any other the scale is 0 and 1."""
        count, total, squares = 0, 0.0, 0.0
        for contour in contours:
            values = contour[contour != 0].astype(np.float64)
            count, total, squares = count + len(values), total + values.sum(), squares + np.square(values).sum()
        mean = total / count if count else 0.0
        variance = squares / count - mean * mean if count else 0.0
        return cls(float(mean), float(np.sqrt(variance)) if variance > 1e-12 else 1.0)

    def scaled(self, contour: np.ndarray) -> np.ndarray:
        """Bring a contour ``[T]`` into deviations from the mean; what is 0 stays 0."""
        scaled: np.ndarray = np.where(contour == 0, 0.0, (contour - self.mean) / self.std).astype(np.float32)
        return scaled


#: contour → what it is measured in.
Scales = Mapping[str, Scale]

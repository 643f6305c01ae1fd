"""From amplitudes to the numbers that a network sees, and back: decibels, then a range or unit variance."""

from dataclasses import dataclass

import numpy as np

_SMALLEST_AMPLITUDE = 1e-8
_LARGEST_AMPLITUDE = 1e6  # beyond what samples in [-1, 1] can have; a network that has gone astray asks for more


def _power_of_ten(exponent: np.ndarray) -> np.ndarray:
    return np.power(np.float32(10.0), exponent)


@dataclass(frozen=True)
class Line:
    """Numbers ``[channels, T]`` kept between two bounds, and then ``factor * number + offset``.

    Attributes:
        factor, offset: of all channels, or ``[channels, 1]``.
        lowest, highest: the bounds.
    """

    factor: np.ndarray | float = 1.0
    offset: np.ndarray | float = 0.0
    lowest: float = -np.inf
    highest: float = np.inf


@dataclass(frozen=True)
class Decibels:
    """``gain * log(amplitude)``, to the base ten or e."""

    natural: bool
    gain: float

    def from_amplitude(self, amplitude: np.ndarray) -> np.ndarray:
        """Amplitudes (at least 0, any shape) as decibels; below 1e-8 they fall no further."""
        logarithm = np.log if self.natural else np.log10
        return logarithm(np.maximum(amplitude, np.float32(_SMALLEST_AMPLITUDE))) * np.float32(self.gain)

    def to_amplitude(self, decibels: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`from_amplitude`; at most 1e6."""
        logarithm, power = (np.log, np.exp) if self.natural else (np.log10, _power_of_ten)
        return power(np.minimum(decibels / np.float32(self.gain), np.float32(logarithm(_LARGEST_AMPLITUDE))))

    def line_to(self, other: "Decibels") -> Line:
        """What makes these decibels those of another scale, by way of amplitudes."""
        lowest, highest = sorted(self._of(amplitude) for amplitude in (_SMALLEST_AMPLITUDE, _LARGEST_AMPLITUDE))
        return Line(other._of(np.e) / self._of(np.e), 0.0, lowest, highest)

    def _of(self, amplitude: float) -> float:
        return float((np.log if self.natural else np.log10)(amplitude)) * self.gain


@dataclass(frozen=True)
class RangeNormalisation:
    """Decibels between ``ref_level_db + min_level_db`` and ``ref_level_db``, made ``lowest`` to ``highest``."""

    ref_level_db: float
    min_level_db: float
    lowest: float
    highest: float
    clip: bool

    @property
    def lines(self) -> tuple[Line, ...]:
        """What :meth:`denormalise` does, step by step."""
        factor = -self.min_level_db / (self.highest - self.lowest)
        bounds = (self.lowest, self.highest) if self.clip else (-np.inf, np.inf)
        return (Line(factor, self.ref_level_db + self.min_level_db - factor * self.lowest, *bounds),)

    def normalise(self, decibels: np.ndarray) -> np.ndarray:
        """Decibels ``[channels, T]`` as features, clipped to the range if the config asks for it."""
        unit = (decibels - np.float32(self.ref_level_db + self.min_level_db)) / np.float32(-self.min_level_db)
        features = unit * np.float32(self.highest - self.lowest) + np.float32(self.lowest)
        return np.clip(features, self.lowest, self.highest) if self.clip else features

    def denormalise(self, features: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`normalise`; values outside the range are clipped to it if the config clips."""
        if self.clip:
            features = np.clip(features, self.lowest, self.highest)
        unit = (features - np.float32(self.lowest)) / np.float32(self.highest - self.lowest)
        return unit * np.float32(-self.min_level_db) + np.float32(self.ref_level_db + self.min_level_db)


@dataclass(frozen=True)
class MeanVarianceNormalisation:
    """Every channel to mean 0 and deviation 1, by the statistics of a data set (``[channels]`` each)."""

    mean: np.ndarray
    deviation: np.ndarray

    @property
    def lines(self) -> tuple[Line, ...]:
        """What :meth:`denormalise` does, step by step."""
        return (Line(self.deviation[:, None], self.mean[:, None]),)

    def normalise(self, decibels: np.ndarray) -> np.ndarray:
        """Decibels ``[channels, T]`` as features."""
        return (decibels - self.mean[:, None]) / self.deviation[:, None]

    def denormalise(self, features: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`normalise`."""
        return features * self.deviation[:, None] + self.mean[:, None]


@dataclass(frozen=True)
class NoNormalisation:
    """The features are the decibels."""

    @property
    def lines(self) -> tuple[Line, ...]:
        """What :meth:`denormalise` does, step by step."""
        return ()

    def normalise(self, decibels: np.ndarray) -> np.ndarray:
        """Decibels ``[channels, T]`` as features."""
        return decibels

    def denormalise(self, features: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`normalise`."""
        return features


Normalisation = RangeNormalisation | MeanVarianceNormalisation | NoNormalisation


def backwards(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """What undoes lines, whose bounds then hold for what comes out."""
    steps: list[Line] = []
    for line in reversed(lines):
        steps.append(Line(1 / line.factor, -line.offset / line.factor))
        if np.isfinite([line.lowest, line.highest]).any():
            steps.append(Line(lowest=line.lowest, highest=line.highest))
    return tuple(steps)

"""Where a recording is silent, where somebody speaks, and where there is sound that is no speech.

Silence is told by the level, against a noise floor that may change in the course of the recording; the detector of
speech only tells whether what is louder is a voice, since its chunks are too long to cut by.
"""

import math
from dataclasses import dataclass

import numpy as np

from finetune_tts.corpus.hearing import CHUNK, FRAME, LEVEL, LEVEL_SECONDS, Heard

_SMOOTHED = 3  # levels that are averaged: one period of a low voice is longer than one
_WIDE = 5  # levels that tell together where a silence is quietest
_FLOOR_SECONDS = 20.0  # that one noise floor is of
_QUIET_SHARE = 0.05
_ABOVE_FLOOR = 6.0  # in dB, where sound begins
_BELOW_SPEECH = 40.0  # in dB, where sound ends even if the floor is far lower
_NEAR_SPEECH = 6.0  # in dB; with so much noise, nothing tells silence
_SHORTEST = 0.1  # in seconds; closures of consonants are shorter, most of them
_SPEAKS = 0.5
_NO_SOUND = 1e-10
_MUCH_NOISE, _LITTLE_NOISE = 20.0, 40.0  # decibels of speech above the noise
_LONG_MARGIN, _SHORT_MARGIN = 0.25, 0.12  # seconds
_SHORTEST_OTHER = 1.0  # in seconds, of music and the like


@dataclass(frozen=True)
class Pause:
    """A silence, in seconds; ``quietest`` is a moment in the middle half of it."""

    start: float
    end: float
    quietest: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Silences:
    """Where a recording is silent.

    Attributes:
        levels: ``[L]`` bool, for each of :data:`finetune_tts.corpus.hearing.LEVEL_SECONDS`.
        speaks: ``[L]`` bool, where there is a voice.
        pauses: silences long enough to cut in, from the first to the last, with those at both ends.
        speech_level: mean level of speech in dB, 0 being full scale; minus infinity where there is none.
        noise_floor: median level of what is between, likewise.
        speech_seconds: how long somebody speaks.
        other_seconds: how long there is sound that is no speech: music, or noise as loud as speech.
    """

    levels: np.ndarray
    speaks: np.ndarray
    pauses: list[Pause]
    speech_level: float
    noise_floor: float
    speech_seconds: float
    other_seconds: float

    @property
    def margin(self) -> float:
        """Seconds of a pause that a clip should keep: the more noise, the more of a word's faint end it hides."""
        decibels = self.speech_level - self.noise_floor
        return float(np.interp(decibels, (_MUCH_NOISE, _LITTLE_NOISE), (_LONG_MARGIN, _SHORT_MARGIN)))

    def speech_between(self, start: float, end: float) -> float:
        """The share of the sound between two moments that is speech."""
        part = slice(round(start / LEVEL_SECONDS), round(end / LEVEL_SECONDS))
        sound = ~self.levels[part]
        return float(self.speaks[part][sound].mean()) if sound.any() else 0.0

    def ends_with_pauses(self) -> list[Pause]:
        """The pauses, with one of no length at either end where the recording begins or ends in sound."""
        end = len(self.levels) * LEVEL_SECONDS
        found = list(self.pauses)
        if not found or found[0].start > 0:
            found.insert(0, Pause(0.0, 0.0, 0.0))
        if found[-1].end < end - LEVEL_SECONDS / 2 or len(found) == 1:
            found.append(Pause(end, end, end))
        return found

    def frames(self, count: int) -> np.ndarray:
        """Which of the first ``count`` spectra are of silence, ``[N]`` bool."""
        by_frame = FRAME // LEVEL
        padded = np.pad(self.levels[: count * by_frame], (0, max(0, count * by_frame - len(self.levels))))
        silent: np.ndarray = np.all(padded.reshape(count, by_frame), axis=1)
        return silent


def find_silences(heard: Heard) -> Silences:
    """Find the silences of a recording."""
    smooth = np.full(_SMOOTHED, 1 / _SMOOTHED, np.float32)
    levels = np.stack([np.convolve(one, smooth, mode="same") for one in heard.levels.T], axis=1)
    decibels = 10 * np.log10(np.maximum(levels, _NO_SOUND))
    chances = np.repeat(heard.speech, CHUNK // math.gcd(CHUNK, LEVEL))[:: LEVEL // math.gcd(CHUNK, LEVEL)]
    chances = np.pad(chances[: len(levels)], (0, max(0, len(levels) - len(chances))))
    speaks = chances > _SPEAKS
    floors, speech_levels = [], []
    silent = np.ones(len(levels), bool)
    for level, loudness in zip(levels.T, decibels.T, strict=True):
        speech_level = 10 * math.log10(float(level[speaks].mean()) + _NO_SOUND) if speaks.any() else -math.inf
        floor = _noise_floor(loudness)
        threshold = np.maximum(floor + _ABOVE_FLOOR, speech_level - _BELOW_SPEECH)
        silent &= loudness < (np.minimum(threshold, speech_level - _NEAR_SPEECH) if speaks.any() else threshold)
        floors.append(floor)
        speech_levels.append(speech_level)
    other = ~silent & (chances < _SPEAKS)
    # How far both kinds of sound are above the noise: where that is least, a short silence is cut.
    above = sum(level / np.power(10.0, floor / 10) for level, floor in zip(levels.T, floors, strict=True))
    return Silences(
        levels=silent,
        speaks=speaks,
        pauses=[Pause(*run, _quietest(above, *run)) for run in _runs(silent, _SHORTEST)],
        speech_level=speech_levels[0],
        noise_floor=float(np.median(floors[0])),
        speech_seconds=float(np.count_nonzero(speaks & ~silent)) * LEVEL_SECONDS,
        other_seconds=sum(end - start for start, end in _runs(other, _SHORTEST_OTHER)),
    )


def _quietest(levels: np.ndarray, start: float, end: float) -> float:
    """The moment of the least sound in the middle half of a silence, in seconds."""
    first, last = round((0.75 * start + 0.25 * end) / LEVEL_SECONDS), round((0.25 * start + 0.75 * end) / LEVEL_SECONDS)
    sums = np.convolve(levels[first : last + 1], np.ones(_WIDE), mode="same")
    return (first + int(sums.argmin()) + 0.5) * LEVEL_SECONDS


def _noise_floor(decibels: np.ndarray) -> np.ndarray:
    """The level of the quietest moments around each one, ``[L]``."""
    size = round(_FLOOR_SECONDS / LEVEL_SECONDS)
    blocks = [decibels[begin : begin + size] for begin in range(0, len(decibels), size)]
    if len(blocks) > 1 and len(blocks[-1]) < size // 2:
        blocks[-2:] = [np.concatenate(blocks[-2:])]
    floors = np.array([np.quantile(block, _QUIET_SHARE) for block in blocks])
    # A block without any pause has no floor of its own: the lowest of its neighbours counts.
    around = np.pad(floors, 1, mode="edge")
    lowest = np.minimum(np.minimum(around[:-2], around[1:-1]), around[2:])
    lengths = [len(block) for block in blocks]
    centres = np.cumsum(lengths) - np.array(lengths) / 2
    return np.interp(np.arange(len(decibels)), centres, lowest)


def _runs(marks: np.ndarray, shortest: float) -> list[tuple[float, float]]:
    """Runs of ``marks`` ``[L]`` that last for at least ``shortest`` seconds, in seconds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(np.int8)))
    runs = edges.reshape(-1, 2) * LEVEL_SECONDS
    return [(float(start), float(end)) for start, end in runs if end - start >= shortest - 1e-9]

"""How far a synthesised sentence is from the recording of it, in numbers: see ``finetune_tts.hearing.metrics``.

Legend: T samples of a waveform, N and M frames of 10 ms, P pairs of frames on the path that warps one to the other.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.fft import dct, rfft

from finetune_tts.audio.mel_filters import mel_filter_bank
from finetune_tts.audio.pitch import fundamental_frequency
from finetune_tts.audio.reading import resample
from finetune_tts.hearing.warping import warping_path

FRAMES_PER_SECOND = 100
CEPSTRA = 13
MEL_BANDS = 80

_WINDOW_SECONDS = 0.04
_SILENCE_DB = 40.0  # below the loudest frame: silence at the ends, which is no part of the sentence
_LEAST_POWER = 1e-12
_LEAST_OF_LOUDEST = 1e-7
_LONGEST_SHARE = 1.5  # of the recording's length: what lasts longer goes on after its text
_LEAST_VOICED = 5  # frames, for numbers about pitch
_DECIBELS = 10.0 / math.log(10.0)


@dataclass(frozen=True)
class Analysis:
    """A sound, frame by frame.

    Attributes:
        mel_power: ``[N, 80]`` power in mel bands up to half the sample rate.
        level: ``[N]`` loudness in decibels below full scale.
        pitch: ``[N]`` in Hz, 0 where there is no voice.
        first, last: frames that the sentence begins and ends with; silence lies outside.
    """

    mel_power: np.ndarray
    level: np.ndarray
    pitch: np.ndarray
    first: int
    last: int

    @property
    def cepstra(self) -> np.ndarray:
        """``[N, 13]`` mel-cepstral coefficients, the one for loudness left out."""
        # Relative to the loudest band, so that pauses do not count for how silent they are.
        floor = max(float(self.mel_power.max()) * _LEAST_OF_LOUDEST, _LEAST_POWER)
        logarithm = np.log(np.maximum(self.mel_power, floor))
        # So scaled that log power = c0 + 2 * sum of c_m * cos(m * band), as the constant of the distortion expects.
        return dct(logarithm, type=2, axis=1)[:, 1 : CEPSTRA + 1] / (2 * MEL_BANDS)

    @property
    def silence(self) -> float:
        """Seconds of silence before and behind the sentence."""
        return (self.first + len(self.level) - 1 - self.last) / FRAMES_PER_SECOND

    @property
    def seconds(self) -> float:
        """Length of the sentence, silence at its ends left out."""
        return (self.last - self.first + 1) / FRAMES_PER_SECOND


def analyse(wav: np.ndarray, sample_rate: int) -> Analysis:
    """Look at a waveform ``[T]`` float32 of a sample rate in Hz, every 10 ms."""
    window = round(_WINDOW_SECONDS * sample_rate)
    size = 1 << (window - 1).bit_length()
    centres = np.round(np.arange(1 + len(wav) * FRAMES_PER_SECOND // sample_rate) * sample_rate / FRAMES_PER_SECOND)
    centres = centres.astype(int)
    padded = np.pad(np.asarray(wav, dtype=np.float64), window)
    frames = padded[(centres + window - window // 2)[:, None] + np.arange(window)]  # [N, window]
    weights = np.hanning(window)
    power = np.abs(rfft(frames * weights, size, axis=1)) ** 2 / np.sum(weights**2)
    mel_power = power @ _filters(sample_rate, size).T
    level = 10.0 * np.log10(np.maximum(np.mean(frames**2, axis=1), _LEAST_POWER))
    loud = np.flatnonzero(level > level.max() - _SILENCE_DB)
    return Analysis(mel_power, level, fundamental_frequency(wav, sample_rate, centres), int(loud[0]), int(loud[-1]))


def compare(recording: np.ndarray, recording_rate: int, spoken: np.ndarray, spoken_rate: int) -> dict[str, float]:
    """Compare a synthesised sentence with the recording of it.

    Args:
        recording: ``[T]`` float32.
        recording_rate: in Hz.
        spoken: ``[T']`` float32.
        spoken_rate: in Hz.

    Returns:
        key of a metric → value. What cannot be told is left out: pitch where there is no voice.
    """
    # What only one of them can hold, the treble above the other's rate, is no difference between the voices.
    rate = min(recording_rate, spoken_rate)
    return distances(
        analyse(resample(recording, recording_rate, rate), rate), analyse(resample(spoken, spoken_rate, rate), rate)
    )


def distances(recording: Analysis, spoken: Analysis) -> dict[str, float]:
    """The same of two analyses at one sample rate."""
    here = slice(recording.first, recording.last + 1)
    there = slice(spoken.first, spoken.last + 1)
    cepstra = recording.cepstra[here], spoken.cepstra[there]
    pairs = warping_path(*cepstra)
    values = {
        "mcd": cepstral_distortion(cepstra[0][pairs[0]], cepstra[1][pairs[1]]),
        "duration": spoken.seconds / recording.seconds,
        "babble": max(0.0, spoken.seconds - _LONGEST_SHARE * recording.seconds),
        "energy": _level_error(recording.level[here][pairs[0]], spoken.level[there][pairs[1]]),
    }
    return values | pitch_errors(recording.pitch[here][pairs[0]], spoken.pitch[there][pairs[1]])


def cepstral_distortion(first: np.ndarray, second: np.ndarray) -> float:
    """Mel-cepstral distortion in decibels of aligned cepstra ``[P, 13]`` of log power (Kubichek 1993)."""
    return float(np.mean(_DECIBELS * np.sqrt(2.0 * np.sum((first - second) ** 2, axis=1))))


def pitch_errors(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Compare aligned pitches ``[P]`` in Hz, 0 where there is no voice."""
    voiced = (first > 0) & (second > 0)
    values = {"vuv": float(np.mean((first > 0) != (second > 0)))}
    if np.count_nonzero(voiced) < _LEAST_VOICED:
        return values
    one, other = first[voiced], second[voiced]
    values["f0"] = _rms(1200.0 * np.log2(other / one))
    values["f0_hz"] = _rms(other - one)
    logarithms = np.log(one), np.log(other)
    if min(np.std(logarithms[0]), np.std(logarithms[1])) > 1e-6:
        values["f0_correlation"] = float(np.corrcoef(*logarithms)[0, 1])
    return values


def _level_error(first: np.ndarray, second: np.ndarray) -> float:
    first, second = (np.maximum(level, level.max() - _SILENCE_DB) for level in (first, second))
    return _rms((first - first.mean()) - (second - second.mean()))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


@lru_cache(maxsize=4)
def _filters(sample_rate: int, fft_size: int) -> np.ndarray:
    return mel_filter_bank(sample_rate, fft_size, MEL_BANDS, 0, sample_rate / 2)

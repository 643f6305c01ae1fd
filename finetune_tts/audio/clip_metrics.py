"""What can be told of one recording without knowing its text: level, clipping, noise, silence at its ends, bandwidth.

Legend: T samples of a waveform, N frames of 10 ms, F frequencies of a spectrum.
"""

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft

from finetune_tts.audio.reading import probe, read_original

METRICS_VERSION = 3
"""Goes up when the same recording gives other metrics, so that none are remembered that were taken differently."""

QUIETEST = -120.0
"""Decibels below full scale of what holds no sound at all."""
CLEANEST = 80.0
"""Highest signal-to-noise ratio that is told apart, in decibels."""

MOST_SECONDS = 180.0  # no run trains on a clip as long; a forgotten file of hours would fill the memory
_FRAMES_PER_SECOND = 100
_NO_SOUND = 1e-10  # mean square of a frame without sound: digital silence, or the last bit of 16
_FULL_SCALE = 0.9999
_LAST_BIT = 1.5 / 32768
_GATE = 10.0 ** (-70 / 10), 10.0 ** (-10 / 10)  # absolute, and relative to the mean of what passes: ITU-R BS.1770
_TONE_SECONDS = 0.064  # long enough to tell the harmonics of a voice apart
_AROUND = 15  # frequencies: two harmonics of a low voice
_QUIET_SHARE = 0.05  # of the frames: pauses and the closures of stops, where the noise is heard alone
_CLIFF_DECIBELS = 18.0
_NOTHING_DECIBELS = -70.0  # below the loudest frequency: the rounding to 16 bits is at -100, the noise of a room above
_LOWEST_CLIFF = 1500.0  # in Hz


@dataclass(frozen=True)
class ClipMetrics:
    """One recording, measured.

    Attributes:
        sample_rate: of the file, in Hz.
        channels: of the file; everything below is of their mean.
        seconds: length.
        peak: largest absolute sample, 1 is full scale; floats, and what lossy codecs decode to, may go beyond.
        clipped: share of the samples that lie in a flat top, 0 to 1.
        loudness: of the parts that are not pauses, in decibels below full scale, as ITU-R BS.1770 gates but without
            its filter; :data:`QUIETEST` without sound.
        snr: estimated ratio of speech to noise, in decibels, from -20 to :data:`CLEANEST`.
        leading, trailing: silence at the ends, in seconds.
        bandwidth: frequency in Hz above which the recording holds nothing; half the sample rate where it holds
            something everywhere.
        fingerprint: hash of the samples, the same for the same sound in another file.
    """

    sample_rate: int
    channels: int
    seconds: float
    peak: float
    clipped: float
    loudness: float
    snr: float
    leading: float
    trailing: float
    bandwidth: float
    fingerprint: str

    @property
    def speech_seconds(self) -> float:
        """Length without the silence at the ends."""
        return max(0.0, self.seconds - self.leading - self.trailing)


def measure_file(path: str | Path, at_most: float = MOST_SECONDS) -> ClipMetrics:
    """Decode a recording once and measure it; of one that lasts for minutes, the beginning.

    Args:
        path: of the recording.
        at_most: seconds that are decoded.

    Raises:
        UserError: as :func:`finetune_tts.audio.reading.read_original`.
    """
    original = read_original(path, at_most=at_most)
    found = measure(original.waveform, original.sample_rate, original.channels, ceiling=original.ceiling)
    if found.seconds < at_most:
        return found
    return replace(found, seconds=max(probe(path).duration, found.seconds), trailing=0.0)


def measure(wav: np.ndarray, sample_rate: int, channels: int = 1, *, ceiling: bool = True) -> ClipMetrics:
    """Measure a waveform ``[T]`` (T > 0), mostly in [-1, 1], at its own rate in Hz.

    Args:
        wav: the mean of all channels.
        sample_rate: in Hz.
        channels: that the file has.
        ceiling: whether what would go beyond full scale was cut off there; not so for floats.
    """
    powers = _frame_powers(wav, sample_rate)
    speech = _gated_power(powers)
    noise = min(_noise_power(powers), _untonal_noise_power(wav, sample_rate))
    leading, trailing = _silent_ends(powers, speech, noise)
    seconds = len(wav) / sample_rate
    # Frames are counted whole, so silence throughout would be a little longer than the recording.
    leading, trailing = min(leading, seconds), min(trailing, max(0.0, seconds - leading))
    return ClipMetrics(
        sample_rate=sample_rate,
        channels=channels,
        seconds=seconds,
        peak=float(np.abs(wav).max()),
        clipped=_clipped_share(wav, ceiling),
        loudness=_decibels(speech),
        snr=_snr(speech, noise),
        leading=leading,
        trailing=trailing,
        bandwidth=_bandwidth(wav, sample_rate),
        fingerprint=_fingerprint(wav),
    )


def _decibels(power: float) -> float:
    return max(QUIETEST, 10 * math.log10(power)) if power > 0 else QUIETEST


def _frame_powers(wav: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mean square of each frame: ``[T]`` to ``[N]`` float64, at least one."""
    size = max(1, sample_rate // _FRAMES_PER_SECOND)
    count = max(1, len(wav) // size)
    frames = np.resize(wav, size) if len(wav) < size else wav[: count * size]
    frames = frames.reshape(count, size)
    return np.einsum("nt,nt->n", frames, frames, dtype=np.float64) / size


def _gated_power(powers: np.ndarray) -> float:
    """Mean power of the frames that are not pauses."""
    absolute, relative = _GATE
    heard = powers[powers > absolute]
    if not len(heard):
        return float(powers.mean())
    return float(heard[heard >= heard.mean() * relative].mean())


def _noise_power(powers: np.ndarray) -> float:
    """Mean power of the quietest frames (of 20 ms). Digital silence was put there later, and tells nothing."""
    pairs = (powers[1:] + powers[:-1]) / 2 if len(powers) > 1 else powers
    heard = np.sort(pairs[pairs > _NO_SOUND])
    if not len(heard):
        return _NO_SOUND
    return float(heard[: max(3, int(len(heard) * _QUIET_SHARE))].mean())


def _untonal_noise_power(wav: np.ndarray, sample_rate: int) -> float:
    """Mean power of what lies between the tones in the quietest frames (of 64 ms); infinite for what is too short.

    A voice, or a note, that is held without a pause is no noise. Between its harmonics a noise shows alone: the lower
    third of the frequencies around each one tells how strong it is there.
    """
    size = 8 * round(_TONE_SECONDS * sample_rate / 8)
    count = len(wav) // size
    if count < 3:
        return math.inf
    frames = wav[: count * size].reshape(count, size)
    parts = frames.reshape(count, 8, size // 8)
    energies = np.einsum("npt,npt->np", parts, parts, dtype=np.float64) / (size // 8)
    quiet = np.argsort(energies.sum(axis=1))
    heard = energies[quiet].min(axis=1) > _NO_SOUND  # digital silence tells nothing, in no part of a frame
    quiet = quiet[heard][: max(3, int(count * _QUIET_SHARE))]
    if not len(quiet):
        return math.inf
    window = np.hanning(size).astype(np.float32)
    spectra = rfft(frames[quiet] * window)
    power = (np.square(spectra.real) + np.square(spectra.imag)).mean(axis=0, dtype=np.float64)  # [F]
    around = sliding_window_view(np.pad(power, _AROUND // 2, mode="reflect"), _AROUND)
    lower = np.partition(around, _AROUND // 3, axis=1)[:, _AROUND // 3]
    # What the lower third of powers of noise is to their mean (Wilson and Hilferty's approximation, 2 n degrees).
    degrees = 9 * len(quiet)
    share = (1 - 1 / degrees - 0.43 / math.sqrt(degrees)) ** 3
    return float(2 * lower.sum() / (size * np.square(window).sum() * share))


def _snr(speech: float, noise: float) -> float:
    ratio = max(speech - noise, 0.0) / noise
    return float(np.clip(10 * math.log10(max(ratio, 1e-2)), -20.0, CLEANEST))


def _silent_ends(powers: np.ndarray, speech: float, noise: float) -> tuple[float, float]:
    """Seconds before the first sound and after the last; all of them before it where there is none."""
    threshold = max(_NO_SOUND, speech * 1e-4, min(noise * 4, speech * 0.05))
    sounds = powers > threshold
    if len(sounds) > 1:  # a click of one frame is no speech
        pairs = sounds[1:] & sounds[:-1]
        sounds = np.append(pairs, False) | np.append(False, pairs)
    places = np.flatnonzero(sounds)
    if not len(places):
        return len(powers) / _FRAMES_PER_SECOND, 0.0
    return float(places[0]) / _FRAMES_PER_SECOND, float(len(powers) - 1 - places[-1]) / _FRAMES_PER_SECOND


def _clipped_share(wav: np.ndarray, ceiling: bool) -> float:
    """Share of samples in a flat top: two neighbours at full scale, or three at the peak that hardly differ.

    The second kind is what is left of clipping after the level was turned down. The first says nothing of floats that
    go beyond full scale: their samples are on the way to a peak that was not cut off.
    """
    sizes = np.abs(wav)
    peak = float(sizes.max())
    if peak < 0.01 or len(wav) < 3:
        return 0.0
    full = sizes >= _FULL_SCALE
    pairs = 0
    if ceiling or peak <= 1:
        pairs = int(np.count_nonzero(full[1:] & full[:-1] & (np.sign(wav[1:]) == np.sign(wav[:-1]))))
    tops = np.flatnonzero(sizes[1:-1] >= peak - 2 * _LAST_BIT) + 1
    flat = (np.abs(wav[tops] - wav[tops - 1]) < _LAST_BIT) & (np.abs(wav[tops] - wav[tops + 1]) < _LAST_BIT)
    count = max(pairs, int(np.count_nonzero(flat)))
    return float(count / len(wav))


def _bandwidth(wav: np.ndarray, sample_rate: int) -> float:
    """Find the cliff in the long-term spectrum behind which there is nothing.

    Speech falls off with frequency, but nowhere by :data:`_CLIFF_DECIBELS` within a few hundred Hz to rise no more:
    that is the filter of a lower sample rate, of a telephone or of a codec.
    """
    nyquist = sample_rate / 2
    size = 2048 if sample_rate > 30000 else 1024
    power = _long_term_spectrum(wav, size)  # [F]
    if power is None:
        return nyquist
    step = sample_rate / size
    width = max(1, round(100 / step))
    level = 10 * np.log10(np.convolve(power, np.ones(width) / width, mode="same") + 1e-20)  # [F]
    highest_above = np.maximum.accumulate(level[::-1])[::-1]
    sums = np.concatenate([[0.0], np.cumsum(level)])
    far, near, beyond = round(500 / step), round(50 / step), round(150 / step)
    places = np.arange(max(far, round(_LOWEST_CLIFF / step)), len(level) - beyond)
    if not len(places):
        return nyquist
    below = (sums[places - near] - sums[places - far]) / (far - near)
    drop = below - highest_above[places + beyond]
    best = int(drop.argmax())
    nothing = highest_above[places[best] + beyond] < level.max() + _NOTHING_DECIBELS
    return float(places[best] * step) if nothing and drop[best] >= _CLIFF_DECIBELS else nyquist


def _long_term_spectrum(wav: np.ndarray, size: int) -> np.ndarray | None:
    """Mean power spectrum of the louder half of the frames, ``[T]`` to ``[F]``; None for what is too short."""
    count = len(wav) // size
    if count < 4:
        return None
    frames = wav[: count * size].reshape(count, size)
    energies = np.einsum("nt,nt->n", frames, frames)
    loud = frames[energies >= np.median(energies)]
    if not energies.max() > 0:
        return None
    spectra = rfft(loud * np.hanning(size).astype(np.float32))
    power: np.ndarray = (np.square(spectra.real) + np.square(spectra.imag)).mean(axis=0)
    return power / power.max()


def _fingerprint(wav: np.ndarray) -> str:
    samples = np.rint(np.clip(wav, -1, 1) * 32767).astype("<i2")
    return hashlib.blake2b(samples.tobytes(), digest_size=12).hexdigest()

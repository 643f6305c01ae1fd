"""From a recording to the spectrograms that an audio config asks for, number for number as 🐸TTS computes them."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft

from finetune_tts.audio.levels import (
    Decibels,
    Line,
    MeanVarianceNormalisation,
    NoNormalisation,
    Normalisation,
    RangeNormalisation,
    backwards,
)
from finetune_tts.audio.mel_filters import mel_filter_bank
from finetune_tts.audio.pitch import HIGHEST, LOWEST, PITCH_VERSION, fundamental_frequency, voice_pitch
from finetune_tts.audio.reading import read_waveform
from finetune_tts.audio.statistics import ScaleStats, read_statistics
from finetune_tts.audio.waveform import emphasise, normalise_peak, normalise_rms, trim_silence
from finetune_tts.config.audio import AudioConfig
from finetune_tts.errors import UserError

FEATURE_VERSION = 1
"""Goes up whenever the same file and settings give other features, so that no cache serves the old ones."""

_FINGERPRINT_FIELDS = (
    "sample_rate", "fft_size", "stft_pad_mode", "preemphasis", "num_mels", "mel_fmin", "mel_fmax",
    "log_func", "spec_gain", "do_amp_to_db_linear", "do_amp_to_db_mel",
    "signal_norm", "symmetric_norm", "max_norm", "clip_norm", "min_level_db", "ref_level_db",
    "do_trim_silence", "trim_db", "do_sound_norm", "do_rms_norm", "db_level",
)  # fmt: skip
# What 🐸TTS compares with the settings that statistics were computed with; not the sample rate, as there.
_STATISTICS_FIELDS = (
    "fft_size", "win_length", "hop_length", "stft_pad_mode", "preemphasis", "num_mels", "mel_fmin", "mel_fmax",
    "log_func", "spec_gain", "do_amp_to_db_linear", "do_amp_to_db_mel",
)  # fmt: skip
_LOG_FUNCTIONS = {"np.log": True, "np.log10": False}
_PadMode = Literal["reflect", "constant", "edge", "symmetric", "wrap"]
_TRIM_MARGIN = 0.01  # seconds that 🐸TTS cuts from each end before it looks for silence
_SMALLEST_LINEAR = np.float32(1e-10)  # the least amplitude that 🐸TTS gives to Griffin-Lim
_INVERSION_STEPS = 10
_FRAMES_AT_ONCE = 256  # one block of windowed frames stays in the CPU's cache


class SpectrogramExtractor:
    """Mel and linear spectrograms as one audio config asks for them, and the way back to amplitudes.

    Dimensions: ``T_wav`` samples, ``T`` frames (``1 + T_wav // hop_length``), ``n_freq = fft_size // 2 + 1``.

    Args:
        audio: the settings.
        stats: statistics to normalise by; by default those of ``audio.stats_path``, where the config names a file.

    Raises:
        UserError: settings that contradict each other, or statistics that were computed with other settings.
    """

    def __init__(self, audio: AudioConfig, stats: ScaleStats | None = None) -> None:
        if stats is None and audio.stats_path:
            stats = read_statistics(audio.stats_path)
        self.audio = audio
        self.stats = stats
        self.sample_rate: int = audio.sample_rate
        self.fft_size: int = audio.fft_size
        self.win_length, self.hop_length = _frame_lengths(audio)
        _check(audio, self.win_length, self.hop_length)
        self._decibels = Decibels(natural=_LOG_FUNCTIONS[audio.log_func], gain=audio.spec_gain)
        self._linear_normalisation, self._mel_normalisation = _normalisations(audio, stats)
        fmax = audio.mel_fmax or audio.sample_rate / 2
        self.mel_filters = mel_filter_bank(self.sample_rate, self.fft_size, audio.num_mels, audio.mel_fmin or 0, fmax)
        self.window = _window(self.win_length, self.fft_size)

    @property
    def trims(self) -> bool:
        """Whether silence is cut from the ends of a recording, so that its length follows from no header."""
        return self.audio.do_trim_silence

    def load(self, path: str | Path) -> np.ndarray:
        """Read a recording at the model's rate, trimmed and made as loud as the config asks: ``[T_wav]`` float32.

        Raises:
            UserError: see :func:`~finetune_tts.audio.reading.read_waveform`.
        """
        return self.prepare(read_waveform(path, self.sample_rate))

    def prepare(self, wav: np.ndarray) -> np.ndarray:
        """Trim and level a waveform ``[T_wav]`` that has the model's rate already."""
        if self.audio.do_trim_silence:
            margin = int(self.sample_rate * _TRIM_MARGIN)
            wav = trim_silence(wav, self.audio.trim_db, self.win_length, self.hop_length, margin)
        if self.audio.do_sound_norm:
            wav = normalise_peak(wav)
        if self.audio.do_rms_norm and self.audio.db_level is not None:
            wav = normalise_rms(wav, self.audio.db_level)
        return wav

    def mel(self, wav: np.ndarray) -> np.ndarray:
        """The mel spectrogram of a waveform ``[T_wav]`` as a network is trained on it: ``[n_mels, T]`` float32."""
        return self._mel_normalisation.normalise(self._mel_decibels(self._amplitudes(wav)))

    def linear(self, wav: np.ndarray) -> np.ndarray:
        """The linear spectrogram of a waveform ``[T_wav]`` as a network is trained on it: ``[n_freq, T]`` float32."""
        return self._linear_normalisation.normalise(self._linear_decibels(self._amplitudes(wav)))

    def pitch(self, wav: np.ndarray) -> np.ndarray:
        """The pitch of a waveform ``[T_wav]`` in Hz, 0 where there is no voice: ``[T]`` float32."""
        lowest, highest = self._pitch_range
        centres = np.arange(self.num_frames(len(wav))) * self.hop_length
        pitch = fundamental_frequency(wav, self.sample_rate, centres, lowest, highest)
        return voice_pitch(pitch).astype(np.float32)

    def energy(self, wav: np.ndarray) -> np.ndarray:
        """The norm of each frame's amplitudes of a waveform ``[T_wav]``: ``[T]`` float32."""
        return np.sqrt(np.square(self._amplitudes(wav)).sum(axis=0))

    def pitch_settings(self) -> str:
        """What decides the pitch beside the settings of :meth:`fingerprint`."""
        lowest, highest = self._pitch_range
        return f"v{PITCH_VERSION}-{lowest:g}-{highest:g}"

    @property
    def _pitch_range(self) -> tuple[float, float]:
        """In Hz; within what is looked for at all."""
        lowest, highest = self.audio.pitch_fmin or 0.0, self.audio.pitch_fmax or HIGHEST
        return max(LOWEST, lowest), highest

    def decibels(self, wav: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Linear ``[n_freq, T]`` and mel ``[n_mels, T]`` spectrogram before normalisation, as statistics need them."""
        amplitudes = self._amplitudes(wav)
        return self._linear_decibels(amplitudes), self._mel_decibels(amplitudes)

    def num_frames(self, num_samples: int) -> int:
        """Frames of a spectrogram of a waveform of ``num_samples``."""
        return 1 + num_samples // self.hop_length

    def mel_to_decibels(self, mel: np.ndarray) -> np.ndarray:
        """Undo the normalisation of a mel spectrogram: ``[n_mels, T]`` to ``[n_mels, T]``."""
        return self._mel_normalisation.denormalise(np.asarray(mel, dtype=np.float32))

    def mel_from_decibels(self, decibels: np.ndarray) -> np.ndarray:
        """Normalise a mel spectrogram: the inverse of :meth:`mel_to_decibels`."""
        return self._mel_normalisation.normalise(np.asarray(decibels, dtype=np.float32))

    def decibels_of_mel(self, amplitudes: np.ndarray) -> np.ndarray:
        """Decibels of mel amplitudes ``[n_mels, T]``, or these themselves where the config asks for none."""
        return self._decibels.from_amplitude(amplitudes) if self.audio.do_amp_to_db_mel else amplitudes

    def mel_amplitudes(self, mel: np.ndarray) -> np.ndarray:
        """Undo normalisation and decibels of a mel spectrogram: ``[n_mels, T]`` to ``[n_mels, T]``, at least 0."""
        decibels = self.mel_to_decibels(mel)
        return self._decibels.to_amplitude(decibels) if self.audio.do_amp_to_db_mel else np.maximum(decibels, 0)

    def lines_to(self, other: "SpectrogramExtractor") -> tuple[Line, ...] | None:
        """What makes a mel spectrogram with these settings one with those of another extractor, step by step.

        None where it cannot be said in such steps: one of them has amplitudes in place of decibels, the other not.
        """
        ours, theirs = self._decibels, other._decibels
        between: tuple[Line, ...] = ()
        if self.audio.do_amp_to_db_mel != other.audio.do_amp_to_db_mel:
            return None
        if self.audio.do_amp_to_db_mel and ours != theirs:
            between = (ours.line_to(theirs),)
        return *self._mel_normalisation.lines, *between, *backwards(other._mel_normalisation.lines)

    def linear_amplitudes(self, linear: np.ndarray) -> np.ndarray:
        """Undo normalisation and decibels of a linear spectrogram: ``[n_freq, T]`` to ``[n_freq, T]``, at least 0."""
        decibels = self._linear_normalisation.denormalise(np.asarray(linear, dtype=np.float32))
        return self._decibels.to_amplitude(decibels) if self.audio.do_amp_to_db_linear else np.maximum(decibels, 0)

    def mel_to_linear(self, mel: np.ndarray) -> np.ndarray:
        """Amplitudes whose mel spectrogram is the given one: ``[n_mels, T]`` to ``[n_freq, T]``, at least 1e-10.

        Of the many that there are, one that stays smooth within a band: ten multiplicative steps (Lee, Seung 1999,
        for the Kullback-Leibler divergence) from an even spread. Unlike the pseudo-inverse this makes no negative
        amplitudes, whose cutting off distorts the bands. ``docs/audio.md`` compares them.
        """
        spread = self.mel_filters.T / np.maximum(self.mel_filters.sum(axis=0), _SMALLEST_LINEAR)[:, None]
        linear = spread @ (mel / np.maximum(self.mel_filters.sum(axis=1), _SMALLEST_LINEAR)[:, None])
        for _ in range(_INVERSION_STEPS):
            linear *= spread @ (mel / (self.mel_filters @ linear + _SMALLEST_LINEAR))
        return np.maximum(linear, _SMALLEST_LINEAR)

    def fingerprint(self) -> str:
        """A hash of everything that decides what features a file gets: settings, statistics, version of this code."""
        settings: dict[str, Any] = {name: getattr(self.audio, name) for name in _FINGERPRINT_FIELDS}
        settings |= {"win_length": self.win_length, "hop_length": self.hop_length, "version": FEATURE_VERSION}
        settings["statistics"] = self.stats.digest() if self.stats else None
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def _amplitudes(self, wav: np.ndarray) -> np.ndarray:
        """Absolute value of the short-time Fourier transform: ``[T_wav]`` to ``[n_freq, T]`` float32."""
        wav = np.ascontiguousarray(wav, dtype=np.float32)
        if self.audio.preemphasis:
            wav = emphasise(wav, self.audio.preemphasis)
        padded = np.pad(wav, self.fft_size // 2, mode=cast(_PadMode, self.audio.stft_pad_mode))
        frames = sliding_window_view(padded, self.fft_size)[:: self.hop_length]
        amplitudes = np.empty((len(frames), self.fft_size // 2 + 1), dtype=np.float32)
        for start in range(0, len(frames), _FRAMES_AT_ONCE):
            spectrum = rfft(frames[start : start + _FRAMES_AT_ONCE] * self.window)
            # Four times as fast as abs(), which guards against an overflow that samples in [-1, 1] cannot cause.
            np.sqrt(np.square(spectrum.real) + np.square(spectrum.imag), out=amplitudes[start : start + len(spectrum)])
        return amplitudes.T

    def _mel_decibels(self, amplitudes: np.ndarray) -> np.ndarray:
        return self.decibels_of_mel(self.mel_filters @ amplitudes)

    def _linear_decibels(self, amplitudes: np.ndarray) -> np.ndarray:
        return self._decibels.from_amplitude(amplitudes) if self.audio.do_amp_to_db_linear else amplitudes


def _frame_lengths(audio: AudioConfig) -> tuple[int, int]:
    """Window and hop in samples, from milliseconds where the config gives no hop."""
    if audio.hop_length is not None:
        return (audio.fft_size if audio.win_length is None else audio.win_length), audio.hop_length
    if not audio.frame_shift_ms or not audio.frame_length_ms:
        raise UserError(
            "audio.hop_length is null, and so is audio.frame_shift_ms or audio.frame_length_ms. "
            "Set hop_length and win_length in samples, or both times in milliseconds."
        )
    win_length = int(audio.frame_length_ms / 1000.0 * audio.sample_rate)
    return win_length, int(win_length / (audio.frame_length_ms / audio.frame_shift_ms))


def _check(audio: AudioConfig, win_length: int, hop_length: int) -> None:
    """Refuse settings that no spectrogram can be computed with; all of them are named at once."""
    faults = []
    if not 0 < win_length <= audio.fft_size:
        faults.append(f"win_length is {win_length}, must be 1 to fft_size ({audio.fft_size})")
    if not 0 < hop_length <= win_length:
        faults.append(f"hop_length is {hop_length}, must be 1 to win_length ({win_length})")
    if audio.log_func not in _LOG_FUNCTIONS:
        faults.append(f"log_func is {audio.log_func!r}, must be one of {', '.join(_LOG_FUNCTIONS)}")
    if audio.stft_pad_mode not in get_args(_PadMode):
        faults.append(f"stft_pad_mode is {audio.stft_pad_mode!r}, must be one of {', '.join(get_args(_PadMode))}")
    highest = audio.sample_rate / 2
    if not (audio.mel_fmin or 0) < (audio.mel_fmax or highest) <= highest:
        faults.append(f"mel_fmin {audio.mel_fmin} and mel_fmax {audio.mel_fmax} must rise, up to {highest:g} Hz")
    if audio.signal_norm and not audio.min_level_db < 0:
        faults.append(f"min_level_db is {audio.min_level_db}, must be below 0")
    if not audio.spec_gain > 0:
        faults.append(f"spec_gain is {audio.spec_gain}, must be above 0")
    if audio.do_rms_norm and audio.db_level is None:
        faults.append("do_rms_norm is true, but db_level is null: set it, for example to -27")
    if faults:
        raise UserError(f"the audio settings do not fit: {'; '.join(f'audio.{fault}' for fault in faults)}.")


def _normalisations(audio: AudioConfig, stats: ScaleStats | None) -> tuple[Normalisation, Normalisation]:
    """How linear and mel spectrograms are normalised. Statistics go before ``signal_norm``, as in 🐸TTS."""
    if stats is not None:
        _check_statistics(audio, stats)
        return (
            MeanVarianceNormalisation(stats.linear_mean, stats.linear_std),
            MeanVarianceNormalisation(stats.mel_mean, stats.mel_std),
        )
    if not audio.signal_norm:
        return NoNormalisation(), NoNormalisation()
    lowest = -audio.max_norm if audio.symmetric_norm else 0.0
    span = RangeNormalisation(audio.ref_level_db, audio.min_level_db, lowest, audio.max_norm, audio.clip_norm)
    return span, span


def _check_statistics(audio: AudioConfig, stats: ScaleStats) -> None:
    way_out = "Use the settings of the statistics, or compute them again and set audio.stats_path."
    if len(stats.mel_mean) != audio.num_mels or len(stats.linear_mean) != audio.fft_size // 2 + 1:
        raise UserError(
            f"the statistics are for {len(stats.mel_mean)} mel and {len(stats.linear_mean)} linear channels, "
            f"the config asks for {audio.num_mels} and {audio.fft_size // 2 + 1}. {way_out}"
        )
    differing = [
        f"audio.{name} was {stats.audio_config[name]} and is {getattr(audio, name)}"
        for name in _STATISTICS_FIELDS
        if name in stats.audio_config and (stats.audio_config[name] or 0) != (getattr(audio, name) or 0)
    ]
    if differing:
        raise UserError(f"the statistics were computed with other settings: {'; '.join(differing)}. {way_out}")


def _window(win_length: int, fft_size: int) -> np.ndarray:
    """A periodic Hann window of ``win_length`` in the middle of ``fft_size`` zeros, float32."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / win_length)
    before = (fft_size - win_length) // 2
    return np.pad(hann, (before, fft_size - win_length - before)).astype(np.float32)

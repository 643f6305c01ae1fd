"""The model's audio settings against the recordings: what to leave, what is resampled, what to set."""

from dataclasses import dataclass
from typing import Any

from finetune_tts.assembly.pretrained import audio_changes
from finetune_tts.audio.clip_metrics import QUIETEST
from finetune_tts.check.finding import Finding, Severity, fine
from finetune_tts.check.recording_checks import LONG_SILENCE, NARROW, UNEVEN
from finetune_tts.check.summary import DataSummary
from finetune_tts.config.audio import AudioConfig

LEAVE = "leave"
_SOME_SILENCE = 0.3
"""Seconds of silence at the ends, in half of the clips, that are worth trimming."""
_ABOVE_NOISE = 6
"""Decibels that ``trim_db`` should stay above the noise."""


@dataclass(frozen=True)
class AudioVerdict:
    """One audio setting.

    Attributes:
        setting: what it is about.
        model: value of the model.
        data: what the recordings have.
        verdict: what to do about it, ``leave`` or ``resample`` in most cases.
        severity: how much it matters.
        set: a ``--coqpit.audio.*`` flag with its value, where the verdict is to set one. Never one that decides what
            the spectrograms look like that the weights were trained on.
    """

    setting: str
    model: str
    data: str
    verdict: str
    severity: Severity = Severity.FINE
    set: str = ""

    def to_dict(self) -> dict[str, str]:
        """Everything as plain values, for JSON."""
        return {
            "setting": self.setting,
            "model": self.model,
            "data": self.data,
            "verdict": self.verdict,
            "severity": self.severity.value,
            "set": self.set,
        }


def audio_verdicts(audio: AudioConfig, data: DataSummary) -> tuple[AudioVerdict, ...]:
    """Compare each setting of a model with the recordings; empty where none was measured."""
    if not data.measured:
        return ()
    return (
        _sample_rate(audio, data),
        _channels(data),
        _mel_range(audio, data),
        _loudness(audio, data),
        _trimming(audio, data),
        AudioVerdict(
            "spectrograms",
            f"{audio.num_mels} bands, window {audio.win_length or audio.fft_size}, hop {audio.hop_length}",
            "any",
            f"{LEAVE}: the weights depend on them",
        ),
    )


def mel_reach(audio: AudioConfig) -> float:
    """Highest frequency that a model hears, in Hz."""
    return float(audio.mel_fmax or audio.sample_rate / 2)


def check_same_spectrograms(there: AudioConfig | None, here: AudioConfig) -> Finding:
    """Say which settings differ from those that the pre-trained weights depend on.

    Args:
        there: settings of the weights; None for a model that starts from scratch.
        here: settings of the run.
    """
    if there is None:
        return fine("audio_settings", "no pre-trained weights depend on the audio settings")
    changed = audio_changes(there, here)
    if not changed:
        return fine("audio_settings", "the audio settings are those that the weights were trained with")
    return Finding(
        "audio_settings",
        Severity.ADVISES,
        f"{len(changed)} audio settings differ from those that the weights depend on: {', '.join(changed)}",
        "The model has to learn its spectrograms again. Unless you want that, leave them as the model has them.",
        count=len(changed),
    )


def _sample_rate(audio: AudioConfig, data: DataSummary) -> AudioVerdict:
    rate = audio.sample_rate
    lower = sum(clips for found, clips in data.sample_rates.items() if found < rate)
    verdict, severity = LEAVE, Severity.FINE
    if lower:
        verdict = f"resample ({lower} clips have a lower rate: nothing is heard above it)"
        severity = Severity.ADVISES
    elif set(data.sample_rates) != {rate}:
        verdict = "resample (done here, once)"
    return AudioVerdict("sample rate", f"{rate} Hz", _counts(data.sample_rates, " Hz"), verdict, severity)


def _channels(data: DataSummary) -> AudioVerdict:
    names = {1: "mono", 2: "stereo"}
    found = {names.get(channels, f"{channels} channels"): clips for channels, clips in data.channels.items()}
    verdict = LEAVE if set(found) == {"mono"} else "mix to one (done here)"
    return AudioVerdict("channels", "mono", _counts(found), verdict)


def _mel_range(audio: AudioConfig, data: DataSummary) -> AudioVerdict:
    reach, found = mel_reach(audio), data.bandwidth or 0.0
    highest = max(data.sample_rates) / 2
    if found >= NARROW * reach:
        verdict, severity = LEAVE, Severity.FINE
    else:
        why = "upsampled, or cut by a codec" if found < NARROW * highest else "of a lower rate"
        verdict = f"{LEAVE}, but the recordings are {why}: the voice will sound dull. Take the originals"
        severity = Severity.ADVISES
    model = f"{audio.mel_fmin or 0:g} to {reach:g} Hz"
    return AudioVerdict("mel range", model, f"up to {found:.0f} Hz (half of the clips)", verdict, severity)


def _loudness(audio: AudioConfig, data: DataSummary) -> AudioVerdict:
    model = "as recorded"
    if audio.do_rms_norm and audio.db_level is not None:
        model = f"made {audio.db_level:g} dBFS"
    elif audio.do_sound_norm:
        model = "same peak"
    if data.loudness is None or data.loudness <= QUIETEST:
        return AudioVerdict("loudness", model, "silence", LEAVE)
    found = f"{data.loudness:.0f} dBFS, spread {data.loudness_spread:.1f} dB"
    if model == "as recorded" and data.loudness_spread > UNEVEN:
        flag = f"--coqpit.audio.do_rms_norm true --coqpit.audio.db_level {data.loudness:.0f}"
        return AudioVerdict("loudness", model, found, f"set {flag}", Severity.ADVISES, flag)
    return AudioVerdict("loudness", model, found, LEAVE)


def _trimming(audio: AudioConfig, data: DataSummary) -> AudioVerdict:
    leading, trailing, snr = data.leading or 0.0, data.trailing or 0.0, data.snr or 0.0
    found = f"{leading:.2f} s before, {trailing:.2f} s after (median)"
    if not audio.do_trim_silence:
        if max(leading, trailing) < _SOME_SILENCE:
            return AudioVerdict("silence at the ends", "kept", found, LEAVE)
        flag = "--coqpit.audio.do_trim_silence true"
        severity = Severity.ADVISES if max(leading, trailing) >= LONG_SILENCE else Severity.FINE
        return AudioVerdict("silence at the ends", "kept", found, f"set {flag}", severity, flag)
    model = f"trimmed at {audio.trim_db} dB"
    if snr < audio.trim_db and max(leading, trailing) >= _SOME_SILENCE and snr > 2 * _ABOVE_NOISE:
        flag = f"--coqpit.audio.trim_db {snr - _ABOVE_NOISE:.0f}"
        return AudioVerdict("silence at the ends", model, f"{found}, noise {snr:.0f} dB below speech", f"set {flag}",
                            Severity.ADVISES, flag)  # fmt: skip
    return AudioVerdict("silence at the ends", model, found, LEAVE)


def _counts(found: dict[Any, int], unit: str = "") -> str:
    if len(found) == 1:
        return f"{next(iter(found))}{unit}"
    return ", ".join(f"{value}{unit} ({clips})" for value, clips in list(found.items())[:4])

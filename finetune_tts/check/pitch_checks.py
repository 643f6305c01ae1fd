"""Checks of the pitch of recordings, for models that learn it: what it would be mistaken for."""

from collections.abc import Sequence

import numpy as np

from finetune_tts.audio.pitch import LOWEST
from finetune_tts.check.finding import Finding, Severity, about, fine
from finetune_tts.config.audio import AudioConfig
from finetune_tts.data.features import FeatureCache
from finetune_tts.data.sample import Sample
from finetune_tts.errors import counted

HARDLY_VOICED = 0.15
"""Share of voiced frames below which a clip is hardly spoken with a voice; speech has a half, with pauses a third."""
JUMP = 1.7
"""Ratio of the pitch of two frames in a row that no voice makes: what is heard is another harmonic."""
JUMPS = 0.02
"""Share of such steps from which on the pitch of a clip is not to be trusted."""
AT_AN_EDGE = 0.02
"""Share of voiced frames within a twentieth of the end of the range, from which on it cuts the voice off."""

Heard = Sequence[tuple[Sample, np.ndarray]]


def check_pitch(samples: Sequence[Sample], cache: FeatureCache, audio: AudioConfig) -> list[Finding]:
    """Look at the pitch of recordings.

    Args:
        samples: whose recordings to look at.
        cache: their features, the pitch among them.
        audio: the model's settings.

    Raises:
        UserError: a recording cannot be read.
    """
    heard = [(sample, cache.contour(sample, "pitch")) for sample in samples]
    voiced = np.concatenate([pitch[pitch > 0] for _, pitch in heard]) if heard else np.zeros(0)
    if not len(voiced):
        return [
            Finding(
                "pitch",
                Severity.STOPS,
                f"no pitch is found in {counted(len(heard), 'recording')}",
                "The model learns the pitch of a voice. Look whether the recordings hold one, and at "
                "audio.pitch_fmin and audio.pitch_fmax.",
                count=len(heard),
            )
        ]
    return [_range(heard, voiced), *_cut_off(voiced, audio), _hardly_voiced(heard), _jumps(heard)]


def _range(heard: Heard, voiced: np.ndarray) -> Finding:
    low, middle, high = np.percentile(voiced, [5, 50, 95])
    share = len(voiced) / sum(len(pitch) for _, pitch in heard)
    return fine(
        "pitch",
        f"pitch around {middle:.0f} Hz, mostly {low:.0f} to {high:.0f} Hz; {share:.0%} of the frames are voiced "
        f"({counted(len(heard), 'recording')})",
    )


def _cut_off(voiced: np.ndarray, audio: AudioConfig) -> list[Finding]:
    """Say where the range that the pitch is looked for in is too narrow for the voice."""
    findings = []
    lowest, highest = max(LOWEST, audio.pitch_fmin or 0), audio.pitch_fmax or 0
    for field, share, way in (
        ("pitch_fmin", float(np.mean(voiced < lowest * 1.05)) if lowest > LOWEST else 0.0, "Lower"),
        ("pitch_fmax", float(np.mean(voiced > highest / 1.05)), "Raise"),
    ):
        if share > AT_AN_EDGE:
            findings.append(
                Finding(
                    "pitch_range",
                    Severity.ADVISES,
                    f"{share:.0%} of the voice is at the end of the range, audio.{field} = {getattr(audio, field):g}",
                    f"{way} it: --coqpit.audio.{field} HZ",
                    count=1,
                )
            )
    return findings


def _hardly_voiced(heard: Heard) -> Finding:
    shares = [(sample, float(np.mean(pitch > 0))) for sample, pitch in heard]
    return about(
        "unvoiced",
        [(-share, sample, f"{share:.0%} of the frames") for sample, share in shares if share < HARDLY_VOICED],
        title="{count} with hardly any voice",
        advice="Whispering, noise or long pauses: the model would learn them as a flat voice. Leave them out.",
        otherwise="every recording has a voice",
    )


def _jumps(heard: Heard) -> Finding:
    found = []
    for sample, pitch in heard:
        both = (pitch[1:] > 0) & (pitch[:-1] > 0)
        steps = np.abs(np.log(pitch[1:][both] / pitch[:-1][both]))
        share = float(np.mean(steps > np.log(JUMP))) if len(steps) else 0.0
        if share > JUMPS:
            found.append((share, sample, f"{share:.1%} of the steps"))
    return about(
        "octave_jumps",
        found,
        title="{count} whose pitch jumps by octaves",
        advice="Noise, music, a second speaker or a creaky voice hides the pitch. Leave them out if they are many.",
        otherwise="the pitch of no recording jumps by octaves",
        spoils=False,
    )

"""Checks of recordings: what spoils a voice that is trained on them."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from finetune_tts.audio.clip_metrics import ClipMetrics
from finetune_tts.check.finding import Finding, Severity, about, fine
from finetune_tts.check.measuring import Measured
from finetune_tts.data.sample import Sample

CLIPPED = 2e-4
"""Share of samples in flat tops from where on it is heard; a recording at full scale has a tenth of it."""
BEYOND = 1.25
"""Peak, 1 being full scale, that the codecs' rounding does not explain."""
SILENT = -50.0
"""Loudness in decibels below full scale under which there is hardly a voice."""
NOISY = 15.0
"""Signal-to-noise ratio in decibels under which a model learns to reproduce the noise."""
LEARNED_SILENCE = 0.5
"""Seconds at an end of half of the clips: a habit that a model learns."""
LONG_SILENCE = 0.8
"""Seconds at an end that an aligning model has no symbol for."""
UNEVEN = 4.0
"""Spread of the loudness in decibels (of a normal distribution) from where on clips are heard as louder and softer."""
FAR_FROM_OTHERS = 10.0
"""Decibels between a clip's loudness and that of the others."""
NARROW = 0.75
"""Share of the model's mel range that a recording should fill."""

#: standard deviation of a normal distribution whose median absolute deviation is 1.
_SPREAD = 1.4826

Heard = Sequence[tuple[Sample, ClipMetrics]]


def check_recordings(
    samples: Sequence[Sample], measured: Measured, *, trims: bool, levels: bool, highest: float
) -> list[Finding]:
    """Look at the recordings of all samples.

    Args:
        samples: the samples.
        measured: their recordings; those that were not measured are passed over.
        trims: the model's settings cut silence from the ends.
        levels: the model's settings make all clips equally loud.
        highest: upper end of the model's mel range, in Hz.
    """
    every = [(sample, measured.clips[sample.audio_file]) for sample in samples if sample.audio_file in measured.clips]
    heard = [(sample, clip) for sample, clip in every if clip.loudness >= SILENT]
    return [
        _unreadable(samples, measured),
        _silent(every),
        _clipped(heard),
        _beyond_full_scale(heard, levels),
        _noisy(heard),
        _end_silence(heard, trims),
        *_usual_silence(heard, trims),
        _loudness(heard, levels),
        _narrow(heard, highest),
        _same_recording(every),
    ]


def loudness_spread(clips: Iterable[ClipMetrics]) -> tuple[float, float]:
    """Median loudness and its robust spread, both in decibels; 0 spread for fewer than three clips."""
    values = np.array([clip.loudness for clip in clips if clip.loudness >= SILENT])
    if not len(values):
        return -math.inf, 0.0
    middle = float(np.median(values))
    return middle, (_SPREAD * float(np.median(np.abs(values - middle))) if len(values) > 2 else 0.0)


def _unreadable(samples: Sequence[Sample], measured: Measured) -> Finding:
    faults = [
        (0.0, sample, measured.faults[sample.audio_file]) for sample in samples if sample.audio_file in measured.faults
    ]
    return about(
        "unreadable",
        faults,
        title="{count} cannot be read",
        advice="Put the files right, or leave them out with --write_filtered.",
        otherwise="every recording can be read",
        severity=Severity.STOPS,
    )


def _silent(every: Heard) -> Finding:
    found = [(-clip.loudness, sample, f"{clip.loudness:.0f} dBFS") for sample, clip in every if clip.loudness < SILENT]
    if found and len(found) == len(every):
        return about(
            "silent",
            found,
            title="{count} nearly silent, and no other",
            advice="There is nothing to learn from. Listen to one of them: another microphone or channel was recorded, "
            "or the level is far too low.",
            otherwise="",
            severity=Severity.STOPS,
        )
    return about(
        "silent",
        found,
        title="{count} nearly silent",
        advice="Record them again at a higher level, or leave them out.",
        otherwise="none is nearly silent",
    )


def _clipped(heard: Heard) -> Finding:
    found = [
        (clip.clipped, sample, f"{clip.clipped:.2%} of the samples")
        for sample, clip in heard
        if clip.clipped >= CLIPPED
    ]
    return about(
        "clipped",
        found,
        title="{count} clipped",
        advice="Record them again at a lower level; the model would learn the distortion. Few of many do little harm.",
        otherwise="none is clipped",
    )


def _beyond_full_scale(heard: Heard, levels: bool) -> Finding:
    found = [
        (clip.peak, sample, f"peaks at {20 * math.log10(clip.peak):+.1f} dBFS")
        for sample, clip in heard
        if clip.peak >= BEYOND and not levels
    ]
    return about(
        "beyond_full_scale",
        found,
        title="{count} beyond full scale",
        advice="A voice is synthesised up to full scale and no further. Export them at a lower level, or let the peaks "
        "be levelled: --coqpit.audio.do_sound_norm true",
        otherwise="none goes beyond full scale",
        spoils=False,
    )


def _noisy(heard: Heard) -> Finding:
    found = [(-clip.snr, sample, f"SNR {clip.snr:.0f} dB") for sample, clip in heard if clip.snr < NOISY]
    return about(
        "noisy",
        found,
        title="{count} noisy (signal-to-noise ratio below " + f"{NOISY:.0f} dB)",
        advice="Leave them out or remove the noise; the model would learn to reproduce it.",
        otherwise="none is noisy",
    )


def _end_silence(heard: Heard, trims: bool) -> Finding:
    found = [
        (max(clip.leading, clip.trailing), sample, f"{clip.leading:.1f} s before, {clip.trailing:.1f} s after")
        for sample, clip in heard
        if max(clip.leading, clip.trailing) >= LONG_SILENCE
    ]
    title = "{count} with more than " + f"{LONG_SILENCE} s of silence at an end"
    if trims:
        advice = "The model's settings trim it (audio.do_trim_silence), so nothing needs to be done."
        severity = Severity.FINE
    else:
        advice = "Let it be trimmed: --coqpit.audio.do_trim_silence true"
        severity = Severity.ADVISES
    return about(
        "end_silence",
        found,
        title=title,
        advice=advice,
        otherwise="no long silence at the ends",
        severity=severity,
        spoils=False,
    )


def _usual_silence(heard: Heard, trims: bool) -> list[Finding]:
    """What half of the clips have at an end the voice will have too."""
    if trims or not heard:
        return []
    leading = float(np.median([clip.leading for _, clip in heard]))
    trailing = float(np.median([clip.trailing for _, clip in heard]))
    if max(leading, trailing) < LEARNED_SILENCE:
        return []
    return [
        Finding(
            "usual_silence",
            Severity.ADVISES,
            f"half of the clips begin with {leading:.1f} s of silence and end with {trailing:.1f} s",
            "The model learns it, and puts silence or extra sounds there. Let it be trimmed: "
            "--coqpit.audio.do_trim_silence true",
            count=len(heard),
        )
    ]


def check_amount(minutes: float, enough: float) -> list[Finding]:
    """Say whether there are enough recordings for a model to learn from.

    Args:
        minutes: that there are.
        enough: below which a pre-trained model is better left as it is; 0 where that is not known.
    """
    if not enough:
        return []
    if minutes >= enough:
        return [fine("amount", f"{minutes:.0f} min of recordings to learn from")]
    return [
        Finding(
            "amount",
            Severity.ADVISES,
            f"{minutes:.1f} min of recordings are little to learn from",
            f"From {enough:g} min on a voice comes closer, some 10 are good. Record more, or compare with the "
            "pre-trained model speaking after a recording: tts --speaker_wav",
            count=1,
        )
    ]


def _loudness(heard: Heard, levels: bool) -> Finding:
    middle, spread = loudness_spread(clip for _, clip in heard)
    if not heard:
        return fine("loudness", "no clip to tell the loudness of")
    if levels or len(heard) < 3:
        why = ", made even by the model's settings" if levels else ""
        return fine("loudness", f"loudness around {middle:.0f} dBFS{why}")
    # Where all are uneven, those that the listener would notice are named; else only what stands out.
    limit = UNEVEN if spread > UNEVEN else FAR_FROM_OTHERS
    far = [
        (abs(clip.loudness - middle), sample, f"{clip.loudness:.0f} dBFS, the others around {middle:.0f}")
        for sample, clip in heard
        if abs(clip.loudness - middle) > limit
    ]
    return about(
        "loudness",
        far,
        title="{count} far louder or softer than the others " + f"(spread {spread:.1f} dB)",
        advice=f"Make them even: --coqpit.audio.do_rms_norm true --coqpit.audio.db_level {middle:.0f}",
        otherwise=f"loudness even: {middle:.0f} dBFS, spread {spread:.1f} dB",
        spoils=False,
    )


def _narrow(heard: Heard, highest: float) -> Finding:
    found = [
        (-clip.bandwidth, sample, f"nothing above {clip.bandwidth / 1000:.1f} kHz in a file of {clip.sample_rate} Hz")
        for sample, clip in heard
        if clip.bandwidth < NARROW * highest
    ]
    return about(
        "narrow",
        found,
        title="{count} with less bandwidth than the model has " + f"({highest / 1000:g} kHz)",
        advice="They have a lower rate, were upsampled, or came through a telephone or a codec: the voice will sound "
        "dull. Take the original recordings, or a model of a lower sample rate.",
        otherwise=f"all reach up to what the model hears ({highest / 1000:g} kHz)",
        spoils=len(found) < len(heard) / 2,
    )


def _same_recording(every: Heard) -> Finding:
    copies = _copies(every, lambda sample, clip: clip.fingerprint)
    return about(
        "duplicate_audio",
        [(1.0, sample, f"the same recording as {first.name}") for sample, first in copies],
        title="{count} with the recording of another one",
        advice="One of the two has the wrong transcript, or is listed twice: leave the wrong one out.",
        otherwise="no recording stands there twice",
    )


def _copies(every: Heard, key: Callable[[Sample, ClipMetrics], object]) -> list[tuple[Sample, Sample]]:
    """Samples that are like an earlier one, with that one. The same file with other texts is one recording."""
    first: dict[object, Sample] = {}
    copies = []
    for sample, clip in every:
        original = first.setdefault(key(sample, clip), sample)
        if original is not sample:
            copies.append((sample, original))
    return copies


def check_pace(samples: Sequence[Sample], symbols: Sequence[int], measured: Measured) -> Finding:
    """Find clips that are far too fast or too slow for their text: a wrong transcript, or a recording cut off.

    Seconds per symbol are compared with the median of the same speaker, by the median absolute deviation. A short text
    may deviate more, since a pause counts more in it. What nobody can speak is found in the smallest data set too.

    Args:
        samples: the samples.
        symbols: letters or phonemes of each one's text.
        measured: their recordings.
    """
    places = [
        place
        for place, sample in enumerate(samples)
        if symbols[place] and (clip := measured.clips.get(sample.audio_file)) and clip.loudness >= SILENT
    ]
    seconds = {place: max(0.01, measured.clips[samples[place].audio_file].speech_seconds) for place in places}
    pace = {place: seconds[place] / symbols[place] for place in places}
    speakers = defaultdict(list)
    for place in places:
        speakers[samples[place].speaker].append(place)
    everyone = _middle([pace[place] for place in places])
    found = []
    for own in speakers.values():
        median, spread = _middle([pace[place] for place in own]) if len(own) >= _ENOUGH else everyone
        for place in own:
            distance = math.log(pace[place] / median)
            allowed = _FAR * math.sqrt(spread**2 + 1 / symbols[place]) if len(places) >= _ENOUGH else math.inf
            if abs(distance) > allowed or not _FASTEST <= pace[place] <= _SLOWEST:
                kind = "fast" if pace[place] < median or pace[place] < _FASTEST else "slow"
                note = f"too {kind}: {1000 * pace[place]:.0f} ms a symbol, the others {1000 * median:.0f}"
                found.append((abs(distance), samples[place], note))
    return about(
        "pace",
        found,
        title="{count} far too fast or too slow for the text",
        advice="Listen whether the text is what is said, and whether the recording is whole.",
        otherwise="text and length belong together",
    )


_ENOUGH = 10
"""Clips from where on their median tells how a speaker speaks."""
_FAR = 4.0
_LEAST_SPREAD = 0.12
_FASTEST, _SLOWEST = 0.015, 0.6
"""Seconds per symbol that nobody speaks faster or slower than, in any language or script."""


def _middle(values: Sequence[float]) -> tuple[float, float]:
    """Median, and robust spread of the logarithm."""
    if not values:
        return 1.0, _LEAST_SPREAD
    logs = np.log(values)
    middle = float(np.median(logs))
    return math.exp(middle), max(_LEAST_SPREAD, _SPREAD * float(np.median(np.abs(logs - middle))))

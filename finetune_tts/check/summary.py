"""A data set in numbers: how much of what there is, by whom, at which rates."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from finetune_tts.audio.clip_metrics import ClipMetrics
from finetune_tts.check.measuring import Measured
from finetune_tts.check.recording_checks import loudness_spread
from finetune_tts.check.transcript_checks import Coverage
from finetune_tts.data.sample import Sample

#: borders of the histogram of lengths, in seconds.
BORDERS = (0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, math.inf)


@dataclass(frozen=True)
class Bar:
    """A bar of the histogram of lengths: clips from ``start`` to ``end`` seconds (None: without end)."""

    start: float
    end: float | None
    clips: int


@dataclass(frozen=True)
class DataSummary:
    """A data set in numbers.

    Attributes:
        clips: how many samples there are.
        measured: of how many the recording was listened to.
        minutes: of all recordings that were listened to.
        speakers, languages: name → samples, most first.
        sample_rates, channels: as found in the files → samples.
        lengths: histogram.
        loudness, loudness_spread: median and robust spread, in decibels; the median None without any sound.
        snr: median signal-to-noise ratio in decibels; None without any recording.
        bandwidth: median in Hz, likewise.
        trailing, leading: median silence at the ends in seconds, likewise.
        symbols_heard: symbol of the vocabulary → how often it is heard, most first.
        symbols_unheard: letters and phonemes of the vocabulary that are never heard.
    """

    clips: int
    measured: int
    minutes: float
    speakers: dict[str, int]
    languages: dict[str, int]
    sample_rates: dict[int, int]
    channels: dict[int, int]
    lengths: tuple[Bar, ...]
    loudness: float | None
    loudness_spread: float
    snr: float | None
    bandwidth: float | None
    leading: float | None
    trailing: float | None
    symbols_heard: dict[str, int]
    symbols_unheard: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return asdict(self)


def summarise(samples: Sequence[Sample], measured: Measured, found: Coverage | None) -> DataSummary:
    """Put a data set into numbers.

    Args:
        samples: the samples.
        measured: their recordings, or some of them.
        found: which symbols are heard; None for a data set without texts.
    """
    clips = [measured.clips[sample.audio_file] for sample in samples if sample.audio_file in measured.clips]
    loudness, spread = loudness_spread(clips)
    return DataSummary(
        clips=len(samples),
        measured=len(clips),
        minutes=sum(clip.seconds for clip in clips) / 60,
        speakers=_counts(sample.speaker for sample in samples),
        languages=_counts(sample.language for sample in samples if sample.language),
        sample_rates=_counts(clip.sample_rate for clip in clips),
        channels=_counts(clip.channels for clip in clips),
        lengths=_histogram(clips),
        loudness=None if math.isinf(loudness) else loudness,
        loudness_spread=spread,
        snr=_median([clip.snr for clip in clips]),
        bandwidth=_median([clip.bandwidth for clip in clips]),
        leading=_median([clip.leading for clip in clips]),
        trailing=_median([clip.trailing for clip in clips]),
        symbols_heard=dict(found.heard.most_common()) if found else {},
        symbols_unheard=found.unheard if found else (),
    )


def _counts(values: Any) -> dict[Any, int]:
    return dict(Counter(values).most_common())


def _median(values: list[float]) -> float | None:
    return float(np.median(values)) if values else None


def _histogram(clips: Sequence[ClipMetrics]) -> tuple[Bar, ...]:
    counts, _ = np.histogram([clip.seconds for clip in clips], bins=np.array(BORDERS))
    return tuple(
        Bar(start, None if math.isinf(end) else end, int(count))
        for start, end, count in zip(BORDERS[:-1], BORDERS[1:], counts, strict=True)
    )

"""What is measured of a sentence that a model has synthesised, in words: plain data, which costs nothing to import."""

import math
from dataclasses import dataclass
from typing import Literal

Aim = Literal["low", "high", "one"]


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        key: its name for ``--select_by`` and in files.
        title: its name for people.
        unit: of its values; "" for a plain number, "%" for a share that is stored as 0 to 1.
        aim: whether low values are good, high ones, or those near one.
        digits: after the decimal point.
        least: the difference, of :meth:`badness`, below which two means over some sentences are the same.
        definition: how it is computed, in a sentence or two.
        source: the paper or standard that it follows.
    """

    key: str
    title: str
    unit: str
    aim: Aim
    digits: int
    least: float
    definition: str
    source: str

    def badness(self, value: float) -> float:
        """A number that is lower the better ``value`` is."""
        if self.aim == "low":
            return value
        if self.aim == "high":
            return -value
        return abs(math.log(value)) if value > 0 else math.inf

    @property
    def aim_in_words(self) -> str:
        """Which values are good."""
        return {"low": "lower is better", "high": "higher is better", "one": "1 is best"}[self.aim]

    def text(self, value: float) -> str:
        """A value as the user reads it."""
        if self.unit == "%":
            return f"{100 * value:.{self.digits}f} %"
        return f"{value:.{self.digits}f}{' ' if self.unit else ''}{self.unit}"


METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric(
            "mcd", "mel-cepstral distortion", "dB", "low", 2, 0.1,
            "Distance of the spectral envelopes: 13 mel-cepstral coefficients without loudness, compared along the "
            "path of dynamic time warping.",
            "Kubichek 1993; Battenberg et al. 2020 (over a DTW path)",
        ),
        Metric(
            "f0", "pitch error", "cents", "low", 0, 10,
            "Root mean square of the pitch difference where both voices are voiced, 1200 cents to the octave.",
            "de Cheveigné, Kawahara 2002 (YIN)",
        ),
        Metric(
            "f0_hz", "pitch error", "Hz", "low", 1, 2,
            "The same in Hz.",
            "de Cheveigné, Kawahara 2002 (YIN)",
        ),
        Metric(
            "f0_correlation", "pitch correlation", "", "high", 2, 0.02,
            "Correlation of the logarithms of both pitches where both are voiced: 1 is the same melody, whatever its "
            "height.",
            "Hermes 1998",
        ),
        Metric(
            "vuv", "voicing error", "%", "low", 1, 0.01,
            "Share of the frames of the path that are voiced in one and unvoiced in the other.",
            "Nakatani et al. 2008",
        ),
        Metric(
            "duration", "duration", "× recording", "one", 2, 0.02,
            "How long the sentence lasts, silence at its ends left out, divided by the recording's length: below 1 it "
            "is spoken faster.",
            "plain ratio",
        ),
        Metric(
            "silence", "silence at the ends", "s", "low", 2, 0.05,
            "Time before and behind the sentence that is more than 40 dB below its loudest part.",
            "plain sum",
        ),
        Metric(
            "babble", "speech beyond the text", "s", "low", 2, 0.05,
            "Seconds by which the sentence, silence at its ends left out, lasts longer than one and a half times the "
            "recording: it goes on after its text.",
            "plain difference",
        ),
        Metric(
            "energy", "energy error", "dB", "low", 2, 0.2,
            "Root mean square of the difference in loudness along the path, both brought to the same mean loudness.",
            "plain difference of frame levels",
        ),
        Metric(
            "focus", "attention focus", "%", "high", 1, 0.02,
            "Mean over the frames of the largest weight of the attention: 100 % listens to one symbol at a time. "
            "Models without attention have none.",
            "Ren et al. 2019",
        ),
        Metric(
            "backward", "attention going back", "%", "low", 1, 0.01,
            "Share of the frames whose most heeded symbol stands before that of the frame before: words repeated.",
            "plain share",
        ),
        Metric(
            "similarity", "speaker similarity", "", "high", 3, 0.01,
            "Cosine of the angle between the vectors that the model's speaker encoder gives for both voices.",
            "Wan et al. 2018 (GE2E)",
        ),
        Metric(
            "wer", "word error rate", "%", "low", 1, 0.02,
            "Words to insert, delete or replace in what a speech recogniser hears, divided by the words of the text.",
            "Levenshtein 1966",
        ),
        Metric(
            "cer", "character error rate", "%", "low", 1, 0.01,
            "The same for characters.",
            "Levenshtein 1966",
        ),
    )
}  # fmt: skip

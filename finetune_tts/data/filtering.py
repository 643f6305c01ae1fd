"""Samples that a model cannot learn from are left out, and counted by reason."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune_tts.audio.reading import AudioInfo
from finetune_tts.config.bounds import Bounds
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)

LONGEST_SECONDS = 120.0
"""Bound where ``max_audio_len`` sets none. No sentence lasts as long; one forgotten file of hours fills any memory."""


@dataclass(frozen=True)
class Filtered:
    """What a filter left.

    Attributes:
        kept: samples to use, in their order.
        dropped: reason → samples left out.
    """

    kept: list[Sample]
    dropped: Mapping[str, list[Sample]]

    def table(self) -> str:
        """The reasons with their numbers, a line each; empty if nothing was dropped."""
        return "\n".join(
            f"{len(samples):6d}  {reason} ({', '.join(sample.name for sample in samples[:3])}"
            f"{', …' if len(samples) > 3 else ''})"
            for reason, samples in self.dropped.items()
        )


def filter_samples(
    samples: Sequence[Sample],
    infos: Mapping[Path, AudioInfo],
    *,
    sample_rate: int,
    needs_text: bool = True,
    min_text_len: float = 1,
    max_text_len: float = math.inf,
    min_audio_len: float = 1,
    max_audio_len: float = math.inf,
) -> Filtered:
    """Skip samples whose text or recording is too short or too long.

    Args:
        samples: all samples.
        infos: what ``probe_samples`` found.
        sample_rate: the model's, in Hz.
        needs_text: False for a model that does not read, such as a vocoder; bounds of the text do not count then.
        min_text_len: shortest text, in characters.
        max_text_len: longest text, in characters.
        min_audio_len: shortest recording, in samples at the model's rate as in 🐸TTS.
        max_audio_len: longest recording, in samples at the model's rate; where it is infinite, ``LONGEST_SECONDS``
            is the bound.

    Raises:
        UserError: nothing is left; the filters that dropped the samples are named.
    """
    unbounded = math.isinf(max_audio_len)
    longest = LONGEST_SECONDS if unbounded else max_audio_len / sample_rate

    def reason(sample: Sample) -> str | None:
        seconds = infos[sample.audio_file].duration
        length = len(sample.text)
        if needs_text and not sample.text.strip():
            return "no text"
        if needs_text and length < min_text_len:
            return f"text shorter than {min_text_len:g} characters (min_text_len)"
        if needs_text and length > max_text_len:
            return f"text longer than {max_text_len:g} characters (max_text_len)"
        if seconds * sample_rate < min_audio_len:
            return f"recording shorter than {min_audio_len / sample_rate:.2f} s (min_audio_len {min_audio_len:g})"
        if seconds > longest:
            setting = "set max_audio_len to keep it" if unbounded else f"max_audio_len {max_audio_len:g}"
            return f"recording longer than {longest:g} s ({setting})"
        return None

    return _sorted_out(samples, [reason(sample) for sample in samples])


def filter_empty_texts(samples: Sequence[Sample], empty: Sequence[bool]) -> Filtered:
    """Skip samples of whose text nothing is left that the model can read.

    Args:
        samples: the samples.
        empty: whether this is so, in the same order.

    Raises:
        UserError: nothing is left.
    """
    reason = "text without any character of the model's vocabulary"
    return _sorted_out(samples, [reason if is_empty else None for is_empty in empty])


def filter_by_bounds(
    samples: Sequence[Sample], seconds: Sequence[float], token_lengths: Sequence[int], bounds: Bounds
) -> Filtered:
    """Leave out samples that the network has no room for, or learns nothing from.

    Args:
        samples: the samples, with what follows in the same order.
        seconds: lengths of the recordings.
        token_lengths: numbers of tokens.
        bounds: of the network.

    Raises:
        UserError: nothing is left.
    """

    def reason(length: float, tokens: int) -> str | None:
        if length < bounds.shortest:
            return f"recording shorter than {bounds.shortest:.2g} s, the least that the model learns from"
        if length > bounds.longest:
            return f"recording longer than {bounds.longest:.1f} s, the most that the model is trained on"
        if tokens > bounds.most_tokens:
            return f"text of more than {bounds.most_tokens:g} tokens, the most that the model is trained on"
        return None

    return _sorted_out(samples, [reason(*lengths) for lengths in zip(seconds, token_lengths, strict=True)])


def filter_by_alignment(
    samples: Sequence[Sample], token_lengths: Sequence[int], mel_lengths: Sequence[int], frames_per_step: int = 1
) -> Filtered:
    """Skip samples with fewer mel frames than tokens: no monotonic alignment gives every token a frame.

    Args:
        samples: the samples, with their lengths in the same order.
        token_lengths: numbers of tokens.
        mel_lengths: numbers of mel frames.
        frames_per_step: frames that the network joins; the last incomplete group does not count (2 for Glow-TTS).

    Raises:
        UserError: nothing is left.
    """

    def reason(tokens: int, frames: int) -> str | None:
        return "fewer mel frames than tokens" if frames // frames_per_step * frames_per_step < tokens else None

    return _sorted_out(samples, [reason(*lengths) for lengths in zip(token_lengths, mel_lengths, strict=True)])


def _sorted_out(samples: Sequence[Sample], reasons: Sequence[str | None]) -> Filtered:
    kept = [sample for sample, reason in zip(samples, reasons, strict=True) if reason is None]
    dropped: dict[str, list[Sample]] = {}
    for sample, reason in zip(samples, reasons, strict=True):
        if reason is not None:
            dropped.setdefault(reason, []).append(sample)
    filtered = Filtered(kept, dropped)
    if samples and not kept:
        counts = "; ".join(f"{len(found)}: {reason}" for reason, found in dropped.items())
        raise UserError(f"The filters leave none of the {len(samples)} samples ({counts}). Loosen the filter named.")
    if dropped:
        logger.warning("%d of %d samples are left out:\n%s", len(samples) - len(kept), len(samples), filtered.table())
    return filtered

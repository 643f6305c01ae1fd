"""Speech that keeps to times: as long as a cue of subtitles may last, and where it stands among others."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.voice import Speech, Voice

FASTEST = 0.5
"""Of a duration factor: speech that is faster than twice as fast is understood by nobody."""
_TRIES = 3
_SPARE = 0.98  # durations are whole frames, and some cannot be shortened
_SILENCE_AT_ONCE = 2**18


def speak_within(voice: Voice, text: str, delivery: Delivery, seconds: float) -> Speech:
    """Synthesise a text, faster where it would last longer than ``seconds``.

    What cannot be made so fast is as fast as it can be; a model that has no durations to change is as it is.

    Raises:
        UserError: as :meth:`Voice.speak`.
    """
    first = speech = voice.speak(text, delivery)
    lowest = FASTEST * _length_scale(voice, delivery)
    factor = _length_scale(voice, delivery)
    for _ in range(_TRIES):
        if speech.seconds <= seconds or factor <= lowest:
            break
        factor = max(lowest, factor * _SPARE * seconds / speech.seconds)
        speech = voice.speak(text, replace(delivery, length_scale=factor))
    return speech if speech.seconds < first.seconds else first


def _length_scale(voice: Voice, delivery: Delivery) -> float:
    """The duration factor that a text is synthesised with."""
    if delivery.length_scale is not None:
        return delivery.length_scale
    config: Any = voice.config
    own = getattr(config, "length_scale", None)
    return float(getattr(getattr(config, "model_args", None), "length_scale", 1.0) if own is None else own)


def placed(clips: Iterable[tuple[int, np.ndarray]]) -> Iterator[np.ndarray]:
    """Put clips where they start, and hand over what is done of the whole, with silence in between.

    Args:
        clips: the sample at which each starts, which never goes back, and its waveform ``[T]``. Where one is not over
            when the next starts, both are heard.
    """
    position, pending = 0, np.zeros(0, dtype=np.float32)
    for start, waveform in clips:
        done, pending = pending[: start - position], pending[start - position :]
        yield done
        position += len(done)
        while position < start:
            silence = np.zeros(min(_SILENCE_AT_ONCE, start - position), dtype=np.float32)
            yield silence
            position += len(silence)
        longer = max(len(pending), len(waveform))
        both = np.zeros(longer, dtype=np.float32)
        both[: len(pending)] += pending
        both[: len(waveform)] += waveform
        pending = both
    yield pending

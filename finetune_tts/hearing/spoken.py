"""A sentence as a model synthesises it, and whatever can synthesise one."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from finetune_tts.hearing.held_out_sentences import Sentence


@dataclass(frozen=True)
class Spoken:
    """A sentence as a model synthesises it.

    Attributes:
        waveform: ``[T]`` float32.
        sample_rate: in Hz.
        alignment: ``[T_mel, T_text]``; None for a model that has none.
        note: what the user has to know about it; "" for nothing.
    """

    waveform: np.ndarray
    sample_rate: int
    alignment: np.ndarray | None = None
    note: str = ""


class Speaker(Protocol):
    """Synthesises sentences."""

    def speak(self, sentence: Sentence) -> Spoken:
        """Synthesise.

        Raises:
            UserError: this one cannot be synthesised.
        """
        ...

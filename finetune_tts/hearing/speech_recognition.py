"""A speech recogniser that writes down what it hears: pocketsphinx for English, or one of transformers.

Both are extras: a report without them has no word error rates, and says so.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from finetune_tts.audio.reading import resample
from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16000
NONE, POCKETSPHINX = "none", "pocketsphinx"

_ENGLISH = "en"


@dataclass(frozen=True)
class Recogniser:
    """Writes speech down.

    Attributes:
        name: for people.
        hear: a waveform ``[T]`` float32 at :data:`SAMPLE_RATE` → what is said in it.
    """

    name: str
    hear: Callable[[np.ndarray], str]

    def transcript(self, wav: np.ndarray, sample_rate: int) -> str:
        """What is said in a waveform ``[T]`` of any sample rate in Hz."""
        return self.hear(resample(np.asarray(wav, dtype=np.float32), sample_rate, SAMPLE_RATE))


def find_recogniser(name: str | None, language: str) -> Recogniser | None:
    """Return the speech recogniser that the user names, or one that is available for the language, or None.

    Args:
        name: ``pocketsphinx``, ``none``, or a model for speech recognition of the package transformers: a folder, or
            a name that it knows. None takes pocketsphinx if it is installed and the language is English.
        language: of the sentences, as an ISO code such as ``en`` or ``en-us``; empty if it is not known.

    Raises:
        UserError: the one that is named cannot be used.
    """
    if name == NONE:
        return None
    if name is None:
        english = language.lower().replace("_", "-").split("-")[0] == _ENGLISH
        return _pocketsphinx() if english and find_spec("pocketsphinx") else None
    return _pocketsphinx() if name == POCKETSPHINX else _transformers(name)


def _pocketsphinx() -> Recogniser:
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise UserError(
            "--recogniser pocketsphinx: it is not installed. Install it: pip install 'finetune-tts[eval]'"
        ) from error

    def hear(wav: np.ndarray) -> str:
        # A decoder adapts to what it has heard; a fresh one makes each result independent of the others.
        decoder = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")
        decoder.start_utt()
        decoder.process_raw((np.clip(wav, -1.0, 1.0) * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        hypothesis = decoder.hyp()
        return str(hypothesis.hypstr) if hypothesis is not None else ""

    return Recogniser(POCKETSPHINX, hear)


def _transformers(name: str) -> Recogniser:
    try:
        from transformers import pipeline
    except ImportError as error:
        raise UserError(
            f"--recogniser {name}: needs the package transformers. Install it, or use --recogniser {POCKETSPHINX} for "
            f"English, or {NONE}."
        ) from error
    try:
        recognise: Any = pipeline("automatic-speech-recognition", model=name)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise UserError(f"--recogniser {name}: transformers cannot load it ({error}).") from error

    def hear(wav: np.ndarray) -> str:
        return str(recognise({"raw": wav, "sampling_rate": SAMPLE_RATE})["text"])

    return Recogniser(name, hear)

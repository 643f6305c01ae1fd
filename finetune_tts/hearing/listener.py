"""Lets voices synthesise sentences, and measures what is heard."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from finetune_tts.audio.reading import read_original, resample
from finetune_tts.errors import UserError
from finetune_tts.hearing.attention import attention_values
from finetune_tts.hearing.comparison import Analysis, analyse, distances
from finetune_tts.hearing.held_out_sentences import Sentence
from finetune_tts.hearing.speech_recognition import Recogniser
from finetune_tts.hearing.spoken import Speaker, Spoken
from finetune_tts.hearing.words import error_rates

if TYPE_CHECKING:
    from finetune_tts.speaker_encoder.encoder import SpeakerEncoder

logger = logging.getLogger(__name__)

HIGHEST_RATE = 24000
"""In Hz: recordings of a higher rate are brought down to it; what lies above is not what voices differ in."""


@dataclass(frozen=True)
class Utterance:
    """A sentence, spoken by somebody, and what is told of it.

    Attributes:
        sound: what is heard; None where it could not be synthesised, which ``note`` then explains.
        mel_power: ``[N, 80]``, for its picture.
        values: key of a metric → value.
        heard: what a speech recogniser wrote down; "" without one.
        note: what the user has to know about it.
    """

    sound: Spoken | None
    mel_power: np.ndarray | None = None
    values: dict[str, float] = field(default_factory=dict)
    heard: str = ""
    note: str = ""


class Listener:
    """Hears sentences, and compares them with their recordings.

    Args:
        recogniser: writes down what is said; None leaves the error rates out.
        encoder: tells voices apart; None leaves the similarity out.
    """

    def __init__(self, recogniser: Recogniser | None = None, encoder: "SpeakerEncoder | None" = None) -> None:
        self.recogniser = recogniser
        self.encoder = encoder
        self._analyses: dict[tuple[str, int], Analysis] = {}
        self._vectors: dict[str, np.ndarray] = {}

    def recorded(self, sentence: Sentence) -> Utterance:
        """The recording itself, of which only errors in words can be told."""
        try:
            wav, rate = _recording(sentence.recording)
        except UserError as error:
            return Utterance(None, note=str(error))
        values, heard = self._words(sentence, wav, rate)
        return Utterance(Spoken(wav, rate), analyse(wav, rate).mel_power, values, heard)

    def spoken(self, speaker: Speaker, sentence: Sentence) -> Utterance:
        """Let a voice synthesise, and compare it with the recording where there is one."""
        try:
            spoken = speaker.speak(sentence)
        except UserError as error:
            return Utterance(None, note=str(error))
        return self.judged(sentence, spoken)

    def judged(self, sentence: Sentence, spoken: Spoken) -> Utterance:
        """Compare what has been synthesised with the recording of it, where there is one."""
        if not np.isfinite(spoken.waveform).all() or not spoken.waveform.size:
            return Utterance(None, note="it gave no sound that can be played.")
        values, heard = self._words(sentence, spoken.waveform, spoken.sample_rate)
        rate = min(spoken.sample_rate, HIGHEST_RATE)
        own = analyse(resample(spoken.waveform, spoken.sample_rate, rate), rate)
        values["silence"] = own.silence
        if spoken.alignment is not None:
            values |= attention_values(spoken.alignment)
        if sentence.recording:
            try:
                values |= self._compared(sentence, spoken, own, rate)
            except UserError as error:
                logger.debug("%s: not compared (%s)", sentence.recording, error)
        return Utterance(spoken, own.mel_power, values, heard, spoken.note)

    def apart(self, one: Utterance, other: Utterance) -> dict[str, float]:
        """How far two models are apart that say the same sentence; nothing where one of them says none."""
        if one.sound is None or other.sound is None:
            return {}
        first, second = one.sound, other.sound
        rate = min(first.sample_rate, second.sample_rate, HIGHEST_RATE)
        values = distances(
            analyse(resample(first.waveform, first.sample_rate, rate), rate),
            analyse(resample(second.waveform, second.sample_rate, rate), rate),
        )
        if self.encoder is not None:
            from finetune_tts.speaker_encoder.encoder import cosine_similarity

            try:
                vectors = [self.encoder.vector_of_waveform(sound.waveform, sound.sample_rate)
                           for sound in (first, second)]  # fmt: skip
            except UserError as error:  # one of them is too short to tell a voice by
                logger.debug("no similarity (%s)", error)
            else:
                values["similarity"] = cosine_similarity(*vectors)
        return values

    def _compared(self, sentence: Sentence, spoken: Spoken, own: Analysis, rate: int) -> dict[str, float]:
        wav, recorded_rate = _recording(sentence.recording)
        common = min(rate, recorded_rate)
        if common != rate:
            own = analyse(resample(spoken.waveform, spoken.sample_rate, common), common)
        key = (sentence.recording, common)
        if key not in self._analyses:
            self._analyses[key] = analyse(resample(wav, recorded_rate, common), common)
        values = distances(self._analyses[key], own)
        if self.encoder is not None:
            from finetune_tts.speaker_encoder.encoder import cosine_similarity

            try:
                if sentence.recording not in self._vectors:
                    self._vectors[sentence.recording] = self.encoder.vector_of_waveform(wav, recorded_rate)
                vector = self.encoder.vector_of_waveform(spoken.waveform, spoken.sample_rate)
            except UserError as error:  # one of them is too short to tell a voice by
                logger.debug("%s: no similarity (%s)", sentence.recording, error)
            else:
                values["similarity"] = cosine_similarity(self._vectors[sentence.recording], vector)
        return values

    def _words(self, sentence: Sentence, wav: np.ndarray, rate: int) -> tuple[dict[str, float], str]:
        if self.recogniser is None or not sentence.text:
            return {}, ""
        heard = self.recogniser.transcript(wav, rate)
        return error_rates(sentence.text, heard), heard


def _recording(path: str) -> tuple[np.ndarray, int]:
    original = read_original(path)
    rate = min(original.sample_rate, HIGHEST_RATE)
    return resample(original.waveform, original.sample_rate, rate), rate


@dataclass(frozen=True)
class Spread:
    """A metric over several sentences."""

    mean: float
    deviation: float
    """Standard deviation over the sentences; 0 for a single one."""
    count: int


def spread(utterances: Sequence[Utterance], key: str) -> Spread | None:
    """Sum up a metric; None where no utterance has it."""
    values = [utterance.values[key] for utterance in utterances if key in utterance.values]
    if not values:
        return None
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0, len(values))

"""The sentences that a model synthesises in training, and who speaks them.

A sentence is a text, or a list of text, speaker, style and language, as configs of 🐸TTS have them.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from finetune_tts.config.speech import SpeechConfig
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError
from finetune_tts.files import read_text
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.voice import Voice
from finetune_tts.tasks.spoken_samples import Speaker, SpokenSample, sentence_text

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Teller:
    """Who speaks a sentence, and in which language; None where the model has but one."""

    speaker: str | None = None
    language: str | None = None


def sample_speaker(voice: Voice, default: Teller | None = None) -> Speaker:
    """Return what synthesises test sentences in training: the same path as ``tts``.

    Args:
        voice: whose network is trained.
        default: of sentences that name no speaker or no language.
    """

    def speak(network: nn.Module, sentence: Any) -> SpokenSample:
        teller = teller_of(sentence, default or Teller())
        if not voice.speaker_names:  # recordings name who speaks them also where the model has but one voice
            teller = replace(teller, speaker=None)
        speech = voice.speak(sentence_text(sentence), delivery_of(sentence, teller, voice))
        return SpokenSample(speech.waveform, speech.sample_rate, speech.mel, speech.alignment)

    return speak


def teller_of(sentence: Any, default: Teller) -> Teller:
    """Who speaks a test sentence: a text, or a list of text, speaker, style and language as in 🐸TTS."""
    parts: Sequence[Any] = sentence if isinstance(sentence, list | tuple) else [sentence]
    speaker = parts[1] if len(parts) > 1 else None
    language = parts[3] if len(parts) > 3 else None
    return Teller(speaker or default.speaker, language or default.language)


def style_of(sentence: Any, voice: Voice) -> Any:
    """The style of a test sentence, for a model that has styles: a recording, weights of tokens, or None."""
    return sentence[2] if voice.takes_styles and isinstance(sentence, list | tuple) and len(sentence) > 2 else None


def delivery_of(sentence: Any, teller: Teller, voice: Voice) -> Delivery:
    """How a test sentence is to be synthesised."""
    return Delivery(speaker=teller.speaker, language=teller.language, style=style_of(sentence, voice))


def test_sentences_of(config: SpeechConfig) -> list[str | list[Any]]:
    """The test sentences that a config names, in itself or in a file."""
    if not config.test_sentences_file:
        return config.test_sentences
    lines = [line.strip() for line in read_text(config.test_sentences_file).splitlines()]
    return [line for line in lines if line]


def told_anew(sentence: str | list[Any], samples: Sequence[Sample], speaker: str | None) -> str | list[Any]:
    """A sentence of a released config, spoken by the new voice where the one that it names is not in the recordings."""
    if not isinstance(sentence, list) or len(sentence) < 2:
        return sentence
    if any(sample.speaker == sentence[1] for sample in samples):
        return sentence
    return [sentence[0], speaker, *sentence[2:]]


def speakable(voice: Voice, sentences: Sequence[str | list[Any]], default: Teller) -> list[str | list[Any]]:
    """Skip the sentences that would stop the run when they are to be synthesised."""
    kept = []
    for sentence in sentences:
        teller = teller_of(sentence, default)
        try:
            voice.require_speakable(sentence_text(sentence), delivery_of(sentence, teller, voice))
        except UserError as error:
            logger.warning("The test sentence %r is left out. %s", sentence, error)
        else:
            kept.append(sentence)
    return kept

"""Whether a model with stored-away precision is still understood: its word errors beside those of the full one."""

from collections.abc import Sequence
from dataclasses import dataclass

from finetune_tts.catalog.folder import provenance
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.errors import UserError
from finetune_tts.hearing.held_out_sentences import Sentence, held_out_sentences, typed_sentences
from finetune_tts.hearing.run_listener import language_of
from finetune_tts.hearing.speech_recognition import Recogniser, find_recogniser
from finetune_tts.hearing.words import edits, words
from finetune_tts.runs.record import read_record
from finetune_tts.sharing.source import Source
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.voice import Voice

MOST_MORE = 0.01
"""Word errors, as a share of the words, that fewer bits may cost."""
_HELD_OUT = 20


@dataclass(frozen=True)
class Hearing:
    """What word errors are counted with.

    Attributes:
        sentences: that are spoken.
        recogniser: writes down what it hears.
    """

    sentences: Sequence[Sentence]
    recogniser: Recogniser

    def word_error_rate(self, voice: Voice) -> float:
        """Errors of all sentences together, divided by the number of their words."""
        wrong = total = 0
        for sentence in self.sentences:
            speech = voice.speak(sentence.text, _delivery(sentence))
            expected = words(sentence.text)
            wrong += edits(expected, words(self.recogniser.transcript(speech.waveform, speech.sample_rate)))
            total += len(expected)
        return wrong / total


def hearing_of(source: Source, voice: Voice) -> Hearing | None:
    """What the word errors of a model are counted with; None where there is no speech recogniser, or no sentence.

    Raises:
        UserError: the record of the run is damaged.
    """
    folder = source.weights.parent
    record = read_record(folder)
    config = voice.config
    assert isinstance(config, SpeechConfig)
    origin = provenance(folder)
    language = language_of(config, record) or (origin.name.split("/")[1] if origin and origin.name else "")
    recogniser = find_recogniser(None, language)
    teller = (record.speaker, record.language) if record is not None else ("", "")
    clips = record.clips if record is not None else ()
    wanted = [*held_out_sentences(clips, _HELD_OUT), *typed_sentences(config.test_sentences, *teller)]
    sentences = [sentence for sentence in wanted if words(sentence.text) and _can_say(voice, sentence)]
    return Hearing(sentences, recogniser) if recogniser is not None and sentences else None


def _delivery(sentence: Sentence) -> Delivery:
    return Delivery(speaker=sentence.speaker or None, language=sentence.language or None)


def _can_say(voice: Voice, sentence: Sentence) -> bool:
    try:
        voice.require_speakable(sentence.text, _delivery(sentence))
    except UserError:
        return False
    return True


def require_understood(hearing: Hearing | None, full: Voice, lesser: Voice, precision: str) -> str:
    """Find out whether a model in fewer bits is understood as well as the full one.

    Args:
        hearing: what word errors are counted with; None where that cannot be.
        full: the model.
        lesser: the model in fewer bits.
        precision: of that one.

    Returns:
        A line for the user: what was measured.

    Raises:
        UserError: it is understood worse.
    """
    if hearing is None:
        return "word errors: not measured, for lack of a speech recogniser of this language or of sentences: listen"
    before, after = hearing.word_error_rate(full), hearing.word_error_rate(lesser)
    said = f"{before:.3f} → {after:.3f} ({len(hearing.sentences)} sentences, heard by {hearing.recogniser.name})"
    if after > before + MOST_MORE:
        raise UserError(f"--precision {precision}: not written, as the voice would be understood worse: {said}.")
    return f"word errors: {said}"

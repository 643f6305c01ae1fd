"""What was forgotten: the speakers and languages of the base that the recordings do not have, before and after."""

from collections.abc import Sequence
from dataclasses import dataclass

from finetune_tts.hearing.held_out_sentences import Sentence
from finetune_tts.hearing.listener import Utterance
from finetune_tts.hearing.speaking import VoiceSpeaker
from finetune_tts.hearing.spoken import Speaker
from finetune_tts.report.phrases import phrase_in
from finetune_tts.runs.record import RunRecord

MOST_SPEAKERS, MOST_LANGUAGES = 3, 5


@dataclass(frozen=True)
class OldVoice:
    """Something that the base could do and that was not trained on: a speaker or a language of it.

    Attributes:
        kind: ``speaker`` or ``language``.
        name: which one.
        sentence: that is synthesised.
    """

    kind: str
    name: str
    sentence: Sentence


@dataclass(frozen=True)
class Remembered:
    """How the base says a sentence, and how the fine-tuned model says it.

    Attributes:
        old: whose it is.
        before, after: of the base and of the fine-tuned model.
        values: how far apart they are, by the key of a metric.
    """

    old: OldVoice
    before: Utterance
    after: Utterance
    values: dict[str, float]


def old_voices(
    base: Speaker, record: RunRecord, sentences: Sequence[Sentence], most: int = MOST_LANGUAGES
) -> list[OldVoice]:
    """Choose some speakers and languages of a base that a run has not trained on, always the same ones.

    Args:
        base: the model that the run started from.
        record: of the run.
        sentences: that were to be said anyway; the speakers say the first of them that has a text.
        most: speakers, and languages, where somebody does not want to wait.
    """
    sentence = next((one for one in sentences if one.text), None)
    if not isinstance(base, VoiceSpeaker) or sentence is None:
        return []
    trained = {*record.data.speakers, record.speaker, *(clip.speaker for clip in record.clips)}
    others = [name for name in base.speakers if name not in trained]
    found = [
        OldVoice("speaker", name, Sentence(sentence.text, name, sentence.language))
        for name in _spread(others, min(most, MOST_SPEAKERS))
    ]
    spoken = {_short(name) for name in (*record.data.languages, record.language) if name}
    if spoken:
        phrases = {name: phrase_in(name) for name in base.languages if _short(name) not in spoken}
        speaker = others[0] if others else record.speaker
        known = [name for name, phrase in phrases.items() if phrase]
        found += [
            OldVoice("language", name, Sentence(phrases[name], speaker, name))
            for name in _spread(known, min(most, MOST_LANGUAGES))
        ]
    return found


def lacks(speaker: Speaker, old: OldVoice) -> bool:
    """Whether a model does not know a speaker or language any more."""
    if not isinstance(speaker, VoiceSpeaker):
        return True
    return old.name not in (speaker.speakers if old.kind == "speaker" else speaker.languages)


def _short(language: str) -> str:
    return language.lower().replace("_", "-").split("-")[0]


def _spread(names: Sequence[str], count: int) -> list[str]:
    """``count`` of the names at equal distances."""
    if len(names) <= count:
        return list(names)
    return [names[(2 * number + 1) * len(names) // (2 * count)] for number in range(count)]

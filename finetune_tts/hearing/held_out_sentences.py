"""Which sentences a report lets the models synthesise."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from finetune_tts.runs.record import Clip

_LONGEST_TEXT = 250
"""Characters: a longer test sentence is left to ``tts``."""
_TEST_SENTENCES = 5


@dataclass(frozen=True)
class Sentence:
    """Something to be synthesised.

    Attributes:
        text: what is to be said.
        speaker: who is to say it; "" leaves it to the model.
        language: of the text; "" leaves it to the model.
        recording: file of somebody saying it, "" for a test sentence.
    """

    text: str
    speaker: str = ""
    language: str = ""
    recording: str = ""


def held_out_sentences(clips: Sequence[Clip], count: int) -> list[Sentence]:
    """Choose ``count`` of the held-out clips, spread evenly over them and over their speakers; always the same ones."""
    by_speaker: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_speaker[clip.speaker].append(clip)
    speakers = sorted(by_speaker.values(), key=len, reverse=True)
    share = -(-count // max(len(speakers), 1))
    turns = zip_longest(*(_spread(own, share) for own in speakers))
    chosen = [clip for clip in chain.from_iterable(turns) if clip is not None][:count]
    return [Sentence(clip.text, clip.speaker, clip.language, clip.audio_file) for clip in chosen]


def typed_sentences(
    sentences: Sequence[Any], speaker: str, language: str = "", *, count: int = _TEST_SENTENCES
) -> list[Sentence]:
    """The first test sentences of a config: a text, or a list of text, speaker, style and language as in 🐸TTS.

    Args:
        sentences: of the config.
        speaker: of those that name none.
        language: of those that name none.
        count: most of them.
    """
    found = []
    for sentence in sentences:
        parts = list(sentence) if isinstance(sentence, list | tuple) else [sentence]
        parts += [None] * (4 - len(parts))
        text = str(parts[0] or "")
        if text and len(text) <= _LONGEST_TEXT:
            found.append(Sentence(text, parts[1] or speaker, parts[3] or language))
    return found[:count]


def _spread(clips: Sequence[Clip], count: int) -> list[Clip]:
    """``count`` of the clips at equal distances."""
    if len(clips) <= count:
        return list(clips)
    return [clips[(2 * number + 1) * len(clips) // (2 * count)] for number in range(count)]

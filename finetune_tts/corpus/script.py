"""A text as espeak-ng speaks it: the sound that recordings are aligned with, and where each word is in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetune_tts.audio.reading import resample
from finetune_tts.corpus.hearing import BANDS, FRAME, SAMPLE_RATE, WINDOW, spectra_of
from finetune_tts.data.processes import in_processes
from finetune_tts.data.progress import progress
from finetune_tts.text.espeak import espeak_library
from finetune_tts.text.sentences import divide, find_sentences

_LONGEST = 400  # characters that are spoken at once
_AT_ONCE = 20  # sentences that a process is given
# Letters of scripts that put no spaces between words: each of them counts as a word.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_unspaced_end = re.compile(rf"[{_UNSPACED}\u3000-\u303f\uff00-\uffef]$")
_word = re.compile(rf"[{_UNSPACED}][^\s{_UNSPACED}\w]*|[^\s{_UNSPACED}]+(?:(?<=\w)[^\s{_UNSPACED}\w]+)?")


@dataclass(frozen=True)
class Word:
    """A word of the text, with the signs that follow it.

    Attributes:
        start, end: its characters in the text.
        frame: at which it begins to be heard; None where espeak-ng runs it together with the one before.
    """

    start: int
    end: int
    frame: int | None


@dataclass(frozen=True)
class Script:
    """A text and its sound.

    Attributes:
        text: on one line.
        words: in their order.
        spectra: ``[N, BANDS]`` float32, as those of :class:`finetune_tts.corpus.hearing.Heard`.
    """

    text: str
    words: list[Word]
    spectra: np.ndarray


def spoken_script(text: str, language: str) -> Script:
    """Have espeak-ng speak a text.

    It says nothing twice in quite the same way: what it said before has an effect. So one process speaks all of it.

    Args:
        text: as people read it.
        language: a code of espeak-ng.

    Raises:
        UserError: espeak-ng does not speak the language.
    """
    voice = espeak_library().voice(language)
    sentences = [part for sentence in find_sentences(text) for part in divide(sentence, _LONGEST)]
    jobs = [(voice, sentences[begin : begin + _AT_ONCE]) for begin in range(0, len(sentences), _AT_ONCE)]
    words: list[Word] = []
    spectra = [np.empty((0, BANDS), dtype=np.float32)]
    place = frames = 0
    for job, spoken in zip(
        jobs, progress(in_processes(_speak, jobs, 1, apart=True), len(jobs), "Speaking the text"), strict=True
    ):
        for sentence, (sound, found) in zip(job[1], spoken, strict=True):
            words += [
                Word(place + start, place + end, None if frame is None else frames + frame)
                for start, end, frame in found
            ]
            spectra.append(sound)
            place += len(sentence) + len(_space_behind(sentence))
            frames += len(sound)
    text = "".join(sentence + _space_behind(sentence) for sentence in sentences).rstrip()
    return Script(text, words, np.concatenate(spectra))


def _space_behind(sentence: str) -> str:
    """What stands between a sentence and the next: nothing in scripts that put no spaces between words."""
    return "" if _unspaced_end.search(sentence) else " "


def _speak(job: tuple[str, Sequence[str]]) -> list[tuple[np.ndarray, list[tuple[int, int, int | None]]]]:
    voice, sentences = job
    return [_spoken(sentence, voice) for sentence in sentences]


def _spoken(sentence: str, voice: str) -> tuple[np.ndarray, list[tuple[int, int, int | None]]]:
    """The spectra of a sentence; start, end and first frame of its words."""
    spoken = espeak_library().speak(sentence, voice)
    samples = np.frombuffer(spoken.sound, np.int16).astype(np.float32) / 32768
    samples = resample(samples, spoken.sample_rate, SAMPLE_RATE) if len(samples) else samples
    samples = np.pad(samples, (0, WINDOW))
    begins: dict[int, float] = {}
    for place, seconds in spoken.words:
        begins.setdefault(place, seconds)
    words = []
    for word in words_of(sentence):
        # Quotes and the like before a word belong to it; espeak-ng names the place of the first letter.
        times = [begins[place] for place in range(*word) if place in begins]
        words.append((*word, round(times[0] * SAMPLE_RATE / FRAME) if times else None))
    return spectra_of(samples), words


def words_of(text: str) -> list[tuple[int, int]]:
    """Start and end of the words of a text on one line; signs belong to the word before them."""
    found: list[tuple[int, int]] = []
    first = None  # of signs at the beginning, which belong to the word behind them
    for match in _word.finditer(text):
        start, end = match.span()
        if any(character.isalnum() for character in match.group()):
            found.append((start if first is None else first, end))
            first = None
        elif found:
            found[-1] = found[-1][0], end
        elif first is None:
            first = start
    return found

"""The texts of recordings, found in them: which stretch says which words, and what was not read."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from finetune_tts.corpus.alignment import NOWHERE, Alignment, align
from finetune_tts.corpus.cutting import Cut, Lengths, aligned_pieces, cuts_of
from finetune_tts.corpus.hearing import FRAME_SECONDS
from finetune_tts.corpus.script import Script, spoken_script
from finetune_tts.corpus.sources import Source
from finetune_tts.errors import UserError
from finetune_tts.files import read_text

_GAP = round(1 / FRAME_SECONDS)  # frames of silence between recordings that one text is of
_CERTAIN = 2.65  # certainty below which a text is another one
_LEAST_MATCHED = 0.2  # share of the speech that has to be in the text
_CHARACTERS_A_SECOND = 40.0  # faster than anybody reads
_FEW_CHARACTERS = 2000
_LEAST_UNREAD = 3  # words that a passage has to have to be told of


def read_transcript(path: Path) -> str:
    """The text of a file, on one line.

    Raises:
        UserError: the file cannot be read, or there is no text in it.
    """
    text = " ".join(read_text(path).replace("\0", " ").split())
    if not any(character.isalnum() for character in text):
        raise UserError(
            f"--transcript {path}: there is no text in it. Leave it out to have the recordings transcribed."
        )
    return text


def match(
    sources: Sequence[Source], paths: Sequence[Path], texts: Sequence[str], language: str, lengths: Lengths
) -> list[tuple[list[list[Cut]], list[str]]]:
    """Find texts in recordings.

    Args:
        sources: the recordings.
        paths: of the texts: as many as recordings, or one for all of them in their order.
        texts: what :func:`read_transcript` gave of them.
        language: of the texts, a code of espeak-ng.
        lengths: of clips.

    Returns:
        for each text: the clips of each of its recordings, and passages that were not read.

    Raises:
        UserError: a text is not what its recordings say.
    """
    groups = [[source] for source in sources] if len(texts) == len(sources) else [list(sources)]
    return [_aligned(*given, language, lengths) for given in zip(groups, texts, paths, strict=True)]


def _aligned(
    sources: Sequence[Source], text: str, path: Path, language: str, lengths: Lengths
) -> tuple[list[list[Cut]], list[str]]:
    seconds = sum(source.heard.seconds for source in sources)
    most = round(_CHARACTERS_A_SECOND * seconds) + _FEW_CHARACTERS
    if len(text) > most:
        raise UserError(
            f"--transcript {path}: has {len(text):,} characters, far more than can be read in "
            f"{_clock(seconds)}. Give the text of these recordings alone."
        )
    script = spoken_script(text, language)
    if not script.words or not len(script.spectra):
        raise UserError(f"--transcript {path}: espeak-ng speaks nothing of it in the language {language}.")
    spectra, silent, starts = _in_a_row(sources)
    alignment = align(spectra, silent, script.spectra)
    matched = float(np.count_nonzero(alignment.frames != NOWHERE)) / max(1.0, float(np.count_nonzero(~silent)))
    them = f"{sources[0].path}{' and the others' * (len(sources) > 1)}"
    if alignment.certainty < _CERTAIN:
        raise UserError(
            f"--transcript {path}: is not what is said in {them}: sound and text do not go together (certainty "
            f"{alignment.certainty:.1f} of at least {_CERTAIN}). Is it the right text, and is --language {language} "
            "its language?"
        )
    if matched < _LEAST_MATCHED:
        raise UserError(
            f"--transcript {path}: is not what is said in {them}: it says {matched:.0%} of the speech there, of at "
            f"least {_LEAST_MATCHED:.0%}. Give the whole text, or the recording of this part alone."
        )
    cuts = []
    for source, start in zip(sources, starts, strict=True):
        rows = slice(start, start + len(source.heard.spectra))
        own = Alignment(
            alignment.frames[rows], alignment.costs[rows], alignment.outside[rows], alignment.chance, alignment.usual
        )
        pieces = aligned_pieces(own, script, source.silences.ends_with_pauses())
        cuts.append(cuts_of(pieces, script.text, replace(lengths, margin=source.silences.margin)))
    return cuts, _unread(alignment, script)


def _clock(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


def _in_a_row(sources: Sequence[Source]) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Recordings one behind the other with silence between: spectra, which are silent, and where each begins."""
    spectra: list[np.ndarray] = []
    silent: list[np.ndarray] = []
    starts: list[int] = []
    place = 0
    for source in sources:
        own = source.heard.spectra
        starts.append(place)
        quiet = source.silences.frames(len(own))
        gap = np.repeat(own[quiet][:1] if quiet.any() else own[:1] * 0, _GAP, axis=0)
        spectra += [own, gap]
        silent += [quiet, np.ones(_GAP, bool)]
        place += len(own) + _GAP
    return np.concatenate(spectra), np.concatenate(silent), starts


def _unread(alignment: Alignment, script: Script) -> list[str]:
    """Passages of the text that no recording says, of three words at least."""
    said = np.zeros(len(script.spectra) + 1, bool)
    said[alignment.frames[alignment.frames != NOWHERE]] = True
    known = [(word.start, word.end, word.frame) for word in script.words if word.frame is not None]
    ends = [frame for *_, frame in known[1:]] + [len(script.spectra)]
    passages: list[tuple[int, int, int]] = []
    running = False
    for (start, end, frame), frame_end in zip(known, ends, strict=True):
        gone = not said[frame : max(frame_end, frame + 1)].any()
        if gone and running:
            first, _, count = passages[-1]
            passages[-1] = first, end, count + 1
        elif gone:
            passages.append((start, end, 1))
        running = gone
    return [script.text[start:end] for start, end, count in passages if count >= _LEAST_UNREAD]

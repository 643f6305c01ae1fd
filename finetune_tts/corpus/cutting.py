"""Pieces of a recording between its pauses, what is said in each, and which of them make up a clip.

A cut lies in a pause that both sides of a word boundary agree on. A piece that is not wholly in its text is dropped: it
is not cut shorter until it fits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from finetune_tts.corpus.alignment import NOWHERE, Alignment, silences_of_text
from finetune_tts.corpus.hearing import FRAME_SECONDS
from finetune_tts.corpus.pauses import Pause
from finetune_tts.corpus.script import Script

_FRAME_CENTRE = 0.032  # seconds from the beginning of a frame to the middle of its window
_OFF = 2.5  # frames that a pause may lie away from a boundary of words
_TOGETHER = 4.0  # frames of the text between both sides of a pause, up to which nothing is left out there
_MOST_OUTSIDE = 0.04  # share of a piece that may not be in the text
_LEAPT = 8.0  # frames of the text that are left out within a piece, above which words are missing
_DOUBTFUL = 0.35  # confidence below which a piece is dropped
_LONG_PAUSE = 0.5  # seconds; longer ones are no better place to cut
_SHORT_CLIP, _SHORT_PRICE = 4.0, 0.15  # seconds, below which a clip costs more the shorter it is
_BETWEEN_WORDS = 0.25  # seconds; within words, even doubled consonants close for less
_LEAST_SPEECH = 0.3  # share of a piece that has to be speech
_STOPS = ".!?…。！？؟।"
_SIGNS = _STOPS + ",;:—–-،؛、，；：\"'”’»)】」"
_AT_SIGNS = 2.0  # frames by which a boundary behind a sign is nearer

NOT_IN_TEXT = "not in the text"
LEFT_OUT = "words of the text are left out"
UNLIKE = "does not sound like its text"
UNSURE = "it is not sure which words it begins or ends with"
NO_PAUSE = "no pause to cut at"
TOO_SHORT = "too short"
NO_SPEECH = "no speech"


@dataclass(frozen=True)
class Piece:
    """What lies between two places to cut at.

    Attributes:
        before, after: the pauses around it.
        start, end: its words, as places in the text.
        confidence: that it is these words, from 0 to 1.
        fault: why it cannot be used; empty where it can.
    """

    before: Pause
    after: Pause
    start: int = 0
    end: int = 0
    confidence: float = 1.0
    fault: str = ""

    @property
    def seconds(self) -> float:
        """Length without the silence around it."""
        return self.after.start - self.before.end


@dataclass(frozen=True)
class Cut:
    """A clip to be: where it begins and ends in seconds, its text, how sure that is, and why it is dropped."""

    start: float
    end: float
    text: str
    confidence: float
    fault: str = ""


@dataclass(frozen=True)
class Lengths:
    """How long clips may be, in seconds, and how much silence they keep at either end."""

    least: float = 1.0
    most: float = 12.0
    margin: float = 0.12


def aligned_pieces(alignment: Alignment, script: Script, pauses: Sequence[Pause]) -> list[Piece]:
    """Cut a recording at the pauses that are between words of its text.

    Args:
        alignment: of the recording with the script.
        script: the text.
        pauses: of the recording, the first at its beginning and the last at its end.
    """
    return _Pieces(alignment, script).between(pauses)


@dataclass(frozen=True)
class _Edge:
    """The boundaries of words on both sides of a pause, each with how far it is off; None outside of the text."""

    left: tuple[int, float] | None
    right: tuple[int, float] | None

    @property
    def fits(self) -> bool:
        """Whether it can be cut at: no word is on both sides, as far as they are in the text."""
        known = [boundary for boundary in (self.left, self.right) if boundary is not None]
        return all(off <= _OFF for _, off in known) and (len(known) < 2 or known[0][0] <= known[1][0])


class _Pieces:
    def __init__(self, alignment: Alignment, script: Script) -> None:
        self._frames, self._costs, self._outside = alignment.frames, alignment.costs, alignment.outside
        self._chance, self._words = alignment.chance, script.words
        # How much of the text has been heard before each of its frames: silences of espeak-ng count for nothing.
        self._heard_before = np.concatenate([[0], np.cumsum(~silences_of_text(script.spectra))])
        known = [number for number, word in enumerate(self._words) if word.frame is not None]
        begins = [self._heard_before[self._words[number].frame] for number in known]
        # Boundaries of words: the number of the first word behind each, and where it is.
        self._boundaries = np.array([*known, len(self._words)])
        self._places = np.array([*begins, self._heard_before[-1]], dtype=float)
        # A reader rests at signs: a word more or less, if it is short, tells less.
        marked = [
            number > 0 and script.text[self._words[number - 1].end - 1] in _SIGNS for number in self._boundaries[:-1]
        ]
        self._unmarked = np.where([*marked, True], 0.0, _AT_SIGNS)
        self._usual = alignment.usual

    def between(self, pauses: Sequence[Pause]) -> list[Piece]:
        edges = [self._edge(pause) for pause in pauses]
        inner = [place for place in range(1, len(pauses) - 1) if edges[place].fits]
        usable = [0, *inner, len(pauses) - 1]
        return [
            self._piece(pauses[before], pauses[after], edges[before].right, edges[after].left)
            for before, after in zip(usable, usable[1:], strict=False)
        ]

    def _rows(self, start: float, end: float) -> slice:
        """Frames whose middle lies between two moments."""
        first = int(np.ceil((start - _FRAME_CENTRE) / FRAME_SECONDS))
        last = int(np.floor((end - _FRAME_CENTRE) / FRAME_SECONDS)) + 1
        return slice(max(0, first), max(0, last))

    def _end_before(self, moment: float) -> float | None:
        """How much of the text has been heard up to a moment; None where what is heard there is not in the text."""
        rows = self._rows(moment - 0.4, moment)
        places = np.flatnonzero((self._frames[rows] != NOWHERE) | self._outside[rows])
        if not len(places) or self._outside[rows][places[-1]]:
            return None
        return float(self._heard_before[self._frames[rows][places[-1]] + 1])

    def _begin_behind(self, moment: float) -> float | None:
        rows = self._rows(moment, moment + 0.4)
        places = np.flatnonzero((self._frames[rows] != NOWHERE) | self._outside[rows])
        if not len(places) or self._outside[rows][places[0]]:
            return None
        return float(self._heard_before[self._frames[rows][places[0]]])

    def _boundary(self, place: float) -> tuple[int, float]:
        """The boundary of words that is nearest, and how far it is."""
        nearest = int((np.abs(self._places - place) + self._unmarked).argmin())
        return int(self._boundaries[nearest]), float(abs(self._places[nearest] - place))

    def _edge(self, pause: Pause) -> "_Edge":
        """Which words end before a pause and begin behind it, as far as either is in the text."""
        end, begin = self._end_before(pause.start), self._begin_behind(pause.end)
        if end is not None and begin is not None and abs(begin - end) <= _TOGETHER:
            both = self._boundary((begin + end) / 2)
            return _Edge(both, both)
        left = None if end is None else self._boundary(end)
        return _Edge(left, None if begin is None else self._boundary(begin))

    def _piece(
        self, before: Pause, after: Pause, begin: tuple[int, float] | None, end: tuple[int, float] | None
    ) -> Piece:
        piece = Piece(before, after, fault=NOT_IN_TEXT, confidence=0.0)
        rows = self._rows(before.end, after.start)
        frames, outside = self._frames[rows], self._outside[rows]
        inside = frames != NOWHERE
        sounding = int(np.count_nonzero(inside | outside))
        if begin is None or end is None or np.count_nonzero(outside) > _MOST_OUTSIDE * sounding:
            return piece
        words = self._words[begin[0] : end[0]]
        if not words or not inside.any() or max(begin[1], end[1]) > 2 * _OFF:
            return piece
        piece = replace(piece, start=words[0].start, end=words[-1].end)
        # From one frame to the next the text moves on by two at most.
        leaps = np.diff(self._heard_before[frames[inside]]) - 2 * np.diff(np.flatnonzero(inside))
        if len(leaps) and leaps.max() > _LEAPT:
            return replace(piece, fault=LEFT_OUT)
        confidence = self._confidence(rows)
        return replace(piece, confidence=confidence, fault=UNLIKE if confidence < _DOUBTFUL else "")

    def _confidence(self, rows: slice) -> float:
        costs = self._costs[rows][self._frames[rows] != NOWHERE]
        return float(np.clip((self._chance - costs.mean()) / max(self._chance - self._usual, 1e-3), 0.0, 1.0))


def cuts_of(pieces: Sequence[Piece], text: str, lengths: Lengths) -> list[Cut]:
    """Put pieces that follow each other in sound and text together to clips.

    Args:
        pieces: of a recording, in their order.
        text: that their words are places in.
        lengths: of clips.

    Returns:
        those that can be used and those that cannot, in the order of the recording.
    """
    cuts: list[Cut] = []
    run: list[Piece] = []
    for piece in pieces:
        follows = run and run[-1].after is piece.before and not text[run[-1].end : piece.start].strip()
        if run and (piece.fault or not follows):
            cuts += _cuts_of_run(run, text, lengths)
            run = []
        if piece.fault:
            cuts.append(_cut([piece], text, lengths, piece.fault))
        else:
            run.append(piece)
    return cuts + _cuts_of_run(run, text, lengths)


def _cuts_of_run(run: Sequence[Piece], text: str, lengths: Lengths) -> list[Cut]:
    """Cut pieces in a row, where what stands before and behind them was not said as the text says.

    There, a short word more or less is not told for sure; but a reader leaves out, or adds, what signs enclose.
    """
    first, last = 0, len(run)
    while first < last and text[: run[first].start].rstrip()[-1:] not in ("", *_SIGNS):
        first += 1
    while last > first and run[last - 1].end < len(text.rstrip()) and text[run[last - 1].end - 1] not in _SIGNS:
        last -= 1
    before, after = ([_cut([piece], text, lengths, UNSURE) for piece in part] for part in (run[:first], run[last:]))
    return [*before, *_grouped(run[first:last], text, lengths), *after]


def _cut(pieces: Sequence[Piece], text: str, lengths: Lengths, fault: str = "") -> Cut:
    before, after = pieces[0].before, pieces[-1].after
    return Cut(
        start=before.end - lengths.margin if before.seconds >= 2 * lengths.margin else before.quietest,
        end=after.start + lengths.margin if after.seconds >= 2 * lengths.margin else after.quietest,
        text=text[pieces[0].start : pieces[-1].end].strip(),
        confidence=min(piece.confidence for piece in pieces),
        fault=fault,
    )


def _grouped(run: Sequence[Piece], text: str, lengths: Lengths) -> list[Cut]:
    """The best clips that pieces in a row can make: cut in long pauses and behind sentences, and not too short."""
    if not run:
        return []
    best: list[tuple[float, int]] = [(0.0, 0)]  # cost of what ends before each piece, and where its last clip begins
    for end in range(1, len(run) + 1):
        options = []
        for begin in range(end - 1, -1, -1):
            cut = _cut(run[begin:end], text, lengths)
            seconds = cut.end - cut.start
            if seconds > lengths.most and begin < end - 1:
                break
            options.append((best[begin][0] + _price(seconds, run[end - 1], text, lengths), begin))
        best.append(min(options))
    cuts: list[Cut] = []
    end = len(run)
    while end:
        begin = best[end][1]
        cut = _cut(run[begin:end], text, lengths)
        seconds = cut.end - cut.start
        fault = NO_PAUSE if seconds > lengths.most else TOO_SHORT if seconds < lengths.least else ""
        cuts.append(replace(cut, fault=fault))
        end = begin
    return cuts[::-1]


def _price(seconds: float, last: Piece, text: str, lengths: Lengths) -> float:
    """What a clip costs: nothing where it ends in a long pause behind a sentence, much where it cannot be used."""
    if not lengths.least <= seconds <= lengths.most:
        return 1000.0 * seconds
    price = 1.0 - min(last.after.seconds, _LONG_PAUSE) / _LONG_PAUSE
    if text and not text[: last.end].rstrip("\"'”’»)】」 ").endswith(tuple(_STOPS)):
        price += 0.7
    return price - 0.15 + _SHORT_PRICE * max(0.0, _SHORT_CLIP - seconds)


def silent_cuts(pauses: Sequence[Pause], speaks: Callable[[float, float], float], lengths: Lengths) -> list[Cut]:
    """Cut a recording whose text is not known at the pauses that are too long to be within a word.

    Args:
        pauses: of the recording, the first at its beginning and the last at its end.
        speaks: the share of speech between two moments.
        lengths: of clips.

    Returns:
        clips without texts.
    """
    sure = [pauses[0], *(pause for pause in pauses[1:-1] if pause.seconds >= _BETWEEN_WORDS), pauses[-1]]
    cuts: list[Cut] = []
    run: list[Piece] = []
    for before, after in zip(sure, sure[1:], strict=False):
        piece = Piece(before, after)
        if piece.seconds > 0 and speaks(before.end, after.start) < _LEAST_SPEECH:
            cuts += [*_grouped(run, "", lengths), _cut([piece], "", lengths, NO_SPEECH)]
            run = []
        elif piece.seconds > 0:
            run.append(piece)
    return cuts + _grouped(run, "", lengths)

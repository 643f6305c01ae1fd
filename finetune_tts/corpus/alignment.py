"""Which moment of a recording is which moment of a text that espeak-ng speaks: dynamic time warping that may leave out.

The paths of plain warping (Sakoe, Chiba 1978) pass through every frame of both sides. Here a path may rest outside of
the text while something is heard that is not in it, and leave out text that is not heard, each for a price, as local
alignment of sequences does (Smith, Waterman 1981). Distances are taken relative to what either frame is from frames in
general, so that a frame that resembles everything draws no path to itself, and a wrong pair costs nothing on average
where a right one earns.

A first path shows what the voice of the recording makes of the sounds of espeak-ng. From that, a linear map learns what
it will make of the whole text, which tells right from wrong far better, and the path is sought again.

Frames are 40 ms long. Of each silence two frames stay, since readers rest where espeak-ng does not. Only a window of
the text around the path is looked at, so that time and memory grow with the length of the recording, not with its
square.

Dimensions: N frames of the recording, M of the text, F features.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.fft import dct

from finetune_tts.corpus.hearing import FRAME_SECONDS

NOWHERE = -1
_CEPSTRA = 12
_SLOPES = 0.7  # weight of how features change, beside what they are
_MOST_SILENT = 2  # frames that stay of a silence
_SAMPLE = 1500  # frames that tell what a frame is from others in general
_LEAVE = 8.0  # cost of leaving the text
_LEAP = 20.0  # cost of leaving out text, however much
_AHEAD = round(180 / FRAME_SECONDS)  # frames of the text that may be left out at once
_FARTHER = 4  # frames by which that grows with each frame of the recording, outside of the text
_DECIDED = round(120 / FRAME_SECONDS)  # frames of the recording after which a path is not changed any more
_BLOCK = 256
_ROUNDS = 2  # of learning
_CONTEXT = (-2, -1, 0, 1, 2)  # frames around one of the text that tell what becomes of it
_RIDGE, _LEAST_VARIANCE = 200.0, 0.05
_WORSE = 1.0  # by how much a pair may be worse than the usual one to be learned from
_TRIED = 1500  # frames that chance is measured on
_ABOVE_CHANCE = 1.15
_FAR = np.float32(1e9)

# What a cell remembers of the way to it: two bits of where the text was entered from, and a bit each for the rest.
_ONE, _TWO, _IN = 0, 1, 2
_HELD, _LEFT, _LEAPT = 4, 8, 16


@dataclass(frozen=True)
class Alignment:
    """Where in the text each frame of a recording is.

    Attributes:
        frames: ``[N]`` int, the frame of the text; :data:`NOWHERE` outside of it, and in silences.
        costs: ``[N]`` float32, how far the two are from each other; below 0 is nearer than frames in general, and 0
            where there is none.
        outside: ``[N]`` bool, where something is heard that the text does not say.
        chance: what a pair costs on average, on the best path through a text that is not said.
        usual: what one costs here, the median.
    """

    frames: np.ndarray
    costs: np.ndarray
    outside: np.ndarray
    chance: float
    usual: float

    @property
    def certainty(self) -> float:
        """How much nearer sound and text are than by chance: about 2 for a text that is not said, and above 3 else."""
        inside = self.frames != NOWHERE
        return float(self.costs[inside].mean() / self.chance) if inside.any() else 0.0


def align(heard: np.ndarray, silent: np.ndarray, text: np.ndarray) -> Alignment:
    """Align a recording with a text.

    Args:
        heard: ``[N, B]`` powers of mel bands.
        silent: ``[N]``, which of them are of silence.
        text: ``[M, B]`` of the text.
    """
    text_silent = silences_of_text(text)
    kept, text_kept = _kept(silent), _kept(text_silent)
    frames = np.full(len(heard), NOWHERE)
    costs, outside = np.zeros(len(heard), np.float32), np.zeros(len(heard), bool)
    if silent.all() or text_silent.all():
        return Alignment(frames, costs, ~silent, -1.0, 0.0)
    features, text_features = _features(heard, silent, text, text_silent)
    features, text_features, silent_kept = features[kept], text_features[text_kept], silent[kept]
    chance = _chance(features, text_features)
    path, cost = _path(features, silent_kept, text_features, chance)
    for _ in range(_ROUNDS):
        if (path == NOWHERE).all():
            break
        adapted, expected = _adapted(features, text_features, path, cost)
        chance = _chance(adapted, expected)
        path, cost = _path(adapted, silent_kept, expected, chance)
    inside = path != NOWHERE
    frames[kept[inside]] = text_kept[path[inside]]
    costs[kept[inside]] = cost[inside]
    outside[kept] = ~inside
    usual = float(np.median(cost[inside])) if inside.any() else 0.0
    return Alignment(frames, costs, outside & ~silent, chance, usual)


def silences_of_text(text: np.ndarray) -> np.ndarray:
    """Silences between words of espeak-ng, which are without any noise: ``[M]`` bool."""
    power = text.sum(axis=1)
    return power < 1e-4 * power.mean() if len(power) else np.zeros(0, bool)


def _kept(silent: np.ndarray) -> np.ndarray:
    """The frames that stay when silences are cut short."""
    places = np.arange(len(silent))
    last_sound = np.maximum.accumulate(np.where(silent, -1, places))
    return np.flatnonzero(places - last_sound <= _MOST_SILENT)


def _features(
    heard: np.ndarray, silent: np.ndarray, text: np.ndarray, text_silent: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cepstra and their slopes of both sides: ``[N, F]`` and ``[M, F]``."""
    noise = heard[silent].mean(axis=0) if silent.any() else np.zeros(heard.shape[1], np.float32)
    loudness = float(heard[~silent].sum(axis=1).mean())
    # The text is spoken as loudly, in the same noise.
    text = text * (loudness / float(text[~text_silent].sum(axis=1).mean())) + noise
    least = 1e-7 * loudness
    return _cepstra(np.log(heard + least), ~silent), _cepstra(np.log(text + least), ~text_silent)


def _cepstra(logarithms: np.ndarray, sound: np.ndarray) -> np.ndarray:
    values = dct(logarithms, type=2, norm="ortho", axis=1)[:, 1 : _CEPSTRA + 1]
    around = np.pad(values, ((2, 2), (0, 0)), mode="edge")
    slopes = 0.5 * (around[4:] - around[:-4]) + 0.25 * (around[3:-1] - around[1:-3])
    return np.concatenate([_normalised(values, sound), _SLOPES * _normalised(slopes, sound)], axis=1).astype(np.float32)


def _normalised(values: np.ndarray, sound: np.ndarray) -> np.ndarray:
    of_sound = values[sound]
    normalised: np.ndarray = (values - of_sound.mean(axis=0)) / (of_sound.std(axis=0) + 1e-6)
    return normalised


def _adapted(
    features: np.ndarray, text: np.ndarray, path: np.ndarray, cost: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The recording, and what its voice is expected to make of the text by what it made of it on a path.

    Both are in a space where what the voice varies of itself is the same in all directions.
    """
    inside = path != NOWHERE
    used = inside & (cost <= np.median(cost[inside]) + _WORSE)
    around = np.concatenate([np.roll(text, shift, axis=0) for shift in _CONTEXT], axis=1).astype(np.float64)
    given, wanted = around[path[used]], features[used]
    # What is learned is how the voice differs from espeak-ng: the less was heard, the less it is taken to.
    middle, wanted_middle = given.mean(axis=0), wanted.mean(axis=0)
    own = slice(_CONTEXT.index(0) * text.shape[1], (_CONTEXT.index(0) + 1) * text.shape[1])
    given, around = given - middle, around - middle
    difference = wanted - wanted_middle - given[:, own]
    matrix = np.linalg.solve(given.T @ given + _RIDGE * np.eye(given.shape[1]), given.T @ difference)
    expected = around @ matrix + around[:, own] + wanted_middle
    left = wanted - expected[path[used]]
    covariance = left.T @ left / len(left) + _LEAST_VARIANCE * np.eye(left.shape[1])
    whiten = np.linalg.inv(np.linalg.cholesky(covariance)).T
    return (features @ whiten).astype(np.float32), (expected @ whiten).astype(np.float32)


def _chance(features: np.ndarray, text: np.ndarray) -> float:
    """What a frame costs on the best path through a text that is not said: the text backwards."""
    # No more frames than the text has: a path that may not leave the text would come to its end before them.
    count = min(len(features), len(text), _TRIED)
    backwards = text[::-1][: 2 * count]
    starts = {0, (len(features) - count) // 2, len(features) - count}
    parts = [features[start : start + count] for start in sorted(starts)]
    costs = [_path(part, np.zeros(count, bool), backwards, float(_FAR))[1].mean() for part in parts]
    return min(_ABOVE_CHANCE * float(np.mean(costs)), -1e-3)


class _Costs:
    """What it costs to pair frames: their distance, less what either is from frames in general."""

    def __init__(self, features: np.ndarray, text: np.ndarray) -> None:
        random = np.random.default_rng(0)
        self._features, self._text = features, text
        self._text_sample = text[random.integers(0, len(text), _SAMPLE)]
        sample = features[random.integers(0, len(features), _SAMPLE)]
        blocks = [_distances(sample, text[begin : begin + 4096]).mean(axis=0) for begin in range(0, len(text), 4096)]
        self._of_text = np.concatenate(blocks)
        self._mean = float(self._of_text.mean())

    def block(self, first: int, last: int, low: int, high: int) -> np.ndarray:
        """Costs of frames ``first`` to ``last`` with those of the text from ``low`` to ``high``."""
        rows = self._features[first:last]
        general = _distances(rows, self._text_sample).mean(axis=1, keepdims=True)
        found = _distances(rows, self._text[low:high])
        found -= general - self._mean
        found -= self._of_text[low:high]
        return found

    def of(self, path: np.ndarray) -> np.ndarray:
        """Costs along a path; 0 where it is outside of the text."""
        inside = np.flatnonzero(path != NOWHERE)
        found = np.zeros(len(path), np.float32)
        for begin in range(0, len(inside), 4096):
            rows = inside[begin : begin + 4096]
            features, text = self._features[rows], path[rows]
            general = _distances(features, self._text_sample).mean(axis=1)
            apart = np.linalg.norm(features - self._text[text], axis=1)
            found[rows] = apart - general - self._of_text[text] + self._mean
        return found


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    squares = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1) - 2 * (first @ second.T)
    return np.sqrt(np.maximum(squares, 0, out=squares), out=squares)


@dataclass
class _Trace:
    """How the cells of the rows that are not decided yet were reached."""

    path: np.ndarray
    first: int = 0
    rows: list[tuple[int, np.ndarray, np.ndarray | None]] = field(default_factory=list)

    def decide(self, place: int, outside: bool, until: int) -> None:
        """Walk back from a cell of the last row; rows before ``until`` are decided by it."""
        held = None
        for row in range(self.first + len(self.rows) - 1, self.first - 1, -1):
            low, cells, leaps = self.rows[row - self.first]
            cell = int(cells[place - low])
            if outside:
                if cell & _LEAPT and leaps is not None:
                    place = int(leaps[place - low])
                    cell = int(cells[place - low])
                if row < until:
                    self.path[row] = NOWHERE
                outside = not cell & _LEFT
                held = None
                continue
            if row < until:
                self.path[row] = place
            if held is None:
                held = bool(cell & _HELD)
            if held:  # the frame of the text stays for one more
                held = False
                continue
            entered = cell & 3
            if entered == _IN:
                outside = True
            else:
                place -= 1 if entered == _ONE else 2
            held = None
        del self.rows[: max(0, until - self.first)]
        self.first = max(self.first, until)


def _path(
    features: np.ndarray, silent: np.ndarray, text: np.ndarray, outside_cost: float
) -> tuple[np.ndarray, np.ndarray]:
    """The cheapest way: for each frame ``[N]`` that of the text or :data:`NOWHERE`, and the cost of the pair."""
    count, width = len(features), len(text)
    costs = _Costs(features, text)
    # Ways that have just moved on in the text, all that are in it, and those that are outside of it.
    moved, inside, outside = (np.full(width + 2, _FAR, np.float32) for _ in range(3))
    trace = _Trace(np.full(count, NOWHERE))
    low, high = 0, min(width, _AHEAD)
    block = np.empty((0, 0), np.float32)
    for row in range(count):
        if row % _BLOCK == 0:
            if row:
                here = slice(low + 2, high + 2)
                best, left = _best(inside[here], outside[here])
                if len(trace.rows) >= _DECIDED + 4 * _BLOCK:
                    trace.decide(low + best, left, row - _DECIDED)
                    decided = trace.path[row - _DECIDED - 4 * _BLOCK : row - _DECIDED]
                    new_low = max(low, int(decided.max()))
                    for ways in (moved, inside, outside):
                        ways[low + 2 : new_low + 2] = _FAR
                    best += low - new_low
                    low = new_low
                high = min(width, max(high + _FARTHER * _BLOCK * left, low + best + _AHEAD))
            block = costs.block(row, min(count, row + _BLOCK), low, high)
        cost = block[row % _BLOCK]
        here = slice(low + 2, high + 2)
        if row == 0:
            price = np.where(np.arange(low, high) > 0, np.float32(_LEAP), np.float32(0))
            moved[here], outside[here] = cost + price, outside_cost + price
            inside[here] = moved[here]
            trace.rows.append((low, np.zeros(high - low, np.uint8), None))
            continue
        one, two, entering = inside[low + 1 : high + 1], inside[low:high], outside[here]
        cells = (two < one).view(np.uint8).copy()
        reached = np.minimum(one, two)
        enters = entering < reached
        cells[enters] = _IN
        np.minimum(reached, entering, out=reached)
        reached += cost
        holding = moved[here] + cost
        leaving = inside[here] + np.float32(_LEAVE)
        leaves = leaving < entering
        out = np.minimum(leaving, entering)
        out += np.float32(outside_cost)
        cells[leaves] |= _LEFT
        leaps = None
        if silent[row]:
            least = np.minimum.accumulate(out)
            leaping = least + np.float32(_LEAP) < out
            if leaping.any():
                leaps = np.maximum.accumulate(np.where(out <= least, np.arange(low, high, dtype=np.int32), 0))
                out = np.where(leaping, least + np.float32(_LEAP), out)
                cells[leaping] |= _LEAPT
        holds = holding < reached
        cells[holds] |= _HELD
        moved[here], outside[here] = reached, out
        inside[here] = np.minimum(reached, holding)
        trace.rows.append((low, cells, leaps))
    ending = np.where(np.arange(low, high) < width - 1, np.float32(_LEAP), np.float32(0))
    here = slice(low + 2, high + 2)
    best, left = _best(inside[here] + ending, outside[here] + ending)
    trace.decide(low + best, left, count)
    return trace.path, costs.of(trace.path)


def _best(inside: np.ndarray, outside: np.ndarray) -> tuple[int, bool]:
    best = int(np.minimum(inside, outside).argmin())
    return best, bool(outside[best] < inside[best])

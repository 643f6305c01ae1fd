"""Where a clip was cut out of its recording: what lies around it, and whether the cut can be moved."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from finetune_tts.audio.reading import Original, probe, read_original, read_part
from finetune_tts.corpus.clips import Clip, Corpus
from finetune_tts.corpus.decoding import copy_of, readable
from finetune_tts.errors import UserError

SHORTEST, LONGEST = 0.1, 60.0  # seconds
_MARGIN = 1.0  # seconds that are shown on each side
PEAKS = 200  # a second
#: 64 heights, so that a waveform is a text of which each character is one.
LEVELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

# The table gives a place to a tenth of a millisecond, and what is cut beyond full scale is turned down: outlines are
# compared, not samples.
_OUTLINE = 50  # a second
_MOST_DIFFERENT = 0.1  # of the loudest, on the mean
_MOST_SHIFTED = 0.05  # seconds


@dataclass(frozen=True)
class Surroundings:
    """The sound of a clip and a bit on each side.

    Attributes:
        start: second of the recording at which the peaks begin.
        peaks: one of :data:`LEVELS` for each of :data:`PEAKS` a second.
        obstacle: why the cuts cannot be moved; empty where they can. There is nothing on the sides then.
    """

    start: float
    peaks: str
    obstacle: str = ""


def surroundings(corpus: Corpus, clip: Clip) -> Surroundings:
    """What a page draws of a clip.

    Raises:
        UserError: neither its recording nor its own sound can be read.
    """
    try:
        start = max(0.0, clip.start - _MARGIN)
        around = read_part(_recording(corpus, clip), start, clip.end + _MARGIN)
        _require_same(corpus, clip, _inner(around, clip, start))
        return Surroundings(start, peaks(around, PEAKS))
    except UserError as error:
        own = read_original(own_sound(corpus, clip.name), at_most=LONGEST)
        return Surroundings(clip.start, peaks(own, PEAKS), _in_words(clip, error))


def move_cut(corpus: Corpus, clip: Clip, start: float, end: float) -> Clip:
    """The clip with other cuts, once it is known that its recording has them; no sound is written.

    Raises:
        UserError: there can be no such clip, or its recording is gone or another one now.
    """
    moved = replace(clip, start=round(start, 4), end=round(end, 4))
    if not 0 <= moved.start < moved.end:
        raise UserError(f"{clip.name}: a clip from {start:.2f} to {end:.2f} s is none. Move the cuts apart.")
    if not SHORTEST <= moved.seconds <= LONGEST:
        raise UserError(
            f"{clip.name}: the clip would have {moved.seconds:.2f} s. From {SHORTEST} to {LONGEST:.0f} s are possible."
        )
    own_sound(corpus, clip.name)
    try:
        recording = _recording(corpus, clip)
        length = probe(recording).duration
        _require_same(corpus, clip, read_part(recording, clip.start, clip.end))
    except UserError as error:
        raise UserError(_in_words(clip, error)) from error
    if moved.end > length:
        raise UserError(f"{clip.name}: its recording ends at {length:.2f} s. Leave the end of the clip before that.")
    return moved


def cut_sound(corpus: Corpus, clip: Clip) -> None:
    """Write the sound of a clip; raises as :meth:`finetune_tts.corpus.clips.Corpus.write_sound`."""
    own_sound(corpus, clip.name)
    corpus.write_sound(clip, _recording(corpus, clip))


def own_sound(corpus: Corpus, name: str) -> Path:
    """The file of a clip's sound, which may be missing.

    Raises:
        UserError: it is a link, which would lead out of the folder.
    """
    path = corpus.sound_file(name)
    if path.is_symlink():
        raise UserError(f"{path}: is a link to another file. Put the file itself there.")
    return path


def peaks(sound: Original, rate: int) -> str:
    """The loudest sample of each of ``rate`` pieces of a second, as characters of :data:`LEVELS`."""
    heights = np.minimum(_outline(sound, rate) * len(LEVELS), len(LEVELS) - 1).astype(int)
    return "".join(LEVELS[height] for height in heights)


def _recording(corpus: Corpus, clip: Clip) -> Path:
    """The recording of a clip, or the copy in the data set that is read instead: of a video, MP3, …"""
    if not clip.source.exists():
        raise UserError(f"{clip.source}: the recording is gone.")
    copy = copy_of(clip.source, corpus.folder)
    return copy if copy.is_file() else readable(clip.source, corpus.folder)


def _outline(sound: Original, rate: int) -> np.ndarray:
    count = max(1, round(len(sound.waveform) / sound.sample_rate * rate))
    edges = np.arange(count) * len(sound.waveform) // count
    return np.maximum.reduceat(np.abs(sound.waveform), edges)


def _inner(around: Original, clip: Clip, start: float) -> Original:
    first = round((clip.start - start) * around.sample_rate)
    last = round((clip.end - start) * around.sample_rate)
    return replace(around, waveform=around.waveform[first:last])


def _require_same(corpus: Corpus, clip: Clip, found: Original) -> None:
    """Refuse a recording in which something else stands where the clip was cut out."""
    path = own_sound(corpus, clip.name)
    if not path.exists():
        return  # nothing to compare with, and nothing to lose
    own = read_original(path)
    ours, theirs = _outline(own, _OUTLINE), _outline(found, _OUTLINE)
    size = min(len(ours), len(theirs))
    loudest = max(float(ours.max()), 1e-3)
    if (
        abs(len(own.waveform) / own.sample_rate - len(found.waveform) / found.sample_rate) > _MOST_SHIFTED
        or float(np.abs(ours[:size] - theirs[:size]).mean()) > _MOST_DIFFERENT * loudest
    ):
        raise UserError(f"{clip.source}: holds something else from {clip.start:.2f} to {clip.end:.2f} s now.")


def _in_words(clip: Clip, error: UserError) -> str:
    if not clip.source.exists():
        return f"{clip.source}: the recording is gone, so the cuts stay where they are. Put it back to move them."
    return f"The cuts stay where they are. {str(error).removeprefix('--recordings ')}"

"""The page on which clips are reviewed: one file of HTML, served by the review server or opened from disk."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from finetune_tts.audio.reading import read_original
from finetune_tts.corpus.clips import SOUND_FOLDER, Clip, Corpus
from finetune_tts.corpus.cuts import LEVELS, LONGEST, PEAKS, SHORTEST, own_sound, peaks
from finetune_tts.corpus.review import Undoable
from finetune_tts.errors import UserError
from finetune_tts.files import read_text, write_text
from finetune_tts.json_text import parse_json
from finetune_tts.serving.page import Page

PAGE = "review.html"
#: a clip that is kept in spite of a lower confidence is shown as doubtful.
DOUBTFUL = 0.6
_STATIC_PEAKS = 25  # a second: thousands of clips stand in one file
#: served, it asks the server for everything.
REVIEW_PAGE = Page(Path(__file__).parent / "page", ("edits.js", "list.js", "clip.js", "start.js"))
_DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)


def as_json(clip: Clip) -> dict[str, Any]:
    """A clip as the page knows it."""
    return {
        "name": clip.name,
        "source": str(clip.source),
        "start": clip.start,
        "end": clip.end,
        "text": clip.text,
        "confidence": clip.confidence,
        "kept": clip.kept,
        "reason": clip.reason,
    }


def page_data(
    corpus: Corpus,
    clips: Iterable[Clip],
    *,
    sequence: int = 0,
    undoable: Undoable | None = None,
    redoable: Undoable | None = None,
    own_peaks: dict[str, str] | None = None,
) -> dict[str, Any]:
    """All that a page needs to begin with.

    Args:
        corpus: the data set.
        clips: of it.
        sequence: number of changes up to now, see :meth:`finetune_tts.corpus.review.Review.changes`.
        undoable, redoable: see there.
        own_peaks: the outline of each clip by its name, for a page that no server answers.
    """
    return {
        "name": corpus.folder.resolve().name,
        "format": corpus.format,
        "folder": SOUND_FOLDER,
        "doubtful": DOUBTFUL,
        "levels": LEVELS,
        "rate": PEAKS if own_peaks is None else _STATIC_PEAKS,
        "shortest": SHORTEST,
        "longest": LONGEST,
        "sequence": sequence,
        "undoable": next_edit(undoable),
        "redoable": next_edit(redoable),
        "peaks": own_peaks,
        "clips": [as_json(clip) for clip in clips],
    }


def next_edit(edit: Undoable | None) -> dict[str, Any] | None:
    """What can be undone as the page knows it."""
    return None if edit is None else {"number": edit.number, "clip": edit.clip}


def write_review_page(corpus: Corpus, clips: Iterable[Clip]) -> Path:
    """Write a copy of the page into the data set that opens from disk: to look and listen, not to edit.

    Outlines of clips that a copy there already has are taken from it, so that writing it again is quick.

    Returns:
        Its path.

    Raises:
        OSError: it cannot be written.
    """
    clips = list(clips)
    path = corpus.folder / PAGE
    known = _known_peaks(path)
    own_peaks = {clip.name: known.get(_place(clip)) or _peaks(corpus, clip) for clip in clips}
    data = json.dumps(page_data(corpus, clips, own_peaks=own_peaks), ensure_ascii=False, separators=(",", ":"))
    # In a script, the end tag is all that HTML looks for; JSON has another way to write its first character.
    policy = f"{REVIEW_PAGE.policy()}; media-src 'self' file:"
    write_text(path, REVIEW_PAGE.html(data.replace("<", "\\u003c"), policy))
    return path


def _known_peaks(path: Path) -> dict[tuple[Any, ...], str]:
    """The outlines in a copy of the page that is there already."""
    if not path.is_file():
        return {}
    try:
        found = _DATA.search(read_text(path))
        data = parse_json(found[1]) if found else {}
        if data.get("rate") != _STATIC_PEAKS or data.get("levels") != LEVELS:
            return {}
        return {
            (clip["name"], clip["source"], clip["start"], clip["end"]): str(data["peaks"][clip["name"]])
            for clip in data["clips"]
        }
    except (UserError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # not a page of ours, or of another release


def _place(clip: Clip) -> tuple[Any, ...]:
    return clip.name, str(clip.source), clip.start, clip.end


def _peaks(corpus: Corpus, clip: Clip) -> str:
    try:
        return peaks(read_original(own_sound(corpus, clip.name), at_most=LONGEST), _STATIC_PEAKS)
    except UserError:
        return ""  # the page has nothing to draw then, and says so where it is played

"""The page on which clips are reviewed: one file of HTML, served by the review server or opened from disk."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import finetune_tts
from finetune_tts.audio.reading import read_original
from finetune_tts.corpus.clips import SOUND_FOLDER, Clip, Corpus
from finetune_tts.corpus.cuts import LEVELS, LONGEST, PEAKS, SHORTEST, own_sound, peaks
from finetune_tts.corpus.review import Undoable
from finetune_tts.errors import UserError
from finetune_tts.files import read_text, write_text

PAGE = "review.html"
#: a clip that is kept in spite of a lower confidence is shown as doubtful.
DOUBTFUL = 0.6
_STATIC_PEAKS = 25  # a second: thousands of clips stand in one file
_FOLDER = Path(__file__).parent / "page"
_SCRIPTS = ("edits.js", "list.js", "clip.js", "start.js")
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


def live_page() -> str:
    """The page that asks the server for everything."""
    return _page("null")


def live_policy() -> str:
    """What the page of the server may do, as a value of the header ``Content-Security-Policy``."""
    own = "connect-src 'self'; media-src 'self'"
    return f"{_policy()}; {own}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


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
    write_text(path, _page(data.replace("<", "\\u003c"), f"{_policy()}; media-src 'self' file:"))
    return path


def _known_peaks(path: Path) -> dict[tuple[Any, ...], str]:
    """The outlines in a copy of the page that is there already."""
    if not path.is_file():
        return {}
    try:
        found = _DATA.search(read_text(path))
        data = json.loads(found[1]) if found else {}
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


@cache
def _part(*names: str) -> str:
    return "".join(read_text(_FOLDER / name) for name in names)


def _policy() -> str:
    """What every page may do: run its own script and wear its own style, and nothing else."""
    script, style = (
        base64.b64encode(hashlib.sha256(part.encode("utf-8")).digest()).decode("ascii")
        for part in (_part(*_SCRIPTS), _part("page.css"))
    )
    return f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; img-src data:"


def _page(data: str, policy: str | None = None) -> str:
    meta = "" if policy is None else f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">'
    parts = {
        "policy": meta,
        "style": _part("page.css"),
        "script": _part(*_SCRIPTS),
        "data": data,
        "version": html.escape(finetune_tts.__version__),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _part("page.html"))

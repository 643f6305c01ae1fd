"""The server of the review page: what the page asks for of a review."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from finetune_tts.corpus.clips import FLAC
from finetune_tts.corpus.cuts import own_sound
from finetune_tts.corpus.review import ChangedMeanwhile, Review, UnknownClip
from finetune_tts.corpus.review_page import REVIEW_PAGE, as_json, next_edit, page_data
from finetune_tts.errors import excerpt
from finetune_tts.files import read_bytes
from finetune_tts.serving.handler import Content, Refused
from finetune_tts.serving.server import PageServer


class ReviewServer(PageServer):
    """Serves one review at 127.0.0.1.

    Args:
        review: the data set.
        port: 0 for one that is free.

    Raises:
        UserError: the port is taken, or not for you.
    """

    def __init__(self, review: Review, port: int = 0) -> None:
        self.review = review
        super().__init__(REVIEW_PAGE, port)

    def get(self, path: str, asked: Mapping[str, str]) -> dict[str, Any] | Content:
        """Clips, changes, waveforms and sounds."""
        review = self.review
        try:
            if path == "/clips":
                sequence, _ = review.changes(0)  # first, so that no change is missed
                undoable, redoable = review.undoable, review.redoable
                return page_data(review.corpus, review.clips, sequence=sequence, undoable=undoable, redoable=redoable)
            if path == "/changes":
                since = asked.get("since", "")
                if not re.fullmatch("[0-9]{1,9}", since):
                    raise Refused(HTTPStatus.BAD_REQUEST, f"since={excerpt(since)}: must be a whole number.")
                sequence, clips = review.changes(int(since))
                return self._state(sequence=sequence, clips=[as_json(clip) for clip in clips])
            if path.startswith("/waveform/"):
                found = review.around(unquote(path.removeprefix("/waveform/")))
                return {"start": found.start, "peaks": found.peaks, "obstacle": found.obstacle}
            if path.startswith("/sound/"):
                return self._sound(unquote(path.removeprefix("/sound/")))
        except UnknownClip as error:
            raise Refused(HTTPStatus.NOT_FOUND, str(error)) from error
        return super().get(path, asked)

    def post(self, path: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Edit, undo, redo."""
        review = self.review
        try:
            if path == "/edit":
                if not isinstance(asked.get("clip"), str):
                    raise Refused(HTTPStatus.BAD_REQUEST, "clip: must be the name of a clip.")
                seen, wanted = asked.get("seen"), asked.get("wanted")
                if not isinstance(seen, dict) or not isinstance(wanted, dict):
                    raise Refused(HTTPStatus.BAD_REQUEST, "seen, wanted: must be fields of a clip.")
                clip = review.edit(asked["clip"], seen, wanted, continued=_whole(asked, "continued", or_none=True))
            elif path == "/undo":
                clip = review.undo(_whole(asked, "number") or 0)
            elif path == "/redo":
                clip = review.redo(_whole(asked, "number") or 0)
            else:
                return super().post(path, asked)
        except UnknownClip as error:
            raise Refused(HTTPStatus.NOT_FOUND, str(error)) from error
        except ChangedMeanwhile as error:
            raise Refused(HTTPStatus.CONFLICT, str(error), **self._state(error.clip)) from error
        return self._state(clip)

    def _state(self, clip: Any = None, **more: Any) -> dict[str, Any]:
        review = self.review
        own = {} if clip is None else {"clip": as_json(clip)}
        return {"undoable": next_edit(review.undoable), "redoable": next_edit(review.redoable), **own, **more}

    def _sound(self, name: str) -> Content:
        review = self.review
        review.clip(name)  # no other name leads to a file
        path = own_sound(review.corpus, name)
        if not path.is_file():
            raise Refused(HTTPStatus.NOT_FOUND, f"{path}: the sound of the clip is gone.")
        return Content("audio/flac" if review.corpus.format == FLAC else "audio/wav", read_bytes(path))


def _whole(asked: Mapping[str, Any], field: str, *, or_none: bool = False) -> int | None:
    value = asked.get(field)
    if value is None and or_none:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(HTTPStatus.BAD_REQUEST, f"{field}: must be a whole number.")
    return value

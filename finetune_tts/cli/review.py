"""``tts-finetune --review``: the page on which the clips of a data set are corrected."""

import argparse
import logging
from pathlib import Path

from finetune_tts.cli.program import say
from finetune_tts.cli.serving import serve
from finetune_tts.corpus.review import Review, reviewing
from finetune_tts.corpus.review_page import write_review_page
from finetune_tts.corpus.review_server import ReviewServer
from finetune_tts.errors import counted
from finetune_tts.files import expanded

logger = logging.getLogger(__name__)

_ADVICE = "Every edit is saved at once. Ctrl-C ends the review."


def run_review(arguments: argparse.Namespace) -> None:
    """Serve the review page of a data set until Ctrl-C.

    Raises:
        UserError: the folder is no data set that can be reviewed, or another process has the port.
    """
    folder = expanded(Path(arguments.review))
    with reviewing(folder) as review, ReviewServer(review, arguments.port or 0) as server:
        serve(server, "review", _ADVICE, open_browser=not arguments.no_browser)
        review.close()
        _say_end(review)


def _say_end(review: Review) -> None:
    """Say what is there now, with the copy of the page that opens from disk brought up to it."""
    clips = review.clips
    kept = [clip for clip in clips if clip.kept]
    minutes = sum(clip.seconds for clip in kept) / 60
    logger.info(
        "%s; %s of %s kept, %.1f minutes", counted(review.edits, "edit"), len(kept), counted(len(clips)), minutes
    )
    say(f"copy to look and listen: {write_review_page(review.corpus, clips)}")

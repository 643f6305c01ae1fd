"""``tts-finetune --watch``: the live page of a run."""

import argparse
from pathlib import Path

from finetune_tts.cli.serving import serve
from finetune_tts.files import expanded
from finetune_tts.watch.server import WatchServer
from finetune_tts.watch.watched_run import WatchedRun

_ADVICE = "The page follows the run. Ctrl-C closes the page, and leaves the run alone."


def run_watch(arguments: argparse.Namespace) -> None:
    """Serve the page of a run until Ctrl-C.

    Raises:
        UserError: the folder is none of a run, or another process has the port.
    """
    run = WatchedRun(expanded(Path(arguments.watch)))
    with WatchServer(run, arguments.port or 0) as server:
        serve(server, "watch", _ADVICE, open_browser=not arguments.no_browser)

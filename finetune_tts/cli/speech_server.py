"""``tts --server``: a page and an API that synthesise, until Ctrl-C."""

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from finetune_tts.cli.program import say
from finetune_tts.cli.speak_flags import DEFAULT_PORT, MOST_TEXT, MOST_WAITING
from finetune_tts.speech_server.asked import Rules
from finetune_tts.speech_server.server import SpeechServer
from finetune_tts.synthesis.delivery import Delivery
from finetune_tts.synthesis.likeness import Likeness
from finetune_tts.synthesis.voice import Voice

logger = logging.getLogger(__name__)


def run_server(
    voice: Voice, delivery: Delivery, likeness: Likeness, arguments: argparse.Namespace, model_path: Path
) -> None:
    """Serve until Ctrl-C, or SIGTERM.

    Args:
        voice: that speaks.
        delivery: how, where a request does not say.
        likeness: makes it speak like recordings.
        arguments: of ``tts``.
        model_path: where the model is from.

    Raises:
        UserError: the address or the port cannot be used.
    """
    rules = Rules(voice, delivery, arguments.max_text or MOST_TEXT, arguments.wav_dir)
    model = arguments.model_name or model_path.resolve().name
    port = DEFAULT_PORT if arguments.port is None else arguments.port
    with SpeechServer(
        rules,
        likeness,
        model,
        host=arguments.host or "127.0.0.1",
        port=port,
        names=arguments.allow_host or (),
        most_waiting=arguments.max_waiting or MOST_WAITING,
    ) as server:
        say(f"serving: {server.address}")
        sys.stdout.flush()
        if server.is_open:
            logger.warning("Whoever reaches this machine at that port can use it: there is no password.")
        logger.info("Ctrl-C ends it.")
        with suppress(KeyboardInterrupt), _stopped_by_sigterm():
            server.serve_forever()


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, where signals are heard."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt

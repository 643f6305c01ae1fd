"""Hears what a model in training has synthesised: ``python -m finetune_tts.hearing.worker RUN [RECOGNISER]``.

It reads the folder of a look from each line of standard input, writes what it hears beside it, and ends with the
process that started it.
"""

import os
import queue
import sys
import threading
from pathlib import Path

from finetune_tts.errors import UserError, excerpt
from finetune_tts.families.loading import load_any_config
from finetune_tts.families.reading import locate
from finetune_tts.hearing.listener import Listener
from finetune_tts.hearing.look_files import read_look, write_result
from finetune_tts.hearing.run_listener import listener_of
from finetune_tts.hearing.speech_recognition import NONE
from finetune_tts.runs.folder import CONFIG_NAME
from finetune_tts.runs.record import read_record

_NICENESS = 10


def main(words: list[str]) -> None:
    """Hear looks until standard input ends."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)  # the training comes first
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    run, recogniser = Path(words[0]), words[1] if len(words) > 1 else None
    listener: Listener | None = None
    while True:
        folder = Path(lines.get())
        warnings: list[str] = []
        if listener is None:
            listener = _listener(run, recogniser, warnings)
        heard = read_look(folder)
        write_result(folder, heard, [listener.judged(one.sentence, one.spoken) for one in heard], warnings)


def _read(lines: "queue.SimpleQueue[str]") -> None:
    for line in sys.stdin.buffer:
        lines.put(os.fsdecode(line.rstrip(b"\n")))
    # Whoever wanted to know is gone; what is being heard, perhaps for minutes, is heard for nobody.
    os._exit(0)


def _listener(run: Path, recogniser: str | None, warnings: list[str]) -> Listener:
    config = load_any_config(run / CONFIG_NAME, quiet=True)
    locate(config, run)
    record = read_record(run)
    try:
        return listener_of(run, config, record, recogniser)
    except UserError as error:
        warnings.append(f"No words are heard: {error}")
        return listener_of(run, config, record, NONE)


def _run(words: list[str]) -> None:
    try:
        main(words)
    except BaseException as error:  # whatever it is, the run is told by the last line; a thread holds standard input
        print(f"{type(error).__name__}: {excerpt(str(error), 300)}", file=sys.stderr, flush=True)
        os._exit(1)


if __name__ == "__main__":
    _run(sys.argv[1:])

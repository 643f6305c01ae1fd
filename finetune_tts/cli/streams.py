"""Standard output and error that take every character, whatever encoding the terminal or the pipe has."""

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

HANDLER = "finetune_tts.nearest"

#: what the programs print beyond ASCII → what stands for it where the encoding lacks it.
_STAND_INS = {
    "🐸": "",
    "→": "->",
    "…": "...",
    "–": "-",
    "—": "-",
    "×": "x",
    "±": "+-",
    "✓": "+",
    "✗": "x",
    "█": "#",
}


def nearest(error: UnicodeError) -> tuple[str | bytes, int]:
    """Stand in for characters that cannot be encoded: an error handler for :func:`codecs.register_error`.

    Names of files that are not in the file system's encoding come out as the bytes that they are; what has no stand-in
    in ASCII comes out as its number, so that it still can be told from others.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    # One character a call: bytes and texts cannot be mixed in an answer.
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00]), error.start + 1
    if character in _STAND_INS:
        return _STAND_INS[character], error.start + 1
    return character.encode("ascii", "backslashreplace").decode("ascii"), error.start + 1


@contextmanager
def encodable_streams() -> Iterator[None]:
    """Let standard output and error take every character while a program runs, and have them where they are closed.

    Python has None for a stream that whoever started it has closed (``<&-``); it is read as empty, and what is written
    to it is nobody's. Nothing else gets its number either, so that no file is written into by chance.
    """
    codecs.register_error(HANDLER, nearest)
    with ExitStack() as stack:
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            if getattr(sys, name) is None:
                setattr(sys, name, stack.enter_context(open(os.devnull, mode, encoding="utf-8")))
                stack.callback(setattr, sys, name, None)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper) and stream.errors != HANDLER:
                before = stream.errors
                stream.reconfigure(errors=HANDLER)
                # Who calls main() goes on with its own streams.
                stack.callback(stream.reconfigure, errors=before)
        yield

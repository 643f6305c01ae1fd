"""``tts --stream``: speech is written while it is made."""

import argparse
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from finetune_tts.cli.program import say
from finetune_tts.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

_UNKNOWN = 0xFFFFFFFF  # the size that a header gives while nobody knows it
_HEADER = 44


def check_stream_flags(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be streamed before anything is downloaded or loaded.

    Raises:
        UserError: a flag needs all of the speech at once.
    """
    for flag in ("reference_wav", "save_spectrogram"):
        if arguments.stream and getattr(arguments, flag):
            raise UserError(f"--stream and --{flag}: this needs all of the speech at once. Leave one of them out.")


def write_stream(parts: "Iterable[np.ndarray]", sample_rate: int, arguments: argparse.Namespace) -> None:
    """Write parts of a waveform to ``--out_path`` or standard output, each as soon as it is there.

    What goes beyond full scale is clipped, as it is not known yet how loud the rest will be. The file grows where it
    stands; its header tells the length at the end.
    """
    started = time.perf_counter()
    first = None
    samples = 0
    with _opened(arguments) as file:
        file.write(_header(sample_rate, _UNKNOWN))
        for part in parts:
            file.write(_pcm(part))
            file.flush()
            samples += len(part)
            if first is None and len(part):
                first = time.perf_counter() - started
        if file.seekable() and not arguments.pipe_out:
            file.seek(0)
            file.write(_header(sample_rate, 2 * samples))
    if first is None:
        raise UserError("--text: the model makes no sound of so short a text. Give it more to say.")
    spent, seconds = time.perf_counter() - started, samples / sample_rate
    if not arguments.pipe_out:
        say(f"wrote: {arguments.out_path} ({seconds:.2f} s)")
    say(f"first sound after {first:.2f} s; real-time factor: {spent / seconds:.3f}", aside=arguments.pipe_out)


@contextmanager
def _opened(arguments: argparse.Namespace) -> "Iterator[IO[bytes]]":
    if arguments.pipe_out:
        yield sys.stdout.buffer
        return
    try:
        file = arguments.out_path.open("wb")
    except OSError as error:
        raise UserError(f"--out_path {arguments.out_path}: cannot be written ({error.strerror}).") from error
    with file:
        yield file


def _header(sample_rate: int, size: int) -> bytes:
    """The header of a mono WAV file with ``size`` bytes of 16-bit samples."""
    whole = size if size == _UNKNOWN else size + _HEADER - 8
    layout = struct.pack("<IHHIIHH", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt " + layout + b"data" + struct.pack("<I", size)


def _pcm(part: "np.ndarray") -> bytes:
    import numpy as np

    return (np.clip(part, -1.0, 1.0) * 32767).round().astype("<i2").tobytes()

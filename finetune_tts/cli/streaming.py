"""``tts --stream``: speech is written while it is made."""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, TYPE_CHECKING

from finetune_tts.audio.wav_header import MOST_BYTES, wav_header
from finetune_tts.cli.program import say
from finetune_tts.errors import UserError
from finetune_tts.files import replacing

if TYPE_CHECKING:
    import numpy as np

_WAV = (".wav", ".wave")


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

    What goes beyond full scale is clipped, as it is not known yet how loud the rest will be. With ``--stream`` the file
    grows where it stands; its header tells the length at the end.
    """
    started = time.perf_counter()
    first = None
    samples = 0
    with _opened(arguments) as file, _writer(file, sample_rate, arguments) as write:
        for part in parts:
            if not len(part):
                continue
            write(part)
            samples += len(part)
            if first is None:
                first = time.perf_counter() - started
    if first is None:
        where = "--text" if arguments.text_file is None else f"--text_file {arguments.text_file}"
        raise UserError(f"{where}: the model makes no sound of so short a text. Give it more to say.")
    spent, seconds = time.perf_counter() - started, samples / sample_rate
    if not arguments.pipe_out:
        say(f"wrote: {arguments.out_path} ({seconds:.2f} s)")
    say(f"first sound after {first:.2f} s; real-time factor: {spent / seconds:.3f}", aside=arguments.pipe_out)


def _writer(
    file: IO[bytes], sample_rate: int, arguments: argparse.Namespace
) -> "AbstractContextManager[Callable[[np.ndarray], None]]":
    if arguments.pipe_out or arguments.out_path.suffix.lower() in _WAV or not _known(arguments):
        return _wav_writer(file, sample_rate, seekable=file.seekable() and not arguments.pipe_out)
    return _sound_writer(file, sample_rate, arguments)


def _known(arguments: argparse.Namespace) -> bool:
    from finetune_tts.audio.writing import SOUND_KINDS

    return arguments.out_path.suffix.lower() in SOUND_KINDS


@contextmanager
def _wav_writer(file: IO[bytes], sample_rate: int, *, seekable: bool) -> "Iterator[Callable[[np.ndarray], None]]":
    from finetune_tts.audio.writing import pcm

    size = 0

    def write(part: "np.ndarray") -> None:
        nonlocal size
        if seekable and size + 2 * len(part) > MOST_BYTES:
            raise UserError("A WAV file holds 4 GB at most. Name a .flac file, or divide the text.")
        size += file.write(pcm(part))
        file.flush()

    file.write(wav_header(sample_rate))
    yield write
    if seekable:
        file.seek(0)
        file.write(wav_header(sample_rate, size))


@contextmanager
def _sound_writer(
    file: IO[bytes], sample_rate: int, arguments: argparse.Namespace
) -> "Iterator[Callable[[np.ndarray], None]]":
    """A file of another kind, which libsndfile writes."""
    import numpy as np
    import soundfile

    from finetune_tts.audio.writing import SOUND_KINDS

    kind = SOUND_KINDS[arguments.out_path.suffix.lower()]
    if kind.rates and sample_rate not in kind.rates:
        raise UserError(
            f"--out_path {arguments.out_path}: a file of this kind cannot be written part by part at {sample_rate} Hz. "
            "Name a .wav or a .flac file."
        )
    if not file.seekable():
        raise UserError(f"--out_path {arguments.out_path}: is no file. Only WAV can be written there.")
    with soundfile.SoundFile(file, "w", sample_rate, 1, kind.subtype, format=kind.format) as sound:
        yield lambda part: sound.write(np.clip(part, -1.0, 1.0))


@contextmanager
def _opened(arguments: argparse.Namespace) -> "Iterator[IO[bytes]]":
    if arguments.pipe_out:
        yield sys.stdout.buffer
    elif not arguments.stream:
        with replacing(arguments.out_path) as file:
            yield file
    else:
        try:
            file = arguments.out_path.open("w+b")
        except OSError as error:
            raise UserError(f"--out_path {arguments.out_path}: cannot be written ({error.strerror}).") from error
        with file:
            yield file

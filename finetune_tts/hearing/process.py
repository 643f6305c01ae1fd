"""The process that hears what a model in training has synthesised, so that the training need not wait for it."""

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

import finetune_tts

logger = logging.getLogger(__name__)

_THREADS = 2
_SECONDS_TO_END = 5.0


class HearingProcess:
    """Hears looks, one after the other (:mod:`finetune_tts.hearing.worker`); it is started with the first.

    It ends with this process, however that ends: it watches the pipe over which it is told what to hear.

    Args:
        run: the run folder.
        recogniser: see :func:`finetune_tts.hearing.speech_recognition.find_recogniser`.
    """

    def __init__(self, run: Path, recogniser: str | None = None) -> None:
        self._run, self._recogniser = run, recogniser
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    @property
    def died(self) -> bool:
        """Whether it was started, and has ended although nobody wanted it to."""
        return self._process is not None and self._process.poll() is not None

    @property
    def last_words(self) -> str:
        """The last line that it wrote to its standard error, or how it ended."""
        assert self._process is not None
        assert self._errors is not None
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        status = f"exit status {self._process.poll()}"
        return next((line.strip() for line in reversed(lines) if line.strip()), status)

    def hear(self, folder: Path) -> None:
        """Let it hear a look, whose sounds are in ``folder``.

        Raises:
            OSError: it cannot be started, or is dead.
        """
        process = self._process if self._process is not None else self._start()
        assert process.stdin is not None
        process.stdin.write(os.fsencode(folder) + b"\n")
        process.stdin.flush()

    def close(self) -> None:
        """End it, whatever it is doing."""
        process, self._process = self._process, None
        if process is not None:
            try:
                if process.stdin is not None:
                    process.stdin.close()
            except OSError as error:  # it has died already, with something unread
                logger.debug("The process that hears the samples: %s", error)
            process.terminate()
            try:
                process.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def _start(self) -> "subprocess.Popen[bytes]":
        words = [sys.executable, "-m", "finetune_tts.hearing.worker", str(self._run)]
        words += [self._recogniser] if self._recogniser is not None else []
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        # A session of its own: Ctrl-C is for the run, which decides what becomes of this.
        kind: dict[str, Any] = {} if sys.platform == "win32" else {"start_new_session": True}
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._errors, env=_environment(), **kind
        )
        return self._process


def _environment() -> dict[str, str]:
    """Without a GPU, which is the training's, and with few threads; this package is found where it is found here."""
    home = str(Path(finetune_tts.__file__).parents[1])
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(_THREADS))
    return {**os.environ, **threads, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": path}

"""Reading a text file that grows: the lines that have come since the last look."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

_CHUNK = 1 << 20
_MARK = 4096
#: bytes of a line beyond which it is passed over: no line of ours is that long.
LONGEST_LINE = 1 << 20


class Tail:
    """The lines of a file, each given once, and from the first on again if the file has become another one.

    A run that is resumed cuts its history back, and writes other lines there; a copy may be put in the file's place.

    Args:
        path: of the file, which need not be there yet.
        begin_again: called before the lines of another file are given.
    """

    def __init__(self, path: Path, begin_again: Callable[[], None]) -> None:
        self._path, self._begin_again = path, begin_again
        self._position = self._number = 0
        self._mark = b""

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Number and text of each whole line that is new; one that is only half written comes when it is whole.

        Raises:
            OSError: the file cannot be read.
        """
        try:
            if not stat.S_ISREG(os.stat(self._path).st_mode):
                return
            file = open(self._path, "rb")  # noqa: SIM115 - closed below
        except FileNotFoundError:
            self._forget()
            return
        with file:
            if not self._is_the_same(file.fileno()):
                self._forget()
            file.seek(self._position)
            rest, skipping = b"", False
            while chunk := file.read(_CHUNK):
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    self._number += 1
                    self._position += len(line) + 1
                    self._mark = (self._mark + line[-_MARK:] + b"\n")[-_MARK:]
                    yield self._number, b"" if skipping else line
                    skipping = False
                if len(rest) > LONGEST_LINE:
                    self._position += len(rest)
                    self._mark = rest[-_MARK:]
                    rest, skipping = b"", True

    def _is_the_same(self, file: int) -> bool:
        """Whether what was read last still stands where it was."""
        if os.fstat(file).st_size < self._position:
            return False
        os.lseek(file, self._position - len(self._mark), os.SEEK_SET)
        return os.read(file, len(self._mark)) == self._mark

    def _forget(self) -> None:
        if self._position:
            self._position = self._number = 0
            self._mark = b""
            self._begin_again()

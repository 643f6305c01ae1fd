"""One process at a time for one model: a lock that the system takes back when its process dies."""

import errno
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)

_WAIT_SECONDS = 0.2

#: what some network disks answer; one process alone is safe there all the same.
_NO_LOCKS_HERE = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs; wait, and say so, where another process holds it.

    The file stays: removing it would let a third process lock a new file while the second waits for the old one.

    Args:
        path: the lock file; its folder must exist.
        what: what is waited for, in words.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("a+b") as file:
        if not _try_lock(file):
            logger.info("Another process is getting %s; waiting for it.", what)
            while not _try_lock(file):
                time.sleep(_WAIT_SECONDS)
        try:
            yield
        finally:
            _unlock(file)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS_HERE:
                raise
            logger.warning("This disk knows no locks (%s): let no two processes get one model here.", error.strerror)
        return True

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)

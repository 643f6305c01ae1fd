"""One process at a time for one model: a lock that the system takes back when its process dies."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

logger = logging.getLogger(__name__)

_WAIT_SECONDS = 0.2

#: what some network disks answer; one process alone is safe there all the same.
_NO_LOCKS_HERE = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs; wait, and say so, where another process holds it.

    Args:
        path: the lock file.
        what: what is waited for, in words.

    Raises:
        OSError: the file cannot be opened.
    """
    lock = FileLock(path)
    try:
        _acquire(lock, what)
    except NotImplementedError as error:  # how older releases of filelock say ENOSYS
        _warn_of_no_locks(str(error))
    except OSError as error:
        if error.errno not in _NO_LOCKS_HERE:
            raise
        _warn_of_no_locks(error.strerror)
    try:
        yield
    finally:
        lock.release()  # does nothing where it is not held


def _acquire(lock: FileLock, what: str) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("Another process is getting %s; waiting for it.", what)
        lock.acquire(poll_interval=_WAIT_SECONDS)


def _warn_of_no_locks(why: str | None) -> None:
    logger.warning("This disk knows no locks (%s): let no two processes get one model here.", why)

"""Files that outlive the process: written whole or not at all, read as UTF-8 or refused by name and line."""

import errno
import json
import os
import shlex
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from finetune_tts.encodings import BINARY, document_kind, marked_encoding, probable_encoding
from finetune_tts.errors import UserError

_LONGEST_START = 50  # characters of a name that its temporary file begins with, so that a long name still fits
#: names under which a program is given what another one writes; nobody waits there for a writer that never comes.
_STREAMS = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")


@contextmanager
def replacing(path: str | Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary file in the folder of ``path`` and rename it to ``path`` once it is complete.

    After a crash, a full disk or a signal ``path`` holds either its old content or the new one, never a part.

    A symbolic link stays, and the file that it leads to is written. What cannot be replaced by renaming (a terminal,
    ``/dev/null``, a pipe, the program's own standard output) is opened and written to as it is.

    Args:
        path: where the finished file is to stand; its folder must exist.
        mode: ``"wb"`` or ``"w"`` (UTF-8; half a character, as a file name that is not UTF-8 holds it in Python, is
            written as ``\\udce9``, from which JSON makes the same again).

    Raises:
        OSError: the file cannot be written; the temporary file is gone then.
        UserError: the path names a disk or a socket.
    """
    options: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "errors": "backslashreplace"}
    there = _status(path)
    if there is not None and (stream := _opened_stream(path, there, mode, options)) is not None:
        with stream:
            yield stream
        return
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{name[:_LONGEST_START]}.", suffix=".part", dir=folder)
    except OSError as error:
        error.filename = str(path)  # the temporary name would tell the user nothing
        raise
    try:
        with os.fdopen(handle, mode, **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _permissions() if there is None else stat.S_IMODE(there.st_mode))
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def is_replaceable(path: str | Path) -> bool:
    """Whether ``path`` is a regular file, or nothing yet, and so has a folder that other files can stand in."""
    there = _status(path)
    return there is None or (stat.S_ISREG(there.st_mode) and _own_output(there) is None)


def is_standard_output(path: str | Path) -> bool:
    """Whether ``path`` (``/dev/stdout``, …) is what this program prints to."""
    there = _status(path)
    return there is not None and _own_output(there) == 1


def give_name(source: Path, path: Path) -> None:
    """Make ``path`` one more name of the file ``source``, which costs no room and stays when the other name goes.

    Where the file system has no second names, or ``path`` is a link to a file elsewhere, a copy is written.

    Raises:
        OSError: neither can be made.
    """
    # A link to a file beside it is such a name itself: written through it, that file would hold what its name denies.
    elsewhere = path.is_symlink() and path.resolve().parent != path.parent.resolve()
    if not elsewhere and is_replaceable(path):
        temporary = path.with_name(f".{path.name}.name.part")
        with suppress(FileNotFoundError):
            temporary.unlink()
        with suppress(OSError):
            os.link(source, temporary)
            os.replace(temporary, path)
            return
    with replacing(path) as target, source.open("rb") as content:
        shutil.copyfileobj(content, target)


def _status(path: str | Path) -> os.stat_result | None:
    """What stands at ``path``, links followed; None for nothing, or a link to nothing."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _own_output(there: os.stat_result) -> int | None:
    """The descriptor of this program's output that ``there`` is, if it is one."""
    for descriptor in (1, 2):
        with suppress(OSError):  # closed
            if os.path.samestat(os.fstat(descriptor), there):
                return descriptor
    return None


def _opened_stream(path: str | Path, there: os.stat_result, mode: str, options: dict[str, Any]) -> IO[Any] | None:
    """What is at ``path``, opened for writing, where it cannot be replaced; None for a regular file."""
    kind = there.st_mode
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    own = _own_output(there)
    if own is not None:
        # Not opened once more: a file that output was sent to would be written from its beginning by both.
        if sys.stdout is not None:
            sys.stdout.flush()
        return os.fdopen(os.dup(own), mode, **options)
    if stat.S_ISREG(kind):
        return None
    if stat.S_ISBLK(kind) or stat.S_ISSOCK(kind):
        what = "disk" if stat.S_ISBLK(kind) else "socket"
        raise UserError(f"{path}: is a {what}, to which nothing is written. Name a file.")
    return open(path, mode, **options)


def _permissions() -> int:
    """Those that open() would give; mkstemp makes files that only the owner may read."""
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with replacing(path, "w") as file:
        file.write(text)


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=4, ensure_ascii=False) + "\n")


def read_bytes(path: str | Path) -> bytes:
    """Read a whole file.

    Raises:
        UserError: the file is missing, cannot be read, or is a device or a named pipe, which may have no end.
    """
    try:
        mode = os.stat(path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or str(path).startswith(_STREAMS)):
            raise UserError(f"{path}: is a device or a pipe, not a file. Name a regular file.")
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{str(path)!r}: is no name that a file can have ({error}).") from error


def read_text(path: str | Path, *, fallback: str | None = None) -> str:
    """Read a text file, its line ends made ``\\n``: UTF-8, with or without a byte-order mark, or UTF-16 with one.

    Args:
        path: the file.
        fallback: the encoding of a file that is in neither of them; without it, such a file is an error.

    Raises:
        UserError: the file is missing, cannot be read, is no text, or is in another encoding; the line of the first
            byte that does not fit is named, and what the encoding probably is.
    """
    return decoded(path, read_bytes(path), fallback=fallback)


def decoded(path: str | Path, raw: bytes, *, fallback: str | None = None) -> str:
    """The text of bytes that were read of ``path``; as :func:`read_text`, which raises likewise."""
    marked = marked_encoding(raw)
    try:
        text = raw.decode(marked or "utf-8-sig")
    except UnicodeDecodeError as error:
        if fallback is None or marked:
            raise _not_utf8(path, raw, error) from error
        text = raw.decode(fallback)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _not_utf8(path: str | Path, raw: bytes, error: UnicodeDecodeError) -> UserError:
    document = document_kind(raw)
    if document:
        advice = "" if document == BINARY else " Save a table as CSV in UTF-8."
        return UserError(f"{path}: is not UTF-8 text but {document}.{advice}")
    marked = marked_encoding(raw)
    if marked:
        return UserError(f"{path}: begins as {marked.upper()} text but is none ({error.reason}). Save it as UTF-8.")
    line = raw[: error.start].count(b"\n") + 1
    start = f"{path}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8 text."
    probable = probable_encoding(raw)
    if probable is None:
        return UserError(f"{start} Save the file as UTF-8 in the program that wrote it.")
    if not os.path.lexists(path):  # such as standard input
        return UserError(f"{start} It is probably {probable}: pipe it through iconv -f {probable} -t UTF-8.")
    return UserError(
        f"{start} The file is probably in {probable}. Convert it, and look at the result: "
        f"iconv -f {probable} -t UTF-8 {shlex.quote(str(path))} > converted"
    )


def expanded(path: str | Path) -> Path:
    """``path`` with ``~`` and ``~name`` replaced by the home that they stand for.

    Raises:
        UserError: there is no user of that name.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        start = Path(path).parts[0]
        raise UserError(
            f"{path}: {start} is no home folder that is known here. Write the path out, or ./{start} for a folder of "
            "that name."
        ) from error

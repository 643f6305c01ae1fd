"""The errors that the programs answer with a line and no traceback: yours, and those of another process."""


class UserError(ValueError):
    """Something that the user gave is wrong: a flag, a file, a field.

    The message says what is wrong, where (file, line, field, value) and what to do, in one or two lines.
    The programs print it without a traceback and end with exit status 2.
    """


class ProcessLost(RuntimeError):
    """Another process of a run has failed, or cannot be reached: this one cannot continue alone.

    The message is one line; what went wrong is for the process to say that it happened to.
    """


def excerpt(text: str, length: int = 60) -> str:
    """The beginning of ``text`` on one line, for a message: what people give may be of any length, and not be text."""
    line = " ".join(text[: 4 * length].encode("utf-8", "replace").decode("utf-8").split())
    return line if len(line) <= length and len(text) <= 4 * length else f"{line[: length - 1]}…"


def counted(count: int, what: str = "clip") -> str:
    """``1 clip``, ``1,300 clips``."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"

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
    """The beginning of ``text`` on one line, for a message: what people give may be of any length."""
    line = " ".join(text[: 4 * length].split())
    return line if len(line) <= length and len(text) <= 4 * length else f"{line[: length - 1]}…"

"""What both programs share: logging, exit status, and errors without a traceback."""

import argparse
import errno
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import zip_longest
from typing import Any, NoReturn

from finetune_tts.cli.streams import encodable_streams
from finetune_tts.errors import ProcessLost, UserError

FAILURE = 1
MISTAKE = 2
INTERRUPTED = 130

#: what the user can mend, by the system's number for it.
_MENDABLE = {
    errno.ENOSPC: "the disk is full. Free some space, and run the command again",
    errno.EDQUOT: "your quota on this disk is used up. Free some space, and run the command again",
    errno.EROFS: "this disk can only be read. Choose another folder",
    errno.EACCES: "the permission is missing. Change it, or choose another folder",
    errno.EPERM: "the permission is missing. Change it, or choose another folder",
    errno.ENAMETOOLONG: "the name is too long. Choose a shorter one",
    errno.EEXIST: "something is there already. Move it away, or choose another place",
    errno.EISDIR: "is a folder, and a file is to be written there. Move it away, or choose another place",
    errno.ENOTDIR: "is no folder. Move it away, or choose another place",
}


class _Given(argparse.Action):
    """Takes the value of a flag once; a second one that differs is no correction of the first, but a mistake."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Store the value, or the values of a flag that takes several."""
        values = self.complete(values)
        if self.dest in _given(namespace) and getattr(namespace, self.dest) != values:
            before = " ".join(map(str, _listed(getattr(namespace, self.dest))))
            now = " ".join(map(str, _listed(values)))
            raise argparse.ArgumentError(self, f"given twice, as {before} and as {now}: leave one of them out")
        _given(namespace).add(self.dest)
        setattr(namespace, self.dest, values)

    def complete(self, values: Any) -> Any:
        """Return the values with the word ``--``, which argparse before Python 3.13 drops from ``--flag=--``."""
        if values != [] or self.nargs == argparse.OPTIONAL:
            return values
        try:
            value = self.type("--") if callable(self.type) else "--"
        except (TypeError, ValueError) as error:
            kind = getattr(self.type, "__name__", "")
            raise argparse.ArgumentError(self, f"invalid {kind} value: '--'") from error
        if self.choices is not None:
            raise argparse.ArgumentError(
                self, f"invalid choice: '--' (choose from {', '.join(map(repr, self.choices))})"
            )
        return value if self.nargs is None else [value]


class _Collected(_Given):
    """Takes the values of a flag that may be given several times."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Put the value, or the values, after those that were given before."""
        before = getattr(namespace, self.dest) or []
        setattr(namespace, self.dest, [*before, *_listed(self.complete(values))])


_MARK = "_given"


def _given(namespace: argparse.Namespace) -> set[str]:
    given: set[str] = namespace.__dict__.setdefault(_MARK, set())
    return given


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Parser(argparse.ArgumentParser):
    """An argument parser that names a flag's nearest neighbours when it does not know it.

    A flag is given once, or several times with the same value; one with ``action="collect"`` is a list. ``--help`` is a
    flag like the others: the programs print what belongs to it.

    Attributes:
        tasks: the group of flags that say what to do; ``--help`` is one of them.

    Args:
        may_be_empty: flags for which an empty value is none by accident.
        options: of :class:`argparse.ArgumentParser`.
    """

    def __init__(self, may_be_empty: Sequence[str] = (), **options: Any) -> None:
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(allow_abbrev=False, add_help=False, formatter_class=formatter, **options)
        self._may_be_empty = may_be_empty
        self.register("action", None, _Given)
        self.register("action", "store", _Given)
        self.register("action", "collect", _Collected)
        self.tasks = self.add_argument_group("what to do")
        self.tasks.add_argument("-h", "--help", action="store_true", help="show this and end")

    def parse_known_flags(self, argv: list[str]) -> argparse.Namespace:
        """Parse ``argv``.

        Raises:
            UserError: an unknown flag (the nearest ones are named), or a value that does not fit its flag.
        """
        self._refuse_empty(argv)
        arguments, unknown = self.parse_known_args(argv)
        arguments.__dict__.pop(_MARK, None)
        if unknown:
            from difflib import get_close_matches

            flags = [flag for action in self._actions for flag in action.option_strings if flag.startswith("--")]
            near = get_close_matches(unknown[0].split("=")[0], flags, n=3)
            hint = f" Did you mean {' or '.join(near)}?" if near else " --help lists the flags."
            raise UserError(f"{' '.join(unknown[:3])}: not a flag of {self.prog}.{hint}")
        return arguments

    def error(self, message: str) -> NoReturn:
        """Turn argparse's own complaints into the form of all others."""
        hint = "--help lists the flags."
        if message.endswith("expected one argument"):
            hint = f"A value that begins with a dash is written --flag=-value. {hint}"
        raise UserError(f"{message[:1].upper()}{message[1:]}. {hint}")

    def _refuse_empty(self, argv: list[str]) -> None:
        """Refuse ``--flag ""``, which is mostly a variable of a shell script that is not set."""
        for word, following in zip_longest(argv, argv[1:]):
            flag, equals, value = word.partition("=")
            action = self._option_string_actions.get(flag)
            if action is None or action.nargs == 0 or flag in self._may_be_empty or action.default == "":
                continue
            if (value if equals else following) == "":
                raise UserError(f"{flag}: its value is empty. Give it one, or leave the flag out.")


def run_program(run: Callable[[list[str]], Callable[[], None] | None], argv: list[str] | None = None) -> int:
    """Run a program and turn what happens into an exit status.

    Args:
        run: takes the arguments, and does what they ask for or returns what is left to be done.
        argv: arguments; those of the process by default.

    Returns:
        0, :data:`MISTAKE` after a :class:`UserError` or an error of the system that the user can mend,
        :data:`INTERRUPTED` after Ctrl-C, :data:`FAILURE` otherwise. One of several processes that are still connected
        does not return but ends with the status (:func:`_leave`).
    """
    status = FAILURE
    with encodable_streams():
        try:
            with _logging():
                command = run(sys.argv[1:] if argv is None else argv)
                if command is not None:
                    command()
            sys.stdout.flush()
            status = 0
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            status = MISTAKE
        except KeyboardInterrupt as stop:
            # A run that was stopped has saved itself, and its message says how to resume it.
            if is_main_process():
                print(str(stop) or "Stopped.", file=sys.stderr)
            status = INTERRUPTED
        except BrokenPipeError:
            # The reader of a pipe has gone (`tts --list_models | head`): nothing is wrong here.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = 128 + signal.SIGPIPE
        except ProcessLost as error:
            print(f"failed (process {os.environ.get('RANK', '0')}): {error}", file=sys.stderr)
        except (MemoryError, OSError, RuntimeError) as error:
            if os.environ.get("TTS_TRACEBACK"):
                raise
            if isinstance(error, OSError) and error.errno in _MENDABLE:
                said = f"{_MENDABLE[error.errno]}."
                where = f"{error.filename}: {said}" if error.filename else f"{said[:1].upper()}{said[1:]}"
                print(f"error: {where}", file=sys.stderr)
                status = MISTAKE
            else:
                name = "" if isinstance(error, OSError) else f"{type(error).__name__}: "
                print(f"failed: {name}{error}\nSet TTS_TRACEBACK=1 to see where.", file=sys.stderr)
        finally:
            if status and _is_connected():
                if sys.exc_info()[0] is not None:
                    traceback.print_exc()
                _leave(status)
    return status


def _is_connected() -> bool:
    """Whether this process is one of several that have not taken their connection down."""
    distributed = sys.modules.get("torch.distributed")  # whoever has not loaded it is not
    return distributed is not None and distributed.is_available() and distributed.is_initialized()


def _leave(status: int) -> NoReturn:
    """End the process now that everything is said, so that the connection breaks and the others hear of it.

    An ordinary end would wait for what the processes were about to compute together, which the others never finish.
    """
    import multiprocessing

    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    for process in multiprocessing.active_children():
        process.kill()  # they hold the connection too
    os._exit(status)


def is_main_process() -> bool:
    """Whether this process speaks for all: under torchrun, the first."""
    return os.environ.get("RANK", "0") == "0"


def say(line: str, *, aside: bool = False) -> None:
    """Print a line of the result, once for all processes.

    Args:
        line: to print.
        aside: to standard error, where standard output is for something else.
    """
    if is_main_process():
        print(line, file=sys.stderr if aside else sys.stdout)


@contextmanager
def _logging() -> Iterator[None]:
    """Let the package's log go to standard error, while a program runs."""
    package = logging.getLogger("finetune_tts")
    before = package.level, package.propagate
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.setLevel(logging.INFO if is_main_process() else logging.WARNING)
    package.addHandler(handler)
    package.setLevel(logging.INFO)
    package.propagate = False
    try:
        yield
    finally:
        # Who calls main() goes on, and its standard error may be another one by then.
        package.removeHandler(handler)
        package.setLevel(before[0])
        package.propagate = before[1]

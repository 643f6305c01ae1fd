"""Reading the JSON of strangers: configs, speakers, d-vectors, metadata, catalogs, answers of servers.

Whatever the text holds, the answer is a value or an error that says where the fault stands. Refused beyond what is not
JSON: NaN, brackets nested without end, whole numbers that no float holds, half of a surrogate pair, files that are no
regular ones or too large to be what they are taken for. Comments and ``Infinity`` are for configs alone.
"""

import json
import logging
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any, NoReturn

from finetune_tts.errors import UserError
from finetune_tts.files import read_text

logger = logging.getLogger(__name__)

#: Released configs nest six deep; Python's recursion limit must stay far away, in writing too.
MAX_DEPTH = 64
#: A whole number of more digits is beyond what a float can hold.
MAX_DIGITS = 308
#: The largest file that is read where the caller names no other bound.
MAX_BYTES = 64 * 2**20

_KEYS_SHOWN = 10
_EXCERPT = 60

# A string or a comment that is never closed is taken to its end, so that no character is looked at twice.
_STRING = r'"(?:[^"\\\n]+|\\.)*"?'
_BRACKETS = re.compile(rf"{_STRING}|(?P<open>[\[{{])|(?P<close>[\]}}])", re.DOTALL)
_COMMENTS = re.compile(rf"{_STRING}|(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))", re.DOTALL)
_CONSTANTS = re.compile(rf"{_STRING}|(?P<constant>-?(?:NaN|Infinity))", re.DOTALL)
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class NotJSON(ValueError):
    """A text is not JSON that can be used.

    Attributes:
        reason: what is wrong.
        offset: of the character where it is wrong; None where no place can be named.
    """

    def __init__(self, reason: str, offset: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


def parse_json(
    text: str,
    *,
    comments: bool = False,
    infinity: bool = False,
    numbers_as_text: bool = False,
    repeated: set[str] | None = None,
) -> Any:
    """Parse a text of JSON.

    Args:
        text: the JSON.
        comments: allow ``//`` and ``/* */``, and tabs and line breaks in strings.
        infinity: allow ``Infinity``; NaN is not allowed with it.
        numbers_as_text: give numbers as the text that they are written as, and NaN and infinities as floats: in
            metadata they may stand in fields that nobody reads.
        repeated: takes the keys that stand in an object more than once, of which the last one counts; without it such
            an object is refused.

    Raises:
        NotJSON: the text cannot be used.
    """
    plain = _without_comments(text) if comments else text
    _check_depth(plain)

    def one_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            counts = Counter(name for name, _ in pairs)
            names = [name for name, count in counts.items() if count > 1]
            if repeated is None:
                raise NotJSON(f"{_shown(names[0])} stands there twice")
            repeated.update(names)
        return values

    def whole_number(digits: str) -> int:
        if len(digits) > MAX_DIGITS:
            raise NotJSON(f"a whole number of {len(digits):,} digits is more than can be used", plain.find(digits))
        return int(digits)

    def constant(name: str) -> float:
        if numbers_as_text or (infinity and name != "NaN"):
            return float(name)
        raise NotJSON(f"{name} is not a value that can stand here", _offset_of_constant(plain, name))

    def load(*, strict: bool = True) -> Any:
        hooks: dict[str, Any] = {"parse_int": whole_number, "parse_constant": constant}
        if numbers_as_text:
            hooks |= {"parse_int": str, "parse_float": str}
        return json.loads(plain, object_pairs_hook=one_object, strict=strict, **hooks)

    try:
        try:
            values = load()
        except json.JSONDecodeError as error:
            if not (comments and error.msg.startswith("Invalid control character")):
                raise
            # A tab or a line break inside a string, as some old releases have it; of what is wrong for another reason
            # too, the first fault is the one that people understand.
            try:
                values = load(strict=False)
            except json.JSONDecodeError:
                raise error from None
        if _ESCAPED_SURROGATE.search(plain):
            # Half of a surrogate pair is legal JSON, but no text that could be written back.
            json.dumps(values, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        _refuse(plain, error)
    except UnicodeEncodeError as error:
        raise NotJSON("a string holds half of a surrogate pair, which is not text") from error
    except RecursionError as error:  # which a caller that is deep in calls itself meets earlier
        raise NotJSON(f"brackets are nested deeper than {MAX_DEPTH}") from error
    return values


def read_json(
    path: str | Path,
    *,
    what: str = "JSON file",
    most_bytes: int = MAX_BYTES,
    comments: bool = False,
    infinity: bool = False,
    refuse_repeated: bool = False,
) -> Any:
    """Read a file of JSON.

    Args:
        path: the file.
        what: it is expected to be, for messages.
        most_bytes: that such a file can have.
        comments, infinity: allow them, see :func:`parse_json`.
        refuse_repeated: refuse keys that stand in one object more than once, which are else said in a warning.

    Raises:
        UserError: the file is missing, no regular file, too large, not UTF-8 or not JSON; line and column are named.
    """
    text = read_bounded_text(path, what=what, most_bytes=most_bytes)
    repeated: set[str] | None = None if refuse_repeated else set()
    try:
        values = parse_json(text, comments=comments, infinity=infinity, repeated=repeated)
    except NotJSON as error:
        raise UserError(describe(error, text, str(path))) from error
    warn_of_repeated(str(path), repeated or ())
    return values


def read_bounded_text(
    path: str | Path, *, what: str, most_bytes: int, folder_hint: str = "", size_hint: str = ""
) -> str:
    """Read a UTF-8 file that is known to be a regular one of a sensible size.

    Args:
        path: the file.
        what: it is expected to be, for messages.
        most_bytes: that such a file can have.
        folder_hint: what to do where the path names a folder.
        size_hint: what a file that is too large may be.

    Raises:
        UserError: see :func:`read_json`.
    """
    if "\0" in str(path):
        raise UserError(f"{_shown(str(path))}: a NUL character, which no file name can hold.")
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{path}: is a folder, not a {what}. {folder_hint}".rstrip())
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: is not a regular file.")  # a pipe would be waited for, a device never ends
    if path.is_file() and (size := path.stat().st_size) > most_bytes:
        most = f"{most_bytes / 2**20:.0f} MiB"
        raise UserError(f"{path}: has {size / 2**20:.0f} MiB, a {what} has {most} at most. {size_hint}".rstrip())
    return read_text(path)


def describe(error: NotJSON, text: str, where: str, first_line: int = 1) -> str:
    """Say what is wrong with a text, where, and what stands there.

    Args:
        error: of :func:`parse_json`.
        text: that was parsed.
        where: what the text is called.
        first_line: number of its first line, where it is a part of a file.
    """
    if error.offset is None:
        line = f", line {first_line}" if first_line > 1 else ""
        return f"{where}{line}: {error.reason}."
    number = text.count("\n", 0, error.offset) + first_line
    start = text.rfind("\n", 0, error.offset) + 1
    column = error.offset - start
    line = text[start:].partition("\n")[0]
    begin = max(0, min(column - _EXCERPT // 2, len(line) - _EXCERPT))
    excerpt = printable(line[begin : begin + _EXCERPT]).strip()
    return f"{where}, line {number}, column {column + 1}: {error.reason}{f': {excerpt}' if excerpt else '.'}"


def printable(text: str) -> str:
    """Return a text with dots for what a terminal would not show, or would obey."""
    return "".join(character if character.isprintable() else "·" for character in text)


def warn_of_repeated(where: str, names: Collection[str]) -> None:
    """Say which keys stand more than once in an object of ``where``, if any do."""
    if not names:
        return
    more = f" and {len(names) - _KEYS_SHOWN} more" if len(names) > _KEYS_SHOWN else ""
    shown = ", ".join(_shown(name, quoted=False) for name in sorted(names)[:_KEYS_SHOWN])
    logger.warning("%s: given more than once, the last one counts: %s%s", where, shown, more)


def _shown(name: str, *, quoted: bool = True) -> str:
    name = printable(name if len(name) <= _EXCERPT else f"{name[: _EXCERPT - 1]}…")
    return f"'{name}'" if quoted else name


def _without_comments(text: str) -> str:
    """Replace comments by spaces, so that every other character keeps its line and column."""
    parts: list[str] = []
    end = 0
    for token in _COMMENTS.finditer(text):
        if token["comment"] is not None:
            parts += [text[end : token.start()], re.sub(r"[^\n]", " ", token.group())]
            end = token.end()
    return "".join([*parts, text[end:]])


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for token in _BRACKETS.finditer(text):
        if token.lastgroup == "open":
            depth += 1
            if depth > MAX_DEPTH:
                raise NotJSON(f"brackets are nested deeper than {MAX_DEPTH}", token.start())
        elif token.lastgroup == "close":
            depth -= 1


def _offset_of_constant(text: str, name: str) -> int | None:
    found = (token.start() for token in _CONSTANTS.finditer(text) if token["constant"] == name)
    return next(found, None)


def _refuse(text: str, error: json.JSONDecodeError) -> NoReturn:
    end = len(text.rstrip())
    if error.pos >= end > 0:
        raise NotJSON(f"not JSON ({error.msg}); the text ends here, was it cut off?", end - 1) from error
    raise NotJSON(f"not JSON ({error.msg})", error.pos) from error

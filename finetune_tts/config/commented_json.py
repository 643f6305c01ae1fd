"""Reading a config file: JSON as people and old releases write it, hostile input refused by line and column.

Allowed beyond JSON: a byte-order mark, ``//`` and ``/* */`` comments, ``Infinity`` (released configs bound lengths with
it). Refused: NaN, files that are no config by their size, brackets nested without end.
"""

import json
import logging
import re
from pathlib import Path
from typing import Any

from finetune_tts.errors import UserError
from finetune_tts.files import read_text

logger = logging.getLogger(__name__)

#: The largest released config, vocabulary and all, has 1 MB.
MAX_BYTES = 16 * 2**20
#: Released configs nest six deep; Python's recursion limit must stay far away, in writing too.
MAX_DEPTH = 64

#: A string or a comment that is never closed is taken to its end, so that no character is looked at twice.
TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\\n]+|\\.)*"?)'
    r"|(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<nan>-?NaN\b)",
    re.DOTALL,
)


def place(text: str, offset: int) -> str:
    """Return ``line L, column C`` (both from 1) of an offset."""
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return f"line {line}, column {column}"


def without_comments(text: str, where: str) -> str:
    """Replace comments by spaces, so that every other character keeps its line and column.

    Args:
        text: JSON with comments; a ``//`` inside a string, as in an address, is no comment.
        where: the file's name, for messages.

    Raises:
        UserError: NaN, or brackets nested deeper than ``MAX_DEPTH``.
    """
    depth = 0
    parts: list[str] = []
    end = 0
    for token in TOKEN.finditer(text):
        if token.lastgroup == "comment":
            parts += [text[end : token.start()], re.sub(r"[^\n]", " ", token.group())]
            end = token.end()
        elif token.lastgroup == "nan":
            raise UserError(f"{where}, {place(text, token.start())}: NaN is not a value that a config can hold.")
        elif token.lastgroup == "open":
            depth += 1
            if depth > MAX_DEPTH:
                raise UserError(
                    f"{where}, {place(text, token.start())}: brackets are nested deeper than {MAX_DEPTH}; "
                    "this is not the config of a model."
                )
        elif token.lastgroup == "close":
            depth -= 1
    return "".join([*parts, text[end:]])


def read_object(path: str | Path) -> dict[str, Any]:
    """Read a file that holds one JSON object, with or without comments.

    Raises:
        UserError: the file is missing, too large, not UTF-8, not JSON (with line and column) or no object.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{path}: is a folder, not a config file. Name the config.json in it.")
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: is not a regular file.")
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise UserError(
            f"{path}: has {path.stat().st_size / 2**20:.0f} MiB, a config has {MAX_BYTES // 2**20} at most. "
            "Is it a checkpoint? The config is the config.json beside it."
        )
    text = read_text(path)
    if not text.strip():
        raise UserError(f"{path}: is empty; a config is a JSON object.")
    return parse_object(text, str(path))


def parse_object(text: str, where: str) -> dict[str, Any]:
    """Parse one JSON object.

    Args:
        text: the JSON, with or without comments.
        where: what the text is called in messages.

    Raises:
        UserError: the text is not JSON, or no object.
    """

    def one_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            twice = sorted({name for name in names if names.count(name) > 1})
            logger.warning("%s: given more than once, the last one counts: %s", where, ", ".join(twice))
        return values

    plain = without_comments(text, where)
    try:
        values = json.loads(plain, object_pairs_hook=one_object)
        # A half of a surrogate pair is legal JSON, but no text that could be written back.
        json.dumps(values, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        line = plain.splitlines()[error.lineno - 1].strip() if plain.strip() else ""
        raise UserError(
            f"{where}, line {error.lineno}, column {error.colno}: not JSON ({error.msg}): {line[:60]}"
        ) from error
    except UnicodeEncodeError as error:
        raise UserError(f"{where}: a string holds half of a surrogate pair, which is not text.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: cannot be read as JSON ({error}).") from error
    if not isinstance(values, dict):
        raise UserError(f"{where}: holds a {type(values).__name__}; a config is a JSON object, {{…}}.")
    return values

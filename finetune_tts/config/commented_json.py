"""Reading a config file: JSON as people and old releases write it, hostile input refused by line and column.

Allowed beyond JSON: a byte-order mark, ``//`` and ``/* */`` comments, ``Infinity`` (released configs bound lengths with
it).
"""

from pathlib import Path
from typing import Any

from finetune_tts.errors import UserError
from finetune_tts.json_text import NotJSON, describe, parse_json, read_bounded_text, warn_of_repeated

#: The largest released config, vocabulary and all, has 1 MB.
MAX_BYTES = 16 * 2**20


def read_object(path: str | Path) -> dict[str, Any]:
    """Read a file that holds one JSON object, with or without comments.

    Raises:
        UserError: the file is missing, too large, not UTF-8, not JSON (with line and column) or no object.
    """
    text = read_bounded_text(
        path,
        what="config file",
        most_bytes=MAX_BYTES,
        folder_hint="Name the config.json in it.",
        size_hint="Is it a checkpoint? The config is the config.json beside it.",
    )
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
    repeated: set[str] = set()
    try:
        values = parse_json(text, comments=True, infinity=True, repeated=repeated)
    except NotJSON as error:
        raise UserError(describe(error, text, where)) from error
    warn_of_repeated(where, repeated)
    if not isinstance(values, dict):
        raise UserError(f"{where}: holds a {type(values).__name__}; a config is a JSON object, {{…}}.")
    return values

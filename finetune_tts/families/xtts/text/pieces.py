"""The vocabulary of XTTS: pieces of words, in the form of the tokenizers library.

Cleaned text is cut into its letters, and these are joined again by the merges of the vocabulary, the most frequent ones
first (byte pair encoding, Sennrich et al. 2016). A mark in front says the language: ``[en]``; a space is ``[SPACE]``.
"""

import json
import re
from pathlib import Path
from typing import Any

from finetune_tts.errors import UserError
from finetune_tts.json_text import read_json

UNKNOWN = "[UNK]"
SPACE = "[SPACE]"
START, STOP = "[START]", "[STOP]"
LARGEST_VOCABULARY = 1_000_000
_MARK = re.compile(r"\[([a-z]{2,3}(?:-[a-z]{2,4})?)\]")


def read_vocabulary(path: str | Path) -> dict[str, Any]:
    """Read ``vocab.json``.

    Raises:
        UserError: it is missing, is no JSON, or no vocabulary of pieces.
    """
    content = read_json(path)
    model = content.get("model") if isinstance(content, dict) else None
    model = model if isinstance(model, dict) else {}
    pieces = model.get("vocab")
    if not isinstance(pieces, dict) or model.get("type") != "BPE" or not isinstance(model.get("merges"), list):
        raise UserError(f"{path}: is no vocabulary of XTTS: model.type must be BPE, with vocab and merges.")
    added = content.get("added_tokens", [])
    if not isinstance(added, list) or not all(isinstance(token, dict) for token in added):
        raise UserError(f"{path}: added_tokens must be a list of tokens.")
    ids = [*pieces.values(), *(token.get("id") for token in added)]
    if not all(isinstance(number, int) and 0 <= number < LARGEST_VOCABULARY for number in ids):
        raise UserError(f"{path}: the ids of its pieces must be whole numbers from 0 to {LARGEST_VOCABULARY:,}.")
    found: dict[str, Any] = content
    return found


def pieces_of(vocabulary: dict[str, Any]) -> list[str]:
    """Its pieces by id; an id that none has gets a name of its own."""
    known = {number: piece for piece, number in vocabulary["model"]["vocab"].items()}
    known |= {token["id"]: str(token.get("content", "")) for token in vocabulary.get("added_tokens", [])}
    return [known.get(number, f"<{number}>") for number in range(max(known, default=-1) + 1)]


def languages_of(pieces: list[str]) -> tuple[str, ...]:
    """The languages that pieces have marks of."""
    return tuple(match.group(1) for piece in pieces if (match := _MARK.fullmatch(piece)))


def is_mark(piece: str) -> bool:
    """Whether a piece can stand for a language."""
    return _MARK.fullmatch(piece) is not None


class Cutter:
    """Cuts cleaned text into pieces.

    Args:
        vocabulary: of :func:`read_vocabulary`.
        source: its file, for messages.

    Raises:
        UserError: the package tokenizers is not installed, or cannot use the vocabulary.
    """

    def __init__(self, vocabulary: dict[str, Any], source: str) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise UserError(
                "This model reads pieces of words, for which the package tokenizers is needed. "
                "Install it with: pip install 'finetune-tts[xtts]'"
            ) from error
        try:
            self._tokenizer = Tokenizer.from_str(json.dumps(vocabulary))
        except BaseException as error:  # the library raises bare exceptions, and panics of its own
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            raise UserError(f"{source}: is a vocabulary that cannot be used ({str(error)[:200]}).") from error
        self._unknown = vocabulary["model"].get("unk_token") or UNKNOWN

    def cut(self, text: str, language: str) -> tuple[list[int], list[str]]:
        """The ids of a cleaned text with its language's mark, and the parts of it that no piece stands for."""
        encoded = self._tokenizer.encode(f"[{language}]{text}".replace(" ", SPACE))
        written = f"[{language}]{text}".replace(" ", SPACE)
        unknown = [
            written[start:end]
            for piece, (start, end) in zip(encoded.tokens, encoded.offsets, strict=True)
            if piece == self._unknown
        ]
        return list(encoded.ids), unknown

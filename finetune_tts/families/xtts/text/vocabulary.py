"""``vocab.json``: the byte-pair vocabulary of an XTTS model, in the form of the library tokenizers.

A file of strangers: it is read by the one JSON reader, every part that counts is checked, and the library gets what has
passed. Parts that could make reading slow or random (patterns, dropout) are refused.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from finetune_tts.errors import UserError, excerpt
from finetune_tts.families.xtts.text.packages import tokenizer_class
from finetune_tts.json_text import read_json

UNKNOWN, SPACE = "[UNK]", "[SPACE]"
MAX_BYTES = 32 * 2**20
MAX_PIECES = 1_000_000

#: A mark of a language. Those of other kinds are in capitals ([STOP]) or longer ([unused212]).
LANGUAGE_MARK = re.compile(r"\[([a-z]{2,3}(?:-[a-z0-9]{2,8})?)\]")
_PRE_TOKENIZERS = ("Whitespace", "WhitespaceSplit")
_NORMALIZERS = ("NFC", "NFD", "NFKC", "NFKD", "Lowercase")


@dataclass(frozen=True)
class Vocabulary:
    """The pieces of a model.

    Attributes:
        ids: piece → id, marks included.
        spelled: the pieces that text is spelled with, → id.
        added: pieces that stand for themselves wherever text holds them, but for the marks in brackets.
        merges: pairs of pieces that are joined, the first ones first.
        pre_tokenizer, normalizer: what the library does before, or None.
        fuse_unknown: whether neighbours that the vocabulary lacks become one ``[UNK]``.
    """

    ids: dict[str, int]
    spelled: dict[str, int]
    added: list[dict[str, Any]]
    merges: list[tuple[str, str]]
    pre_tokenizer: dict[str, Any] | None
    normalizer: dict[str, Any] | None
    fuse_unknown: bool

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages that there are marks for, in the order of their ids."""
        return tuple(match[1] for piece in sorted(self.ids, key=self.ids.__getitem__) if (match := _mark(piece)))

    @cached_property
    def size(self) -> int:
        """Rows that an embedding needs: one more than the largest id."""
        return max(self.ids.values()) + 1

    def library_tokenizer(self) -> Any:
        """The ``tokenizers.Tokenizer`` that spells words, and takes no mark in brackets for one.

        Raises:
            UserError: the package is missing.
            ValueError: the library takes other parts of it for wrong.
        """
        model: dict[str, Any] = {
            "type": "BPE",
            "unk_token": UNKNOWN,
            "fuse_unk": self.fuse_unknown,
            "byte_fallback": False,
        }
        model |= {"dropout": None, "continuing_subword_prefix": None, "end_of_word_suffix": None}
        values: dict[str, Any] = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": self.added}
        values |= {"normalizer": self.normalizer, "pre_tokenizer": self.pre_tokenizer}
        values |= {"post_processor": None, "decoder": None}
        values["model"] = model | {"vocab": self.spelled, "merges": [list(pair) for pair in self.merges]}
        try:
            return tokenizer_class().from_str(json.dumps(values))
        except UserError:
            raise
        except Exception as error:  # the library raises nothing more particular
            raise ValueError(str(error)) from error


def read_vocabulary(path: str | Path) -> dict[str, Any]:
    """Read a ``vocab.json`` and check it.

    Raises:
        UserError: the file is missing, too large, not JSON or no vocabulary; the file and the part are named.
    """
    values = read_json(path, what="vocabulary", most_bytes=MAX_BYTES)
    check_vocabulary(values, str(path))
    return values


def check_vocabulary(values: Any, where: str) -> Vocabulary:
    """Take the parts of a vocabulary that count.

    Args:
        values: the JSON of the file.
        where: what it is called in messages.

    Raises:
        UserError: a part is missing or wrong.
    """

    def refuse(what: str) -> UserError:
        return UserError(f"{where}: {what}. It must be the vocab.json that the model was released with.")

    model = values.get("model") if isinstance(values, Mapping) else None
    if not isinstance(model, Mapping) or model.get("type", "BPE") != "BPE":
        raise refuse("no byte-pair vocabulary (model.type is not BPE)")
    for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"):
        if model.get(name):
            raise refuse(f"model.{name} is {excerpt(repr(model[name]))}, which XTTS does not have")
    spelled = model.get("vocab")
    if not isinstance(spelled, Mapping) or not spelled:
        raise refuse("model.vocab is missing")
    added = values.get("added_tokens") or []
    if not isinstance(added, list):
        raise refuse("added_tokens is no list")
    ids: dict[str, int] = dict(spelled)
    for token in added:
        if not isinstance(token, Mapping) or not isinstance(piece := token.get("content"), str) or not piece:
            raise refuse(f"added_tokens holds {excerpt(repr(token))}")
        if ids.setdefault(piece, token.get("id")) != token.get("id"):  # type: ignore[arg-type]
            raise refuse(f"{excerpt(piece)!r} has two ids, {ids[piece]!r} and {token.get('id')!r}")
    taken: dict[int, str] = {}
    for piece, index in ids.items():
        if type(index) is not int or not 0 <= index < MAX_PIECES:
            raise refuse(f"{excerpt(piece)!r} has the id {excerpt(repr(index))}, not one of 0 to {MAX_PIECES - 1:,}")
        if taken.setdefault(index, piece) != piece:
            raise refuse(f"{excerpt(taken[index])!r} and {excerpt(piece)!r} have the same id {index}")
    missing = [piece for piece in (UNKNOWN, SPACE) if piece not in ids]
    if missing:
        raise refuse(f"{' and '.join(missing)} is missing")
    if model.get("unk_token") not in (None, UNKNOWN):
        raise refuse(f"model.unk_token is {excerpt(repr(model['unk_token']))}, not {UNKNOWN}")
    vocabulary = Vocabulary(
        ids=ids,
        spelled={UNKNOWN: ids[UNKNOWN], **spelled},
        added=[dict(token) for token in added if not re.fullmatch(r"\[.*\]", token["content"], re.DOTALL)],
        merges=_merges(model.get("merges"), spelled, refuse),
        pre_tokenizer=_simple(values, "pre_tokenizer", _PRE_TOKENIZERS, refuse),
        normalizer=_simple(values, "normalizer", _NORMALIZERS, refuse),
        fuse_unknown=bool(model.get("fuse_unk")),
    )
    if not vocabulary.languages:
        raise refuse("no mark of a language, as [en]")
    return vocabulary


def _mark(piece: str) -> re.Match[str] | None:
    return LANGUAGE_MARK.fullmatch(piece)


def _merges(found: Any, spelled: Mapping[str, int], refuse: Any) -> list[tuple[str, str]]:
    if not isinstance(found, list):
        raise refuse("model.merges is no list")
    merges = []
    for number, merge in enumerate(found, 1):
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, str) and part for part in pair):
            raise refuse(f"merge {number:,} is {excerpt(repr(merge))}, not a pair of pieces")
        lacking = [part for part in (*pair, "".join(pair)) if part not in spelled]
        if lacking:
            raise refuse(
                f"merge {number:,} joins {excerpt(' and '.join(pair))}, but {excerpt(lacking[0])!r} is no piece"
            )
        merges.append((pair[0], pair[1]))
    return merges


def _simple(values: Mapping[str, Any], name: str, known: tuple[str, ...], refuse: Any) -> dict[str, Any] | None:
    part = values.get(name)
    if part is None:
        return None
    kind = part.get("type") if isinstance(part, Mapping) else part
    if kind not in known:
        raise refuse(f"{name} is {excerpt(repr(kind))}, not one of {', '.join(known)}")
    return {"type": kind}

"""A vocabulary that grows by a language.

The language gets a mark, the letters that are missing, and pieces that are learned from its texts. What is new stands
behind what there was, so that every old id means what it meant. Pieces are learned around new letters alone: with
others, texts of the old languages would be cut otherwise than the model has learned to read them.
"""

from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from finetune_tts.families.xtts.text.pieces import pieces_of


def grown(vocabulary: dict[str, Any], language: str, texts: Iterable[str], *, pieces: int = 300) -> dict[str, Any]:
    """A vocabulary that knows a language.

    Args:
        vocabulary: of ``read_vocabulary``; is not changed.
        language: its mark will be ``[language]``.
        texts: cleaned ones of the language.
        pieces: how many pieces of several letters are learned at most.

    Returns:
        The grown vocabulary; the same one where nothing is missing.
    """
    texts = list(texts)
    known = set(pieces_of(vocabulary))
    mark = f"[{language}]"
    letters = Counter(character for text in texts for character in text if not character.isspace())
    new_letters = [letter for letter, _ in sorted(letters.items(), key=_by_frequency) if letter not in known]
    if mark in known and not new_letters:
        return vocabulary
    changed = deepcopy(vocabulary)
    following = len(pieces_of(vocabulary))
    model = changed["model"]
    if mark not in known:
        model["vocab"][mark] = following
        changed.setdefault("added_tokens", []).append(_added(following, mark))
        following += 1
    merges = [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in model["merges"]]
    learned = _learned(texts, merges, set(new_letters), pieces)
    written_as_lists = not model["merges"] or isinstance(model["merges"][0], list)
    for piece in (*new_letters, *(first + second for first, second in learned)):
        if piece not in model["vocab"]:
            model["vocab"][piece] = following
            following += 1
    model["merges"] += [list(merge) if written_as_lists else " ".join(merge) for merge in learned]
    return changed


def _learned(texts: list[str], old: list[tuple[str, ...]], new_letters: set[str], pieces: int) -> list[tuple[str, str]]:
    """The merges that join most, one after the other, among those whose piece has a new letter in it."""
    rank = {merge: place for place, merge in enumerate(old)}
    words = Counter(word for text in texts for word in text.split())
    cut = {word: _joined(list(word), rank) for word in words}
    learned: list[tuple[str, str]] = []
    while len(learned) < pieces:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, parts in cut.items():
            for pair in zip(parts, parts[1:], strict=False):
                if new_letters.intersection(pair[0] + pair[1]):
                    pairs[pair] += words[word]
        frequent = [item for item in pairs.items() if item[1] > 1]
        if not frequent:
            break
        best = min(frequent, key=_by_frequency)[0]
        learned.append(best)
        rank[best] = len(rank)
        cut = {word: _joined(parts, {best: 0}) for word, parts in cut.items()}
    return learned


def _joined(parts: list[str], rank: dict[tuple[str, ...], int]) -> list[str]:
    """Join neighbours, those of the lowest rank first."""
    while len(parts) > 1:
        ranked = [(rank[pair], place) for place, pair in enumerate(zip(parts, parts[1:], strict=False)) if pair in rank]
        if not ranked:
            break
        place = min(ranked)[1]
        parts = [*parts[:place], parts[place] + parts[place + 1], *parts[place + 2 :]]
    return parts


def _by_frequency(item: tuple[Any, int]) -> tuple[int, Any]:
    return -item[1], item[0]


def _added(number: int, content: str) -> dict[str, Any]:
    """A piece that is never cut, as the tokenizers library writes it."""
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": content, **flags, "special": True}

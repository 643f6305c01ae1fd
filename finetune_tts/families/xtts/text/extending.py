"""A vocabulary for one more language: its mark, the characters that lack, and pieces learned from transcripts.

Pieces are learned as by Sennrich et al. (https://arxiv.org/abs/1508.07909): again and again the two neighbours that
stand together most often become one. Learning starts from how the old vocabulary spells the transcripts.

Old pieces keep their ids and their merges, and new merges stand behind all old ones: they join what the old ones leave
apart and undo none of them. Unless it is asked for, pieces are learned around new characters alone: in a language with
the same letters, words would be spelled otherwise than the model has learned to read them.
"""

import copy
import heapq
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from finetune_tts.errors import UserError, excerpt
from finetune_tts.families.xtts.text.languages import mark_of
from finetune_tts.families.xtts.text.tokenizer import XttsTokenizer
from finetune_tts.families.xtts.text.vocabulary import LANGUAGE_MARK, UNKNOWN

MAX_NEW_PIECES = 20_000
#: More than a script needs that is spelled by its sounds.
MAX_NEW_CHARACTERS = 2_000
# What stands together once is no habit of a language.
_LEAST_COUNT = 2
# Not speech: controls, symbols as emoji, spaces.
_NOT_SPELLED = ("C", "So", "Z")

Pair = tuple[str, str]


def extend_vocabulary(
    tokenizer_json: Mapping[str, Any],
    language: str,
    transcripts: Iterable[str],
    pieces: int,
    *,
    text_cleaner: str | None = None,
    where: str = "vocab.json",
    anywhere: bool = False,
) -> tuple[dict[str, Any], dict[str, int]]:
    """Extend a vocabulary by a language, or by more pieces for one that it has.

    The same transcripts, in any order, give the same pieces.

    Args:
        tokenizer_json: the content of a ``vocab.json``; it is left as it is.
        language: code of the language, as ``sv``; coqui-tts takes no account of a region, so the mark has none.
        transcripts: texts of the language, as they are before the cleaner.
        pieces: how many pieces of two characters and more are to be learned; fewer where nothing stands together
            twice. Characters that lack are added in any case.
        text_cleaner: the cleaner of 🐸TTS for a language that XTTS was not released with; None: ``basic_cleaners``.
        where: what the vocabulary is called in messages.
        anywhere: learn pieces of old characters too, which the old languages are spelled with from then on.

    Returns:
        The content of the new ``vocab.json``, and new piece → id: the mark, then characters, then longer pieces, each
        the most frequent first. Ids follow the largest old one.

    Raises:
        UserError: the code is none, the number of pieces is out of range, or the transcripts hold too many characters
            that the vocabulary lacks.
    """
    code = mark_of(language)
    mark = f"[{code}]"
    if not LANGUAGE_MARK.fullmatch(mark):
        raise UserError(f"language {excerpt(language)!r} is no code of a language. Use one as sv or yue.")
    if not 0 <= pieces <= MAX_NEW_PIECES:
        raise UserError(f"pieces is {pieces}; it must be 0 to {MAX_NEW_PIECES:,}.")
    extended = _with_explicit_ids(tokenizer_json, XttsTokenizer(tokenizer_json, where).vocabulary.ids)
    new_ids: dict[str, int] = {}

    def add(piece: str) -> None:
        new_ids[piece] = spelled[piece] = first_id + len(new_ids)

    spelled: dict[str, int] = extended["model"]["vocab"]
    first_id = max(spelled.values()) + 1
    if mark not in spelled:
        add(mark)
        extended["added_tokens"].append(_added_token(mark, spelled[mark]))
    words = _words(XttsTokenizer(extended, where, text_cleaner), transcripts, code)
    missing = _missing_characters(words, spelled, where)
    for character in missing:
        add(character)
    merges = extended["model"]["merges"]
    joined_by_space = bool(merges) and isinstance(merges[0], str)
    segments = _segments(XttsTokenizer(extended, where), words)
    for left, right in _learn(segments, pieces, set(spelled), None if anywhere else frozenset(missing)):
        add(left + right)
        merges.append(f"{left} {right}" if joined_by_space else [left, right])
    return extended, new_ids


def _with_explicit_ids(tokenizer_json: Mapping[str, Any], ids: Mapping[str, int]) -> dict[str, Any]:
    # The library numbers added tokens behind the model's pieces, unless they are among those.
    extended: dict[str, Any] = copy.deepcopy(dict(tokenizer_json))
    extended["model"]["vocab"] = dict(ids)
    extended["added_tokens"] = list(extended.get("added_tokens") or [])
    return extended


def _added_token(mark: str, index: int) -> dict[str, Any]:
    switches = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": index, "content": mark, **switches, "special": True}


def _words(tokenizer: XttsTokenizer, transcripts: Iterable[str], language: str) -> Counter[str]:
    words: Counter[str] = Counter()
    for transcript in transcripts:
        words.update(word for text in tokenizer.clean(transcript, language).split() for word in tokenizer.parts(text))
    return words


def _missing_characters(words: Mapping[str, int], spelled: Mapping[str, int], where: str) -> list[str]:
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            if character not in spelled and not unicodedata.category(character).startswith(_NOT_SPELLED):
                counts[character] += count
    if len(counts) > MAX_NEW_CHARACTERS:
        raise UserError(
            f"The transcripts hold {len(counts):,} characters that {where} lacks, {MAX_NEW_CHARACTERS:,} at most can "
            "be added. Write the transcripts in a script that spells sounds."
        )
    return sorted(counts, key=lambda character: (-counts[character], character))


def _segments(tokenizer: XttsTokenizer, words: Mapping[str, int]) -> list[tuple[list[str], int]]:
    """Spell words with the pieces that there are; what has none divides a word."""
    segments: list[tuple[list[str], int]] = []
    for word in sorted(words):
        segment: list[str] = []
        for piece in [*tokenizer.spell(word), UNKNOWN]:
            if piece != UNKNOWN:
                segment.append(piece)
            else:
                if len(segment) > 1:
                    segments.append((segment, words[word]))
                segment = []
    return segments


def _learn(
    segments: list[tuple[list[str], int]], most: int, known: set[str], around: frozenset[str] | None
) -> list[Pair]:
    """Find the pairs to join, those that hold one of some characters.

    Only pairs that change are counted again, so that it takes seconds, not hours.
    """
    counts: Counter[Pair] = Counter()
    places: defaultdict[Pair, set[int]] = defaultdict(set)

    def count(index: int, sign: int) -> set[Pair]:
        segment, weight = segments[index]
        changed = set()
        for pair in zip(segment, segment[1:], strict=False):
            counts[pair] += sign * weight
            places[pair].add(index)
            changed.add(pair)
        return changed

    for index in range(len(segments)):
        count(index, 1)
    # The most frequent first, then by the alphabet; an entry whose count has changed since is stale.
    heap = [(-number, pair) for pair, number in counts.items()]
    heapq.heapify(heap)
    learned: list[Pair] = []
    while heap and len(learned) < most:
        number, pair = heapq.heappop(heap)
        if -number != counts[pair]:
            continue
        if -number < _LEAST_COUNT:
            break
        if around is not None and around.isdisjoint("".join(pair)):
            continue
        if "".join(pair) in known:
            # A piece that an old merge makes of other parts; a second way to it could undo old spellings.
            continue
        learned.append(pair)
        known.add("".join(pair))
        changed: set[Pair] = set()
        for index in sorted(places.pop(pair)):
            changed |= count(index, -1)
            _join(segments[index][0], pair)
            changed |= count(index, 1)
        for other in changed:
            if counts[other] > 0:
                heapq.heappush(heap, (-counts[other], other))
    return learned


def _join(segment: list[str], pair: Pair) -> None:
    position = 0
    while position < len(segment) - 1:
        if (segment[position], segment[position + 1]) == pair:
            segment[position : position + 2] = ["".join(pair)]
        position += 1

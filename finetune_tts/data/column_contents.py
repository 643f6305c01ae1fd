"""What the columns of a table without a header hold, as far as what is in them tells."""

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from enum import Enum

from finetune_tts.data.audio_files import is_audio
from finetune_tts.data.metadata_splits import split_of

_LABEL_LENGTH = 40
_PAIRS_COMPARED = 40
_ALIKE = 0.55

_LANGUAGE_CODES = """
    aa ab af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch cmn co cr cs cu cv cy da de dv dz ee el en
    eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jp jv
    ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng
    nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv
    sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo yue za zh zu
"""
_LANGUAGES = frozenset(_LANGUAGE_CODES.split())
_LANGUAGE = re.compile(r"([a-z]{2,3})(-[a-z0-9]{2,8})*")
#: repeated words that say how something was spoken, or by whom in general, and not who spoke.
_MANNERS = """
    neutral happy sad angry fearful fear disgust disgusted surprise surprised calm excited amused sleepy anger sadness
    happiness male female m f other true false yes no none null n/a
"""
_NOT_NAMES = frozenset(_MANNERS.split())
_NUMBER = re.compile(r"[-+]?\d+([.:,]\d+)*\s*(s|sec|ms|hz)?", re.IGNORECASE)
_ARPABET_SYMBOLS = """
    AA AE AH AO AW AX AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH
    SIL SP SPN PAU _
"""
_ARPABET = frozenset(_ARPABET_SYMBOLS.split())
#: letters of the phonetic alphabet that no orthography uses.
_PHONETIC = frozenset("ˈˌːɪʊʌɹɾʁɑɜɐ")
_PINYIN = re.compile(r"[a-zü:]+[0-5]", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[\w./\\-]*\d[\w./\\-]*")


class Contents(Enum):
    """What a column holds."""

    EMPTY = "nothing"
    NUMBERS = "numbers"
    LANGUAGE = "languages"
    SPLIT = "splits"
    PHONEMES = "phonemes"
    NAMES = "names of files"
    LABELS = "labels"
    """A few values that come again and again: who speaks, or how."""
    TEXT = "text"


def contents_of(values: Sequence[str]) -> Contents:
    """What the cells of a column, without spaces at their ends, hold together."""
    cells = [value for value in values if value]
    if not cells:
        return Contents.EMPTY
    distinct = {cell.lower() for cell in cells}
    repeats = len(distinct) <= len(cells) / 2 and max(map(len, distinct)) <= _LABEL_LENGTH
    if all(_is_language(cell) for cell in distinct):
        return Contents.LANGUAGE
    if all(split_of(cell) for cell in distinct) and repeats:
        return Contents.SPLIT
    if all(_NUMBER.fullmatch(cell) or not any(map(str.isalpha, cell)) for cell in distinct):
        whole = repeats and all(cell.isdecimal() for cell in distinct)
        return Contents.LABELS if whole else Contents.NUMBERS
    if sum(map(_is_phonemes, cells)) >= 0.8 * len(cells):
        return Contents.PHONEMES
    if all(is_audio(cell) for cell in cells):
        return Contents.NAMES
    if repeats:
        return Contents.LABELS
    if all(_IDENTIFIER.fullmatch(cell) for cell in cells):
        return Contents.NAMES
    return Contents.TEXT


def may_be_speakers(values: Sequence[str]) -> bool:
    """Whether labels may be who speaks; what is known to be something else is not."""
    return not {value.lower() for value in values if value} <= _NOT_NAMES


def alike(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether two columns hold the same sentences, as raw and written-out text do."""
    pairs = [pair for pair in zip(first, second, strict=True) if all(pair)][:_PAIRS_COMPARED]
    ratios = [SequenceMatcher(None, a[:200].lower(), b[:200].lower(), autojunk=False).ratio() for a, b in pairs]
    return bool(ratios) and sum(ratios) / len(ratios) >= _ALIKE


def goes_on(lines: Sequence[Sequence[str]], text: int) -> bool:
    """Whether the separators after a column of text stand in its sentences.

    In a sentence a space follows the comma; who separates columns writes none, or writes one after all of them.

    Args:
        lines: cells as they stand in the file, with their spaces.
        text: the column that begins with the text; the first column is none, as nothing tells how its separator is
            written.
    """
    longer = [line for line in lines if len(line) > text + 1 and line[text + 1].strip() and line[-1].strip()]
    before = [cell[:1].isspace() for line in lines for cell in line[1 : text + 1] if cell.strip()]
    # The last separator too: in ``1,Yes, sir,anna`` it stands before a column of its own.
    after = [line[place][:1].isspace() for line in longer for place in {text + 1, len(line) - 1}]
    return bool(after) and bool(before) and sum(after) > 0.7 * len(after) and sum(before) < 0.1 * len(before)


def are_durations(values: Sequence[str], seconds: Sequence[float]) -> bool:
    """Whether whole numbers that come again and again are how long the recordings are, in seconds or milliseconds."""
    pairs = [(int(value[:12]), length) for value, length in zip(values, seconds, strict=True) if value.isdecimal()]
    close = [abs(value - length) <= 1 or abs(value / 1000 - length) <= 0.1 * length for value, length in pairs]
    return bool(close) and sum(close) >= 0.8 * len(close)


def in_words(places: Mapping[str, int], width: int, delimiter: str) -> str:
    """The columns of a table as a line of it, with the fields that they hold: ``audio|…|text``."""
    names = {place: field for field, place in places.items()}
    return (" " if delimiter == "\t" else delimiter).join(names.get(place, "…") for place in range(width))


def _is_language(cell: str) -> bool:
    match = _LANGUAGE.fullmatch(cell.lower().replace("_", "-"))
    return match is not None and match[1] in _LANGUAGES


def _is_phonemes(cell: str) -> bool:
    """Whether a cell holds the sounds of a text, in the ways that programs write them."""
    if not _PHONETIC.isdisjoint(cell):
        return True
    tokens = cell.split()
    if len(tokens) < 2:
        return False
    if sum(token.rstrip("0123").upper() in _ARPABET for token in tokens) >= 0.8 * len(tokens):
        return True
    if sum(_PINYIN.fullmatch(token) is not None for token in tokens) >= 0.6 * len(tokens):
        return True
    western = max(cell) < "\u2e80"  # characters of East Asia are words by themselves
    return western and len(tokens) >= 4 and sum(len(token) <= 2 for token in tokens) >= 0.8 * len(tokens)

"""Long text to sentences that a model can synthesise one by one, in any language."""

import re
import unicodedata

# What stands before a full stop that ends no sentence. Single letters and dotted ones (e.g., z.B.) are known by form.
# fmt: off
_ABBREVIATIONS = frozenset((
    # English
    "mr", "mrs", "ms", "dr", "drs", "prof", "st", "rev", "hon", "gen", "col", "maj", "capt", "lt", "sgt", "jr", "sr",
    "vs", "no", "fig", "vol", "approx", "dept", "est", "inc", "ltd", "co", "corp",
    # German, French, Spanish, Portuguese, Italian, Dutch
    "bzw", "ca", "evtl", "ggf", "inkl", "nr", "str", "usw", "vgl", "hr", "fr", "mme", "mlle", "mlles", "av", "art",
    "cf", "apr", "sra", "srta", "ud", "uds", "vd", "pág", "núm", "dra", "exmo", "exma", "dott", "sig", "sigg", "avv",
    "ing", "mevr", "dhr",
))
# fmt: on
_CLOSERS = "\"'”’»)\\]}）」』】》"
# A full stop and its like end a sentence before a space; those of scripts that write without spaces always do.
_MARKS = ".!?…؟۔।॥։።။"
_sentence_end = re.compile(
    rf"(?<![{_MARKS}])[{_MARKS}]+[{_CLOSERS}]*(?=\s|$)|[。！？｡．]+[{_CLOSERS}]*|\n[^\S\n]*\n\s*"
)
_last_word = re.compile(r"[^\s\"'“‘«(\[{]*$")
_next_letter = re.compile(r"\s*[\"'“‘«(\[{¿¡]*(.?)")
_clause_end = re.compile(r"[,;:—–)”»](?=\s)|[、，；：]")
_LONGEST_WORD = 80


def split_sentences(text: str, max_chars: int = 250) -> list[str]:
    """Split text into sentences of at most ``max_chars`` characters, in order.

    A sentence ends at ``. ! ? …`` and the marks of other scripts, and at an empty line; not behind an abbreviation,
    an initial or an ordinal number, nor before a small letter. A longer one is divided at commas and the like, else
    between words, else anywhere. Parts without a letter or digit go to the sentence before them.

    Args:
        text: any text.
        max_chars: bound on each part, at least 1.

    Returns:
        Parts without spaces around them and without line ends; none if the text has neither letter nor digit.

    Raises:
        ValueError: ``max_chars`` is less than 1.
    """
    if max_chars < 1:
        raise ValueError(f"max_chars must be at least 1, not {max_chars}.")
    parts: list[str] = []
    for sentence in find_sentences(text):
        for part in divide(sentence, max_chars):
            if any(character.isalnum() for character in part):
                parts.append(part)
            elif parts and len(parts[-1]) + 1 + len(part) <= max_chars:
                parts[-1] += f" {part}"
    return parts


def find_sentences(text: str) -> list[str]:
    """Split text where its sentences end, with single spaces; together they are the text, but for its whitespace."""
    found = []
    start = 0
    for end in _sentence_end.finditer(text):
        if end.group().strip() and not _ends_here(text, end):
            continue
        found.append(text[start : end.end()])
        start = end.end()
    found.append(text[start:])
    return [sentence for sentence in (" ".join(part.split()) for part in found) if sentence]


def _ends_here(text: str, end: re.Match[str]) -> bool:
    """Tell whether the mark is the end of a sentence, by the word before it and the character behind it."""
    following = _next_letter.match(text, end.end())
    if following and following.group(1).islower():
        return False
    if end.group() != ".":
        return True
    word = _last_word.search(text[max(0, end.start() - _LONGEST_WORD) : end.start()])
    before = word.group() if word else ""
    if before.lower() in _ABBREVIATIONS:
        return False
    initial = len(before) == 1 and before.isalpha() and before.isupper()
    dotted = "." in before and all(len(piece) <= 2 for piece in before.split("."))
    ordinal = before.isdigit() and len(before) <= 2
    return not (initial or dotted or ordinal)


def divide(sentence: str, max_chars: int) -> list[str]:
    """Divide a sentence at commas and the like, else between words, else anywhere, with nothing lost but spaces."""
    parts = []
    while len(sentence) > max_chars:
        cut = _place_to_cut(sentence, max_chars)
        parts.append(sentence[:cut].rstrip())
        sentence = sentence[cut:].lstrip()
    return [*parts, sentence] if sentence else parts


def _place_to_cut(sentence: str, max_chars: int) -> int:
    """Find the last comma, else the last space that leaves at most ``max_chars`` characters before it."""
    # A comma in the first third would leave a stump.
    clauses = [match.end() for match in _clause_end.finditer(sentence, max_chars // 3, max_chars + 1)]
    fitting = [end for end in clauses if end <= max_chars]
    if fitting:
        return fitting[-1]
    space = sentence.rfind(" ", 1, max_chars + 1)
    if space > 0:
        return space
    cut = max_chars
    while cut > 1 and unicodedata.combining(sentence[cut]):
        cut -= 1
    return cut

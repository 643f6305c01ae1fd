"""Word and character error rates: what a speech recogniser heard against what was to be said."""

import re
import unicodedata
from collections.abc import Sequence


def words(text: str) -> list[str]:
    """Split a text of any language into lower-case words without punctuation; apostrophes stay inside words."""
    plain = unicodedata.normalize("NFC", text).replace("’", "'").lower()
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", plain)


def edits(expected: Sequence[str], heard: Sequence[str]) -> int:
    """Count the fewest items to insert, delete or replace that turn ``expected`` into ``heard`` (Levenshtein 1966)."""
    distances = list(range(len(heard) + 1))
    for row, item in enumerate(expected, start=1):
        previous, distances[0] = distances[0], row
        for column, other in enumerate(heard, start=1):
            replaced = previous + (item != other)
            previous = distances[column]
            distances[column] = min(replaced, previous + 1, distances[column - 1] + 1)
    return distances[-1]


def error_rates(text: str, heard: str) -> dict[str, float]:
    """Word and character error rate of one sentence, by key; empty for a text without words.

    1.0 is as many errors as words; more than was said can be heard, so it can be exceeded.
    """
    expected, found = words(text), words(heard)
    if not expected:
        return {}
    letters, found_letters = " ".join(expected), " ".join(found)
    return {
        "wer": edits(expected, found) / len(expected),
        "cer": edits(letters, found_letters) / len(letters),
    }

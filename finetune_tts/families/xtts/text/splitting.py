"""Long text to pieces that XTTS speaks without a cut."""

import unicodedata

from finetune_tts.errors import UserError
from finetune_tts.families.xtts.text.languages import limit_of
from finetune_tts.text.sentences import divide, find_sentences


def split_sentences(text: str, language: str, limit: int | None = None) -> list[str]:
    """Split a text into pieces within the limit of its language.

    A sentence is kept whole where it fits; a longer one is divided at commas and the like, else between words, else
    (a single word, or a script without spaces) anywhere. Sentences that fit together stay together: the models babble
    on very short texts.

    Args:
        text: any text.
        language: its code.
        limit: characters of a piece; None for the language's own.

    Returns:
        Pieces in order, without spaces around them. Together they are the text, but for its whitespace.

    Raises:
        UserError: the limit is less than 1.
    """
    if limit is None:
        limit = limit_of(language)
    if limit < 1:
        raise UserError(f"limit is {limit}: a piece needs at least 1 character.")
    pieces: list[str] = []
    for sentence in find_sentences(text):
        parts = divide(sentence, limit)
        joined = _joined(pieces[-1], parts[0]) if pieces else ""
        # A part of a sentence stays apart, so that the cut is where the sentence has its comma.
        if joined and len(parts) == 1 and len(joined) <= limit:
            pieces[-1] = joined
        else:
            pieces += parts
    return pieces


def _joined(first: str, second: str) -> str:
    # Scripts of wide characters put no space behind a full stop.
    return f"{first}{second}" if unicodedata.east_asian_width(first[-1]) in "WF" else f"{first} {second}"

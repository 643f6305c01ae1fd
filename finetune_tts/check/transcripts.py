"""What can be told of transcripts: what the model reads in them, what it cannot, and how long they are to speak."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from finetune_tts.data.progress import progress
from finetune_tts.data.sample import Sample
from finetune_tts.data.tokenizing import TokenCache

#: scripts that are written beside each other in one language.
_JAPANESE = frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"})


@dataclass(frozen=True)
class Transcript:
    """The text of one sample.

    Attributes:
        symbols: letters or phonemes that are spoken.
        missing: characters that the vocabulary lacks → how often.
        digits: digits that are left after the cleaner.
        heard: symbols of the vocabulary in it → how often.
    """

    symbols: int
    missing: Counter[str]
    digits: int
    heard: Counter[str]


def read_transcripts(samples: Sequence[Sample], tokens: TokenCache) -> list[Transcript]:
    """Read the texts of samples as the model will.

    Raises:
        UserError: a phonemizer does not know a language of the samples.
    """
    found = []
    for sample in progress(samples, len(samples), "Reading texts"):
        encoded = tokens.encoded(sample)
        letters = Counter(symbol for symbol in encoded.spelled if symbol.isalpha())
        found.append(
            Transcript(
                symbols=letters.total(),
                missing=encoded.missing,
                digits=sum(character.isdigit() for character in encoded.cleaned),
                heard=Counter(encoded.spelled) - encoded.missing,
            )
        )
    return found


def script_of(letter: str) -> str:
    """The script that a letter belongs to, such as ``LATIN``; the Japanese ones count as one."""
    name = unicodedata.name(letter, "").split(" ")[0]
    return "JAPANESE" if name in _JAPANESE else name


def foreign_letters(samples: Sequence[Sample]) -> dict[int, str]:
    """Find letters of another script than most of those of the same language.

    Returns:
        Place of the sample → its foreign letters, each once. A script that makes up a tenth of the letters is none.
    """
    letters = [[letter for letter in sample.text if letter.isalpha()] for sample in samples]
    scripts: dict[str, str] = {}  # of each letter, since names are slow to look up
    counts: dict[str, Counter[str]] = {}
    for sample, own in zip(samples, letters, strict=True):
        for letter in own:
            script = scripts.setdefault(letter, script_of(letter))
            counts.setdefault(sample.language, Counter())[script] += 1
    usual = {
        language: {script for script, count in found.items() if count >= 0.1 * found.total()}
        for language, found in counts.items()
    }
    foreign = {}
    for place, (sample, own) in enumerate(zip(samples, letters, strict=True)):
        strange = dict.fromkeys(letter for letter in own if scripts[letter] not in usual[sample.language])
        if strange:
            foreign[place] = "".join(strange)
    return foreign

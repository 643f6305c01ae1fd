"""Checks of transcripts: what a model cannot read, and what was not written as it is said."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from finetune_tts.check.finding import Finding, Severity, about, fine
from finetune_tts.check.transcripts import Transcript, foreign_letters
from finetune_tts.data.sample import Sample
from finetune_tts.errors import counted
from finetune_tts.text.characters import Vocabulary
from finetune_tts.text.tokenizer import Tokenizer

MOST_MISSING = 0.01
"""Share of the text that a vocabulary may lack; beyond it a run stops."""
FEW_EXAMPLES = 20
"""Times that a new symbol should be heard."""


def check_transcripts(
    samples: Sequence[Sample], transcripts: Sequence[Transcript], vocabulary: Vocabulary, new: Collection[str] = ()
) -> list[Finding]:
    """Look at the texts of all samples.

    Args:
        samples: the samples.
        transcripts: their texts, in the same order.
        vocabulary: of the model.
        new: symbols that the pre-trained model did not have.
    """
    return [
        _no_text(samples, transcripts),
        _missing(samples, transcripts, vocabulary),
        *_ignored(transcripts, vocabulary),
        _digits(samples, transcripts),
        _foreign(samples),
        _same_text(samples),
        _coverage(transcripts, vocabulary, new),
    ]


def check_long_texts(samples: Sequence[Sample], tokenizer: Tokenizer) -> list[Finding]:
    """Find texts that are longer than the model speaks at once, for a model that knows such a bound."""
    if tokenizer.longest_text(samples[0].language if samples else None) is None:
        return []
    found = []
    for sample in samples:
        bound, length = tokenizer.longest_text(sample.language), len(sample.text)
        if bound is not None and length > bound:
            found.append((length / bound, sample, f"{length} characters, and {bound} are spoken at once"))
    return [
        about(
            "long_text",
            found,
            title="{count} with a text longer than the model speaks in one breath",
            advice="Such texts are cut before they are spoken. Cut the recordings at a pause, and their texts with "
            "them; the model learns more from parts of the length that it speaks.",
            otherwise="no text is longer than the model speaks in one breath",
            spoils=False,
        )
    ]


@dataclass(frozen=True)
class Coverage:
    """Which symbols of a vocabulary are heard in a data set.

    Attributes:
        heard: symbol → how often.
        unheard: symbols that are letters or phonemes and never heard.
    """

    heard: Counter[str]
    unheard: tuple[str, ...]


def coverage(transcripts: Sequence[Transcript], vocabulary: Vocabulary) -> Coverage:
    """Count how often each symbol of the vocabulary is heard."""
    heard: Counter[str] = Counter()
    for transcript in transcripts:
        heard.update(transcript.heard)
    letters = [symbol for symbol in dict.fromkeys(vocabulary.symbols) if len(symbol) == 1 and symbol.isalpha()]
    return Coverage(heard, tuple(symbol for symbol in letters if symbol not in heard))


def _no_text(samples: Sequence[Sample], transcripts: Sequence[Transcript]) -> Finding:
    found = [
        (1.0, sample, repr(sample.text[:40]))
        for sample, transcript in zip(samples, transcripts, strict=True)
        if not transcript.symbols
    ]
    return about(
        "no_text",
        found,
        title="{count} without a text that can be synthesised",
        advice="Write down what is said, or leave them out.",
        otherwise="every clip has a text",
    )


def _missing(samples: Sequence[Sample], transcripts: Sequence[Transcript], vocabulary: Vocabulary) -> Finding:
    every: Counter[str] = Counter()
    found = []
    for sample, transcript in zip(samples, transcripts, strict=True):
        lacking = Counter({symbol: n for symbol, n in transcript.missing.items() if not vocabulary.ignores(symbol)})
        if lacking:
            every.update(lacking)
            found.append((float(lacking.total()), sample, "".join(lacking)))
    total = sum(transcript.missing.total() + transcript.heard.total() for transcript in transcripts)
    share = every.total() / total if total else 0.0
    is_file = vocabulary.letters_field.endswith("_file")
    has_them = "name a vocabulary that has them" if is_file else "add them to the alphabet"
    return about(
        "unknown_symbols",
        found,
        title="{count} with characters that the model cannot read: " + f"{_numbered(every)} ({share:.2%} of the text)",
        advice="They are left out of what the model reads. Correct the text, its language or text_cleaner, or "
        f"{has_them}: --coqpit.{vocabulary.letters_field}",
        otherwise="the model can read every character",
        severity=Severity.STOPS if share > MOST_MISSING else Severity.ADVISES,
        spoils=False,
    )


def _ignored(transcripts: Sequence[Transcript], vocabulary: Vocabulary) -> list[Finding]:
    marks: Counter[str] = Counter()
    for transcript in transcripts:
        marks.update({symbol: n for symbol, n in transcript.missing.items() if vocabulary.ignores(symbol)})
    if not marks:
        return []
    left_out = f"{counted(marks.total(), 'mark')} left out: {_numbered(marks)}"
    return [fine("punctuation", f"the model reads no punctuation; {left_out}")]


def _numbered(characters: Counter[str]) -> str:
    return " ".join(f"{symbol!r} {count}×" for symbol, count in characters.most_common(12))


def _digits(samples: Sequence[Sample], transcripts: Sequence[Transcript]) -> Finding:
    found = [
        (float(transcript.digits), sample, sample.text[:60])
        for sample, transcript in zip(samples, transcripts, strict=True)
        if transcript.digits
    ]
    return about(
        "digits",
        found,
        title="{count} with digits that no cleaner writes out",
        advice="Write numbers out as they are said: a year, a price and a room number sound different.",
        otherwise="no digits are left in the text",
        spoils=False,
    )


def _foreign(samples: Sequence[Sample]) -> Finding:
    found = [(float(len(letters)), samples[place], letters) for place, letters in foreign_letters(samples).items()]
    return about(
        "foreign_letters",
        found,
        title="{count} with letters of another script",
        advice="Write them in the script of the language; look-alikes of another one are read as nothing, or wrongly.",
        otherwise="no letters of another script",
        spoils=False,
    )


def _same_text(samples: Sequence[Sample]) -> Finding:
    first: dict[tuple[str, str], Sample] = {}
    found = []
    for sample in samples:
        key = sample.speaker, " ".join(sample.text.casefold().split())
        original = first.setdefault(key, sample)
        if original is not sample and key[1]:
            found.append((1.0, sample, f"the same text as {original.name}"))
    return about(
        "duplicate_text",
        found,
        title="{count} with the text of another clip of the same speaker",
        advice="Fine where it was said twice. Where it was not, one of the two has the wrong transcript.",
        otherwise="no text stands there twice",
        spoils=False,
    )


def _coverage(transcripts: Sequence[Transcript], vocabulary: Vocabulary, new: Collection[str]) -> Finding:
    found = coverage(transcripts, vocabulary)
    letters = [symbol for symbol in found.heard if symbol.isalpha()]
    shown = f"{len(letters)} letters or phonemes are heard, {len(found.unheard)} of the vocabulary never"
    rare = [f"{symbol!r} {found.heard[symbol]}×" for symbol in new if found.heard[symbol] < FEW_EXAMPLES]
    if not rare:
        return fine("coverage", shown)
    return Finding(
        "coverage",
        Severity.ADVISES,
        f"{shown}; new symbols with few examples: {' '.join(rare[:12])}",
        f"A symbol that the model never had needs some {FEW_EXAMPLES} examples: add sentences with it.",
        count=len(rare),
    )

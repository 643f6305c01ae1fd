"""Text to token ids and back."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from finetune_tts.errors import UserError
from finetune_tts.text.characters import Vocabulary
from finetune_tts.text.cleaners import find_cleaner
from finetune_tts.text.phonemizer import MultiPhonemizer, Phonemizer
from finetune_tts.text.sentences import split_sentences


@dataclass(frozen=True)
class Encoded:
    """One text as ids.

    Attributes:
        ids: token ids, with blanks and sentence ends where the model wants them.
        cleaned: the text after the cleaner.
        spelled: what the ids spell: the phonemes, or ``cleaned`` where the model reads letters.
        missing: characters of ``spelled`` that the vocabulary lacks, and how often; they are left out of ``ids``.
    """

    ids: list[int]
    cleaned: str
    spelled: str
    missing: Counter[str]

    @property
    def is_empty(self) -> bool:
        """Whether nothing but spaces is left of the text."""
        if not self.missing:
            return not self.spelled or self.spelled.isspace()
        return all(symbol.isspace() or symbol in self.missing for symbol in self.spelled)


class Tokenizer:
    """Clean, phonemize, look up, as 🐸TTS does with the same config."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        cleaner: str | None = None,
        phonemizer: Phonemizer | None = None,
        add_blank: bool = False,
        use_eos_bos: bool = False,
    ) -> None:
        """Put the parts together.

        Args:
            vocabulary: the model's symbols.
            cleaner: name of a cleaner of 🐸TTS, or ``None``.
            phonemizer: ``None`` for a model that reads letters.
            add_blank: put the blank before, between and behind the symbols.
            use_eos_bos: put ``bos`` before and ``eos`` behind.

        Raises:
            UserError: an unknown cleaner, or a vocabulary without the blank, eos or bos that is asked for.
        """
        needed = {"blank": add_blank, "bos": use_eos_bos, "eos": use_eos_bos}
        for name, wanted in needed.items():
            if wanted and getattr(vocabulary, name) not in vocabulary:
                switch = "add_blank" if name == "blank" else "enable_eos_bos_chars"
                raise UserError(f"{switch} is true, but the vocabulary has no {name}. Set characters.{name}.")
        self.vocabulary = vocabulary
        self.phonemizer = phonemizer
        self.add_blank = add_blank
        self.use_eos_bos = use_eos_bos
        self._clean: Callable[[str, str | None], str] | None = find_cleaner(cleaner) if cleaner else None

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that it has to be told; empty where it reads one."""
        return tuple(self.phonemizer.phonemizers) if isinstance(self.phonemizer, MultiPhonemizer) else ()

    def split(self, text: str, language: str | None = None) -> list[str]:
        """Cut a text into parts that are spoken one by one: its sentences."""
        return split_sentences(text)

    def longest_text(self, language: str | None = None) -> int | None:
        """Characters that are spoken at once in a language; None where there is no bound."""
        return None

    def encode(self, text: str, language: str | None = None) -> Encoded:
        """Turn text into ids.

        Args:
            text: any text.
            language: language of the text. As in coqui-tts, cleaners expand abbreviations and "&" only if it is given.

        Raises:
            UserError: a multilingual phonemizer does not know the language.
        """
        cleaned = self._clean(text, language or None) if self._clean else text
        spelled = self.phonemizer.phonemize(cleaned, language) if self.phonemizer else cleaned
        found = list(map(self.vocabulary.find, spelled))
        ids = [place for place in found if place is not None]
        missing: Counter[str] = Counter()
        if len(ids) < len(found):
            missing.update(symbol for symbol, place in zip(spelled, found, strict=True) if place is None)
        if self.add_blank and self.vocabulary.blank:
            spaced = [self.vocabulary.id(self.vocabulary.blank)] * (2 * len(ids) + 1)
            spaced[1::2] = ids
            ids = spaced
        if self.use_eos_bos and self.vocabulary.bos and self.vocabulary.eos:
            ids = [self.vocabulary.id(self.vocabulary.bos), *ids, self.vocabulary.id(self.vocabulary.eos)]
        return Encoded(ids, cleaned, spelled, missing)

    def decode(self, ids: Sequence[int]) -> str:
        """Spell ids out, special symbols included.

        Raises:
            IndexError: an id is none of the vocabulary.
        """
        return "".join(self.vocabulary.symbols[index] for index in ids)

    def count_missing(self, texts: Iterable[str], language: str | None = None) -> "MissingReport":
        """Count what the vocabulary lacks over many texts."""
        return missing_of((_count(self.encode(text, language)) for text in texts), self.vocabulary)


@dataclass(frozen=True)
class MissingReport:
    """Characters (or phonemes) of a data set that the vocabulary lacks.

    Attributes:
        total_chars: characters in all texts, as the model is to read them.
        counter: lacking characters and how often each stands.
        punctuation: marks that a vocabulary without punctuation ignores, likewise; they are not in ``counter``.
        letters_field: field of the config to which lacking characters can be added.
    """

    total_chars: int
    counter: Counter[str]
    punctuation: Counter[str] = field(default_factory=Counter)
    letters_field: str = "characters.characters"

    @property
    def share(self) -> float:
        """Lacking characters as a part of all, 0 to 1."""
        return self.counter.total() / self.total_chars if self.total_chars else 0.0

    def __str__(self) -> str:
        """List them, the most frequent first: ``'ß' (U+00DF) 12×, …``."""
        return listed(self.counter)


def missing_of(texts: Iterable[tuple[int, Counter[str] | None]], vocabulary: Vocabulary) -> MissingReport:
    """Count what a vocabulary lacks over texts, of each of which its length is given and what of it is missing."""
    total = 0
    counter: Counter[str] = Counter()
    for length, missing in texts:
        total += length
        if missing:
            counter.update(missing)
    ignored = Counter({symbol: count for symbol, count in counter.items() if vocabulary.ignores(symbol)})
    return MissingReport(total, counter - ignored, ignored, vocabulary.letters_field)


def _count(encoded: Encoded) -> tuple[int, Counter[str]]:
    return len(encoded.spelled), encoded.missing


def listed(counter: Counter[str]) -> str:
    """Characters with their numbers, the most frequent first: ``'ß' (U+00DF) 12×, …``."""
    shown = [f"{symbol!r} (U+{ord(symbol):04X}) {count}×" for symbol, count in counter.most_common(20)]
    more = len(counter) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def require_covered(report: MissingReport, limit: float = 0.01) -> None:
    """Refuse texts of which the model would not read more than ``limit`` of the characters.

    Raises:
        UserError: lists the lacking characters with their counts.
    """
    if report.share > limit:
        raise UserError(
            f"The model's vocabulary lacks {report.counter.total()} of {report.total_chars} characters of the text "
            f"({report.share:.1%}; at most {limit:.0%} is allowed): {report}. "
            f"Correct the text, its language or text_cleaner, or add them to {report.letters_field}."
        )

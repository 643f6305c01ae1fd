"""Texts of samples as token ids, each text worked out once."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finetune_tts.config.base import Config
from finetune_tts.data.content import Index
from finetune_tts.data.progress import progress
from finetune_tts.data.sample import Sample
from finetune_tts.text.building import tokenizer_from_fields
from finetune_tts.text.phonemizer import Phonemizer
from finetune_tts.text.tokenizer import Encoded, MissingReport, Tokenizer, missing_of

_WRITTEN_AT_ONCE = 5000


def build_tokenizer(config: Config) -> Tokenizer:
    """The tokenizer that the text fields of a config describe.

    Raises:
        UserError: an unknown cleaner, language, phonemizer or characters class; the field is named.
    """
    return tokenizer_from_fields(config.to_dict())


@dataclass(frozen=True, slots=True)
class _Read:
    """What is kept of a text: ids as int32, and of the rest what is asked for later."""

    ids: bytes
    spelled: int
    missing: Counter[str] | None
    is_empty: bool


class TokenCache:
    """Token ids of samples, kept in memory.

    Args:
        tokenizer: the model's.
        folder: where phonemes are kept for the next start; None keeps none.
    """

    def __init__(self, tokenizer: Tokenizer, folder: Path | None = None) -> None:
        self.tokenizer = tokenizer
        # A model of one language is spoken to without naming it, so it is trained without naming it too.
        self._names_language = bool(tokenizer.languages)
        self._folder = folder
        self._reader: Tokenizer | None = None
        self._read: dict[tuple[str, str | None], _Read] = {}

    @property
    def pad_id(self) -> int:
        """The id that fills batches."""
        return self.tokenizer.vocabulary.pad_id

    def ids(self, sample: Sample) -> np.ndarray:
        """Token ids of a sample's text, ``[T_text]`` int32."""
        return np.frombuffer(self._known(sample).ids, dtype=np.int32)

    def length(self, sample: Sample) -> int:
        """Number of token ids of a sample's text."""
        return len(self._known(sample).ids) // 4

    def is_empty(self, sample: Sample) -> bool:
        """Whether nothing but spaces is left of a sample's text."""
        return self._known(sample).is_empty

    def missing(self, samples: Iterable[Sample]) -> MissingReport:
        """Which characters (or phonemes) of the samples' texts the vocabulary lacks, and how often."""
        samples = list(samples)
        self.read(samples)
        read = map(self._known, samples)
        return missing_of(((text.spelled, text.missing) for text in read), self.tokenizer.vocabulary)

    def encoded(self, sample: Sample) -> Encoded:
        """The text of a sample as the tokenizer reads it."""
        return self._encode(self._key(sample))

    def read(self, samples: Sequence[Sample]) -> None:
        """Work out the texts of many samples, with the phonemes that an earlier start has kept.

        Raises:
            UserError: a phonemizer does not know a language of the samples.
            CacheFailure: the phonemes cannot be kept.
        """
        unknown = list(dict.fromkeys(key for sample in samples if (key := self._key(sample)) not in self._read))
        for key in progress(unknown, len(unknown), "Texts"):
            self._read[key] = _read(self._encode(key))
        if isinstance(self._reader, Tokenizer) and isinstance(self._reader.phonemizer, KeptPhonemes):
            self._reader.phonemizer.write()

    def forget(self) -> None:
        """Let go of all texts; who asks for one again has it worked out again."""
        self._read.clear()
        self._reader = None

    def _known(self, sample: Sample) -> _Read:
        key = self._key(sample)
        known = self._read.get(key)
        if known is None:
            known = self._read[key] = _read(self._encode(key))
        return known

    def _encode(self, key: tuple[str, str | None]) -> Encoded:
        if self._reader is None:
            self._reader = tokenizer = self.tokenizer
            if self._folder is not None and isinstance(tokenizer, Tokenizer) and tokenizer.phonemizer:
                self._reader = copy(tokenizer)
                self._reader.phonemizer = KeptPhonemes(tokenizer.phonemizer, self._folder)
        return self._reader.encode(*key)

    def _key(self, sample: Sample) -> tuple[str, str | None]:
        return sample.text, sample.language if self._names_language else None


class KeptPhonemes:
    """A phonemizer that is asked once for each text, over all starts of all runs that share a cache.

    Args:
        phonemizer: what it keeps the phonemes of.
        folder: of the cache; made if missing.
    """

    def __init__(self, phonemizer: Phonemizer, folder: Path) -> None:
        self._phonemizer = phonemizer
        digest = hashlib.sha256(phonemizer.fingerprint().encode()).hexdigest()[:16]
        self._folder = folder
        self._index = Index(folder / f"phonemes-{digest}.jsonl")
        self._new: list[tuple[str, str]] = []

    def fingerprint(self) -> str:
        """Return what decides the phonemes."""
        return self._phonemizer.fingerprint()

    def phonemize(self, text: str, language: str | None = None) -> str:
        """Return the phonemes of a text."""
        key = f"{language or ''}|{text}"
        known = self._index.get(key)
        if isinstance(known, str):
            return known
        phonemes = self._phonemizer.phonemize(text, language)
        self._new.append((key, phonemes))
        if len(self._new) >= _WRITTEN_AT_ONCE:
            self.write()
        return phonemes

    def write(self) -> None:
        """Write what is new.

        Raises:
            CacheFailure: it cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError:  # the feature cache says what is wrong with it
            return
        self._index.remember_all(self._new)
        self._new.clear()


def _read(encoded: Encoded) -> _Read:
    ids = np.asarray(encoded.ids, dtype=np.int32).tobytes()
    return _Read(ids, len(encoded.spelled), encoded.missing or None, encoded.is_empty)

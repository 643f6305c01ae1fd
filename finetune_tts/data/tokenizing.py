"""Texts of samples as token ids, each text worked out once."""

from collections.abc import Iterable

import numpy as np

from finetune_tts.config.base import Config
from finetune_tts.data.sample import Sample
from finetune_tts.text.building import tokenizer_from_fields
from finetune_tts.text.tokenizer import Encoded, MissingReport, Tokenizer, missing_of


def build_tokenizer(config: Config) -> Tokenizer:
    """The tokenizer that the text fields of a config describe.

    Raises:
        UserError: an unknown cleaner, language, phonemizer or characters class; the field is named.
    """
    return tokenizer_from_fields(config.to_dict())


class TokenCache:
    """Token ids of samples, kept in memory.

    Args:
        tokenizer: the model's.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        # A model of one language is spoken to without naming it, so it is trained without naming it too.
        self._names_language = bool(tokenizer.languages)
        self._encoded: dict[tuple[str, str | None], Encoded] = {}

    @property
    def pad_id(self) -> int:
        """The id that fills batches."""
        return self.tokenizer.vocabulary.pad_id

    def ids(self, sample: Sample) -> np.ndarray:
        """Token ids of a sample's text, ``[T_text]`` int64."""
        return np.asarray(self.encoded(sample).ids, dtype=np.int64)

    def missing(self, samples: Iterable[Sample]) -> MissingReport:
        """Which characters (or phonemes) of the samples' texts the vocabulary lacks, and how often."""
        return missing_of(map(self.encoded, samples), self.tokenizer.vocabulary)

    def encoded(self, sample: Sample) -> Encoded:
        """The text of a sample as the tokenizer reads it."""
        key = sample.text, sample.language if self._names_language else None
        if key not in self._encoded:
            self._encoded[key] = self.tokenizer.encode(*key)
        return self._encoded[key]

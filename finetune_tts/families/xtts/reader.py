"""How XTTS reads a text: cleaned by the rules of its language, cut into pieces of words, behind a mark."""

from collections import Counter
from pathlib import Path
from typing import Any

from finetune_tts.errors import UserError
from finetune_tts.families.xtts.config import XttsConfig
from finetune_tts.families.xtts.text.cleaning import KNOWN, base_of, clean
from finetune_tts.families.xtts.text.pieces import Cutter, languages_of, pieces_of, read_vocabulary
from finetune_tts.families.xtts.text.tables import LIMIT_ELSEWHERE, LIMITS
from finetune_tts.text.characters import Vocabulary
from finetune_tts.text.cleaners import find_cleaner
from finetune_tts.text.sentences import split_sentences
from finetune_tts.text.tokenizer import Encoded, Tokenizer

DEFAULT_CLEANER = "basic_cleaners"
"""Of a language that the makers' models do not know."""


class PieceReader(Tokenizer):
    """Reads text as pieces of words.

    Args:
        vocabulary: in the form of the tokenizers library.
        source: its file, for messages.
        cleaner: of languages that the makers' models do not know, by the name that configs give it.
        rows: at least so many symbols; those that have no piece get a name each.

    Raises:
        UserError: the vocabulary cannot be used, or there is no such cleaner.
    """

    def __init__(self, vocabulary: dict[str, Any], source: str, cleaner: str | None = None, rows: int = 0) -> None:
        pieces = pieces_of(vocabulary)
        pieces += [f"<{number}>" for number in range(len(pieces), rows)]
        super().__init__(Vocabulary(tuple(pieces), letters_field="model_args.tokenizer_file"))
        self.content = vocabulary
        self._languages = languages_of(pieces)
        self._cutter = Cutter(vocabulary, source)
        self._other_cleaner = find_cleaner(cleaner or DEFAULT_CLEANER)

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that the vocabulary has marks of."""
        return self._languages

    def encode(self, text: str, language: str | None = None) -> Encoded:
        """Turn text into ids, the language's mark first.

        Args:
            text: any text.
            language: of the text, as the vocabulary marks it, or without its region: ``zh`` is ``zh-cn``.

        Raises:
            UserError: no language is said, or one that the vocabulary has no mark of; a package for it is missing.
        """
        marked = self.marked(language)
        cleaned = self.cleaned(text, marked)
        ids, unknown = self._cutter.cut(cleaned, marked)
        return Encoded(ids, cleaned, cleaned, Counter("".join(unknown)))

    def cleaned(self, text: str, language: str) -> str:
        """A text as the model is to read it."""
        if base_of(language) in KNOWN:
            return clean(text, language)
        return self._other_cleaner(text, language)

    def split(self, text: str, language: str | None = None) -> list[str]:
        """Cut a text at its sentences, each short enough to be spoken in one breath."""
        limit = LIMITS.get(base_of(language or ""), LIMIT_ELSEWHERE)
        return split_sentences(text, limit)

    def marked(self, language: str | None) -> str:
        """A language as the vocabulary marks it.

        Raises:
            UserError: there is none.
        """
        name = (language or "").strip().lower().replace("_", "-")
        for known in self._languages:
            if name in (known, base_of(known)) or known == base_of(name):
                return known
        said = f"language {language!r}: the model does not know it" if name else "No language is named"
        raise UserError(
            f"{said}. It reads {', '.join(self._languages)}: name one with --language_idx, and that of recordings with "
            "--coqpit.datasets.0.language."
        )


def tokenizer_of(config: XttsConfig) -> PieceReader:
    """The tokenizer of a model.

    Raises:
        UserError: its vocabulary is missing or cannot be used.
    """
    path = config.model_args.tokenizer_file
    if not path or not Path(path).is_file():
        raise UserError(
            f"model_args.tokenizer_file = {path!r}: the model needs its vocab.json. It comes with the release; put it "
            "beside the weights."
        )
    rows = config.model_args.gpt_number_text_tokens or 0
    return PieceReader(read_vocabulary(path), path, config.text_cleaner, rows)

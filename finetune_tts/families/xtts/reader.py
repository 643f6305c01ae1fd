"""How XTTS reads a text: cleaned by the rules of its language, cut into pieces of words, behind a mark."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finetune_tts.config.changes import Change
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError
from finetune_tts.families.xtts.config import XttsConfig
from finetune_tts.families.xtts.text.cleaning import KNOWN, base_of, clean
from finetune_tts.families.xtts.text.growing import grown as with_language
from finetune_tts.families.xtts.text.pieces import Cutter, is_mark, languages_of, pieces_of, read_vocabulary
from finetune_tts.families.xtts.text.tables import LIMIT_ELSEWHERE, LIMITS
from finetune_tts.text.characters import Vocabulary
from finetune_tts.text.cleaners import find_cleaner
from finetune_tts.text.sentences import split_sentences
from finetune_tts.text.tokenizer import Encoded, Tokenizer

logger = logging.getLogger(__name__)

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


def grown(config: XttsConfig, tokenizer: PieceReader, samples: Sequence[Sample]) -> tuple[PieceReader, list[Change]]:
    """Let a tokenizer read all languages of recordings; a new one is said.

    With adapters, the rows of pieces learn whole: new ones could not be learned beside old ones.

    Raises:
        UserError: a language has no name that could be a mark.
    """
    content, changes = tokenizer.content, []
    known = {known for language in tokenizer.languages for known in (language, base_of(language))}
    new = sorted({sample.language for sample in samples if sample.language and base_of(sample.language) not in known})
    for language in new:
        if not is_mark(f"[{language}]"):
            raise UserError(
                f"The model does not know the language {language!r}; a new one is named by two or three small letters, "
                f"as sv or yue. It knows {_some(tokenizer.languages)}. Set --coqpit.datasets.0.language."
            )
        texts = [tokenizer.cleaned(sample.text, language) for sample in samples if sample.language == language]
        before = len(pieces_of(content))
        content = with_language(content, language, texts, pieces=config.new_language_pieces)
        added = pieces_of(content)[before:]
        logger.warning(
            "The model does not know the language %r: it gets a mark and %d pieces (%s). It knows %s.",
            language,
            len(added) - 1,
            " ".join(added[1:11]) + (" …" if len(added) > 11 else ""),
            _some(tokenizer.languages),
        )
    if not new:
        return tokenizer, []
    changes.append(Change("languages", [*config.languages, *new]))
    if config.lora_rank and not config.lora_also:
        changes.append(Change("lora_also", r"^text_(embedding|head)\."))
    return PieceReader(content, config.model_args.tokenizer_file, config.text_cleaner), changes


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "")

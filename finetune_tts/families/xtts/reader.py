"""How XTTS reads a text: as pieces of words, behind a mark of its language."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from finetune_tts.config.changes import Change
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError
from finetune_tts.families.xtts.config import XttsConfig
from finetune_tts.families.xtts.text.extending import extend_vocabulary
from finetune_tts.families.xtts.text.languages import base_of, limit_of, mark_of
from finetune_tts.families.xtts.text.splitting import split_sentences
from finetune_tts.families.xtts.text.tokenizer import XttsTokenizer
from finetune_tts.families.xtts.text.vocabulary import read_vocabulary
from finetune_tts.text.characters import Vocabulary
from finetune_tts.text.tokenizer import Encoded, Tokenizer

logger = logging.getLogger(__name__)


class PieceReader(Tokenizer):
    """XTTS's tokenizer in the place of one that looks symbols up.

    Args:
        content: of ``vocab.json``.
        source: the file, for messages.
        cleaner: of languages that the makers' models do not know, by the name that configs give it.
        rows: at least so many symbols; those that have no piece get a name each.

    Raises:
        UserError: the vocabulary cannot be used, or a package is missing.
    """

    def __init__(self, content: Mapping[str, Any], source: str, cleaner: str | None = None, rows: int = 0) -> None:
        self._tokenizer = XttsTokenizer(content, source, cleaner)
        pieces = [piece or f"<{number}>" for number, piece in enumerate(self._tokenizer.pieces)]
        pieces += [f"<{number}>" for number in range(len(pieces), rows)]
        super().__init__(Vocabulary(tuple(pieces), letters_field="model_args.tokenizer_file"))
        self.content = content
        self._known = {base_of(language) for language in self.languages}

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that the vocabulary has marks of."""
        return self._tokenizer.languages

    def encode(self, text: str, language: str | None = None) -> Encoded:
        """Turn text into ids, the language's mark first.

        Args:
            text: any text.
            language: of the text; a region does not matter where the vocabulary has none: ``en-us`` is ``en``.

        Raises:
            UserError: no language is said, or one that the vocabulary has no mark of; a package for it is missing.
        """
        if not language or base_of(language) not in self._known:
            said = f"language {language!r}: the model does not know it" if language else "No language is named"
            raise UserError(
                f"{said}. It reads {_some(self.languages)}: name one with --language_idx, and that of recordings with "
                "--coqpit.datasets.0.language."
            )
        return self._tokenizer.encoded(text, language)

    def longest_text(self, language: str | None = None) -> int:
        """Characters that are spoken in one breath."""
        return limit_of(language or "")

    def split(self, text: str, language: str | None = None) -> list[str]:
        """Cut a text at its sentences, each short enough to be spoken in one breath."""
        return split_sentences(text, language or "")


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
        UserError: a language has no name that could be a mark, or is new where the language model does not learn.
    """
    content: Mapping[str, Any] = tokenizer.content
    known = {base_of(language) for language in tokenizer.languages}
    written: dict[str, str] = {}
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for sample in samples:
        if sample.language and base_of(sample.language) not in known:
            written.setdefault(mark_of(sample.language), sample.language)
            texts[mark_of(sample.language)].append(sample.text)
    new = sorted(texts)
    if new and config.train_decoder:
        raise UserError(
            f"The language model does not know the language {new[0]!r}, and with train_decoder it does not learn: "
            "fine-tune it on these recordings first, and its decoder with --restore_path of that run. It knows "
            f"{_some(tokenizer.languages)}."
        )
    for language in new:
        try:
            content, ids = extend_vocabulary(
                content,
                written[language],
                texts[language],
                config.new_language_pieces,
                text_cleaner=config.text_cleaner,
            )
        except UserError as error:
            raise UserError(
                f"{error} The model knows {_some(tokenizer.languages)}; set --coqpit.datasets.0.language."
            ) from error
        pieces = list(ids)[1:]
        logger.warning(
            "The model does not know the language %r: it gets a mark and %d pieces (%s). It knows %s.",
            language,
            len(pieces),
            " ".join(pieces[:10]) + (" …" if len(pieces) > 10 else ""),
            _some(tokenizer.languages),
        )
    if not new:
        return tokenizer, []
    changes = [Change("languages", [*config.languages, *new])]
    if config.lora_rank and not config.lora_also:
        changes.append(Change("lora_also", r"^text_(embedding|head)\."))
    return PieceReader(content, config.model_args.tokenizer_file, config.text_cleaner), changes


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "")

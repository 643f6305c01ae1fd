"""Text of a language to the ids that XTTS reads, and back."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from finetune_tts.errors import UserError
from finetune_tts.families.xtts.text.cleaners import clean
from finetune_tts.families.xtts.text.languages import base_of, mark_of
from finetune_tts.families.xtts.text.vocabulary import (
    SPACE,
    UNKNOWN,
    check_vocabulary,
    read_vocabulary,
)
from finetune_tts.text.tokenizer import Encoded, MissingReport

#: What is read for a character that a vocabulary lacks; none of them is replaced in one that has it.
REPLACEMENTS: dict[str, str] = {
    **dict.fromkeys("’‘ʼ′`´", "'"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("。．।॥", "."),
    **dict.fromkeys("，、،", ","),
    **dict.fromkeys("！", "!"),
    **dict.fromkeys("？؟", "?"),
    **dict.fromkeys("：", ":"),
    **dict.fromkeys("；؛", ";"),
    **dict.fromkeys('"“”„‟«»‹›「」『』', ""),
    # Soft hyphens, joiners, marks of direction, variation selectors, and the dot that lower case leaves of İ.
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\ufe0e\ufe0f\u0307", ""),
    "…": "...",
}
#: Stands for ``[UNK]`` in decoded text.
LOST = "\ufffd"


class XttsTokenizer:
    """Clean, mark the language, spell by byte pairs, as coqui-tts does with the same ``vocab.json``.

    Two things differ from coqui-tts: text that looks like a mark ("[de]") is text, and typographic characters that the
    vocabulary lacks are read as the plain ones that it has (:data:`REPLACEMENTS`) and not as ``[UNK]``.
    """

    def __init__(
        self, tokenizer_json: Mapping[str, Any], where: str = "vocab.json", text_cleaner: str | None = None
    ) -> None:
        """Take a vocabulary.

        Args:
            tokenizer_json: the content of a ``vocab.json``.
            where: what it is called in messages.
            text_cleaner: the cleaner of 🐸TTS for languages that XTTS was not released with; None: ``basic_cleaners``.

        Raises:
            UserError: it is no vocabulary of XTTS, or the package tokenizers is missing.
        """
        self.tokenizer_json = tokenizer_json
        self.where = where
        self.text_cleaner = text_cleaner
        self.vocabulary = check_vocabulary(tokenizer_json, where)
        try:
            self._speller = self.vocabulary.library_tokenizer()
        except UserError:
            raise
        except ValueError as error:
            raise UserError(f"{where}: the library tokenizers cannot use it: {error}") from error
        self._unknown = self.vocabulary.ids[UNKNOWN]
        self._pieces = {index: piece for piece, index in self.vocabulary.ids.items()}

    @classmethod
    def read(cls, path: str | Path, text_cleaner: str | None = None) -> "XttsTokenizer":
        """Read a ``vocab.json``.

        Raises:
            UserError: as in ``__init__``, or the file cannot be read.
        """
        return cls(read_vocabulary(path), str(path), text_cleaner)

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages that the vocabulary has a mark for."""
        return self.vocabulary.languages

    @property
    def size(self) -> int:
        """Rows that the text embedding needs."""
        return self.vocabulary.size

    @property
    def pieces(self) -> tuple[str, ...]:
        """The piece of each id; empty where an id stands for none."""
        return tuple(self._pieces.get(index, "") for index in range(self.size))

    def find_language(self, language: str) -> str:
        """Find the language of a mark: ``zh-cn`` for ``zh``, ``en`` for ``en_US``.

        Raises:
            UserError: the vocabulary has no mark for it; those that there are are listed.
        """
        code = language.strip().lower().replace("_", "-")
        for known in (code, base_of(code), mark_of(code)):
            if known in self.languages:
                return known
        for known in self.languages:
            if base_of(known) == base_of(code):
                return known
        raise UserError(
            f"language {language!r}: {self.where} has no mark for it, but for {', '.join(self.languages)}. "
            "Use one of them, or extend the vocabulary by the language."
        )

    def clean(self, text: str, language: str) -> str:
        """Clean a text, and read characters that the vocabulary lacks as the plain ones that it has.

        Raises:
            UserError: the language is unknown, or a package that it needs is missing.
        """
        cleaned = clean(text, self.find_language(language), self.text_cleaner)
        pieces = self.vocabulary.spelled
        replaced = "".join(c if c in pieces else REPLACEMENTS.get(c, c) for c in cleaned)
        return replaced if replaced == cleaned else re.sub(" +", " ", replaced).strip(" ")

    def encode(self, text: str, language: str) -> list[int]:
        """Turn a text into ids: the mark of the language, then its pieces.

        Raises:
            UserError: the language is unknown, or a package that it needs is missing.
        """
        return self.encoded(text, language).ids

    def encoded(self, text: str, language: str) -> Encoded:
        """Turn a text into ids, and count the characters that became ``[UNK]``.

        Raises:
            UserError: the language is unknown, or a package that it needs is missing.
        """
        cleaned = self.clean(text, language)
        ids = [self.vocabulary.ids[f"[{self.find_language(language)}]"]]
        missing: Counter[str] = Counter()
        for number, word in enumerate(cleaned.split(" ")):
            if number:
                ids.append(self.vocabulary.ids[SPACE])
            spelling = self._speller.encode(word, add_special_tokens=False)
            ids += spelling.ids
            if self._unknown in spelling.ids:
                for index, (start, end) in zip(spelling.ids, spelling.offsets, strict=True):
                    missing.update(word[start:end] if index == self._unknown else "")
        return Encoded(ids, cleaned, cleaned, missing)

    def parts(self, word: str) -> list[str]:
        """Divide a cleaned word, as ``isn't``, where no piece reaches across."""
        if self._speller.normalizer is not None:
            word = self._speller.normalizer.normalize_str(word)
        if self._speller.pre_tokenizer is None:
            return [word]
        return [part for part, _ in self._speller.pre_tokenizer.pre_tokenize_str(word)]

    def spell(self, part: str) -> list[str]:
        """Spell one of :meth:`parts` by pieces; ``[UNK]`` stands for a character that lacks."""
        return [self._pieces[index] for index in self._speller.encode(part, add_special_tokens=False).ids]

    def decode(self, ids: Sequence[int]) -> str:
        """Spell ids out, without marks; ``�`` stands for ``[UNK]``.

        Raises:
            IndexError: an id is none of the vocabulary.
        """
        text = ""
        for index in ids:
            if index not in self._pieces:
                raise IndexError(f"{index} is no id of {self.where}.")
            piece = self._pieces[index]
            if piece == SPACE:
                text += " "
            elif index == self._unknown:
                text += LOST
            elif not (piece.startswith("[") and piece.endswith("]")):
                text += piece
        return text

    def count_unknown(self, texts: Iterable[str], language: str) -> MissingReport:
        """Count the characters of many texts that become ``[UNK]``.

        Raises:
            UserError: the language is unknown, or a package that it needs is missing.
        """
        total = 0
        counter: Counter[str] = Counter()
        for text in texts:
            encoded = self.encoded(text, language)
            total += len(encoded.cleaned)
            counter += encoded.missing
        return MissingReport(total, counter, letters_field=self.where)

"""Text to phonemes with espeak-ng in this process, punctuation kept where it stands."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Protocol

from finetune_tts.errors import UserError
from finetune_tts.text.espeak import espeak_library

PUNCTUATION = ';:,.!?¡¿—…"«»“”'

RULES_VERSION = 1
"""Goes up when the phonemes of a text become others, so that none that were kept are used again."""

_mark_runs = re.compile(rf"[\s{re.escape(PUNCTUATION)}]+")
#: what espeak-ng writes where a word is of another language, as ``(en)``
LANGUAGE_FLAGS = re.compile(r"\(.+?\)")
# espeak-ng has no bounds on the names of these signs: in some languages they write beyond its buffers.
_enclosed = re.compile("[\u2139\u2460-\u24ff]")
_unreadable = re.compile("[\u2800-\u28ff]")
_unreadable_vietnamese = re.compile("[\\[\\]{}`\u0960\u0ae0]")
_LONGEST_CHUNK = 400
_LONGEST_WORD = 60


class Phonemizer(Protocol):
    """What a tokenizer needs: phonemes of a text, in one language."""

    def phonemize(self, text: str, language: str | None = None) -> str:
        """Return the phonemes of ``text``; ``language`` matters only where there are several."""
        ...

    def fingerprint(self) -> str:
        """Return what decides the phonemes of a text; two with the same one say the same."""
        ...


class EspeakPhonemizer:
    """Phonemes in IPA by espeak-ng, as 🐸TTS takes them from the espeak-ng program.

    The text is cut at punctuation; each piece goes through espeak-ng by itself and the punctuation is put back.
    Language switches such as ``(en)`` are taken out. Objects are cheap, may be used by several threads at once and
    can be pickled; objects of several languages live in one process.
    """

    def __init__(self, language: str, library: str | None = None) -> None:
        """Prepare a language.

        Args:
            language: code of espeak-ng, for example ``"en-us"``, ``"de"``, ``"cmn"``.
            library: which espeak-ng, see :func:`finetune_tts.text.espeak.espeak_library`.

        Raises:
            UserError: espeak-ng has no such language, or there is no such library.
        """
        self.language = language
        self.library = library
        self._voice = espeak_library(library).voice(language)

    def phonemize(self, text: str, language: str | None = None) -> str:
        """Turn any text into phonemes and the punctuation marks ``;:,.!?¡¿—…"«»“”``.

        Args:
            text: any text, of any length; characters that are no text (NUL, lone surrogates) are left out.
            language: not looked at: this phonemizer has one language.
        """
        library = espeak_library(self.library)
        pieces = []
        for piece, is_marks in _pieces(readable(text, self._voice).strip()):
            if is_marks:
                pieces.append(piece)
                continue
            # 🐸TTS joins the clauses of one piece without a space, and so were its models trained.
            chunks = (library.clauses(chunk, self._voice) for chunk in _chunks(piece))
            pieces.append(
                " ".join("".join(LANGUAGE_FLAGS.sub("", clause).strip() for clause in clauses) for clauses in chunks)
            )
        return "".join(pieces)

    def fingerprint(self) -> str:
        """Return language, voice and espeak-ng's version."""
        return f"{RULES_VERSION} {espeak_library(self.library).version} {self.language} {self._voice}"


class MultiPhonemizer:
    """A phonemizer for each language of a multilingual model (🐸TTS: ``multi_phonemizer``)."""

    def __init__(self, phonemizers: Mapping[str, Phonemizer]) -> None:
        """Take the phonemizers by language, as the data sets of the config name the languages."""
        self.phonemizers = dict(phonemizers)

    def phonemize(self, text: str, language: str | None = None) -> str:
        """Turn text into phonemes of its language.

        Raises:
            UserError: no language is given, or the model has no phonemizer for it.
        """
        if not language or language not in self.phonemizers:
            raise UserError(
                f"Language {language!r}: this model has phonemes for {', '.join(self.phonemizers)}. Name one of them."
            )
        return self.phonemizers[language].phonemize(text)

    def fingerprint(self) -> str:
        """Return those of all languages."""
        return " ".join(f"{name}: {phonemizer.fingerprint()}" for name, phonemizer in self.phonemizers.items())


def readable(text: str, voice: str) -> str:
    """Take out what is no text, and what espeak-ng 1.51 and 1.52 are known to end the process at."""
    text = text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")
    text = _enclosed.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)
    text = _unreadable.sub(" ", text)
    return _unreadable_vietnamese.sub(" ", text) if voice.startswith("aav/vi") else text


def _chunks(piece: str) -> Iterator[str]:
    """Cut a piece that is longer than any sentence, at a space if there is one."""
    while len(piece) > _LONGEST_CHUNK:
        space = piece.rfind(" ", 1, _LONGEST_CHUNK)
        cut = space if space > 0 else _LONGEST_WORD
        yield piece[:cut]
        piece = piece[cut:].lstrip()
    if piece:
        yield piece


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Cut text into words and runs of punctuation with the spaces around them, in order."""
    start = 0
    for run in _mark_runs.finditer(text):
        if run.group().isspace():
            continue
        if run.start() > start:
            yield text[start : run.start()], False
        yield run.group(), True
        start = run.end()
    if start < len(text):
        yield text[start:], False

"""What a program that speaks an exported voice has to read as the voice does: phonemes, characters, speakers."""

import unicodedata
from dataclasses import dataclass

from finetune_tts.errors import UserError
from finetune_tts.synthesis.voice import Voice
from finetune_tts.text.clauses import ClausePhonemizer
from finetune_tts.text.espeak import voice_code
from finetune_tts.text.phonemizer import EspeakPhonemizer
from finetune_tts.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Symbol:
    """A symbol that text or phonemes can hold.

    Attributes:
        text: one character.
        id: its token id.
    """

    text: str
    id: int

    @property
    def parts(self) -> tuple[str, ...]:
        """The characters that it is taken apart into by a program that reads decomposed text (Unicode's NFD)."""
        return tuple(unicodedata.normalize("NFD", self.text))


def espeak_language(kind: str, tokenizer: Tokenizer) -> str | None:
    """The code of the language that espeak-ng makes phonemes of for a voice; None for one that reads characters.

    Args:
        kind: the format, for messages.
        tokenizer: of the voice.

    Raises:
        UserError: its phonemes are of several languages, or are not espeak-ng's.
    """
    phonemizer = tokenizer.phonemizer
    if phonemizer is None:
        return None
    if isinstance(phonemizer, EspeakPhonemizer | ClausePhonemizer):
        return voice_code(phonemizer.language)
    several = ", ".join(tokenizer.languages)
    what = f"several languages ({several})" if several else "a phonemizer of its own"
    raise UserError(
        f"--export {kind}: the model reads phonemes of {what}, a {kind} voice those of espeak-ng in one language. "
        "--export onnx writes the network alone."
    )


def require_one_condition(kind: str, voice: Voice) -> dict[str, int]:
    """Refuse a voice that has to be told more than a row of speakers, and tell what it need not be told.

    Returns:
        the rows that the file chooses by itself: of the only speaker, of the only language.

    Raises:
        UserError: it is told d-vectors, or which of its languages it is to speak.
    """
    if voice.takes_d_vectors:
        raise UserError(
            f"--export {kind}: the model knows its speakers by d-vectors, which such a voice is not told. "
            "--export onnx writes it with an input for them."
        )
    languages = voice.language_rows
    if languages is not None and languages.rows > 1:
        raise UserError(
            f"--export {kind}: the model speaks {languages.rows} languages ({', '.join(languages.names[:5])}), and "
            "such a voice is told none. --export onnx writes it with an input for them."
        )
    fixed = {"langid": 0} if languages is not None else {}
    return fixed | ({"sid": 0} if voice.speakers is not None and voice.speakers.rows == 1 else {})


def symbols_of(tokenizer: Tokenizer) -> list[Symbol]:
    """The symbols that text can hold, in the order of their ids; of one that stands twice, the one that is taken."""
    vocabulary = tokenizer.vocabulary
    once = {symbol: vocabulary.id(symbol) for symbol in vocabulary.symbols if len(symbol) == 1}
    return [Symbol(text, place) for text, place in sorted(once.items(), key=lambda item: item[1])]


def cleaner_remark(program: str, cleaner: str | None) -> tuple[str, ...]:
    """Say that a program does not clean texts as the voice does, if it cleans them."""
    if not cleaner or cleaner in ("basic_cleaners", "multilingual_cleaners", "no_cleaners"):
        return ()
    return (
        f"{program} reads text as it is; here it goes through {cleaner} before: where that changes what is read "
        "(numbers, abbreviations, capitals), write it out",
    )

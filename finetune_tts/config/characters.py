"""The symbols of a model: what its embedding rows stand for."""

from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.base import Config


@dataclass
class CharactersConfig(Config):
    """The vocabulary, under 🐸TTS's names; null takes the default of the characters class."""

    characters_class: str | None = field(
        default=None, metadata={"help": "Class of coqui-tts that gives the order of the symbols; the name is kept."}
    )
    vocab_dict: list[str] | dict[str, Any] | None = field(
        default=None, metadata={"help": "The symbols in the order of their ids; for vocabularies of other origins."}
    )
    pad: str | None = field(default="<PAD>", metadata={"help": "Padding symbol."})
    eos: str | None = field(default=None, metadata={"help": "Symbol for the end of a sentence."})
    bos: str | None = field(default=None, metadata={"help": "Symbol for the start of a sentence."})
    blank: str | None = field(default=None, metadata={"help": "Symbol between two others where add_blank is true."})
    characters: str | None = field(default=None, metadata={"help": "The letters, or the phonemes, as one string."})
    punctuations: str | None = field(default=None, metadata={"help": "The punctuation marks, as one string."})
    phonemes: str | None = field(
        default=None, metadata={"help": "The phonemes, in configs of releases that keep both alphabets."}
    )
    is_unique: bool = field(default=True, metadata={"help": "Drop characters that stand twice."})
    is_sorted: bool = field(default=True, metadata={"help": "Sort the characters before they are numbered."})

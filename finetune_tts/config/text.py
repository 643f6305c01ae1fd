"""Text fields of a config: from a sentence to token ids."""

from dataclasses import dataclass, field

from finetune_tts.config.base import Config, kept
from finetune_tts.config.characters import CharactersConfig


@dataclass
class TextConfig(Config):
    """Cleaning, phonemes and symbols."""

    use_phonemes: bool = field(default=False, metadata={"help": "Train on phonemes, not on letters."})
    phonemizer: str | None = field(
        default=None, metadata={"help": "What makes the phonemes: espeak; piper (as Piper does); null decides."}
    )
    phoneme_language: str | None = field(default=None, metadata={"help": "Language of the phonemizer: en-us, de, …"})
    compute_input_seq_cache: bool = kept(False, "token ids are always computed once")
    text_cleaner: str | None = field(default=None, metadata={"help": "Cleaner that a sentence passes through first."})
    enable_eos_bos_chars: bool = field(
        default=False, metadata={"help": "Put the symbols for start and end around every sentence."}
    )
    test_sentences_file: str = field(default="", metadata={"help": "File of test sentences, one a line."})
    phoneme_cache_path: str | None = kept(None, "phonemes are fast to compute")
    characters: CharactersConfig | None = field(
        default=None, metadata={"help": "The model's symbols; null takes those of the default alphabet."}
    )
    add_blank: bool = field(default=False, metadata={"help": "Put the blank symbol between all symbols."})

"""A pre-trained alphabet and the one that a run asks for, made one: no symbol that was learned is lost."""

import logging
from copy import copy, deepcopy

from finetune_tts.config.changes import Change
from finetune_tts.config.characters import CharactersConfig
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.families.reading import tokenizer_of
from finetune_tts.families.registry import family_of
from finetune_tts.text.characters import BLANK, BOS, EOS, GRAPHEMES, IPA_PHONEMES, PAD, PUNCTUATIONS
from finetune_tts.text.tokenizer import Tokenizer

logger = logging.getLogger(__name__)

#: characters class → what it takes for letters where a config names none.
_DEFAULT_LETTERS = {"Graphemes": GRAPHEMES, "BaseCharacters": GRAPHEMES, "IPAPhonemes": IPA_PHONEMES}


def merged_tokenizer(config: SpeechConfig, old_symbols: tuple[str, ...] | None) -> tuple[Tokenizer, list[Change]]:
    """Build the tokenizer of a run, whose alphabet keeps the symbols of the pre-trained one.

    Symbols of the pre-trained alphabet that the config's does not have are appended to its characters. Ids may change
    by that; rows of the embedding follow their symbols.

    Args:
        config: of the run.
        old_symbols: the pre-trained alphabet in id order; None for a model that starts from scratch.

    Returns:
        The tokenizer, and what changes in the config.
    """
    if family_of(config.model).implementation.tokenizer is not None:
        return tokenizer_of(config), []
    given, config = config.characters, copy(config)
    kind = _class_name(config)
    if old_symbols is not None and kind == "BaseVocabulary" and config.characters is not None:
        config.characters = _with_named(config.characters, old_symbols)
    tokenizer = tokenizer_of(config)
    symbols = tokenizer.vocabulary.symbols
    if old_symbols is None or symbols == old_symbols:
        return tokenizer, [] if config.characters is given else [Change("characters", config.characters)]
    # Names of special symbols ("<PAD>") are no letters that a text could hold.
    letters_only = kind != "BaseVocabulary"
    kept = [symbol for symbol in old_symbols if symbol not in symbols and (len(symbol) == 1 or not letters_only)]
    if kept:
        config.characters = _with_symbols(config.characters, kind, kept)
        tokenizer = tokenizer_of(config)
    new = [symbol for symbol in symbols if symbol not in old_symbols]
    logger.info(
        "The alphabet differs from the pre-trained one: %d symbols are new (%s), %d are not asked for and stay (%s).",
        len(new),
        " ".join(new) or "none",
        len(kept),
        " ".join(kept) or "none",
    )
    return tokenizer, [] if config.characters is given else [Change("characters", config.characters)]


def _class_name(config: SpeechConfig) -> str:
    named = config.characters.characters_class if config.characters is not None else None
    return str(named or ("IPAPhonemes" if config.use_phonemes else "Graphemes")).rpartition(".")[2]


def _with_named(characters: CharactersConfig, known: tuple[str, ...]) -> CharactersConfig:
    """The characters with their padding, blank and sentence ends listed, if the pre-trained alphabet has them.

    Whoever sets ``vocab_dict`` to a few new letters means these beside the old ones.
    """
    named = (characters.pad, characters.eos, characters.bos, characters.blank)
    unlisted = [symbol for symbol in named if symbol in known and symbol not in (characters.vocab_dict or known)]
    added = [symbol for symbol in dict.fromkeys(unlisted) if symbol is not None]
    return _with_symbols(characters, "BaseVocabulary", added) if added else characters


def _with_symbols(characters: CharactersConfig | None, kind: str, added: list[str]) -> CharactersConfig:
    """The characters with more symbols, where their class looks for them."""
    if characters is None:  # the default alphabet, spelled out
        characters = CharactersConfig(
            pad=PAD, eos=EOS, bos=BOS, blank=BLANK, punctuations=PUNCTUATIONS, is_unique=False
        )
    grown = deepcopy(characters)
    if kind == "BaseVocabulary" and grown.vocab_dict:
        listed = list(grown.vocab_dict)
        grown.vocab_dict = [*listed, *added]
    elif kind == "IPAPhonemes" and grown.phonemes is not None:
        grown.phonemes += "".join(added)
    else:
        grown.characters = (grown.characters or _DEFAULT_LETTERS.get(kind, "")) + "".join(added)
    return grown

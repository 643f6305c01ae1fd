"""What reads the text of a model, and the files that stand beside its weights, whichever family it is of."""

from pathlib import Path
from typing import Any

from finetune_tts.config.paths import locate_paths
from finetune_tts.data.tokenizing import build_tokenizer
from finetune_tts.families.registry import family_of
from finetune_tts.text.tokenizer import Tokenizer


def tokenizer_of(config: Any) -> Tokenizer:
    """The tokenizer of a model.

    Raises:
        UserError: an unknown cleaner, language, phonemizer or characters class, or a vocabulary that cannot be read.
    """
    own = family_of(config.model).implementation.tokenizer
    return build_tokenizer(config) if own is None else own(config)


def locate(config: Any, folder: Path) -> None:
    """Find the files that a config names, or that belong to a model, in the folder of its weights.

    See :func:`finetune_tts.config.paths.locate_paths`; files that a config does not name are a matter of the family.
    """
    locate_paths(config, folder)
    family_of(config.model).locate(config, folder)

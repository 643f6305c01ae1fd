"""The tensors of XTTS's checkpoints: those of a release, of the makers' training program, and of adapters alone."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.errors import UserError
from finetune_tts.families.xtts.low_rank import is_adapted, merged

BASE_NAME = "base_model.pth"
"""In the folder of a run with adapters: the weights that they belong to."""

#: what the makers' training program puts before the names of the network.
_TRAINING_PREFIX = "xtts."
#: tensors of other networks, which a checkpoint of the makers' training program holds too.
_OTHERS = ("dvae.", "torch_mel_spectrogram_")
#: tensors of the language model's shell in the transformers library, which stand elsewhere once more.
_TWICE = ("gpt.gpt_inference.", "gpt.gpt.wte.", "gpt.gpt.wpe.", "gpt.conditioning_dropout.")


def translate_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the network, under the names that releases have."""
    names = {name: name.removeprefix(_TRAINING_PREFIX) for name in state if not name.startswith(_OTHERS)}
    return {name: state[old] for old, name in names.items() if not name.startswith(_TWICE)}


def completed(weights: Mapping[str, Tensor], folder: Path) -> dict[str, Tensor]:
    """All weights of a checkpoint that holds adapters alone, with those of the base model in its folder.

    Raises:
        UserError: the base model is not there, or cannot be read.
    """
    if not is_adapted(weights) or any(name.endswith(".ln_f.weight") for name in weights):
        return dict(weights)
    if not (folder / BASE_NAME).exists():
        raise UserError(
            f"{folder}: holds adapters, and {BASE_NAME} is missing, the weights that they belong to. Put it back, or "
            "use model.pth, which has both."
        )
    return {**translate_names(read_checkpoint(folder / BASE_NAME).model), **weights}


def plain(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights whose adapters are added to their matrices, if there are any.

    Raises:
        UserError: an adapter is not whole.
    """
    try:
        return merged(weights)
    except ValueError as error:
        raise UserError(str(error)) from error

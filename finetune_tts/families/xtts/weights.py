"""The tensors of XTTS's checkpoints: those of a release, of the makers' training program, and of adapters alone."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from finetune_tts.families import adapters

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
    is_whole = any(name.endswith(".ln_f.weight") for name in weights)
    return dict(weights) if is_whole else adapters.completed(weights, folder, translate_names)

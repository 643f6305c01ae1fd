"""The tensors of XTTS's checkpoints: those of a release, and those of the makers' training program."""

from collections.abc import Mapping

from torch import Tensor

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

"""Released weights of vocoders: generator and discriminator in one file, in each of the forms that releases have.

Today's files hold both in ``model``, under ``model_g.`` and ``model_d.``. Older ones hold the generator there without
a prefix, and the discriminator, if at all, in ``model_disc``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from finetune_tts.checkpoints.names import unwrapped_names
from finetune_tts.checkpoints.reading import Checkpoint
from finetune_tts.checkpoints.report import RestoreReport
from finetune_tts.checkpoints.restoring import restore
from finetune_tts.layers.weight_norm import factored

GENERATOR = "model_g."
DISCRIMINATOR = "model_d."


@dataclass(frozen=True)
class VocoderWeights:
    """The two parts of a vocoder's checkpoint.

    Attributes:
        generator: tensors by the generator's own names.
        discriminator: those of the discriminator; None where the file has none.
        source: where they came from.
    """

    generator: Mapping[str, Tensor]
    discriminator: Mapping[str, Tensor] | None
    source: Path


def vocoder_weights(checkpoint: Checkpoint) -> VocoderWeights:
    """Take a checkpoint apart, whichever form it has."""
    generator = below(GENERATOR, checkpoint.model)
    if generator:
        return VocoderWeights(generator, below(DISCRIMINATOR, checkpoint.model) or None, checkpoint.path)
    beside = checkpoint.extra.get("model_disc")
    discriminator = None
    if isinstance(beside, dict):
        tensors = {str(name): tensor for name, tensor in beside.items() if isinstance(tensor, Tensor)}
        discriminator = unwrapped_names(tensors) or None
    return VocoderWeights(checkpoint.model, discriminator, checkpoint.path)


def restore_vocoder(network: nn.Module, state: Mapping[str, Tensor], *, source: str | Path) -> RestoreReport:
    """Copy weights into a generator or a discriminator.

    Args:
        network: is changed, also where there is a gap: call ``raise_for_gap`` on the report.
        state: tensors by the network's own names; with weight norm in either naming, or folded.
        source: where they came from, for the report.
    """
    own = network.state_dict()
    # Filter banks and windows follow from their settings; early releases did not save them.
    computed = [name for name in own if is_computed(name)]
    return restore(network, factored(state, own.keys()), fresh_ok=computed, source=source)


def is_computed(name: str) -> bool:
    """Tell whether a tensor follows from a network's settings."""
    return name.startswith("pqmf_layer.") or name.endswith(".stft.window")


def below(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose name starts with ``prefix``, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}

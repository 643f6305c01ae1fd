"""Released weights into a network: what the families have in common beyond equal names and shapes."""

from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from finetune_tts.checkpoints.reading import Checkpoint
from finetune_tts.checkpoints.restoring import RestoreReport, RowRule, restore
from finetune_tts.config.base import Config
from finetune_tts.families.tacotron.restoring import fit_reduction
from finetune_tts.layers.weight_norm import factored

#: last part of tensor names that follow from other tensors: Glow-TTS's inverses of its mixing matrices.
DERIVED = ("weight_inv",)

#: architecture name → makes a config and weights agree, where names and shapes alone do not.
FITTERS: dict[str, Callable[..., Mapping[str, Tensor]]] = {
    "tacotron": fit_reduction,
    "tacotron2": fit_reduction,
}

#: modules that only training has, and that a network without them can go on with.
ONLY_IN_TRAINING = ("coarse_decoder", "decoder_backward")


def fit_to_weights(config: Config, checkpoint: Checkpoint, chosen: Container[str] = ()) -> Mapping[str, Tensor]:
    """Make ``config`` describe the network that a checkpoint's weights are of, as far as the person allows.

    Args:
        config: is changed.
        checkpoint: weights, and what else the file holds.
        chosen: names of the config fields that the person set.

    Returns:
        the weights, changed where the person asks for another network than theirs.
    """
    fitter = FITTERS.get(config.model.lower())
    if fitter is None:
        return checkpoint.model
    known: dict[str, Any] = {**checkpoint.extra, "config": checkpoint.config}
    return fitter(config, checkpoint.model, known, chosen)


def absent_helpers(network: nn.Module, state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Modules that the network has for its training and the weights do not hold: they may begin fresh."""
    present = {name.split(".")[0] for name in state}
    return tuple(name for name in ONLY_IN_TRAINING if hasattr(network, name) and name not in present)


def restore_network(
    network: nn.Module,
    state: Mapping[str, Tensor],
    *,
    source: str | Path,
    row_rules: Sequence[RowRule] = (),
    fresh_ok: Sequence[str] = (),
    renewed: Sequence[str] = (),
) -> RestoreReport:
    """Copy a checkpoint's weights into ``network``, also one that was made ready for inference.

    Args:
        network: is changed, also where there is a gap: call ``raise_for_gap`` on the report.
        state: tensors by released name.
        source: where they came from, for the report.
        row_rules: what the rows of embeddings stand for.
        fresh_ok: modules that the checkpoint need not hold.
        renewed: modules that keep the network's own weights, whatever the checkpoint holds.
    """
    kept = {name: tensor for name, tensor in state.items() if name.split(".")[0] not in renewed}
    given = factored(kept, network.state_dict().keys())
    derived = [name for name in given if name.rpartition(".")[2] in DERIVED]
    return restore(
        network, given, row_rules=row_rules, fresh_ok=[*fresh_ok, *renewed], left_over_ok=derived, source=source
    )

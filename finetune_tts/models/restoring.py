"""Released weights into a network: what the families have in common beyond equal names and shapes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from finetune_tts.checkpoints.restoring import RestoreReport, RowRule, restore
from finetune_tts.layers.weight_norm import factored

#: last part of tensor names that follow from other tensors: Glow-TTS's inverses of its mixing matrices.
DERIVED = ("weight_inv",)


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

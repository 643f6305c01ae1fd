"""Released weights into a network: what the families have in common beyond equal names and shapes."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from finetune_tts.checkpoints.report import RestoreReport
from finetune_tts.checkpoints.restoring import RowRule, restore
from finetune_tts.layers.weight_norm import factored


def absent_modules(network: nn.Module, state: Iterable[str], modules: Iterable[str]) -> tuple[str, ...]:
    """Those of some modules that the network has, and of which a checkpoint holds not one tensor.

    Releases often leave out what synthesis does not need; half of such a module is a gap like any other.

    Args:
        network: to be restored.
        state: tensor names of the checkpoint.
        modules: first parts of tensor names.
    """
    held = {name.split(".")[0] for name in state}
    wanted = {name.split(".")[0] for name, _ in network.named_parameters()}
    return tuple(name for name in modules if name in wanted and name not in held)


def restore_network(
    network: nn.Module,
    state: Mapping[str, Tensor],
    *,
    source: str | Path,
    row_rules: Sequence[RowRule] = (),
    fresh_ok: Sequence[str] = (),
    renewed: Sequence[str] = (),
    derived: Sequence[str] = (),
) -> RestoreReport:
    """Copy a checkpoint's weights into ``network``, also one that was made ready for inference.

    Args:
        network: is changed, also where there is a gap: call ``raise_for_gap`` on the report.
        state: tensors by released name.
        source: where they came from, for the report.
        row_rules: what the rows of embeddings stand for.
        fresh_ok: modules that the checkpoint need not hold.
        renewed: modules that keep the network's own weights, whatever the checkpoint holds.
        derived: last parts of tensor names that follow from other tensors, so that the checkpoint's may be left over.
    """
    kept = {name: tensor for name, tensor in state.items() if name.split(".")[0] not in renewed}
    given = factored(kept, network.state_dict().keys())
    left_over = [name for name in given if name.rpartition(".")[2] in derived]
    return restore(
        network, given, row_rules=row_rules, fresh_ok=[*fresh_ok, *renewed], left_over_ok=left_over, source=source
    )

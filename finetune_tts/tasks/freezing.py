"""Weights that do not learn, and what else has to stay for them to stay what they are."""

from collections.abc import Sequence

from torch import nn

from finetune_tts.errors import UserError
from finetune_tts.tasks.patterns import weights_named


def freeze(network: nn.Module, patterns: Sequence[str], field: str = "freeze") -> None:
    """Keep the weights that patterns name from learning.

    Args:
        network: is changed.
        patterns: of names of weights, see :mod:`finetune_tts.tasks.patterns`.
        field: of the config that has the patterns, for messages.

    Raises:
        UserError: a pattern names nothing, or all of them together leave nothing to learn.
    """
    for pattern in patterns:
        for weight in weights_named(network, pattern, field).values():
            weight.requires_grad_(False)
    if patterns and not any(weight.requires_grad for weight in network.parameters()):
        raise UserError(f"--coqpit.{field} {','.join(patterns)}: leaves nothing to learn. Freeze less.")


def hold_statistics(network: nn.Module) -> None:
    """Keep what a training pass changes beside the gradients, where all weights beside it are frozen.

    Batch norms use and keep the statistics that they have, spectral norms the vectors. Call it after ``train()``.
    """
    for module in network.modules():
        weights = list(module.parameters(recurse=False))
        has_buffers = next(module.buffers(recurse=False), None) is not None
        if weights and has_buffers and not any(weight.requires_grad for weight in weights):
            module.training = False

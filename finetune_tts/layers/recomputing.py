"""Less memory for more time: the inside of a layer is not kept for the way back but computed again there.

Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost" (https://arxiv.org/abs/1604.06174). Random numbers are
drawn the same once more, so gradients are what they were.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


class Recomputing(nn.Module):
    """A module of many layers that can forget what is inside them.

    Attributes:
        recompute: in training, keep what goes into a layer alone.
    """

    recompute = False

    def through(self, layer: Callable[..., Any], *inputs: Any) -> Any:
        """What a layer makes of its inputs; nothing of the layer may depend on how often it is called."""
        if self.recompute and self.training and torch.is_grad_enabled():
            return checkpoint(layer, *inputs, use_reentrant=False)
        return layer(*inputs)


def let_recompute(network: nn.Module, recompute: bool) -> None:
    """Let all parts of a network that can keep less in memory do so, or none.

    Of parts inside each other the outer one does it, so that nothing is computed three times.
    """
    if isinstance(network, Recomputing):
        network.recompute = recompute
        return
    for module in network.children():
        let_recompute(module, recompute)

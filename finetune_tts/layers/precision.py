"""What is computed in float32 inside of a network that computes in a lower precision."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor

Result = TypeVar("Result")


def without_autocast(device_type: str) -> AbstractContextManager[Any]:
    """The context in which tensors keep the precision that they have; it costs nothing where they do so anyway."""
    if not torch.is_autocast_enabled(device_type):
        return nullcontext()
    return torch.autocast(device_type, enabled=False)


def in_float32(compute: Callable[..., Result], *tensors: Tensor) -> Result:
    """Return ``compute(*tensors)``, computed in float32 whatever the precision around it; float64 stays.

    Args:
        compute: a layer or a function of tensors.
        tensors: at least one; all on one device.
    """
    widened = [at_least_float32(tensor) for tensor in tensors]
    with without_autocast(tensors[0].device.type):
        return compute(*widened)


def at_least_float32(x: Tensor) -> Tensor:
    """Return ``x`` in float32, where it is not in float64 already."""
    return x.to(torch.promote_types(x.dtype, torch.float32))

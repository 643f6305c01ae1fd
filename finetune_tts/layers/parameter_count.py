"""Networks built within a bound on their parameters, and how many a network would have without the memory for them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

#: Parameters up to which nothing is counted beforehand: 2 GiB, and several times the largest released networks.
UNQUESTIONED = 2**30
#: Networks of this kind have some thousand tensors; one that goes on and on is not built to its end.
MOST_TENSORS = 10_000
#: Normalised weights are registered again when they are split into norm and direction.
_TIMES_REGISTERED = 4


class _Enough(Exception):
    """More was registered than is allowed."""


def build_within(make: Callable[[], nn.Module], most: int) -> nn.Module | None:
    """Build a network, unless it has too many parameters.

    A network of a usual size is simply built. Of a larger one the parameters are counted before there is memory for
    them, and its random weights are those that it would have been built with.

    Args:
        make: builds the network.
        most: parameters that it may have.

    Returns:
        The network, None if it has more than ``most``.
    """
    before = torch.get_rng_state()
    try:
        with _at_most(min(most, UNQUESTIONED)):
            return make()
    except (_Enough, RuntimeError):  # RuntimeError: there is no memory for one of its tensors; or it cannot be built
        torch.set_rng_state(before)
    if count_parameters(make, most) > most:
        return None
    return make()


def count_parameters(make: Callable[[], nn.Module], most: int) -> int:
    """Count the parameters of a network by building it on torch's meta device, where tensors have no content.

    Args:
        make: builds the network.
        most: parameters beyond which the building is broken off.

    Returns:
        The number of parameters; where there are more than ``most``, any number above that.
    """
    try:
        with torch.device("meta"), _at_most(_TIMES_REGISTERED * most) as numbers:
            network = make()
    except _Enough:
        return max(numbers[0], most + 1)
    return sum(parameter.numel() for parameter in network.parameters())


@contextmanager
def _at_most(parameters: int) -> Iterator[list[int]]:
    """Break off a building that registers more; torch's layers register their weights before they fill them."""
    numbers, tensors = [0], 0

    def register(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal tensors
        numbers[0] += 0 if parameter is None else parameter.numel()
        tensors += 1
        if numbers[0] > parameters or tensors > MOST_TENSORS:
            raise _Enough

    handle = register_module_parameter_registration_hook(register)
    try:
        yield numbers
    finally:
        handle.remove()

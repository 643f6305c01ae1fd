"""A network that may be in training, interrupted while it is spoken with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn

Part = TypeVar("Part")


@contextmanager
def speaking(network: nn.Module, seed: int = 0) -> Iterator[None]:
    """Put the network into eval mode without gradients, and back as it was.

    The state of the random numbers is put back too: a run that synthesises its test sentences trains on as one that
    does not.
    """
    training = network.training
    network.eval()
    try:
        with torch.inference_mode(), torch.random.fork_rng(_devices(network)):
            torch.manual_seed(seed)
            yield
    finally:
        network.train(training)


def speaking_in_parts(network: nn.Module, seed: int, parts: Iterator[Part]) -> Iterator[Part]:
    """Make each of ``parts`` within :func:`speaking`, and hand it over outside: whoever takes them notices nothing.

    The random numbers continue from part to part, as if all were made at once.
    """
    devices = _devices(network)
    states: list[torch.Tensor] = []
    while True:
        with speaking(network, seed):
            if states:
                torch.set_rng_state(states[0])
                for device, state in zip(devices, states[1:], strict=True):
                    torch.cuda.set_rng_state(state, device)
            try:
                part = next(parts)
            except StopIteration:
                return
            states = [torch.get_rng_state(), *map(torch.cuda.get_rng_state, devices)]
        yield part


def _devices(network: nn.Module) -> list[torch.device]:
    """Where it draws random numbers, beside the CPU."""
    return [parameter.device for parameter in network.parameters() if parameter.device.type == "cuda"][:1]

"""A network that may be in training, interrupted while it is spoken with."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def speaking(network: nn.Module, seed: int = 0) -> Iterator[None]:
    """Put the network into eval mode without gradients, and back as it was.

    The state of the random numbers is put back too: a run that synthesises its test sentences trains on as one that
    does not.
    """
    training = network.training
    network.eval()
    devices = [parameter.device for parameter in network.parameters()][:1]
    try:
        with torch.inference_mode(), torch.random.fork_rng([device for device in devices if device.type == "cuda"]):
            torch.manual_seed(seed)
            yield
    finally:
        network.train(training)

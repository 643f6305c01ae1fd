"""Gradients averaged over the processes of a run while the backward pass computes them (DistributedDataParallel)."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from finetune_tts.machine.distributed import World, process_lost, tells_of_lost


class SharedGradients:
    """The gradients of weights that are differentiated together, in all processes.

    DistributedDataParallel is put around a module that has these weights and whose forward pass hands a loss through.
    So a task may run its networks in any way, and each part of an adversarial one has a reducer of its own: their
    hooks are on the weights, and a backward pass that is limited to the weights of a part calls no others.

    A weight that the passes of one process do not reach counts as zero there. One that nobody's reach keeps no
    gradient, as in a process alone. Weights that are frozen do not travel.

    Args:
        weights: that learn.
        world: more than one process, connected.
        searches: search the graph of each loss for the weights that it reaches. Without, those that it does not reach
            get a gradient of zero in all processes. It keeps the buckets what they were in the first step, so that a
            sum of three numbers is the same before and after a run is resumed; on a GPU it costs a wait in each step.
    """

    def __init__(self, weights: Sequence[nn.Parameter], world: World, *, searches: bool) -> None:
        self._world = world
        self._weights = [weight for weight in weights if weight.requires_grad]
        self._own: list[Tensor] = []
        self._lost: RuntimeError | None = None
        self._searches = searches
        with self._failures_told():
            self._wrapped = DistributedDataParallel(
                _HandsThrough(self._weights, with_unreached=searches),
                init_sync=False,  # which would write to weights that a graph already stands on
                find_unused_parameters=searches,
                gradient_as_bucket_view=True,
            )
        self._wrapped.register_comm_hook(None, self._average)

    def backward(self, loss: Tensor, *, last: bool, alone: bool, retain_graph: bool = False) -> None:
        """Add the gradients of ``loss`` to what stands; in the last pass of a step, average the sum.

        Args:
            loss: a scalar.
            last: of the step; all processes have to come.
            alone: no other weights than these get a gradient, and none is computed for them.
            retain_graph: another part is differentiated after this one.

        Raises:
            ProcessLost: another process has gone.
        """
        inputs = self._weights if alone else None
        if not last:
            loss.backward(inputs=inputs, retain_graph=retain_graph)
            return
        # Without a search, or of an earlier pass of the step: what has a gradient takes part, reached or not.
        called = [weight for weight in self._weights if not self._searches or weight.grad is not None]
        with self._failures_told():
            handed: Tensor = self._wrapped(loss, called)
            handed.backward(inputs=inputs, retain_graph=retain_graph)

    def take_own(self) -> Tensor:
        """A scalar on the device that is finite if this process's own gradient was, before it was averaged."""
        own, self._own = self._own, []
        return torch.stack(own).sum() if own else torch.zeros((), device=self._weights[0].device)

    def _average(
        self,
        _: object,
        bucket: dist.GradBucket,  # type: ignore[name-defined]
    ) -> torch.futures.Future[torch.Tensor]:
        row = bucket.buffer()
        self._own.append(row.sum())
        row.div_(self._world.size)
        try:
            work = dist.all_reduce(row, async_op=True)
            assert work is not None
            future: Any = work.get_future()
        except RuntimeError as error:
            self._lost = error
            raise
        chained: torch.futures.Future[torch.Tensor] = future.then(self._taken)
        return chained

    def _taken(self, future: torch.futures.Future[list[torch.Tensor]]) -> Tensor:
        try:
            return future.value()[0]
        except RuntimeError as error:
            self._lost = error
            raise

    @contextmanager
    def _failures_told(self) -> Iterator[None]:
        """Tell a process that has gone from whatever else a backward pass may fail with."""
        self._own, self._lost = [], None
        try:
            with warnings.catch_warnings():
                # A gradient of another layout than its weight is copied, as all of them used to be.
                warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
                yield
        except RuntimeError as error:
            if self._lost is None and not tells_of_lost(error):
                raise
            raise process_lost(self._lost or error) from error


def all_reached(loss: Tensor, weights: Sequence[nn.Parameter]) -> bool:
    """Whether the graph of ``loss`` reaches all ``weights`` that learn."""
    missing = {weight for weight in weights if weight.requires_grad}
    pending: list[Any] = [loss.grad_fn]
    seen = set(pending)
    while pending and missing:
        node = pending.pop()
        missing.discard(getattr(node, "variable", None))
        for following, _ in node.next_functions if node is not None else ():
            if following is not None and following not in seen:
                seen.add(following)
                pending.append(following)
    return not missing


class _HandsThrough(nn.Module):
    """Owns weights, and hands a loss through.

    Args:
        weights: to own.
        with_unreached: own one number more, which nothing reaches. torch complains on the terminal of every search that
            finds nothing missing.
    """

    def __init__(self, weights: Sequence[nn.Parameter], *, with_unreached: bool) -> None:
        super().__init__()
        self.weights = nn.ParameterList(weights)
        if with_unreached:
            self.unreached = nn.Parameter(torch.zeros(1, device=weights[0].device))

    def forward(self, loss: Tensor, called: Sequence[nn.Parameter]) -> Tensor:
        return _Called.apply(loss, *called) if called else loss  # type: ignore[no-untyped-call]


class _Called(torch.autograd.Function):
    """Hands a loss through, and calls the hooks of weights that it may not reach, without a gradient for them."""

    @staticmethod
    def forward(ctx: Any, loss: Tensor, *weights: Tensor) -> Tensor:
        ctx.count = len(weights)
        return loss.view_as(loss)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return (*gradients, *[None] * ctx.count)

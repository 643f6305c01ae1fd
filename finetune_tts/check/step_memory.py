"""How much memory a training step takes, worked out without having it.

A step is made with torch's fake tensors, which know their shape, type and device and hold no numbers. All that a real
step would allocate is counted as it comes and goes: weights, gradients, what the optimizer keeps, and what the way
back needs of the way there. What a program takes beside its tensors, and what libraries of kernels take, is not there.
"""

from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from weakref import ref

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from finetune_tts.data.batch import TensorGroup
from finetune_tts.machine.precision import Precision
from finetune_tts.tasks.task import TTSTask


@dataclass(frozen=True)
class StepMemory:
    """Bytes of tensors in a step.

    Attributes:
        weights: of the network, with its buffers.
        gradients: of what learns.
        states: what the optimizer keeps of what learns.
        activations: what comes on top where most is held at once.
    """

    weights: int
    gradients: int
    states: int
    activations: int

    @property
    def peak(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.states + self.activations


def step_memory(
    make_task: Callable[[], TTSTask], batch: TensorGroup, device: torch.device, precision: Precision, passes: int = 1
) -> StepMemory:
    """Work out what a step takes, of a task with one optimizer.

    Args:
        make_task: builds network and task.
        batch: the longest of the run, on any device.
        device: of the run.
        precision: of the forward pass.
        passes: batches of a step, whose gradients add up.

    Raises:
        RuntimeError: the step asks what a tensor holds, or fails.
    """
    with torch.device("meta"):
        task = make_task()
    with FakeTensorMode(allow_non_fake_inputs=True), _Held() as held:
        _place(task, device)
        task.train()
        faked = batch._mapped(lambda tensor: torch.empty(tensor.shape, dtype=tensor.dtype, device=device))
        optimizer = task.get_optimizer()
        assert isinstance(optimizer, torch.optim.Optimizer), type(task)
        learning = [weight for weight in task.parameters() if weight.requires_grad]
        # From the second step on there is what the optimizer keeps; with several batches, their gradients add up.
        for weight in learning:
            weight.grad = torch.empty_like(weight)
        optimizer.step()
        if passes == 1:
            optimizer.zero_grad(set_to_none=True)
        held.peak = held.now
        with precision.autocast():
            _, found = task.part_losses(faked, (0,))
        found[0]["loss"].backward()
        optimizer.step()
    weights = _bytes_of([*task.network.parameters(), *task.network.buffers()])
    gradients = sum(weight.numel() * weight.element_size() for weight in learning)
    states = _bytes_of(tree_leaves([dict(state) for state in optimizer.state.values()]))
    return StepMemory(weights, gradients, states, max(0, held.peak - weights - gradients - states))


def _place(task: TTSTask, device: torch.device) -> None:
    """Give a task that was made on torch's meta device the tensors of the device, which the mode around makes fake."""
    placed: dict[int, Tensor] = {}

    def on_device(tensor: Tensor) -> Tensor:
        if id(tensor) not in placed:
            fake = torch.empty(tensor.shape, dtype=tensor.dtype, device=device)
            is_weight = isinstance(tensor, nn.Parameter)
            placed[id(tensor)] = nn.Parameter(fake, requires_grad=tensor.requires_grad) if is_weight else fake
        return placed[id(tensor)]

    for module in task.modules():
        held: Any
        for held in (module._parameters, module._buffers):
            held.update({name: on_device(tensor) for name, tensor in held.items() if tensor is not None})


class _Held(TorchDispatchMode):
    """Counts the bytes of all fake tensors that are there."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._storages: MutableMapping[Any, Any] = WeakIdKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        operation = func.overloadpacket
        is_known = operation is torch.ops.aten._local_scalar_dense and not isinstance(args[0], FakeTensor)
        # A single number that is drawn decides where something is cut: it has to be one.
        if is_known or (operation is torch.ops.aten.randint and [] in args):
            with _disable_current_modes():
                return func(*args, **(kwargs or {}))
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage in self._storages:
            return
        size = storage.nbytes()

        def freed(_: Any) -> None:
            self.now -= size

        self._storages[storage] = ref(storage, freed)
        self.now += size
        self.peak = max(self.peak, self.now)


def _bytes_of(tensors: Iterable[Any]) -> int:
    """Bytes of tensors, those that share their memory counted once."""
    storages = [tensor.untyped_storage() for tensor in tensors if isinstance(tensor, Tensor)]
    return sum({id(storage): storage.nbytes() for storage in storages}.values())

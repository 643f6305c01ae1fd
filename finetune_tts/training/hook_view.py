"""What hooks written for the PyPI trainer see of a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from trainer import TrainerArgs

if TYPE_CHECKING:
    import torch


class _Loop(Protocol):
    task: Any
    config: Any
    output_path: Path
    settings: Any
    total_steps_done: int
    epochs_done: int
    best_loss: dict[str, float | None]
    train_loader: Any
    eval_loader: Any
    optimizers: "list[torch.optim.Optimizer]"
    schedules: list[Any]
    stepper: Any


class HookView:
    """A run under the names of the PyPI trainer, for reading: tasks and callbacks get it as their ``trainer``.

    Args:
        loop: of the run.
    """

    def __init__(self, loop: _Loop) -> None:
        self._loop = loop
        settings = loop.settings
        self.args = TrainerArgs(
            rank=settings.world.rank, use_ddp=settings.world.size > 1, grad_accum_steps=settings.grad_accum_steps
        )
        self.config, self.output_path, self.model = loop.config, loop.output_path, loop.task
        self.train_loader, self.eval_loader = loop.train_loader, loop.eval_loader
        self.criterion = loop.task.get_criterion()
        self.optimizer, self.scheduler = loop.optimizers, [schedule.scheduler for schedule in loop.schedules]
        self.scaler = loop.stepper.scaler
        self.use_amp_scaler = self.scaler is not None
        self.use_cuda = settings.device.type == "cuda"
        self.num_gpus = settings.world.size
        self.grad_accum_steps = settings.grad_accum_steps
        self.wrapped_model = None

    @property
    def total_steps_done(self) -> int:
        """Steps so far."""
        return self._loop.total_steps_done

    @property
    def epochs_done(self) -> int:
        """Epochs so far."""
        return self._loop.epochs_done

    @property
    def best_loss(self) -> dict[str, float | None]:
        """Of the best model so far, in training and held out."""
        return self._loop.best_loss

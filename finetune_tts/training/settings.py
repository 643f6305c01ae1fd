"""What a run needs to know beside its config."""

from dataclasses import dataclass, field

import torch

from finetune_tts.machine.distributed import World
from finetune_tts.machine.precision import Precision


@dataclass(frozen=True)
class TrainerSettings:
    """Where, how precisely and how long a run computes."""

    device: torch.device
    precision: Precision
    world: World = field(default_factory=World)
    restored: bool = False
    """The network holds pre-trained weights."""
    chosen: frozenset[str] = frozenset()
    """Config fields that the person set, when the run began or since."""
    changed: frozenset[str] = frozenset()
    """Those among them that were set for a run that goes on."""
    grad_accum_steps: int = 1
    """Batches that make one step."""
    discriminator_warm_up: int = 0
    """Steps in which a fresh discriminator learns alone, and the generator stays as it is."""
    max_steps: int | None = None
    """Steps after which the run ends, whatever ``epochs`` says."""
    time_limit: float | None = None
    """Seconds after which it ends."""
    early_stop_patience: int | None = None
    """Evaluations without a lower held-out loss after which it ends; None never ends it."""
    start_with_eval: bool = False
    """Measure the held-out loss before the first step."""

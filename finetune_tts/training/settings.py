"""What a run needs to know beside its config."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from finetune_tts.machine.distributed import World
from finetune_tts.machine.precision import Precision
from finetune_tts.training.callbacks import Callbacks


@dataclass(frozen=True)
class RunLimits:
    """How far a run goes, by which steps, and what of it is heard, as the flags say it; None leaves it to the run."""

    max_steps: int | None = None
    """Steps after which the run ends, whatever ``epochs`` says."""
    time_limit: float | None = None
    """Seconds after which it ends."""
    early_stop_patience: int | None = None
    """Evaluations without a lower held-out loss after which it ends; None never ends it."""
    grad_accum_steps: int | None = None
    """Batches that make one step; None is 1, or what a resumed run had."""
    auto_batch: bool = False
    """Find the largest batch that fits, and let a step take as many clips as before."""
    discriminator_warm_up: int | None = None
    """Steps in which a discriminator learns alone; None chooses for a fresh one, or keeps what a resumed run had."""
    hears_samples: bool = True
    """Have held-out sentences synthesised and heard while it trains."""
    flat_looks: int | None = None
    """Looks at what is heard, no better than as many before them, after which it ends; None never ends it."""
    select_by: str | None = None
    """Metric of what is heard by which the best model is kept; None keeps none."""
    recogniser: str | None = None
    """Which speech recogniser hears the words (:func:`finetune_tts.hearing.speech_recognition.find_recogniser`)."""


@dataclass(frozen=True)
class TrainerSettings:
    """Where, how precisely and how long a run computes."""

    device: torch.device
    precision: Precision
    world: World = field(default_factory=World)
    limits: RunLimits = field(default_factory=RunLimits)
    restored: bool = False
    """The network holds pre-trained weights."""
    chosen: frozenset[str] = frozenset()
    """Config fields that the user set, when the run began or since."""
    changed: frozenset[str] = frozenset()
    """Those among them that were set for a run that is resumed."""
    new_rows: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Rows of weights, by name, that were not in the pre-trained ones."""
    callbacks: Callbacks = Callbacks()
    """Of whoever started the run."""
    start_with_eval: bool = False
    """Measure the held-out loss before the first step."""

    @property
    def grad_accum_steps(self) -> int:
        """Batches that make one step."""
        return self.limits.grad_accum_steps or 1

    @property
    def discriminator_warm_up(self) -> int:
        """Steps in which a fresh discriminator learns alone, and the generator stays as it is."""
        return self.limits.discriminator_warm_up or 0

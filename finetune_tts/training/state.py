"""Where a run stands: what the rest of it depends on, beside network, optimizers and schedules."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from finetune_tts.checkpoints.reading import Checkpoint
from finetune_tts.errors import UserError
from finetune_tts.runs.folder import RUN_STATE


@dataclass(frozen=True)
class RunState:
    """A checkpoint holds it as plain values under :data:`RUN_STATE`.

    Attributes:
        batches_done: of the epoch in progress.
        grad_accum_steps: batches that make one step.
        discriminator_warm_up: steps in which the discriminator learns alone.
        loader: where the loader stands.
        best_loss: of the best model so far, in training and held out.
        eval_losses: the newest held-out losses.
        evaluated_step, spoken_step: when the held-out loss was measured and test sentences were synthesised last.
        hearing: what was heard of its samples, and what is still to be.
        early_stopping: how long the held-out loss has not fallen.
        meters: losses that were not shown yet, of each process, by rank.
        stepped_optimizers: those that have stepped in the epoch in progress.
        history_position: end of the history, in bytes.
        random: random numbers of each process, by rank.
        restored: the run started from pre-trained weights.
        chosen: config fields that the user set.
        new_rows: rows of weights that the pre-trained ones did not have.
        averaged_steps: that the moving average of the weights is of.
    """

    batches_done: int
    grad_accum_steps: int
    loader: Mapping[str, Any]
    best_loss: Mapping[str, float | None]
    eval_losses: Mapping[str, float]
    evaluated_step: int
    spoken_step: int
    meters: list[Mapping[str, Any]]
    stepped_optimizers: list[int]
    history_position: int
    random: list[Any]
    restored: bool
    chosen: list[str]
    discriminator_warm_up: int = 0
    early_stopping: Mapping[str, Any] = field(default_factory=dict)
    hearing: Mapping[str, Any] = field(default_factory=dict)
    new_rows: Mapping[str, Any] = field(default_factory=dict)
    averaged_steps: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "RunState":
        """Where the run that wrote ``checkpoint`` stood.

        Raises:
            UserError: it was not a run of this program.
        """
        stored = checkpoint.extra.get(RUN_STATE)
        names = cls.__dataclass_fields__
        # Which runs of early versions lack.
        required = set(names) - {"discriminator_warm_up", "early_stopping", "hearing", "new_rows", "averaged_steps"}
        if isinstance(stored, Mapping) and "meter" in stored:  # early versions kept the main process's alone
            stored = {"meters": [stored["meter"]], **stored}
        if not isinstance(stored, Mapping) or not required <= stored.keys():
            raise UserError(
                f"{checkpoint.path}: was not written by a run of this program, so there is no place to resume from. "
                "Start a new run with --restore_path."
            )
        return cls(**{name: value for name, value in stored.items() if name in names})

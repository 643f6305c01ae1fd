"""What a checkpoint holds of a run, and how a run goes on from it with the same numbers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from finetune_tts.checkpoints.names import fitted_names
from finetune_tts.checkpoints.reading import Checkpoint
from finetune_tts.checkpoints.writing import released_payload
from finetune_tts.config.paths import relative_paths
from finetune_tts.errors import UserError
from finetune_tts.machine.seeds import random_state
from finetune_tts.tasks.schedules import scale_rates, start_schedules

if TYPE_CHECKING:
    from finetune_tts.training.trainer import FineTuneTrainer

STATE_KEY = "run_state"


def checkpoint_payload(run: "FineTuneTrainer") -> dict[str, Any]:
    """Return what a checkpoint of ``run`` holds: 🐸TTS's keys, and the state of the run under a key of its own.

    All processes have to ask, as each has random numbers of its own; the main one's payload is complete.
    """
    random_states = run.world.gathered(random_state())
    run.world.share_buffers(run.task.network)
    return released_payload(
        config=relative_paths(run.config.to_dict(), run.output_path),
        model=run.task.state_dict(),
        optimizer=run.task.released_states([optimizer.state_dict() for optimizer in run.optimizer]),
        scheduler=[scheduler.state_dict() for scheduler in run.scheduler if scheduler is not None],
        scaler=run.scaler.state_dict() if run.scaler is not None else None,
        step=run.total_steps_done,
        epoch=run.epochs_done,
        model_loss=run.model_loss(),
        **run.task.checkpoint_fields(),
        run_state={
            "batches_done": run.batches_done,
            "grad_accum_steps": run.grad_accum_steps,
            "discriminator_warm_up": run.settings.discriminator_warm_up,
            "loader": run.train_loader.state_dict(),
            "best_loss": dict(run.best_loss),
            "eval_losses": dict(run.eval_losses),
            "evaluated_step": run.evaluated_step,
            "spoken_step": run.spoken_step,
            "early_stopping": run.early_stopping.state_dict(),
            "meter": run.meter.state_dict(),
            "stepped_optimizers": sorted(run.stepper.stepped),
            "history_position": run.history.position if run.history is not None else 0,
            "random": random_states,
            "restored": run.settings.restored,
            "chosen": sorted(run.settings.chosen),
        },
    )


def run_state(checkpoint: Checkpoint) -> Mapping[str, Any]:
    """The state of the run that wrote ``checkpoint``.

    Raises:
        UserError: it was not a run of this program.
    """
    state: Mapping[str, Any] | None = checkpoint.extra.get(STATE_KEY)
    if state is None:
        raise UserError(
            f"{checkpoint.path}: was not written by a run of this program, so there is no place to go on from. "
            "Start a new run with --restore_path."
        )
    return state


def restore_run(run: "FineTuneTrainer", checkpoint: Checkpoint) -> None:
    """Bring a fresh ``run`` to where ``checkpoint`` was written.

    Args:
        run: of the same architecture and data; before its first step.
        checkpoint: what :func:`checkpoint_payload` returned, written and read.

    Raises:
        UserError: the checkpoint is one of another program, network or optimizer.
    """
    state = run_state(checkpoint)
    try:
        run.task.load_state_dict(fitted_names(checkpoint.model, run.task.state_dict()))
        for optimizer, saved in zip(run.optimizer, run.task.own_states(checkpoint.optimizer), strict=True):
            optimizer.load_state_dict(saved)
        schedulers = [scheduler for scheduler in run.scheduler if scheduler is not None]
        if any(name.startswith("lr_scheduler") for name in run.settings.changed):
            start_schedules(run.optimizer, run.scheduler)
        else:
            for scheduler, saved in zip(schedulers, checkpoint.scheduler, strict=True):
                scheduler.load_state_dict(saved)
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{checkpoint.path}: does not fit the network or optimizer of the config: {error}") from error
    if run.scaler is not None and checkpoint.scaler:
        run.scaler.load_state_dict(checkpoint.scaler)
    run.total_steps_done = checkpoint.step or 0
    run.epochs_done = checkpoint.epoch or 0
    run.train_loader.load_state_dict(state["loader"])
    run.batches_done = _batches_done(run, state)
    run.best_loss = {**run.best_loss, **{k: v for k, v in state["best_loss"].items() if v is not None}}
    run.eval_losses = dict(state["eval_losses"])
    run.evaluated_step = state["evaluated_step"]
    run.spoken_step = state["spoken_step"]
    if "early_stopping" in state:  # runs of earlier versions have none
        run.early_stopping.load_state_dict(state["early_stopping"])
    run.meter.load_state_dict(state["meter"])
    run.stepper.stepped = set(state["stepped_optimizers"])
    run.history_position = state["history_position"]
    if len(state["random"]) == run.world.size:
        run.pending_random_state = state["random"][run.world.rank]
    changed_rates = run.task.changed_rates(run.settings.changed)
    for optimizer, scheduler, rate in zip(run.optimizer, run.scheduler, changed_rates, strict=True):
        if rate is not None:
            scale_rates(optimizer, scheduler, rate)


def _batches_done(run: "FineTuneTrainer", state: Mapping[str, Any]) -> int:
    """Batches of the epoch in progress that need not be trained on again."""
    position = run.train_loader.state_dict()
    if position["epoch"] > run.epochs_done:
        return len(run.train_loader)
    # Fewer than were done if the data have changed since: the loader then begins the epoch anew, and says so.
    return int(position["batch"])

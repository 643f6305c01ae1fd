"""A run at one of its steps: the checkpoint that it writes there, and how it stands there again."""

from collections.abc import Container
from pathlib import Path
from typing import Any, Protocol

import torch

from finetune_tts.checkpoints.names import fitted_names
from finetune_tts.checkpoints.reading import Checkpoint
from finetune_tts.checkpoints.writing import released_payload
from finetune_tts.config.adaptation import AdaptationConfig
from finetune_tts.config.paths import relative_paths
from finetune_tts.errors import UserError, excerpt
from finetune_tts.machine.seeds import random_state
from finetune_tts.runs.history import History
from finetune_tts.tasks.optimizers import IMPLEMENTATION, load_state
from finetune_tts.tasks.schedules import Schedule, scale_rates, start_schedules
from finetune_tts.tasks.task import TTSTask
from finetune_tts.training.averaging import WeightAverage
from finetune_tts.training.early_stopping import EarlyStopping
from finetune_tts.training.loss_meter import LossMeter
from finetune_tts.training.sample_hearing import SampleHearing
from finetune_tts.training.settings import TrainerSettings
from finetune_tts.training.sharding import gathered, shared_out_as, state_shared_out
from finetune_tts.training.state import RunState
from finetune_tts.training.step import Stepper


class Run(Protocol):
    """What a checkpoint is made of (see :class:`finetune_tts.training.loop.TrainingLoop`)."""

    task: TTSTask
    config: Any
    output_path: Path
    settings: TrainerSettings
    world: Any
    train_loader: Any
    optimizers: list[torch.optim.Optimizer]
    schedules: list[Schedule]
    meter: LossMeter
    stepper: Stepper
    average: WeightAverage | None
    early_stopping: EarlyStopping
    hearing: SampleHearing
    history: History | None
    history_position: int
    pending_random_state: Any
    total_steps_done: int
    epochs_done: int
    batches_done: int
    evaluated_step: int
    spoken_step: int
    best_loss: dict[str, float | None]
    eval_losses: dict[str, float]

    def model_loss(self) -> dict[str, float | None]: ...

    def batches_in_epoch(self) -> int: ...


def snapshot(run: Run) -> dict[str, Any]:
    """What a checkpoint of this step holds: 🐸TTS's keys, and where the run stands under a key of its own.

    All processes have to ask, as each has random numbers and running means of its own; the main one's payload is
    complete.
    """
    random_states = run.world.gathered(random_state())
    meters = run.world.gathered(run.meter.state_dict())
    run.world.share_buffers(run.task.network)
    state = RunState(
        batches_done=run.batches_done,
        grad_accum_steps=run.settings.grad_accum_steps,
        discriminator_warm_up=run.settings.discriminator_warm_up,
        loader=run.train_loader.state_dict(),
        best_loss=dict(run.best_loss),
        eval_losses=dict(run.eval_losses),
        evaluated_step=run.evaluated_step,
        spoken_step=run.spoken_step,
        early_stopping=run.early_stopping.state_dict(),
        hearing=run.hearing.state_dict(),
        meters=meters,
        stepped_optimizers=sorted(run.stepper.stepped),
        history_position=run.history.position if run.history is not None else 0,
        random=random_states,
        restored=run.settings.restored,
        chosen=sorted(run.settings.chosen),
        new_rows={name: list(rows) for name, rows in run.settings.new_rows.items()},
        averaged_steps=run.average.steps if run.average is not None else 0,
    )
    scaler = run.stepper.scaler
    payload = released_payload(
        config=relative_paths(run.config.to_dict(), run.output_path),
        model=run.task.state_dict(),
        optimizer=run.task.released_states([optimizer.state_dict() for optimizer in run.optimizers]),
        scheduler=[schedule.scheduler.state_dict() for schedule in run.schedules if schedule.scheduler],
        scaler=scaler.state_dict() if scaler is not None else None,
        step=run.total_steps_done,
        epoch=run.epochs_done,
        model_loss=run.model_loss(),
        **run.task.checkpoint_fields(),
        **(run.average.checkpoint_fields() if run.average is not None else {}),
        run_state=state.to_dict(),
    )
    return {name: gathered(value, run.world) for name, value in payload.items()}


def resume_from(run: Run, checkpoint: Checkpoint) -> None:
    """Stand where the run stood when it wrote ``checkpoint``.

    Raises:
        UserError: the checkpoint is one of another program, network or optimizer.
    """
    state = RunState.of(checkpoint)
    schedulers = [schedule.scheduler for schedule in run.schedules]
    try:
        own = run.task.network.state_dict()
        weights = fitted_names(checkpoint.model, own)
        run.task.load_state_dict(
            {name: shared_out_as(weight, own[name]) if name in own else weight for name, weight in weights.items()}
        )
        for optimizer, saved in zip(run.optimizers, run.task.own_states(checkpoint.optimizer), strict=True):
            load_state(optimizer, state_shared_out(saved, optimizer))
            _require_all_arguments(optimizer)
        if run.average is not None:
            run.average.load(checkpoint.extra, state.averaged_steps)
        if any(name.startswith("lr_scheduler") for name in run.settings.changed):
            start_schedules(run.optimizers, schedulers)
        else:
            present = [scheduler for scheduler in schedulers if scheduler is not None]
            for stepped, saved in zip(present, checkpoint.scheduler, strict=True):
                stepped.load_state_dict(saved)
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        changed = ", ".join(sorted(run.settings.changed - {"datasets"}))
        hint = f" A run keeps its network and its optimizer: leave out what changes them ({changed})."
        raise UserError(
            f"{checkpoint.path}: does not fit the network or optimizer of the config: {excerpt(str(error), 200)}."
            f"{hint if changed else ''}"
        ) from error
    if run.stepper.scaler is not None and checkpoint.scaler:
        run.stepper.scaler.load_state_dict(checkpoint.scaler)
    run.total_steps_done, run.epochs_done = checkpoint.step or 0, checkpoint.epoch or 0
    run.train_loader.load_state_dict(state.loader)
    run.batches_done = run.batches_in_epoch()
    run.best_loss |= {name: loss for name, loss in state.best_loss.items() if loss is not None}
    run.eval_losses = dict(state.eval_losses)
    run.evaluated_step, run.spoken_step = state.evaluated_step, state.spoken_step
    if state.early_stopping:
        run.early_stopping.load_state_dict(state.early_stopping)
    if state.hearing:
        run.hearing.load_state_dict(state.hearing)
    if len(state.meters) == run.world.size:
        run.meter.load_state_dict(state.meters[run.world.rank])
    elif run.world.is_main:
        run.meter.load_state_dict(state.meters[0])
    run.stepper.stepped = set(state.stepped_optimizers)
    run.history_position = state.history_position
    if len(state.random) == run.world.size:
        run.pending_random_state = state.random[run.world.rank]
    changed_rates = run.task.changed_rates(run.settings.changed)
    for optimizer, scheduler, rate in zip(run.optimizers, schedulers, changed_rates, strict=True):
        if rate is not None:
            scale_rates(optimizer, scheduler, rate)


def require_what_learned(config: AdaptationConfig, changed: Container[str], checkpoint: Checkpoint) -> None:
    """Refuse to let other weights learn, or otherwise, than those that the states in a checkpoint are of.

    Args:
        config: of a run that is resumed.
        changed: its fields that the user set for that.
        checkpoint: of the run.

    Raises:
        UserError: one of the fields says something else now.
    """
    before, fresh = checkpoint.config or {}, AdaptationConfig()
    for name in fresh.field_names():
        here, there = getattr(config, name), before.get(name, getattr(fresh, name))
        if name in changed and here != there:
            folder = checkpoint.path.parent
            raise UserError(
                f"--coqpit.{name} {here}: a run keeps what of its network learns, and how; this one has {there}. Leave "
                f"it out, or start a new run from this one: --restore_path {folder}."
            )


def _require_all_arguments(optimizer: torch.optim.Optimizer) -> None:
    """Refuse the state of another optimizer, which lacks arguments of this one and would fail in the first step."""
    for group in optimizer.param_groups:
        if missing := sorted(optimizer.defaults.keys() - group.keys() - IMPLEMENTATION):
            raise ValueError(
                f"the run was not trained with {type(optimizer).__name__}, its optimizer has no {', '.join(missing)}"
            )

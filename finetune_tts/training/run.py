"""A whole run: from networks and data to a folder with the fine-tuned voice, and on from where one stopped."""

import errno
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from finetune_tts.checkpoints.reading import Checkpoint
from finetune_tts.checkpoints.writing import check_free_space, estimate_run_bytes, write_checkpoint
from finetune_tts.config.base import Config
from finetune_tts.config.paths import absolute_paths, relative_paths
from finetune_tts.data.agreement import require_same
from finetune_tts.data.batching import LengthBatchSampler
from finetune_tts.data.loader import SpeechLoader, make_loader
from finetune_tts.data.training_data import TrainingData
from finetune_tts.data.weighting import sampling_weights
from finetune_tts.errors import UserError
from finetune_tts.families.building import make_task
from finetune_tts.families.loading import any_config_from_dict, load_any_config
from finetune_tts.families.registry import family_of
from finetune_tts.files import expanded, write_json
from finetune_tts.machine.device import device_name
from finetune_tts.machine.distributed import World, lost_processes_told, process_group
from finetune_tts.machine.malloc import keep_freed_memory
from finetune_tts.machine.precision import allow_fast_matrix_products, choose_precision
from finetune_tts.machine.seeds import seed_everything
from finetune_tts.runs.checkpoints import continue_command, read_newest
from finetune_tts.runs.creation import RunAsset, create_run_folder, place_assets
from finetune_tts.runs.curves import draw_loss_curve
from finetune_tts.runs.folder import BASE_NAME, BEST_NAME, CONFIG_NAME
from finetune_tts.runs.history import read_history
from finetune_tts.runs.record import RunRecord, write_record
from finetune_tts.tasks.adversarial import AdversarialTask, warm_up_for
from finetune_tts.tasks.adversarial_rates import RATE_FIELDS
from finetune_tts.tasks.spoken_samples import Speaker
from finetune_tts.training.auto_batch import fitting_batch
from finetune_tts.training.callbacks import Callbacks
from finetune_tts.training.console import ENDED, run_log
from finetune_tts.training.dashboard import dashboard_command, require_dashboard
from finetune_tts.training.loop import TrainingLoop
from finetune_tts.training.non_finite import NonFiniteLoss
from finetune_tts.training.rehearsal import rehearse_if_needed
from finetune_tts.training.settings import RunLimits, TrainerSettings
from finetune_tts.training.snapshot import require_what_learned
from finetune_tts.training.state import RunState

logger = logging.getLogger(__name__)

CURVE_NAME = "loss_curve.png"


@dataclass(frozen=True)
class StoppedRun:
    """A run that stopped, and where it is resumed."""

    folder: Path
    config: Config
    """As the run resolved it, paths absolute."""
    checkpoint: Checkpoint
    """The newest one that is whole, on the CPU."""
    damaged: tuple[Path, ...] = ()
    """Newer ones that are not."""


@dataclass(frozen=True)
class TrainingJob:
    """What is to be trained, on what, and how.

    The network holds its weights already, restored or fresh, and may be on any device.
    """

    config: Config
    network: nn.Module
    train_data: TrainingData
    eval_data: TrainingData | None
    device: torch.device
    restored: bool
    """The weights are pre-trained, so that no warm-up and no initialisation from data is wanted."""
    chosen: frozenset[str] = frozenset()
    """Config fields that the user set, by name."""
    world: World = World()
    assets: Sequence[RunAsset] = ()
    """Files that the model needs beside its weights."""
    speak: Speaker | None = None
    """Speaks a test sentence with the network as it is."""
    resumes: StoppedRun | None = None
    """The run that this one continues, in its folder."""
    new_rows: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Rows of weights, by name, that the restored ones did not have."""
    fresh_discriminator: bool = False
    """The restored weights held no discriminator."""
    limits: RunLimits = RunLimits()
    record: RunRecord | None = None
    """What the run folder is to tell about the run."""
    start_with_eval: bool = False
    callbacks: Callbacks = Callbacks()
    """Of whoever started the run."""


@dataclass(frozen=True)
class TrainingResult:
    """What a run left behind."""

    folder: Path
    steps: int
    best_model: Path | None
    best_loss: float | None
    held_out: bool
    """Whether that loss is one of held-out clips, else of training."""
    eval_losses: dict[str, float]
    """At the end."""
    curve: Path | None


def open_run(folder: str | Path) -> StoppedRun:
    """Read the config and the newest whole checkpoint of a run.

    Raises:
        UserError: no run there, nothing to resume from, or a file that cannot be read.
    """
    folder = expanded(folder).resolve()
    checkpoint, damaged = read_newest(folder)
    stored = load_any_config(folder / CONFIG_NAME)
    config = any_config_from_dict(absolute_paths(stored.to_dict(), folder), where=str(folder / CONFIG_NAME))
    completed = family_of(config.model).implementation.completed(checkpoint.model, folder)
    return StoppedRun(folder, config, replace(checkpoint, model=dict(completed)), tuple(damaged))


def fit(job: TrainingJob) -> TrainingResult:
    """Train to the end.

    Raises:
        UserError: the run folder cannot be made, the disk or the memory does not suffice, a setting does not fit.
        NonFiniteLoss: several steps in a row had no finite loss or gradient.
        TrainingInterrupted: a signal stopped the run; it has saved itself, and the message says how to resume it.
    """
    require_dashboard(job.config)
    with process_group(job.world, job.device):
        folder = _folder(job)
        with run_log(folder, job.world.rank), _said_how_to_resume(folder), lost_processes_told():
            loop = _loop(job, folder)
            rehearse_if_needed(loop)
            values = relative_paths(job.config.to_dict(), folder)
            try:
                loop.fit(begun=lambda: write_json(folder / CONFIG_NAME, values) if job.world.is_main else None)
            finally:
                curve = _draw_curve(loop) if job.world.is_main and loop.total_steps_done else None
            if job.world.is_main:
                logger.info("%s %d", ENDED, loop.total_steps_done)
            best = folder / BEST_NAME
            return TrainingResult(
                folder=folder,
                steps=loop.total_steps_done,
                best_model=best if best.exists() else None,
                best_loss=loop.best_loss["train_loss" if loop.eval_loader is None else "eval_loss"],
                held_out=loop.eval_loader is not None,
                eval_losses=loop.eval_losses,
                curve=curve,
            )


@contextmanager
def _said_how_to_resume(folder: Path) -> Iterator[None]:
    """Say with what ends a run before its time that its checkpoints are whole, and how to resume it."""
    try:
        yield
    except NonFiniteLoss as error:
        raise NonFiniteLoss(f"{error} Checkpoints so far are whole; resume with: {continue_command(folder)}") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(
            f"{folder}: the disk is full. Checkpoints so far are whole; make room and resume with: "
            f"{continue_command(folder)}"
        ) from error


def _folder(job: TrainingJob) -> Path:
    if job.resumes is not None:
        return job.resumes.folder
    # The main process makes it; the others wait for its name, or for word that it could not.
    answer: Path | str = ""
    if job.world.is_main:
        try:
            answer = create_run_folder(job.config.output_path, job.config.run_name)
        except UserError as error:
            answer = str(error)
    answer = job.world.from_main(answer)
    if isinstance(answer, str):
        raise UserError(answer)
    # A machine that does not see the main one's files keeps the logs of its processes in a folder of that name.
    return answer if answer.is_dir() else expanded(job.config.output_path).absolute() / answer.name


def _loop(job: TrainingJob, folder: Path) -> TrainingLoop:
    """Make the loop of a run, and write down in its folder what begins."""
    config: Any = job.config
    world = job.world
    settings = settings_of(job)
    allow_fast_matrix_products(config, settings.chosen)
    if job.device.type == "cpu":
        keep_freed_memory()
    if job.resumes is not None:
        require_what_learned(config, settings.changed, job.resumes.checkpoint)
    task = make_task(job.network.to(job.device), config, job.speak)
    if job.limits.auto_batch:
        fitting = fitting_batch(task, config, job.train_data, settings)
        config["batch_frames" if config.batch_frames else "batch_size"] = fitting.size
        settings = replace(settings, limits=replace(settings.limits, grad_accum_steps=fitting.accumulated))
    train_loader = loader_of(job, job.train_data, training=True)
    eval_loader = loader_of(job, job.eval_data, training=False) if job.eval_data is not None else None
    _require_agreement(job)
    settings = _with_warm_up(settings, job, len(train_loader))
    seed_everything(config.training_seed + world.rank)
    if job.resumes is None and not settings.restored:
        task.prepare_fresh_network(
            job.train_data.collate([job.train_data[index] for index in batch]).to(job.device)
            for batch in train_loader.batch_sampler.batches(0)
        )
    world.share_weights(task.network)
    if world.is_main and job.resumes is None:
        place_assets(config, folder, job.assets)
        if task.trains_adapters and family_of(config.model).adapters is not None:
            write_checkpoint(folder / BASE_NAME, {"model": task.base_state()})
        if job.record is not None:
            write_record(folder, job.record)
    resume = job.resumes.checkpoint if job.resumes else None
    run = TrainingLoop(task, config, folder, train_loader, eval_loader, settings, resume)
    if world.is_main:
        if job.resumes is not None and run.files.set_aside(job.resumes.damaged):
            run.best_loss = {name: loss if loss is None else math.inf for name, loss in run.best_loss.items()}
        states = 3 if config.ema_decay else 2
        kept = checkpoints_kept(run) + run.hearing.weights_kept
        check_free_space(folder, estimate_run_bytes(task.network, kept=kept, optimizer_states=states))
        for line in _announcement(job, run):
            logger.info(line)
        _warn_of_long_warm_up(run)
    return run


def _require_agreement(job: TrainingJob) -> None:
    """Refuse a run whose processes would do different things, each on data and settings of its own machine."""
    world, resumed = job.world, job.resumes
    for data in filter(None, (job.train_data, job.eval_data)):
        lengths, names = data.mel_lengths(), [sample.name for sample in data.samples]
        if len(names) != len(lengths):  # segments of recordings
            names = [str(number) for number in range(len(lengths))]
        entries = [(name, {"length": str(frames)}) for name, frames in zip(names, lengths, strict=True)]
        require_same(entries, world, "recordings", "Give all of them the same recordings.")
    require_same(_shared_fields(job.config.to_dict()), world, "settings", "Start all of them with the same.")
    if resumed is not None:
        checkpoint = [(resumed.checkpoint.path.name, {"step": str(resumed.checkpoint.step)})]
        way_out = f"Process 0 has written them: copy {resumed.folder} from its machine to the others."
        require_same(checkpoint, world, "checkpoints", way_out)


def _shared_fields(values: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Fields of a config with their values, without those that may differ from machine to machine."""
    for name, value in values.items():
        if name == "datasets" or name.endswith(("_path", "_file", "_uri", "_workers")):
            continue
        if isinstance(value, dict):
            yield from _shared_fields(value, f"{within}{name}.")
        else:
            yield f"{within}{name}", {"value": repr(value)}


def settings_of(job: TrainingJob) -> TrainerSettings:
    """What the loop needs to know beside the config, but for the warm-up of a discriminator that is chosen for it."""
    restored, chosen, changed, limits = job.restored, job.chosen, frozenset[str](), job.limits
    new_rows = job.new_rows
    if job.resumes is not None:
        before = RunState.of(job.resumes.checkpoint)
        restored, changed, new_rows = before.restored, job.chosen, before.new_rows
        # A new rate is laid over the schedule that the run has; it does not choose another one.
        chosen = frozenset(before.chosen) | (changed - {"lr", *RATE_FIELDS})
        limits = replace(
            limits,
            grad_accum_steps=limits.grad_accum_steps or before.grad_accum_steps,
            discriminator_warm_up=before.discriminator_warm_up
            if limits.discriminator_warm_up is None
            else limits.discriminator_warm_up,
        )
    return TrainerSettings(
        device=job.device,
        precision=choose_precision(job.config, job.device, chosen),
        world=job.world,
        limits=limits,
        restored=restored,
        chosen=chosen,
        changed=changed,
        new_rows=new_rows,
        start_with_eval=job.start_with_eval,
        callbacks=job.callbacks if job.world.is_main else Callbacks(),
    )


def _with_warm_up(settings: TrainerSettings, job: TrainingJob, batches: int) -> TrainerSettings:
    """Choose how long a fresh discriminator learns alone, where nobody has said it."""
    limits = settings.limits
    if limits.discriminator_warm_up is not None or not (settings.restored and job.fresh_discriminator):
        return settings
    steps = math.ceil(batches / settings.grad_accum_steps) * int(job.config.epochs)
    steps = steps if limits.max_steps is None else min(steps, limits.max_steps)
    return replace(settings, limits=replace(limits, discriminator_warm_up=warm_up_for(steps)))


def loader_of(
    job: TrainingJob, data: TrainingData, *, training: bool, lengths: Sequence[int] | None = None
) -> SpeechLoader:
    """Make the loader of a run.

    Args:
        job: of the run.
        data: that is trained on, or held out.
        training: which of the two.
        lengths: mel frames of each sample, in place of those that ``data`` would have to compute.
    """
    config: Any = job.config
    lengths = data.mel_lengths() if lengths is None else lengths
    weights = None
    if training:
        weights = sampling_weights(
            data.samples,
            lengths,
            speaker_alpha=config.speaker_weighted_sampler_alpha if config.use_speaker_weighted_sampler else None,
            language_alpha=config.language_weighted_sampler_alpha if config.use_language_weighted_sampler else None,
            length_alpha=config.length_weighted_sampler_alpha if config.use_length_weighted_sampler else None,
        )
    sampler = LengthBatchSampler(
        lengths,
        config.batch_size if training else config.eval_batch_size,
        seed=config.training_seed,
        shuffle=training,
        drop_last=training and config.drop_last,
        # Memory that does not suffice shows in the first step, not in the middle of the night.
        longest_first=training,
        weights=weights,
        rank=job.world.rank,
        world_size=job.world.size,
        batch_frames=config.batch_frames if training else 0,
    )
    workers = config.num_loader_workers if training else config.num_eval_loader_workers
    return make_loader(
        data, sampler, num_workers=workers, pin_memory=job.device.type == "cuda", seed=config.training_seed
    )


def checkpoints_kept(run: TrainingLoop) -> int:
    """How many checkpoints lie in the run folder at most, beside the best model."""
    written = run.total_steps // max(run.config.save_step, 1) + 1 if run.config.save_checkpoints else 1
    return min(run.config.save_n_checkpoints or written, written)


def _announcement(job: TrainingJob, run: TrainingLoop) -> list[str]:
    """What the user wants to know before the first step."""
    settings, sampler = run.settings, run.train_loader.batch_sampler
    name = device_name(job.device)
    processes = f" in {job.world.size} processes" if job.world.size > 1 else ""
    accumulated = f", {settings.grad_accum_steps} batches a step" if settings.grad_accum_steps > 1 else ""
    precision = str(settings.precision.dtype).removeprefix("torch.")
    reason = f" ({settings.precision.reason})" if job.config.mixed_precision else ""
    parameters = sum(parameter.numel() for parameter in run.task.parameters() if parameter.requires_grad)
    lines = [
        f"Run folder: {run.output_path}",
        f"Training {parameters:,} parameters on {name} in {precision}{reason}{processes}",
        f"{len(job.train_data)} clips to train on, {len(job.eval_data) if job.eval_data else 0} held out; "
        f"{len(sampler)} batches of {_batch_of(job.config)} an epoch{accumulated}, {run.total_steps:,} steps in all",
    ]
    if run.sharding is not None:
        lines.append(f"Weights, gradients and moments are shared out over {job.world.size} processes (shard)")
    elif job.config.shard:
        lines.append("shard: there is nothing to share out in one process; torchrun starts several")
    if job.resumes is not None:
        lines.append(f"Resuming after step {run.total_steps_done:,}")
    what = "step 1" if job.resumes is None else "the next step"
    names = [f", {name}" for name in run.task.optimizer_names] or [""] * len(run.schedules)
    for name, rate, schedule in zip(names, run.stepper.next_rates(), run.schedules, strict=True):
        lines.append(f"Learning rate of {what}{name}: {rate:g} ({schedule.explanation})")
    if isinstance(run.task, AdversarialTask):
        lines += _who_learns_alone(job, run, run.task)
    lines.append(f"Live page: tts-finetune --watch {run.output_path}")
    dashboard = dashboard_command(job.config, run.output_path)
    if dashboard is not None:
        lines.append(f"Dashboard: {dashboard}")
    return lines


def _batch_of(config: Any) -> str:
    return f"up to {config.batch_frames:,} frames" if config.batch_frames else str(config.batch_size)


def _who_learns_alone(job: TrainingJob, run: TrainingLoop, task: AdversarialTask) -> list[str]:
    """The steps at which only one of generator and discriminator is trained."""
    lines = []
    alone, warm_up = task.steps_before_discriminator(), run.settings.discriminator_warm_up
    if alone > run.total_steps_done:
        lines.append(f"Steps 1 to {alone:,}: the generator learns alone (steps_to_start_discriminator)")
    if warm_up and alone + warm_up > run.total_steps_done:
        why = ", which is fresh and would mislead the generator," if job.fresh_discriminator else ""
        lines.append(
            f"Steps {alone + 1:,} to {alone + warm_up:,}: the discriminator{why} learns alone; the generator stays as "
            "it is (--discriminator_warm_up N for another number of steps, 0 for none)"
        )
    return lines


def _warn_of_long_warm_up(run: TrainingLoop) -> None:
    for schedule in run.schedules:
        length, unit = (run.config.epochs, "epochs") if schedule.after_epoch else (run.total_steps, "steps")
        if schedule.warm_up > length:
            logger.warning(
                "The rate rises for %g %s, but the run has %d: it never reaches lr. Set --coqpit.scheduler_after_epoch "
                "false to count steps, or --coqpit.lr_scheduler_params '{\"warmup_steps\": N}'.",
                schedule.warm_up,
                unit,
                length,
            )


def _draw_curve(run: TrainingLoop) -> Path | None:
    entries = read_history(run.output_path)
    if not entries:
        return None
    path = run.output_path / CURVE_NAME
    loss = run.target.name or "loss_0"
    try:
        draw_loss_curve(entries, path, loss=loss, title=run.config.run_name)
    except OSError as error:
        # Drawn at the end of a run that may have failed: what made it fail is what the user has to know.
        logger.warning("%s could not be drawn (%s).", path, error)
        return None
    return path

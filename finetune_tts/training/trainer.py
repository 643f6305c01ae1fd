"""The PyPI trainer's ``Trainer``, with what falls short in it done anew: see docs/training.md for the list."""

import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import torch
from trainer import Trainer, TrainerArgs
from trainer.callbacks import TrainerCallback

from finetune_tts.checkpoints.reading import Checkpoint
from finetune_tts.errors import UserError
from finetune_tts.machine.memory import is_out_of_memory
from finetune_tts.machine.seeds import borrowed_randomness, restore_random_state
from finetune_tts.runs.checkpoints import RunFiles, continue_command
from finetune_tts.runs.history import History, HistoryEntry
from finetune_tts.tasks.adversarial import AdversarialTask
from finetune_tts.tasks.joint import JointTask
from finetune_tts.tasks.spoken_samples import write_samples
from finetune_tts.tasks.task import TTSTask
from finetune_tts.training.adversarial_step import AdversarialStepper
from finetune_tts.training.console import Progress, shown_losses
from finetune_tts.training.dashboard import make_dashboard
from finetune_tts.training.early_stopping import EarlyStopping
from finetune_tts.training.interrupts import Interrupts, TrainingInterrupted
from finetune_tts.training.joint_step import JointStepper
from finetune_tts.training.loss_meter import DeviceSums, LossMeter, Sums
from finetune_tts.training.settings import TrainerSettings
from finetune_tts.training.state import checkpoint_payload, restore_run
from finetune_tts.training.step import Stepper, clip_norms

logger = logging.getLogger(__name__)

MIN_STEPS_BETWEEN_SAMPLES = 200

GOES_ON, AT_THE_END, INTERRUPTED = range(3)


class ResumableLoader(Protocol):
    """What the trainer needs of a loader (``finetune_tts.data.loader.SpeechLoader``)."""

    batch_sampler: Any

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class FineTuneTrainer(Trainer):
    """Trains a task into a run folder.

    One step is one step of the optimizer, from ``grad_accum_steps`` batches. Losses stay on the device until they are
    shown. A checkpoint holds everything that the rest of the run depends on.

    Args:
        task: network and objective, on the device.
        config: of the run.
        folder: of the run; it exists.
        train_loader: batches to train on.
        eval_loader: held-out ones, if there are any.
        settings: the rest.
        resume: a checkpoint of this run, which it goes on from.
    """

    # The base constructor is not called: it makes folders, writes the config in place, refuses several GPUs, seeds,
    # and moves the network to whatever GPU there is. What it would set is set here, so that tasks and callbacks
    # written for the PyPI trainer find it.
    def __init__(
        self,
        task: TTSTask,
        config: Any,
        folder: Path,
        train_loader: ResumableLoader,
        eval_loader: ResumableLoader | None,
        settings: TrainerSettings,
        resume: Checkpoint | None = None,
    ) -> None:
        world = settings.world
        self.args = TrainerArgs(
            continue_path=str(folder) if resume else "",
            rank=world.rank,
            use_ddp=world.size > 1,
            grad_accum_steps=settings.grad_accum_steps,
            start_with_eval=settings.start_with_eval,
        )
        self.config = config
        self.output_path = folder
        self.continue_run = resume is not None
        self.grad_accum_steps = settings.grad_accum_steps
        self.overfit_batch = self.skip_train_epoch = False
        self.start_with_eval = settings.start_with_eval and bool(config.run_eval)
        self.use_cuda = settings.device.type == "cuda"
        self.num_gpus = world.size
        self.log_model_step = config.log_model_step or config.save_step
        self.total_steps_done = 0
        self.epochs_done = 0
        self.train_loader: Any = train_loader
        self.eval_loader: Any = eval_loader if config.run_eval else None
        self.best_loss: Any = {"train_loss": math.inf, "eval_loss": math.inf if self.eval_loader is not None else None}
        self.train_samples = self.eval_samples = self.test_loader = None
        self.keep_avg_train = self.keep_avg_eval = None
        self.model: Any = task
        self.wrapped_model = None
        self.criterion = self.get_criterion()
        self.optimizer = self.get_optimizer()
        self.criterion *= len(self.optimizer) // len(self.criterion)
        self.schedules = task.make_schedules(self.optimizer, restored=settings.restored, chosen=settings.chosen)
        self.scheduler: Any = [schedule.scheduler for schedule in self.schedules]
        self._stepped_optimizers = set()
        self.callbacks = TrainerCallback()
        self.callbacks.on_init_start(self)

        self.task = task
        self.settings = settings
        self.world = world
        self.meter = LossMeter(settings.device)
        clips = task.gradient_clips(clip_norms(config.grad_clip, len(self.optimizer)))
        stepper = _stepper_of(task)
        self.stepper = stepper(task, self.criterion, self.optimizer, self.schedules, clips, settings, self.meter)
        self.scaler = self.stepper.scaler
        self.use_amp_scaler = self.scaler is not None
        self.files = RunFiles(folder, config.save_n_checkpoints, config.save_all_best)
        self.batches_done = 0
        """Of the epoch in progress."""
        self.evaluated_step = self.spoken_step = 0
        """Where the held-out loss was last measured, and the test sentences last spoken."""
        self.eval_losses: dict[str, float] = {}
        self.pending_random_state: Any = None
        self.history_position = 0
        self.dashboard_logger: Any = None
        self.ending = GOES_ON
        self.early_stopping = EarlyStopping(settings.early_stop_patience)
        if resume is not None:
            restore_run(self, resume)

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in an epoch."""
        return math.ceil(len(self.train_loader) / self.grad_accum_steps)

    @property
    def total_steps(self) -> int:
        """Steps of the whole run, as far as they are known beforehand."""
        steps = self.steps_per_epoch * int(self.config.epochs)
        return steps if self.settings.max_steps is None else min(steps, self.settings.max_steps)

    def fit(self) -> None:
        """Train to the end.

        Raises:
            TrainingInterrupted: a signal stopped the run; it has saved itself.
            NonFiniteLoss: several steps in a row had no finite loss or gradient.
            UserError: the disk is full, or the memory of the device.
        """
        main = self.world.is_main
        with ExitStack() as stack:
            self.interrupts = stack.enter_context(Interrupts())
            next_step = self.total_steps_done + 1 if self.continue_run else None
            self.dashboard_logger = make_dashboard(self.config, self.output_path, next_step=next_step, show=main)
            stack.callback(self.dashboard_logger.finish)
            self.history = stack.enter_context(History(self.output_path, self.history_position)) if main else None
            self.progress = Progress(self.total_steps, self.total_steps_done, show=main)
            stack.callback(self.progress.close)
            self.started = time.monotonic()
            self.callbacks.on_init_end(self)
            self._fit()

    def _fit(self) -> None:
        if self.start_with_eval and self.total_steps_done == 0:
            self.eval_epoch()
        while self.epochs_done < self.config.epochs and self._decide_end() == GOES_ON:
            self.callbacks.on_epoch_start(self)
            self.train_epoch()
            if self.ending != GOES_ON and self.batches_done < len(self.train_loader):
                break
            self._finish_epoch()
            self.callbacks.on_epoch_end(self)
            self.epochs_done += 1
            self.batches_done = 0
        if self.ending == INTERRUPTED:
            self._save_and_stop()
        self._finish_run()

    def train_epoch(self) -> None:
        """Train on the batches of the epoch that are left, or until the run ends."""
        total = len(self.train_loader)
        if self.batches_done >= total:
            return
        self.train_loader.batch_sampler.set_epoch(self.epochs_done)
        batches = iter(self.train_loader)
        if self.pending_random_state is not None:
            restore_random_state(self.pending_random_state)
            self.pending_random_state = None
        self.model.train()
        self.callbacks.on_train_epoch_start(self)
        while self._decide_end() == GOES_ON and (group := list(islice(batches, self.grad_accum_steps))):
            self.callbacks.on_train_step_start(self)
            self._step(group)
            self.batches_done += len(group)
            self._after_step()
            self.callbacks.on_train_step_end(self)
        self.callbacks.on_train_epoch_end(self)

    def _step(self, group: list[Any]) -> None:
        try:
            group = [self.format_batch(batch) for batch in group]
            self.stepper.step(self.total_steps_done + 1, group)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise UserError(self._out_of_memory(group)) from error
        self.total_steps_done += 1

    def format_batch(self, batch: Any) -> Any:
        """Put a batch on the device, without waiting for it."""
        formatted: Any = self.task.format_batch(batch)
        return self.task.format_batch_on_device(formatted.to(self.settings.device, non_blocking=True))

    def _after_step(self) -> None:
        step, config = self.total_steps_done, self.config
        self.progress.step()
        if self.batches_done >= len(self.train_loader):
            self.stepper.end_epoch()
        if step % config.print_step == 0 or step == 1:
            self._print_losses()
        if step % config.plot_step == 0:
            self.meter.collect()
            rates = {f"current_lr{suffix}": rate for suffix, rate in self._suffixed(self.stepper.used_rates)}
            self.dashboard_logger.train_step_stats(step, {**self.meter.since_plot.drain(), **rates})
        if config.run_eval_steps and step % config.run_eval_steps == 0:
            self.evaluate()
        # The run's last step is saved when all is done that belongs to it.
        if config.save_checkpoints and step % config.save_step == 0 and step < self.total_steps:
            self.save_checkpoint()

    def _print_losses(self) -> None:
        self.stepper.guard.report()
        self.meter.collect()
        losses = self.meter.since_print.drain()
        self.progress.losses(self.total_steps_done, losses, self.stepper.used_rates[self.task.main_optimizer])
        self._record("train", losses)

    def _finish_epoch(self) -> None:
        if not self.config.run_eval_steps:
            self.evaluate()
        self.meter.collect()
        means = self.meter.epoch.drain()
        self.dashboard_logger.train_epoch_stats(self.total_steps_done, {f"avg_{k}": v for k, v in means.items()})
        if self.config.model_param_stats:
            self.dashboard_logger.model_weights(self.task.network, self.total_steps_done)

    def _finish_run(self) -> None:
        if self.total_steps_done:
            self.evaluate()
            if self.spoken_step != self.total_steps_done:
                self.test_run()
            self.save_checkpoint()
        self.world.wait()

    def _save_and_stop(self) -> None:
        if self.config.save_on_interrupt:
            self.save_checkpoint()
        self.callbacks.on_keyboard_interrupt(self)
        self.world.wait()
        raise TrainingInterrupted(
            f"Stopped after step {self.total_steps_done}. Go on with: {continue_command(self.output_path)}",
            self.output_path,
        )

    def _decide_end(self) -> int:
        settings = self.settings
        late = settings.time_limit is not None and time.monotonic() - self.started >= settings.time_limit
        done = settings.max_steps is not None and self.total_steps_done >= settings.max_steps
        done = done or self.early_stopping.exhausted
        # The processes meet signals and clocks at different times, and have to stop at the same step.
        self.ending = self.world.highest(INTERRUPTED if self.interrupts.requested else int(late or done))
        return self.ending

    def evaluate(self) -> None:
        """Measure the held-out loss, keep the model if it is the best, and let it speak if it is time."""
        if self.evaluated_step == self.total_steps_done:
            return
        self.stepper.guard.report()
        if self.eval_loader is not None:
            self.eval_epoch()
        self.evaluated_step = self.total_steps_done
        self.save_best_model()
        if self._shows_samples():
            self.test_run()
        self.progress.paused()

    def _shows_samples(self) -> bool:
        """Whether it is time to draw figures and to speak, which takes longer than to measure."""
        if self.epochs_done < self.config.test_delay_epochs:
            return False
        pause = min(self.config.save_step, max(self.steps_per_epoch, MIN_STEPS_BETWEEN_SAMPLES))
        done, total = self.total_steps_done, self.total_steps
        # A short run is heard in its middle too: the report shows how its alignments came about.
        half_way = 2 * done >= total > 2 * self.spoken_step
        return done - self.spoken_step >= pause or half_way or done >= total

    # Not inference_mode: what a network caches under it could not be trained with afterwards.
    @torch.no_grad()
    def eval_epoch(self) -> None:
        """Measure the mean held-out losses, each clip counting the same."""
        sums = DeviceSums(self.settings.device)
        figures: dict[str, Any] = {}
        shows_figures = self.world.is_main and self._shows_samples()
        self.world.share_buffers(self.task.network)
        self.model.eval()
        with borrowed_randomness(self.config.training_seed):
            for number, batch in enumerate(self.eval_loader):
                batch = self.format_batch(batch)
                with self.settings.precision.autocast():
                    outputs, losses = self.task.held_out_losses(batch, self.criterion)
                sums.add(losses, self.task.clips(batch))
                if self.config.print_eval:
                    shown = shown_losses({name: float(loss) for name, loss in losses.items()})
                    logger.info("held-out batch %d: %s", number, shown)
                if number == 0 and shows_figures:
                    figures = self.task.figures(outputs, batch)
        self.model.train()
        total = Sums()
        for part in self.world.gathered(sums.look()):
            total.add(part)
        self.eval_losses = total.means()
        step = self.total_steps_done
        logger.info("step %d: held-out %s", step, shown_losses(self.eval_losses))
        self._record("eval", self.eval_losses)
        self.dashboard_logger.eval_stats(step, {f"avg_{name}": value for name, value in self.eval_losses.items()})
        self.dashboard_logger.eval_figures(step, figures)
        target = self._target(self.eval_losses)
        # A generator that stays as it is, while its discriminator learns, has not stopped getting better.
        if target is not None and step and self.stepper.main_part_learns(step):
            self.stepper.measured(target)
            self._consider_stopping(target)

    def _consider_stopping(self, target: float) -> None:
        patience, was_exhausted = self.early_stopping, self.early_stopping.exhausted
        patience.measured(target)
        if patience.exhausted and not was_exhausted:
            logger.info(
                "The held-out loss has not fallen below %.4f for %d evaluations: the run ends here, as "
                "--early_stop_patience says.",
                patience.lowest,
                patience.waited,
            )

    def test_run(self) -> None:
        """Speak the test sentences: into the run folder and onto the dashboard."""
        self.spoken_step = self.total_steps_done
        if not self.world.is_main or self.task.speak is None:
            return
        self.model.eval()
        try:
            with borrowed_randomness(self.config.training_seed):
                samples = self.task.test_run(self)
            write_samples(self.output_path, self.total_steps_done, samples)
            self.task.test_log(samples, self.dashboard_logger, self.total_steps_done)
        except (RuntimeError, ValueError) as error:
            # A night's training is worth more than one of its samples.
            logger.warning("Step %d: the test sentences could not be spoken (%s).", self.total_steps_done, error)
        self.model.train()

    def save_best_model(self) -> None:
        """Write the model as the best one if its target loss is lower than any before."""
        current = self.model_loss()
        which = "eval_loss" if self.eval_loader is not None else "train_loss"
        loss = current[which]
        if loss is None or not loss < self.best_loss[which] or self.total_steps_done <= self.config.save_best_after:
            return
        self.best_loss = current
        payload = checkpoint_payload(self)
        if self.world.is_main:
            self.files.write_best(self.total_steps_done, payload)

    def save_checkpoint(self) -> None:
        """Write a checkpoint of this step."""
        self.stepper.guard.report()
        payload = checkpoint_payload(self)
        if self.world.is_main:
            self.files.write_checkpoint(self.total_steps_done, payload)

    def model_loss(self) -> dict[str, float | None]:
        """The target loss now: mean over the epoch so far, and held out."""
        train = self._target(self.meter.epoch_means())
        return {"train_loss": math.inf if train is None else train, "eval_loss": self._target(self.eval_losses)}

    def _target(self, losses: Mapping[str, float]) -> float | None:
        name = self.target_name
        if name is not None and name in losses:
            return losses[name]
        totals = ["loss"] if len(self.optimizer) == 1 else [f"loss_{index}" for index in range(len(self.optimizer))]
        if any(total not in losses for total in totals):
            return None  # nothing is measured yet, or a part does not learn yet
        if name is not None:
            raise UserError(f"--coqpit.target_loss {name}: no such loss. There are {', '.join(losses)}.")
        return sum(losses[total] for total in totals) / len(totals)

    @property
    def target_name(self) -> str | None:
        """The loss that decides which model is the best; None where the mean of several totals does."""
        asked, own = self.config.target_loss, self.task.best_loss_name
        # Released configs name the total of a discriminator or generator there, which says nothing about the sound.
        if asked and (own is None or "target_loss" in self.settings.chosen):
            return str(asked)
        return own or ("loss" if len(self.optimizer) == 1 else None)

    def _suffixed(self, values: list[float]) -> list[tuple[str, float]]:
        return [(f"_{index}" if len(values) > 1 else "", value) for index, value in enumerate(values)]

    def _record(self, split: Any, losses: dict[str, float]) -> None:
        if self.history is not None:
            rate = self.stepper.used_rates[self.task.main_optimizer] if split == "train" else None
            seconds = round(time.monotonic() - self.started, 2)
            name = self.target_name
            target = losses.get(name) if name else self._target(losses)
            step, epoch = self.total_steps_done, self.epochs_done
            self.history.add(HistoryEntry(step, epoch, split, losses, rate, target, seconds))

    def _out_of_memory(self, group: list[Any]) -> str:
        longest = max((self.task.seconds(batch) or 0.0 for batch in group), default=0.0)
        of = f" of up to {longest:.1f} s" if longest else ""
        return (
            f"Step {self.total_steps_done + 1}: the memory of {self.settings.device} does not hold a batch of "
            f"{self.config.batch_size} clips{of}. Lower --coqpit.batch_size (and raise --grad_accum_steps), or "
            f"--coqpit.max_audio_len (samples). Checkpoints so far are whole."
        )


def _stepper_of(task: TTSTask) -> type[Stepper]:
    if isinstance(task, AdversarialTask):
        return AdversarialStepper
    return JointStepper if isinstance(task, JointTask) else Stepper

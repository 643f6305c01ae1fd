"""The training loop: steps, evaluations, samples and checkpoints, from wherever a run stands to its end.

Tasks and their hooks are those of the PyPI trainer; the loop is our own. docs/training.md says what is different.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import torch

from finetune_tts.checkpoints.reading import Checkpoint
from finetune_tts.data.loader import ResumableLoader
from finetune_tts.hearing.looks import Look, shown_values
from finetune_tts.machine.interrupts import Interrupts, TrainingInterrupted
from finetune_tts.machine.memory import memory_explained
from finetune_tts.machine.seeds import borrowed_randomness, restore_random_state
from finetune_tts.runs.checkpoints import RunFiles, continue_command
from finetune_tts.runs.folder import RUN_STATE
from finetune_tts.runs.history import History, HistoryEntry
from finetune_tts.tasks.spoken_samples import write_samples
from finetune_tts.tasks.task import TTSTask
from finetune_tts.training.averaging import AVERAGED, TRAINED, average_of
from finetune_tts.training.callbacks import Announcer, RunHandle
from finetune_tts.training.console import STOPPED, Progress, shown_losses
from finetune_tts.training.dashboard import make_dashboard, show_heard
from finetune_tts.training.early_stopping import EarlyStopping
from finetune_tts.training.hook_view import HookView
from finetune_tts.training.loss_meter import DeviceSums, LossMeter, Sums
from finetune_tts.training.sample_hearing import SampleHearing
from finetune_tts.training.settings import TrainerSettings
from finetune_tts.training.sharding import Sharding
from finetune_tts.training.snapshot import resume_from, snapshot
from finetune_tts.training.step import Stepper, clip_norms
from finetune_tts.training.target_loss import OF_AVERAGE, TargetLoss

logger = logging.getLogger(__name__)

MIN_STEPS_BETWEEN_SAMPLES = 200

_LEFT_OUT = ("optimizer", "scaler", RUN_STATE, AVERAGED, TRAINED)
"""Of the best model of a task that keeps it for speaking alone."""

GOES_ON, AT_THE_END, INTERRUPTED = range(3)


class TrainingLoop:
    """Trains a task into a run folder.

    One step is one step of the optimizers, from ``grad_accum_steps`` batches. Losses stay on the device until they are
    shown. A checkpoint holds everything that the rest of the run depends on.

    Args:
        task: network and objective, on the device.
        config: of the run.
        folder: of the run; it exists.
        train_loader: batches to train on.
        eval_loader: held-out ones, if there are any.
        settings: the rest.
        resume: a checkpoint of this run, from which it is resumed.

    Attributes:
        total_steps_done, epochs_done: how far the run is.
        batches_done: of the epoch in progress.
        best_loss: of the best model so far, in training and held out.
        eval_losses: the newest held-out losses.
        evaluated_step, spoken_step: where the held-out loss was measured and test sentences were synthesised last.
    """

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
        self.task, self.config, self.output_path, self.settings = task, config, folder, settings
        self.world = settings.world
        self.train_loader: Any = train_loader
        self.eval_loader: Any = eval_loader if config.run_eval else None
        self.total_steps_done = self.epochs_done = self.batches_done = 0
        self.evaluated_step = self.spoken_step = self.history_position = 0
        self.best_loss: dict[str, float | None] = {
            "train_loss": math.inf,
            "eval_loss": math.inf if self.eval_loader is not None else None,
        }
        self.eval_losses: dict[str, float] = {}
        shares_out = config.shard and self.world.size > 1
        self.sharding = Sharding(task, self.world, settings.device) if shares_out else None
        optimizers = task.get_optimizer()
        self.optimizers = optimizers if isinstance(optimizers, list) else [optimizers]
        self.schedules = task.make_schedules(self.optimizers, restored=settings.restored, chosen=settings.chosen)
        self.target = TargetLoss(config.target_loss, task.best_loss_name, len(self.optimizers), settings.chosen)
        main = self.optimizers[task.main_optimizer]
        self.average = average_of(task.network, main, float(config.ema_decay), settings.new_rows)
        self.meter = LossMeter(settings.device)
        clips = task.gradient_clips(clip_norms(config.grad_clip, len(self.optimizers)))
        self.stepper = Stepper(task, self.optimizers, self.schedules, clips, settings, self.meter)
        self.announcer = Announcer(settings.callbacks, RunHandle(folder, self.total_steps))
        self.files = RunFiles(folder, config.save_n_checkpoints, config.save_all_best, self.announcer.checkpoint)
        self.early_stopping = EarlyStopping(settings.limits.early_stop_patience)
        self.hearing = SampleHearing(
            folder, settings, self.total_steps, self._heard, lambda: not self.interrupts.requested
        )
        self.ending, self._resumed = GOES_ON, resume is not None
        self.pending_random_state: Any = None
        self._dashboard: Any = None
        self._view = HookView(self)
        self._call_hook("on_init_start")
        if resume is not None:
            resume_from(self, resume)

    @property
    def steps_per_epoch(self) -> int:
        """Steps in an epoch."""
        return math.ceil(len(self.train_loader) / self.settings.grad_accum_steps)

    @property
    def total_steps(self) -> int:
        """Steps of the whole run, as far as they are known beforehand."""
        steps, most = self.steps_per_epoch * int(self.config.epochs), self.settings.limits.max_steps
        return steps if most is None else min(steps, most)

    def fit(self, begun: Callable[[], None] = lambda: None) -> None:
        """Train to the end.

        Args:
            begun: called once, when nothing is in the way any more: before the first step of a new run, and after it
                in a run that is resumed, which was whole before and must not be spoiled by settings that are refused.

        Raises:
            TrainingInterrupted: a signal stopped the run; it has saved itself.
            NonFiniteLoss: several steps in a row had no finite loss or gradient.
            UserError: the disk is full, or the memory of the device.
        """
        main = self.world.is_main
        with ExitStack() as stack:
            self.interrupts = stack.enter_context(Interrupts())
            next_step = self.total_steps_done + 1 if self._resumed else None
            self._dashboard = make_dashboard(self.config, self.output_path, next_step=next_step, show=main)
            stack.callback(self._dashboard.finish)
            stack.callback(self._dashboard.flush)  # some dashboards lose what they have gathered
            self.history = stack.enter_context(History(self.output_path, self.history_position)) if main else None
            self.progress = Progress(self.total_steps, self.total_steps_done, show=main)
            stack.callback(self.progress.close)
            stack.callback(self.hearing.close)
            self.started = time.monotonic()
            self._call_hook("on_init_end")
            begin: Iterator[Callable[[], None]] = chain([begun], repeat(lambda: None))
            if not self._resumed:
                next(begin)()
            for group in self._groups():
                with self.memory_explained(f"Step {self.total_steps_done + 1}", group):
                    self.stepper.step(self.total_steps_done + 1, [self.format_batch(batch) for batch in group])
                next(begin)()
                self._after_step(len(group))
                self.announcer.step(self.total_steps_done, self.epochs_done)
            next(begin)()
            if self.ending == INTERRUPTED:
                self._save_and_stop()
            self._finish_run()

    def _groups(self) -> Iterator[list[Any]]:
        """Yield the batches of each step that is left, and do what belongs to the beginning and end of an epoch."""
        if self.settings.start_with_eval and self.config.run_eval and self.total_steps_done == 0:
            self.eval_epoch()
        while self.epochs_done < self.config.epochs and self._decide_end() == GOES_ON:
            self._call_hook("on_epoch_start")
            if self.batches_done < len(self.train_loader):
                yield from self._groups_of_epoch()
            if self.ending != GOES_ON and self.batches_done < len(self.train_loader):
                return
            self._finish_epoch()
            self._call_hook("on_epoch_end")
            self.epochs_done += 1
            self.batches_done = 0

    def _groups_of_epoch(self) -> Iterator[list[Any]]:
        self.train_loader.batch_sampler.set_epoch(self.epochs_done)
        batches = iter(self.train_loader)
        if self.pending_random_state is not None:
            restore_random_state(self.pending_random_state)
            self.pending_random_state = None
        self.task.train()
        self._call_hook("on_train_epoch_start")
        accumulated = self.settings.grad_accum_steps
        while self._decide_end() == GOES_ON and (group := list(islice(batches, accumulated))):
            self._call_hook("on_train_step_start")
            yield group
            self._call_hook("on_train_step_end")
        self._call_hook("on_train_epoch_end")

    def _call_hook(self, name: str) -> None:
        """Call a hook of the task, where it has one of that name."""
        hook = getattr(self.task, name, None)
        if hook is not None:
            hook(self._view)

    def memory_explained(
        self, when: str, batches: Sequence[Any], *, held_out: bool = False
    ) -> AbstractContextManager[None]:
        """Say what to lower where memory does not suffice for ``batches`` (see :func:`memory_explained`)."""
        field = "eval_batch_size" if held_out else "batch_frames" if self.config.batch_frames else "batch_size"
        longest = max((self.task.seconds(batch) or 0.0 for batch in batches), default=0.0)
        return memory_explained(when, self.settings.device, field, getattr(self.config, field), longest)

    def format_batch(self, batch: Any) -> Any:
        """Put a batch on the device, without waiting for it."""
        return self.task.on_device(batch, self.settings.device)

    def _after_step(self, batches: int) -> None:
        self.total_steps_done += 1
        self.batches_done += batches
        if self.average is not None:
            self.average.update()
        step, config = self.total_steps_done, self.config
        self.progress.step()
        if self.batches_done >= len(self.train_loader):
            self.stepper.end_epoch()
        if step % config.print_step == 0 or step == 1:
            self._print_losses()
        if step % config.plot_step == 0:
            self.meter.collect()
            several = len(self.optimizers) > 1
            rates = {f"current_lr{f'_{n}' * several}": rate for n, rate in enumerate(self.stepper.used_rates)}
            self._dashboard.train_step_stats(step, {**self._means_of_all(self.meter.since_plot.drain()), **rates})
        if config.run_eval_steps and step % config.run_eval_steps == 0:
            self.evaluate()
        # The run's last step is saved when all is done that belongs to it.
        if config.save_checkpoints and step % config.save_step == 0 and step < self.total_steps:
            self.save_checkpoint()

    def _print_losses(self) -> None:
        self.stepper.guard.report()
        self.meter.collect()
        losses = self._means_of_all(self.meter.since_print.drain())
        self.progress.losses(self.total_steps_done, losses, self.stepper.used_rates[self.task.main_optimizer])
        self._record("train", losses)
        self.hearing.take_in()

    def _finish_epoch(self) -> None:
        if not self.config.run_eval_steps:
            self.evaluate()
        self.meter.collect()
        means = self._means_of_all(self.meter.epoch.drain())
        self._dashboard.train_epoch_stats(self.total_steps_done, {f"avg_{k}": v for k, v in means.items()})
        if self.config.model_param_stats:
            self._dashboard.model_weights(self.task.network, self.total_steps_done)
        self._dashboard.flush()

    def _finish_run(self) -> None:
        if self.total_steps_done:
            self.evaluate()
            if self.spoken_step != self.total_steps_done:
                self.test_run()
            self.save_checkpoint()
        self.hearing.finish()
        self._dashboard.flush()
        self.world.wait()
        self.announcer.raise_failure()

    def _save_and_stop(self) -> None:
        if self.config.save_on_interrupt or self.announcer.failure:
            self.save_checkpoint()
        self._call_hook("on_keyboard_interrupt")
        self.world.wait()
        self.announcer.raise_failure()
        message = f"{STOPPED} {self.total_steps_done}. Resume with: {continue_command(self.output_path)}"
        raise TrainingInterrupted(message, self.output_path)

    def _decide_end(self) -> int:
        limits = self.settings.limits
        late = limits.time_limit is not None and time.monotonic() - self.started >= limits.time_limit
        done = limits.max_steps is not None and self.total_steps_done >= limits.max_steps
        done = done or self.early_stopping.exhausted or self.hearing.flat or self.announcer.stopped
        # The processes meet signals and clocks at different times, and have to stop at the same step.
        stops = self.interrupts.requested or self.announcer.failure is not None
        self.ending = self.world.highest(INTERRUPTED if stops else int(late or done))
        return self.ending

    def evaluate(self) -> None:
        """Measure the held-out loss, let the model synthesise if it is time, and keep it if it is the best."""
        if self.evaluated_step == self.total_steps_done:
            return
        self.stepper.guard.report()
        if self.eval_loader is not None:
            self.eval_epoch()
        self.evaluated_step = self.total_steps_done
        if self._shows_samples():
            self.test_run()
        self.save_best_model()  # a run that is resumed from it does not come back to the samples
        self._dashboard.flush()
        self.progress.paused()

    def _shows_samples(self) -> bool:
        """Whether it is time to draw figures and to synthesise, which takes longer than to measure."""
        if self.epochs_done < self.config.test_delay_epochs:
            return False
        pause = min(self.config.save_step, max(self.steps_per_epoch, MIN_STEPS_BETWEEN_SAMPLES))
        done, total = self.total_steps_done, self.total_steps
        # A short run is heard in its middle too: the report shows how its alignments came about.
        half_way = 2 * done >= total > 2 * self.spoken_step
        return done - self.spoken_step >= pause or half_way or done >= total

    def eval_epoch(self) -> None:
        """Measure the mean held-out losses, each clip counting the same; those of averaged weights beside them."""
        self.eval_losses, figures = self._measured(self.world.is_main and self._shows_samples())
        if self.average is not None:
            with self.average.in_use():
                averaged, _ = self._measured(False)
            self.eval_losses |= {f"{OF_AVERAGE}{name}": loss for name, loss in averaged.items()}
        step = self.total_steps_done
        logger.info("step %d: held-out %s", step, shown_losses(self.eval_losses))
        self._record("eval", self.eval_losses)
        self._dashboard.eval_stats(step, {f"avg_{name}": value for name, value in self.eval_losses.items()})
        self._dashboard.eval_figures(step, figures)
        target = self.target.best_of(self.eval_losses)
        # A generator that stays as it is, while its discriminator learns, has not stopped getting better.
        if target is not None and step and self.stepper.main_part_learns(step):
            self.stepper.measured(target)
            self.early_stopping.consider(target)

    # Not inference_mode: what a network caches under it could not be trained with afterwards.
    @torch.no_grad()
    def _measured(self, shows_figures: bool) -> tuple[dict[str, float], dict[str, Any]]:
        """The mean held-out losses of the network as it is, and figures of a clip, if these are wanted."""
        sums = DeviceSums(self.settings.device)
        figures: dict[str, Any] = {}
        self.world.share_buffers(self.task.network)
        self.task.eval()
        with borrowed_randomness(self.config.training_seed):
            for number, batch in enumerate(self.eval_loader):
                with self.memory_explained(f"Evaluation after step {self.total_steps_done}", [batch], held_out=True):
                    batch = self.format_batch(batch)
                    with self.settings.precision.autocast():
                        outputs, losses = self.task.held_out_losses(batch)
                sums.add(losses, self.task.clips(batch))
                if self.config.print_eval:
                    shown = shown_losses({name: float(loss) for name, loss in losses.items()})
                    logger.info("held-out batch %d: %s", number, shown)
                if number == 0 and shows_figures:
                    figures = self.task.figures(outputs, batch)
        self.task.train()
        return self._means_of_all(sums.look()), figures

    def test_run(self) -> None:
        """Synthesise the test sentences, into the run folder and onto the dashboard; and what is to be heard."""
        self.spoken_step = self.total_steps_done
        if self.task.speak is None:
            return
        self.hearing.settle()
        with self._better_weights():
            # A checkpoint is the work of all processes.
            weights = self._model_alone() if self.hearing.keeps_best else None
            with self.sharding.whole_network() if self.sharding is not None else nullcontext():
                if self.world.is_main:
                    self._synthesise(weights)

    def _synthesise(self, weights: dict[str, Any] | None) -> None:
        self.task.eval()
        try:
            with borrowed_randomness(self.config.training_seed):
                samples = self.task.test_run(self._view)
                to_hear = self.hearing.synthesise(self.task, samples)
            written = write_samples(self.output_path, self.total_steps_done, samples)
            self.announcer.samples(self.total_steps_done, written)
            self.task.test_log(samples, self._dashboard, self.total_steps_done)
            self.hearing.hear(self.total_steps_done, self.epochs_done, to_hear, weights)
        except (RuntimeError, ValueError, MemoryError) as error:
            # A night's training is worth more than one of its samples.
            logger.warning("Step %d: the test sentences could not be synthesised (%s).", self.total_steps_done, error)
        self.task.train()

    def _heard(self, look: Look, epoch: int) -> None:
        """Tell what was heard of the model of a step, which is past."""
        logger.info("step %d: heard %s", look.step, shown_values(look))
        if self.history is not None:
            seconds = round(time.monotonic() - self.started, 2)
            self.history.add(HistoryEntry(look.step, epoch, "heard", dict(look.values), None, None, seconds,
                                          self.total_steps))  # fmt: skip
        show_heard(self._dashboard, look.values, look.step, self.total_steps_done)

    def save_best_model(self) -> None:
        """Write the model as the best one if its target loss is lower than any before."""
        current = self.model_loss()
        which = "eval_loss" if self.eval_loader is not None else "train_loss"
        loss = current[which]
        lowest = self.best_loss[which]
        late_enough = self.total_steps_done > self.config.save_best_after
        # A checkpoint is the work of all processes, so that they must not come to different conclusions.
        if not self.world.from_main(loss is not None and lowest is not None and loss < lowest and late_enough):
            return
        self.best_loss = current
        with self._better_weights():
            payload = self._model_alone()
            if self.world.is_main:
                self.files.write_best(self.total_steps_done, payload)

    def _model_alone(self) -> dict[str, Any]:
        """A checkpoint of the network as it is, for speaking; for resuming as well, where that takes no more room."""
        payload = snapshot(self)
        return payload if not self.task.keeps_best_lean else {k: v for k, v in payload.items() if k not in _LEFT_OUT}

    def save_checkpoint(self) -> None:
        """Write a checkpoint of this step."""
        self.stepper.guard.report()
        payload = snapshot(self)
        if self.world.is_main:
            self.files.write_checkpoint(self.total_steps_done, payload)

    def batches_in_epoch(self) -> int:
        """Batches of the epoch in progress that need not be trained on again."""
        position = self.train_loader.state_dict()
        if position["epoch"] > self.epochs_done:
            return len(self.train_loader)
        # Fewer than were done if the data have changed since: the loader then begins the epoch again, and says so.
        return int(position["batch"])

    def model_loss(self) -> dict[str, float | None]:
        """The target loss now: mean over the epoch so far, and held out. All processes have to ask."""
        train = self.target.of(self._means_of_all(self.meter.epoch_sums()))
        return {"train_loss": math.inf if train is None else train, "eval_loss": self.target.best_of(self.eval_losses)}

    def _better_weights(self) -> AbstractContextManager[None]:
        """Give the network the averaged weights, if these were the better ones when the held-out loss was measured."""
        if self.average is None or not self.target.prefers_average(self.eval_losses):
            return nullcontext()
        return self.average.in_use()

    def _means_of_all(self, sums: Mapping[str, tuple[float, float]]) -> dict[str, float]:
        """Means over what all processes have summed up. All have to ask."""
        return Sums(self.world.gathered(sums)).means()

    def _record(self, split: Any, losses: dict[str, float]) -> None:
        if self.history is not None:
            self.announcer.losses(split, self.total_steps_done, losses)
            rate = self.stepper.used_rates[self.task.main_optimizer] if split == "train" else None
            seconds = round(time.monotonic() - self.started, 2)
            target = self.target.best_of(losses) if self.target.is_in(losses) else None
            step, epoch = self.total_steps_done, self.epochs_done
            self.history.add(HistoryEntry(step, epoch, split, losses, rate, target, seconds, self.total_steps))

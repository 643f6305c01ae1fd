"""The thin bridge between a network and the PyPI trainer: batches in, losses out."""

import logging
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from trainer import TrainerModel
from trainer.logging import BaseDashboardLogger

from finetune_tts.errors import UserError
from finetune_tts.layers.low_rank import MARK, is_adapted
from finetune_tts.layers.recomputing import let_recompute
from finetune_tts.tasks.freezing import hold_statistics
from finetune_tts.tasks.optimizers import make_optimizer
from finetune_tts.tasks.patterns import weights_named
from finetune_tts.tasks.schedules import Schedule, make_schedule
from finetune_tts.tasks.spoken_samples import Speaker, SpokenSample, figures_of, sentence_text

logger = logging.getLogger(__name__)


class TTSTask(TrainerModel):
    """A network, its objective, and how it is optimized.

    The state dictionary is the network's own, so that checkpoints hold the released names.

    Args:
        network: what is trained.
        config: of the run.
        speak: speaks a test sentence; None where nothing is to be heard.

    Attributes:
        optimizer_names: what each optimizer trains, for messages; empty for a task with one.
        main_optimizer: place of the optimizer whose rate is shown in the run.
        best_loss_name: the held-out loss that decides which model is the best, unless the user names one; None is
            what the optimizers minimise.
        needs_waveforms: batches are to hold waveforms.
        keeps_best_lean: the best model is kept without the states of the optimizer, which take more room than it;
            a run is resumed from its checkpoints then.
    """

    optimizer_names: tuple[str, ...] = ()
    main_optimizer = 0
    best_loss_name: str | None = None
    needs_waveforms = False
    keeps_best_lean = False

    def __init__(self, network: nn.Module, config: Any, speak: Speaker | None = None) -> None:
        super().__init__()
        self.network = network
        self.config = config
        self.speak = speak
        self.loaders: dict[bool, DataLoader[Any]] = {}
        let_recompute(network, bool(getattr(config, "recompute_activations", None)))

    @abstractmethod
    def losses(self, outputs: Any, batch: Any) -> dict[str, Tensor]:
        """The losses of a batch by name; ``loss`` is the one that is minimised.

        Args:
            outputs: of :meth:`run_network`.
            batch: on the network's device.
        """

    @abstractmethod
    def run_network(self, batch: Any) -> Any:
        """A teacher-forced pass over ``batch``, which is on the network's device."""

    def parts_at(self, step: int, warm_up: int = 0) -> tuple[int, ...]:
        """Which optimizers a step moves, by place; each stands for a part of the network that has a loss of its own.

        Args:
            step: from 1.
            warm_up: steps in which a fresh discriminator learns alone.
        """
        return (0,)

    def part_losses(self, batch: Any, parts: Sequence[int]) -> tuple[Any, dict[int, dict[str, Tensor]]]:
        """Run the network once; return its outputs, and what each of ``parts`` minimises.

        Nothing has to be detached: each loss is differentiated with respect to the weights of its own part alone.

        Args:
            batch: on the network's device.
            parts: of :meth:`parts_at`.

        Returns:
            The outputs, and for each part its losses by name, as of :meth:`losses`; a part that is missing sits the
            batch out.
        """
        outputs = self.run_network(batch)
        return outputs, {0: self.losses(outputs, batch)}

    def recorded(self, losses: dict[str, Tensor], part: int) -> dict[str, Tensor]:
        """The losses of one part under the names that history and dashboard have."""
        return losses if len(self.optimizer_names) < 2 else numbered_losses(losses, part)

    def held_out_losses(self, batch: Any) -> tuple[Any, dict[str, Tensor]]:
        """Outputs and all losses of a held-out batch, which is on the network's device, from one pass."""
        outputs, found = self.part_losses(batch, range(max(1, len(self.optimizer_names))))
        named: dict[str, Tensor] = {}
        for part, losses in found.items():
            named.update(self.recorded(losses, part))
        return outputs, named

    def units_to_shard(self) -> Sequence[nn.Module]:
        """Modules of which one after the other is whole while weights are shared out (``shard``), innermost first."""
        return ()

    def figures(self, outputs: Any, batch: Any) -> dict[str, Any]:
        """Figures of the first clip of a batch, by title, for the dashboard."""
        return {}

    def clips(self, batch: Any) -> int:
        """Number of clips in ``batch``: its weight in a mean."""
        return len(batch.names)

    def clip_names(self, batch: Any) -> list[str]:
        """Names of the clips in ``batch``."""
        return list(batch.names)

    def seconds(self, batch: Any) -> float | None:
        """Length of the longest clip in ``batch``, in seconds, where it is known."""
        return None

    def prepare_fresh_network(self, batches: Iterator[Any]) -> None:
        """Set up what a network that starts from scratch takes from data. Never called when restored.

        Args:
            batches: of the first epoch, on the network's device; each is made when it is asked for.
        """

    def checkpoint_fields(self) -> dict[str, Any]:
        """What a checkpoint has to hold of the network beside its weights, as plain values."""
        return {}

    def train(self, mode: bool = True) -> "TTSTask":
        """Let frozen parts keep the statistics that a training pass would change."""
        super().train(mode)
        hold_statistics(self.network)
        return self

    def rate_factors(self) -> dict[nn.Parameter, float]:
        """Weights whose rate is another one than the run's → factor (``lr_by``); of two patterns the later counts.

        Raises:
            UserError: a pattern names nothing that learns.
        """
        factors: dict[nn.Parameter, float] = {}
        for pattern, factor in self.config.lr_by.items():
            found = [weight for weight in weights_named(self.network, pattern, "lr_by").values()]
            if not any(weight.requires_grad for weight in found):
                raise UserError(f"--coqpit.lr_by {pattern}: names only weights that are frozen. Leave it out.")
            factors.update(dict.fromkeys(found, float(factor)))
        return factors

    # What the PyPI trainer asks of a model. ------------------------------------------------------------------------

    def on_device(self, batch: Any, device: torch.device) -> Any:
        """A batch of the loader as the network takes it, on a device, without waiting for it."""
        formatted: Any = self.format_batch(batch)
        return self.format_batch_on_device(formatted.to(device, non_blocking=True))

    def forward(self, input: Any, *args: Any, aux_input: Any = None, **kwargs: Any) -> Any:
        """The network's own forward pass."""
        return self.network(input, *args, **kwargs)

    def train_step(self, batch: Any, criterion: Any, optimizer_idx: int | None = None) -> tuple[Any, dict[str, Tensor]]:
        """Outputs and losses of one batch; ``criterion`` is :meth:`losses`, wrapped."""
        outputs = self.run_network(batch)
        return outputs, criterion(outputs, batch)

    def eval_step(self, batch: Any, criterion: Any, optimizer_idx: int | None = None) -> tuple[Any, dict[str, Tensor]]:
        """The same on a held-out batch."""
        return self.train_step(batch, criterion, optimizer_idx)

    def get_criterion(self) -> nn.Module:
        """The objective as the module that the trainer expects."""
        return Criterion(self.losses)

    def get_lr(self) -> float:
        """The rate that the config names."""
        if isinstance(self.config.lr, list):
            raise UserError(f"--coqpit.lr {self.config.lr}: {self.config.model} has one optimizer, so give one number.")
        return float(self.config.lr)

    def get_optimizer(self) -> torch.optim.Optimizer | list[torch.optim.Optimizer]:
        """The optimizer that the config names, over the network's parameters."""
        config = self.config
        return make_optimizer(
            config.optimizer,
            self.network.parameters(),
            self.get_lr(),
            config.optimizer_params,
            factors=self.rate_factors(),
        )

    def make_schedules(
        self, optimizers: list[torch.optim.Optimizer], *, restored: bool, chosen: frozenset[str]
    ) -> list[Schedule]:
        """The schedule of each optimizer, as the config names it (see schedules.py)."""
        config = self.config
        return [
            make_schedule(
                optimizer,
                config.lr_scheduler,
                config.lr_scheduler_params,
                after_epoch=config.scheduler_after_epoch,
                restored=restored,
                chosen=chosen,
            )
            for optimizer in optimizers
        ]

    def released_states(self, states: list[Any]) -> list[Any]:
        """The states of the optimizers, in their order, in the form that checkpoints of 🐸TTS have."""
        return states

    def own_states(self, saved: list[Any]) -> list[Any]:
        """The states of the optimizers, in their order, from what :meth:`released_states` returned."""
        return saved

    def gradient_clips(self, from_config: list[float]) -> list[float]:
        """The norm that the gradient of each optimizer is cut to, 0 for none; those of ``grad_clip`` come in."""
        return from_config

    def changed_rates(self, changed: frozenset[str]) -> list[float | None]:
        """The rate of each optimizer that the user set for a run that is resumed; None where it keeps its own."""
        rates: Any = self.get_lr()  # a list, where a task has several optimizers
        every = rates if isinstance(rates, list) else [rates]
        return [rate if "lr" in changed else None for rate in every]

    def get_data_loader(
        self, config: Any, *, is_eval: bool = False, samples: list[Any] | None = None, verbose: bool = True
    ) -> DataLoader[Any]:
        """The loader in :attr:`loaders`: the data room makes them before a run begins."""
        return self.loaders[is_eval]

    @torch.no_grad()
    def test_run(self, trainer: Any) -> dict[str, SpokenSample]:
        """Synthesise the config's test sentences; one that fails costs neither the others nor the run."""
        samples: dict[str, SpokenSample] = {}
        if self.speak is None:
            return samples
        for sentence in self.config.test_sentences:
            text = sentence_text(sentence)
            try:
                samples[text] = self.speak(self.network, sentence)
            except (RuntimeError, ValueError, MemoryError) as error:
                step = trainer.total_steps_done
                logger.warning("Step %d: the test sentence %r could not be synthesised. %s", step, text, error)
        return samples

    def test_log(self, outputs: Mapping[str, SpokenSample], logger: BaseDashboardLogger, steps: int) -> None:
        """Show what was spoken on the dashboard."""
        for number, (text, sample) in enumerate(outputs.items(), start=1):
            # The dashboard clips what goes beyond full scale; files are turned down likewise.
            waveform = sample.waveform / max(1.0, float(np.abs(sample.waveform).max(initial=0.0)))
            logger.test_audios(steps, {str(number): waveform}, sample.sample_rate)
            logger.test_figures(steps, figures_of(str(number), sample.mel, sample.alignment))
            logger.add_text(f"TestSentences/{number}", text, steps)

    def train_log(self, batch: Any, outputs: Any, logger: BaseDashboardLogger, steps: int) -> None:
        """Show a training clip's figures."""
        logger.train_figures(steps, self.figures(outputs, batch))

    def eval_log(self, batch: Any, outputs: Any, logger: BaseDashboardLogger, steps: int) -> None:
        """Show a held-out clip's figures."""
        logger.eval_figures(steps, self.figures(outputs, batch))

    @property
    def trains_adapters(self) -> bool:
        """Whether most weights stay what they are, and adapters beside them learn."""
        return is_adapted(name for name, _ in self.network.named_parameters())

    def base_state(self) -> dict[str, Tensor]:
        """The weights that stay beside adapters: a run keeps them once, and not in each of its checkpoints."""
        frozen = {name for name, weight in self.network.named_parameters() if not weight.requires_grad}
        state = self.network.state_dict()
        return {name: state[name] for name in state if name in frozen and MARK not in name}

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The network's, without a prefix; of one with adapters, without the weights that stay."""
        state = self.network.state_dict(*args, **kwargs)
        if not self.trains_adapters:
            return state
        base = self.base_state()
        return {name: tensor for name, tensor in state.items() if name not in base}

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Load into the network."""
        return self.network.load_state_dict(*args, **kwargs)


def numbered_losses(losses: Mapping[str, Tensor], optimizer: int | None) -> dict[str, Tensor]:
    """The losses with ``loss`` named ``loss_<optimizer>``, for a task of several optimizers; None is its only one."""
    total = "loss" if optimizer is None else f"loss_{optimizer}"
    return {total if name == "loss" else name: loss for name, loss in losses.items()}


class Criterion(nn.Module):
    """A task's losses as a module."""

    def __init__(self, losses: Callable[[Any, Any], dict[str, Tensor]]) -> None:
        super().__init__()
        self._losses = losses

    def forward(self, outputs: Any, batch: Any) -> dict[str, Tensor]:
        """Losses of ``outputs`` on ``batch``, by name."""
        return self._losses(outputs, batch)

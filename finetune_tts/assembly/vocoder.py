"""From a vocoder's config, recordings and pre-trained weights to a job that can be trained (see assembly.py)."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from finetune_tts.assembly.defaults import (
    Default,
    apply_defaults,
    defaults_table,
    fine_tune_defaults,
    from_nothing,
    rates_from_nothing,
    split_defaults,
)
from finetune_tts.assembly.run_record import record_of
from finetune_tts.assembly.speech import Request, check_writable, require_finite
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.checkpoints.networks import absent_modules, restore_network
from finetune_tts.checkpoints.reading import Checkpoint, read_checkpoint
from finetune_tts.checkpoints.report import RestoreReport
from finetune_tts.checkpoints.vocoders import DISCRIMINATOR, GENERATOR, is_computed, vocoder_weights
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.config.paths import locate_paths
from finetune_tts.config.training import CheckpointConfig, EvaluationConfig, RunConfig
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.data.content import CACHE_NAME
from finetune_tts.data.recordings import PreparedRecordings, prepare_recordings
from finetune_tts.data.sample import Sample
from finetune_tts.data.segments import SegmentDataset
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model
from finetune_tts.families.checks import require_valid
from finetune_tts.families.loading import load_vocoder_config
from finetune_tts.families.registry import family_of
from finetune_tts.files import expanded
from finetune_tts.layers.gan import generator_of
from finetune_tts.machine.device import choose_device
from finetune_tts.machine.distributed import world_from_environment
from finetune_tts.machine.seeds import seed_everything
from finetune_tts.runs.creation import RunAsset
from finetune_tts.runs.record import DataFacts
from finetune_tts.synthesis.vocoder import Vocoder
from finetune_tts.tasks.adversarial_rates import spread_rate
from finetune_tts.tasks.resynthesis import Resynthesis
from finetune_tts.training.run import StoppedRun, TrainingJob
from finetune_tts.training.state import RunState

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class VocoderAssembly:
    """A job with what is known about it."""

    job: TrainingJob
    data: PreparedRecordings
    report: RestoreReport | None
    """None for a vocoder that starts from nothing, or a run that goes on."""
    base: Path | None
    """The weights that it starts from, likewise."""
    advice: tuple[Default, ...]
    """Settings that suit the recordings."""


def assemble_vocoder(request: Request) -> VocoderAssembly:
    """Check everything, restore, and make the job of a new run.

    The config of the request is completed in place.

    Raises:
        UserError: anything that would make the run fail, or make it something else than what was asked for.
    """
    config = cast(VocoderConfig, request.config)
    request = replace(request, chosen=spread_rate(config, request.chosen))
    chosen, family = request.chosen, family_of(config.model)
    require_valid(config)
    name_recordings(config, chosen)
    world = world_from_environment()
    device = choose_device(request.device, local_rank=world.local_rank)
    check_writable(Path(config.output_path))
    checkpoint = read_checkpoint(request.restore_path) if request.restore_path else None
    extractor = SpectrogramExtractor(config.audio)
    filled_in = apply_defaults(config, _before_reading(config, restored=checkpoint is not None), chosen) \
        if request.fill_in else []  # fmt: skip
    data = prepare_recordings(
        config.datasets,
        extractor,
        sample_rate=config.audio.sample_rate,
        cache_folder=expanded(config.output_path) / CACHE_NAME,
        feature_path=config.feature_path,
        eval_split_size=config.eval_split_size,
        eval_split_max_size=config.eval_split_max_size,
        seed=config.training_seed,
        formatter=request.formatter,
        workers=config.precompute_num_workers,
        samples=request.samples,
        dry=request.dry,
    )
    logger.info("%d recordings, %.1f minutes", len(data.split.train) + len(data.split.eval), data.seconds / 60)
    suitable = _suitable(request, config, data, device, world.size)
    if request.fill_in:
        filled_in += apply_defaults(config, suitable, chosen)
        logger.info("Settings for these recordings (--coqpit.FIELD VALUE sets another):\n%s", defaults_table(filled_in))
    # Fresh weights come from the seed, in every process the same.
    seed_everything(config.training_seed)
    network = build_model(config)
    vocoder = Vocoder(generator_of(network), config, extractor)
    report = None
    state: dict[str, Any] = {}
    if checkpoint is not None:
        state = _whole_state(checkpoint, config)
        report = _restore(network, state, checkpoint, request)
    job = TrainingJob(
        config=config,
        network=network,
        train_data=_segments(config, data.split.train, data, training=True),
        eval_data=_segments(config, data.split.eval, data, training=False) if data.split.eval else None,
        device=device,
        restored=checkpoint is not None,
        fresh_discriminator=checkpoint is not None and bool(absent_modules(network, state, (family.discriminator,))),
        chosen=chosen,
        world=world,
        assets=_assets(config, report),
        speak=_resynthesis(vocoder, data),
        limits=request.limits,
        record=record_of(
            config,
            data=_facts(config, data),
            held_out=data.split.eval,
            device=device,
            base_weights=checkpoint.path if checkpoint is not None else None,
            chosen=chosen,
            filled_in=filled_in,
        ),
    )
    base = checkpoint.path if checkpoint is not None else None
    if base is None:
        suitable = from_nothing(suitable, rates_from_nothing(config))
    return VocoderAssembly(job, data, report, base, (*split_defaults(), *suitable))


def assemble_continued_vocoder(run: StoppedRun, request: Request) -> VocoderAssembly:
    """Make the job of a run that goes on, in its own folder.

    Raises:
        UserError: no run of this program wrote the checkpoint; the data of the run are gone or do not fit any more.
    """
    RunState.of(run.checkpoint)  # raises if there is no place to go on from
    continued = assemble_vocoder(replace(request, restore_path=None, fill_in=False))
    return replace(continued, job=replace(continued.job, resumes=run, assets=()))


def vocoder_config_to_tune(config_path: Path) -> VocoderConfig:
    """Return the config of a pre-trained vocoder, made the config of a new run (see ``pretrained.config_to_tune``).

    Raises:
        UserError: it cannot be read.
    """
    config = load_vocoder_config(config_path)
    locate_paths(config, config_path.parent)
    for group in (RunConfig, CheckpointConfig, EvaluationConfig):
        defaults = group()
        for field in fields(group):
            setattr(config, field.name, getattr(defaults, field.name))
    config.datasets = [dataset for dataset in config.datasets if dataset.path and Path(dataset.path).is_dir()]
    # Those of its makers' machine.
    config.data_path, config.feature_path = "", None
    return config


def name_recordings(config: VocoderConfig, chosen: frozenset[str]) -> None:
    """Make a data set of ``data_path``, 🐸TTS's field for vocoders."""
    if config.data_path and ("datasets" not in chosen or "data_path" in chosen) and (
        "data_path" in chosen or not config.datasets
    ):  # fmt: skip
        config.datasets = [DatasetConfig(path=config.data_path)]
    if not any(dataset.path for dataset in config.datasets):
        raise UserError("Where are the recordings? Give --dataset_path DIR, or --coqpit.data_path DIR.")


def _before_reading(config: VocoderConfig, *, restored: bool) -> list[Default]:
    name = expanded(config.datasets[0].path).resolve().name
    found = [Default("run_name", f"{config.model}-{name}", "the vocoder and the recordings"), *split_defaults()]
    if restored:
        reason = "the restored generator is past the steps that it learns alone"
        found.append(Default("steps_to_start_discriminator", 0, reason))
    return found


def _suitable(
    request: Request, config: VocoderConfig, data: PreparedRecordings, device: torch.device, processes: int
) -> list[Default]:
    clips = len(data.split.train)
    return fine_tune_defaults(
        minutes=data.seconds / 60 * clips / (clips + len(data.split.eval)),
        clips=clips,
        device=device,
        rates=rates_from_nothing(config),
        bf16=device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False),
        batch_size=config.batch_size if "batch_size" in request.chosen else min(config.batch_size, 16),
        epochs=config.epochs if "epochs" in request.chosen else None,
        batches_per_step=processes * (request.limits.grad_accum_steps or 1),
    )


def _whole_state(checkpoint: Checkpoint, config: VocoderConfig) -> dict[str, Any]:
    """The tensors of generator and discriminator by the names of the whole network, whatever form the release has."""
    weights = vocoder_weights(checkpoint)
    if not family_of(config.model).discriminator:
        return dict(weights.generator)
    state = {f"{GENERATOR}{name}": tensor for name, tensor in weights.generator.items()}
    return state | {f"{DISCRIMINATOR}{name}": tensor for name, tensor in (weights.discriminator or {}).items()}


def _restore(network: nn.Module, state: dict[str, Any], checkpoint: Checkpoint, request: Request) -> RestoreReport:
    computed = [name for name in network.state_dict() if is_computed(name.removeprefix(GENERATOR))
                or is_computed(name.removeprefix(DISCRIMINATOR))]  # fmt: skip
    discriminator = family_of(request.config.model).discriminator
    fresh_ok = [*computed, *absent_modules(network, state, (discriminator,))]
    report = restore_network(network, state, source=checkpoint.path, fresh_ok=fresh_ok)
    logger.info("%s", report.table())
    report.raise_for_gap(allow_partial=request.allow_partial)
    require_finite(report)
    return report


def _segments(
    config: VocoderConfig, samples: Sequence[Sample], data: PreparedRecordings, *, training: bool
) -> SegmentDataset:
    return SegmentDataset(
        samples,
        data.cache,
        seq_len=config.seq_len,
        pad_short=config.pad_short,
        conv_pad=family_of(config.model).conv_pad(config),
        seed=config.training_seed,
        training=training,
        noise=config.use_noise_augment,
        forced=data.forced,
    )


def _resynthesis(vocoder: Vocoder, data: PreparedRecordings) -> Resynthesis:
    """What is heard of a run; less of the vocoders that take long to speak."""
    samples = data.split.eval or data.split.train
    if family_of(vocoder.config.model).slow_to_speak:
        return Resynthesis(vocoder, samples, data.cache, data.forced, clips=1, longest=3.0)
    return Resynthesis(vocoder, samples, data.cache, data.forced)


def _assets(config: VocoderConfig, report: RestoreReport | None) -> list[RunAsset]:
    assets = []
    if config.audio.stats_path:
        assets.append(RunAsset("scale_stats.npy", Path(config.audio.stats_path), ("audio.stats_path",)))
    if report is not None:
        assets.append(RunAsset("restore_report.json", report.to_dict()))
    return assets


def _facts(config: VocoderConfig, data: PreparedRecordings) -> DataFacts:
    return DataFacts(
        folders=tuple(dataset.path for dataset in config.datasets if dataset.path),
        clips=len(data.split.train),
        held_out=len(data.split.eval),
        minutes=round(data.seconds / 60, 2),
        dropped=tuple((reason, len(dropped)) for reason, dropped in data.dropped.items() if dropped),
    )

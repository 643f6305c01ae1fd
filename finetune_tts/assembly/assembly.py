"""From a config, recordings and pre-trained weights to a job that can be trained.

Everything that can be wrong with any of the three shows here, in seconds, before the first step. What is decided on
the way is returned as changes of the config, which this module applies and logs: who wants to know what a run decided
reads :func:`assemble`.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from finetune_tts.assembly.defaults import (
    defaults_table,
    fine_tune_defaults,
    from_scratch,
    rates_from_scratch,
    split_defaults,
)
from finetune_tts.assembly.material import Heard, Material
from finetune_tts.assembly.request import Request
from finetune_tts.assembly.run_record import record_of
from finetune_tts.assembly.speech import SpeechMaterial
from finetune_tts.assembly.vocoder import VocoderMaterial, name_recordings
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.checkpoints.report import RestoreReport
from finetune_tts.config.changes import Change, apply_changes
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.data.gathering import load_samples
from finetune_tts.data.names import readable
from finetune_tts.data.processes import usable_cpus
from finetune_tts.data.recordings import load_recordings
from finetune_tts.data.rows import Row
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError
from finetune_tts.families.building import require_base
from finetune_tts.families.checks import require_valid
from finetune_tts.families.family import Recorded
from finetune_tts.files import expanded
from finetune_tts.machine.device import choose_device
from finetune_tts.machine.distributed import World, connect, world_from_environment
from finetune_tts.machine.memory import available_memory
from finetune_tts.machine.seeds import seed_everything
from finetune_tts.runs.creation import RunAsset, require_utf8
from finetune_tts.tasks.adversarial_rates import spread_rate
from finetune_tts.training.run import StoppedRun, TrainingJob
from finetune_tts.training.state import RunState

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Assembly:
    """A job with what is known about it."""

    job: TrainingJob
    material: Material
    """Recordings and weights that it is made of."""
    samples: tuple[Sample, ...]
    """To train on, and held out."""
    dropped: Mapping[str, Sequence[Sample]]
    """Reason → samples that are ignored."""
    durations: Mapping[Path, float]
    """Of the recordings, in seconds."""
    heard: Heard
    report: RestoreReport | None
    """Of the restoring; None for a model that starts from scratch, or a run that is resumed."""
    advice: tuple[Change, ...]
    """Settings that suit the recordings."""
    applied: frozenset[str]
    """Fields of the advice that were set."""

    @property
    def seconds(self) -> float:
        """Duration of all samples."""
        return sum(self.durations[sample.audio_file] for sample in self.samples)


def assemble(request: Request, resumed: StoppedRun | None = None) -> Assembly:
    """Check everything, restore, and make the job of a run.

    The config of the request is completed in place: alphabet, speakers, settings that suit the recordings.

    Args:
        request: what is asked for. For a run that is resumed: with its config, and what you changed of it.
        resumed: the run that the job resumes, in its own folder; its weights are those of its checkpoint.

    Raises:
        UserError: anything that would make the run fail, or make it something else than what was asked for.
    """
    config: Any = request.config
    if resumed is not None:
        RunState.of(resumed.checkpoint)  # raises if there is no place to resume from
        request = replace(request, restore_path=None, fill_in=False)
    rates = apply_changes(config, spread_rate(config, request.chosen))
    chosen = request.chosen | {change.field for change in rates}
    require_valid(config)
    world = world_from_environment()
    device = choose_device(request.device, local_rank=world.local_rank)
    if not request.dry:  # which one process does alone
        connect(world, device)  # before anything fails in one of them, so that the others hear of it
    material = material_of(request, chosen, device, world)
    check_writable(expanded(config.output_path))
    material.read_base()
    material.extractor = SpectrogramExtractor(config.audio)
    restored = material.base is not None
    filled_in = apply_changes(config, [_run_name(material), *material.early_settings()], chosen) \
        if request.fill_in else []  # fmt: skip
    data = material.prepare()
    suitable = _suitable(material, len(data.split.train), len(data.split.eval), data.seconds, world)
    filled_in += apply_changes(config, suitable, chosen) if request.fill_in else []
    limits = request.limits
    if restored and request.fill_in and limits.grad_accum_steps is None:
        limits = replace(limits, grad_accum_steps=_accumulated(material, len(data.split.train), world))
    advice = (*split_defaults(), *(suitable if restored else from_scratch(suitable, rates_from_scratch(config))))
    if restored or request.fill_in:
        _show_settings(config, filled_in, advice, fill_in=request.fill_in)
    # Fresh weights come from the seed, in every process the same.
    seed_everything(config.training_seed)
    network = material.build()
    report = material.restore(network) if restored else None
    if report is not None:
        report.raise_for_gap(allow_partial=request.allow_partial)
        report.raise_for_non_finite()
    if resumed is None:
        require_base(config, report)
    fresh_discriminator = restored and material.lacks_discriminator(network)
    material.forget_weights()
    heard = material.hear(network, resumed.folder if resumed is not None else material.base)
    job = TrainingJob(
        config=config,
        network=network,
        train_data=material.dataset(data.split.train, training=True),
        eval_data=material.dataset(data.split.eval, training=False) if data.split.eval else None,
        device=device,
        restored=restored,
        fresh_discriminator=fresh_discriminator,
        new_rows={row.name: row.places for row in report.rows if row.places} if report is not None else {},
        chosen=chosen,
        world=world,
        # The folder of a run that is resumed has them.
        assets=_assets(material, report) if resumed is None else (),
        speak=heard.speak,
        resumes=resumed,
        limits=limits,
        record=record_of(
            config,
            data=material.facts(),
            held_out=data.split.eval,
            device=device,
            base_weights=material.base,
            base_config=material.base_config,
            speaker=heard.speaker,
            language=heard.language,
            chosen=chosen,
            filled_in=filled_in,
        ),
    )
    material.forget_texts()
    return Assembly(
        job=job,
        material=material,
        samples=(*data.split.train, *data.split.eval),
        dropped=data.dropped,
        durations=data.durations,
        heard=heard,
        report=report,
        advice=advice,
        applied=frozenset(change.field for change in filled_in),
    )


def material_of(request: Request, chosen: frozenset[str], device: torch.device, world: World) -> Material:
    """What the run of a request is made of, by the kind of its model."""
    kind = VocoderMaterial if isinstance(request.config, VocoderConfig) else SpeechMaterial
    return kind(request, chosen, device, world)


def read_samples(request: Request, absent: list[Row], layouts: list[str]) -> list[Sample]:
    """Read the data sets of a run; rows whose recording is missing go to ``absent``, how each was read to ``layouts``.

    Raises:
        UserError: see :func:`finetune_tts.data.gathering.load_samples`.
    """
    config = request.config
    if isinstance(config, VocoderConfig):
        apply_changes(config, name_recordings(config, request.chosen))
        return load_recordings(config.datasets, request.formatter, absent=absent, layouts=layouts)
    return load_samples(config.datasets, request.formatter, absent=absent, layouts=layouts)


def check_writable(folder: Path) -> None:
    """Find out in the first second, not after the features were computed, that the output folder cannot be used."""
    existing = folder.absolute()
    require_utf8(existing)
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise UserError(f"--output_path {folder}: {existing} is a file. Choose another folder.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(f"--output_path {folder}: {existing} cannot be written to. Choose another folder.")


def _run_name(material: Material) -> Change:
    name = readable(expanded(material.config.datasets[0].path).resolve().name)
    return Change("run_name", f"{material.config.model}-{name}", "the model and the recordings")


def _suitable(material: Material, clips: int, held_out: int, seconds: float, world: World) -> list[Change]:
    """What the recordings decide; where a family knows better than the rules for all, it decides."""
    config, device, chosen = material.config, material.device, material.chosen
    minutes = seconds / 60 * clips / (clips + held_out)
    memory = available_memory(device) or 8 * 10**9
    if not material.request.dry:
        memory = -world.highest(-memory)  # all processes go by the smallest
    recorded = Recorded(clips=clips, minutes=minutes, memory=memory)
    own = material.family.fine_tune_settings(config, recorded) if material.base is not None else []
    known = {change.field: change.value for change in own if change.field not in chosen}
    accumulated = material.request.limits.grad_accum_steps or _accumulated(
        material, clips, world, known.get("batch_size")
    )
    counted = _clips_in_a_batch(config, seconds / (clips + held_out)) or known.get("batch_size", material.batch_size())
    common = fine_tune_defaults(
        minutes=minutes,
        clips=clips,
        device=device,
        rates=rates_from_scratch(config),
        bf16=device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False),
        batch_size=counted,
        epochs=known.get("epochs", config.epochs if "epochs" in chosen else None),
        batches_per_step=world.size * accumulated,
        cpus=usable_cpus() // world.local_size,
        adapters=config.lora_rank > 0,
    )
    decided = {change.field for change in own} | ({"batch_size"} if config.batch_frames else set())
    return [*own, *(change for change in common if change.field not in decided)]


def _clips_in_a_batch(config: Any, seconds: float) -> int | None:
    """Clips of average length in a batch that is counted in frames; None where clips are counted."""
    if not config.batch_frames:
        return None
    return max(1, round(config.batch_frames * config.audio.hop_length / (config.audio.sample_rate * seconds)))


def _accumulated(material: Material, clips: int, world: World, batch_size: int | None = None) -> int:
    """Batches of a step, for a family that wants a step to see many clips."""
    wanted = material.family.clips_an_update(material.config, clips) if material.base is not None else None
    batch_size = batch_size or int(material.config.batch_size)
    return 1 if wanted is None else max(1, round(wanted / (batch_size * world.size)))


def _show_settings(config: Any, filled_in: Sequence[Change], advice: Sequence[Change], *, fill_in: bool) -> None:
    if fill_in:
        logger.info("Settings for these recordings (--coqpit.FIELD VALUE sets another):\n%s", defaults_table(filled_in))
        return
    other = [change for change in advice if getattr(config, change.field, change.value) != change.value]
    if other:
        logger.info(
            "The config is taken as it stands. These recordings would suggest (--coqpit.FIELD VALUE):\n%s",
            defaults_table(other),
        )


def _assets(material: Material, report: RestoreReport | None) -> list[RunAsset]:
    assets, config = material.assets(), material.config
    if config.audio.stats_path:
        assets.append(RunAsset("scale_stats.npy", Path(config.audio.stats_path), ("audio.stats_path",)))
    if report is not None:
        assets.append(RunAsset("restore_report.json", report.to_dict()))
    return assets

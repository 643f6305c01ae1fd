"""From a config, recordings and pre-trained weights to a job that can be trained.

Everything that can be wrong with any of the three shows here, in seconds, before the first step.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from finetune_tts.assembly.defaults import (
    Default,
    apply_defaults,
    defaults_table,
    fine_tune_defaults,
    from_nothing,
    rates_from_nothing,
    split_defaults,
)
from finetune_tts.assembly.pretrained import Pretrained, read_pretrained, warn_of_other_audio
from finetune_tts.assembly.run_record import data_facts, record_of
from finetune_tts.assembly.sentences import Teller, sample_speaker, speakable, test_sentences_of, told_anew
from finetune_tts.assembly.speaker_vectors import VectorSource, encoder_at_hand
from finetune_tts.assembly.speakers_and_languages import Conditions, conditions_of
from finetune_tts.assembly.vocabulary import merged_tokenizer
from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.checkpoints.networks import absent_modules, restore_network
from finetune_tts.checkpoints.report import RestoreReport
from finetune_tts.checkpoints.restoring import RowRule
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.data.content import CACHE_NAME
from finetune_tts.data.dataset import SpeechDataset
from finetune_tts.data.gathering import Formatter
from finetune_tts.data.preparing import PreparedData, prepare_data
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError
from finetune_tts.families.building import build_model, fit_to_weights
from finetune_tts.families.checks import require_valid
from finetune_tts.families.registry import family_of
from finetune_tts.files import expanded
from finetune_tts.machine.device import choose_device
from finetune_tts.machine.distributed import World, world_from_environment
from finetune_tts.machine.seeds import seed_everything
from finetune_tts.runs.creation import RunAsset
from finetune_tts.speaker_encoder.encoder import EncoderFiles
from finetune_tts.synthesis.available_vocoder import give_vocoder_at_hand
from finetune_tts.synthesis.voice import Voice
from finetune_tts.tasks.adversarial_rates import spread_rate
from finetune_tts.text.tokenizer import Tokenizer
from finetune_tts.training.run import StoppedRun, TrainingJob
from finetune_tts.training.settings import RunLimits
from finetune_tts.training.state import RunState

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What a person asks for."""

    config: SpeechConfig
    """Of the run, with all overrides applied."""
    restore_path: Path | None = None
    """A checkpoint or its folder; None trains from nothing."""
    chosen: frozenset[str] = frozenset()
    """Names of the top-level fields that the person set."""
    fill_in: bool = False
    """Choose settings that suit the data for what the person did not set."""
    allow_partial: bool = False
    """Go on with a model that was restored in part."""
    encoder: EncoderFiles | None = None
    """The speaker encoder that the person names."""
    device: str = "auto"
    formatter: Formatter | None = None
    """The person's own reader of metadata."""
    limits: RunLimits = RunLimits()
    samples: Sequence[Sample] | None = None
    """Those of the data sets, where they were read before."""
    dry: bool = False
    """For a check: no more features are computed than are looked at, and the text may lack in the vocabulary."""


@dataclass(frozen=True)
class Assembly:
    """A job with what is known about it."""

    job: TrainingJob
    data: PreparedData
    voice: Voice
    speaker: str | None
    """Who speaks test sentences, for a model of several speakers: the one with most of the recordings."""
    report: RestoreReport | None
    """None for a model that starts from nothing, or a run that goes on."""
    pretrained: Pretrained | None
    """What it starts from, likewise."""
    advice: tuple[Default, ...]
    """Settings that suit the recordings."""
    applied: frozenset[str]
    """Fields of the advice that were set."""
    language: str | None = None
    """Which language is spoken in test sentences that name none, likewise."""


def assemble(request: Request) -> Assembly:
    """Check everything, restore, and make the job of a new run.

    The config of the request is completed in place: alphabet, speakers, settings that suit the data.

    Raises:
        UserError: anything that would make the run fail, or make it something else than what was asked for.
    """
    config = request.config
    request = replace(request, chosen=spread_rate(config, request.chosen))
    require_valid(config)
    if not any(dataset.path for dataset in config.datasets):
        raise UserError("Where are the recordings? Give --dataset_path DIR, or --coqpit.datasets.0.path DIR.")
    world = world_from_environment()
    device = choose_device(request.device, local_rank=world.local_rank)
    check_writable(Path(config.output_path))
    pretrained = read_pretrained(request.restore_path, config) if request.restore_path else None
    if pretrained is not None and not request.dry:  # which a check says itself
        warn_of_other_audio(pretrained, config)
    weights = fit_to_weights(config, pretrained.checkpoint, request.chosen) if pretrained is not None else {}
    tokenizer = merged_tokenizer(config, pretrained.symbols if pretrained else None)
    extractor = SpectrogramExtractor(config.audio)
    split = split_defaults()
    filled_in = apply_defaults(config, [_run_name(config), *split], request.chosen) if request.fill_in else []
    data = _prepare(config, tokenizer, extractor, request)
    suitable = _suitable(request, data, device, world)
    filled_in += apply_defaults(config, suitable, request.chosen) if request.fill_in else []
    advice = (*split, *(suitable if pretrained is not None else from_nothing(suitable, rates_from_nothing(config))))
    if pretrained is not None:
        _show_settings(config, filled_in, advice, fill_in=request.fill_in)
    samples = data.split.train + data.split.eval
    conditions = conditions_of(config, samples, pretrained, _vectors(request, pretrained, device))
    # Fresh weights come from the seed, in every process the same.
    seed_everything(config.training_seed)
    network = build_model(config, len(tokenizer.vocabulary), conditions.speaker_rows, conditions.language_rows)
    report = None
    if pretrained is not None:
        report = _restored(config, network, weights, pretrained, tokenizer, conditions)
        report.raise_for_gap(allow_partial=request.allow_partial)
        require_finite(report)
    voice = Voice(
        network,
        config,
        tokenizer,
        extractor,
        speakers=conditions.speakers,
        d_vectors=conditions.d_vectors,
        languages=conditions.languages,
    )
    if pretrained is not None:
        give_vocoder_at_hand(voice, pretrained.checkpoint.path, device)
    speaker = _most_heard(sample.speaker for sample in data.split.train) if voice.speaker_names else None
    language = _most_heard(sample.language for sample in data.split.train)
    default = Teller(speaker, language if language in voice.languages else None)
    sentences = test_sentences_of(config)
    if request.fill_in and "test_sentences" not in request.chosen:
        sentences = [told_anew(sentence, samples, speaker) for sentence in sentences]
    config.test_sentences = speakable(voice, sentences, default)
    config.test_sentences_file = ""
    for group in (config, config.model_args):
        if "num_chars" in group:
            group["num_chars"] = len(tokenizer.vocabulary)
    job = TrainingJob(
        config=config,
        network=network,
        train_data=_dataset(config, data.split.train, data, conditions, training=True),
        eval_data=_dataset(config, data.split.eval, data, conditions) if data.split.eval else None,
        device=device,
        restored=pretrained is not None,
        fresh_discriminator=pretrained is not None and _lacks_discriminator(network, config, weights),
        chosen=request.chosen,
        world=world,
        assets=_assets(config, conditions, report),
        speak=sample_speaker(voice, default),
        limits=request.limits,
        record=record_of(
            config,
            data=data_facts(config, data),
            held_out=data.split.eval,
            device=device,
            base_weights=pretrained.checkpoint.path if pretrained else None,
            base_config=pretrained.config if pretrained else None,
            speaker=speaker,
            language=default.language,
            chosen=request.chosen,
            filled_in=filled_in,
        ),
    )
    applied = frozenset(default.field for default in filled_in)
    return Assembly(job, data, voice, speaker, report, pretrained, advice, applied, default.language)


def assemble_continued(run: StoppedRun, request: Request) -> Assembly:
    """Make the job of a run that goes on: its own config, alphabet, speakers and data, in its own folder.

    Args:
        run: that stopped.
        request: with the run's config and what the person changed of it; its restore fields do not count.

    Raises:
        UserError: no run of this program wrote the checkpoint; the data of the run are gone or do not fit any more.
    """
    RunState.of(run.checkpoint)  # raises if there is no place to go on from
    continued = assemble(replace(request, restore_path=None, fill_in=False))
    give_vocoder_at_hand(continued.voice, run.folder, continued.job.device)
    # The network is filled from the run's checkpoint, and must not be initialised from data.
    return replace(continued, job=replace(continued.job, resumes=run, assets=()))


def _most_heard(names: Iterable[str]) -> str:
    return Counter(names).most_common(1)[0][0]


def check_writable(folder: Path) -> None:
    """Find out in the first second, not after the features were computed, that the output folder cannot be used."""
    existing = expanded(folder).absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise UserError(f"--output_path {folder}: {existing} is a file. Choose another folder.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(f"--output_path {folder}: {existing} cannot be written to. Choose another folder.")


def _prepare(
    config: SpeechConfig, tokenizer: Tokenizer, extractor: SpectrogramExtractor, request: Request
) -> PreparedData:
    family = family_of(config.model)
    return prepare_data(
        config,
        tokenizer,
        extractor,
        sample_rate=config.audio.sample_rate,
        cache_folder=expanded(config.output_path) / CACHE_NAME,
        seed=config.training_seed,
        formatter=request.formatter,
        samples=request.samples,
        dry=request.dry,
        aligned_frames=family.aligned_frames(config),
        waveforms=family.needs_waveforms,
    )


def _vectors(request: Request, pretrained: Pretrained | None, device: torch.device) -> VectorSource:
    """Where d-vectors come from, for a model that has them."""
    config = request.config
    folders = [pretrained.checkpoint.path.parent] if pretrained is not None else []
    return VectorSource(
        encoder=encoder_at_hand(config, request.encoder, folders),
        cache_folder=expanded(config.output_path) / CACHE_NAME,
        device=device,
        files_are_own=not request.fill_in or "d_vector_file" in request.chosen,
        dry=request.dry,
    )


def _show_settings(
    config: SpeechConfig, filled_in: Sequence[Default], advice: Sequence[Default], *, fill_in: bool
) -> None:
    if fill_in:
        logger.info("Settings for these recordings (--coqpit.FIELD VALUE sets another):\n%s", defaults_table(filled_in))
        return
    other = [default for default in advice if getattr(config, default.field, default.value) != default.value]
    if other:
        logger.info(
            "The config is taken as it stands. These recordings would suggest (--coqpit.FIELD VALUE):\n%s",
            defaults_table(other),
        )


def _run_name(config: SpeechConfig) -> Default:
    name = expanded(config.datasets[0].path).resolve().name
    return Default("run_name", f"{config.model}-{name}", "the model and the recordings")


def _suitable(request: Request, data: PreparedData, device: torch.device, world: World) -> list[Default]:
    """What the recordings decide."""
    config, chosen, clips = request.config, request.chosen, len(data.split.train)
    return fine_tune_defaults(
        minutes=data.seconds / 60 * clips / (clips + len(data.split.eval)),
        clips=clips,
        device=device,
        rates=rates_from_nothing(config),
        bf16=device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False),
        batch_size=config.batch_size if "batch_size" in chosen else None,
        epochs=config.epochs if "epochs" in chosen else None,
        batches_per_step=world.size * (request.limits.grad_accum_steps or 1),
    )


def _restored(
    config: SpeechConfig,
    network: nn.Module,
    weights: Mapping[str, Tensor],
    pretrained: Pretrained,
    tokenizer: Tokenizer,
    conditions: Conditions,
) -> RestoreReport:
    """Copy the pre-trained weights into the network, and show what became of them."""
    family = family_of(config.model)
    rules = [
        RowRule(family.embedding_rows.symbols, pretrained.symbols, tokenizer.vocabulary.symbols),
        *conditions.row_rules(config.model, pretrained),
    ]
    renewed = family.renewed(config)
    report = restore_network(
        network,
        weights,
        source=pretrained.checkpoint.path,
        row_rules=rules,
        fresh_ok=absent_modules(network, weights, (family.discriminator, *family.only_in_training)),
        renewed=renewed,
        derived=family.derived,
    )
    if renewed:
        logger.info("Begins fresh, as the config asks: %s", ", ".join(renewed))
    logger.info("%s", report.table())
    return report


def _lacks_discriminator(network: nn.Module, config: SpeechConfig, weights: Mapping[str, Tensor]) -> bool:
    """Whether the discriminator begins fresh, as the weights hold none."""
    return bool(absent_modules(network, weights, (family_of(config.model).discriminator,)))


def require_finite(report: RestoreReport) -> None:
    """Refuse weights that hold NaN or infinity."""
    if report.non_finite:
        raise UserError(
            f"{report.source}: {len(report.non_finite)} tensors hold NaN or infinity, the first is "
            f"{report.non_finite[0]}: such a model cannot be tuned. Take an earlier checkpoint."
        )


def _dataset(
    config: SpeechConfig,
    samples: Sequence[Sample],
    data: PreparedData,
    conditions: Conditions,
    *,
    training: bool = False,
) -> SpeechDataset:
    return SpeechDataset(
        samples,
        data.tokens,
        data.cache,
        speakers=conditions.speakers,
        d_vectors=conditions.d_vectors,
        languages=conditions.languages,
        noise_seed=config.training_seed if training and config.use_noise_augment else None,
    )


def _assets(config: SpeechConfig, conditions: Conditions, report: RestoreReport | None) -> list[RunAsset]:
    assets = conditions.assets(config)
    if config.audio.stats_path:
        assets.append(RunAsset("scale_stats.npy", Path(config.audio.stats_path), ("audio.stats_path",)))
    if report is not None:
        assets.append(RunAsset("restore_report.json", report.to_dict()))
    return assets

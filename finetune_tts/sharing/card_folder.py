"""The folder that goes to the model hub: the model, its card, and samples."""

import logging
from pathlib import Path
from typing import Any

from finetune_tts import __version__
from finetune_tts.audio.reading import write_waveform
from finetune_tts.catalog.cache import ORIGIN_NAME
from finetune_tts.catalog.folder import provenance
from finetune_tts.checkpoints.reading import read_checkpoint
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.files import write_text
from finetune_tts.hearing.listener import spread
from finetune_tts.hearing.metrics import METRICS
from finetune_tts.hearing.run_listener import language_of
from finetune_tts.report.evidence import BASE, BEST, Evidence, ReportOptions, gather, quiet_loading
from finetune_tts.runs.record import RunRecord, read_record
from finetune_tts.sharing.card import FILE_NAME, CardFacts, Sample, card
from finetune_tts.sharing.model_folder import write_model_folder
from finetune_tts.sharing.source import Shared, Source

logger = logging.getLogger(__name__)

FOLDER_NAME = "hub"
SAMPLES_NAME = "samples"
_MOST_SAMPLES = 3


def write(source: Source) -> Shared:
    """Write the folder ``hub`` as ``--export hub`` uploads it, to be looked at.

    Raises:
        UserError: the model cannot be read, or the disk is full.
    """
    files = write_card_folder(source)
    folder = source.folder / FOLDER_NAME
    return Shared(tuple(files), (f"look at {folder / FILE_NAME}; --export hub uploads what is in {folder}",))


def write_card_folder(source: Source) -> list[Path]:
    """Write model, card and samples (raises as :func:`write`).

    Returns:
        The files that are to be published.
    """
    folder = source.folder / FOLDER_NAME
    files = write_model_folder(source, folder)
    (folder / ORIGIN_NAME).unlink()  # the card says the same, and who downloads it has an own one
    record = read_record(source.weights.parent)
    evidence = _evidence(source, record)
    samples = _write_samples(evidence, folder) if evidence is not None else []
    write_text(folder / FILE_NAME, card(_facts(source, record, evidence, samples)))
    return [folder / FILE_NAME, *files, *(folder / sample.file for sample in samples)]


def _evidence(source: Source, record: RunRecord | None) -> Evidence | None:
    """What the report of the run has heard, heard again; None for what is no run."""
    if record is None:
        return None
    try:
        with quiet_loading():
            return gather(source.weights.parent, ReportOptions())
    except UserError as error:
        logger.warning("The card gets neither metrics nor samples: %s", error)
        return None


def _write_samples(evidence: Evidence, folder: Path) -> list[Sample]:
    """Let the best model be heard with test sentences; those of recordings are nobody else's."""
    found: list[Sample] = []
    for row in evidence.rows:
        utterance = row.utterances.get(BEST)
        if utterance is None or utterance.sound is None or row.sentence.recording or len(found) == _MOST_SAMPLES:
            continue
        sample = Sample(f"{SAMPLES_NAME}/sample_{len(found) + 1}.wav", row.sentence.text)
        (folder / SAMPLES_NAME).mkdir(exist_ok=True)
        write_waveform(folder / sample.file, utterance.sound.waveform, utterance.sound.sample_rate)
        found.append(sample)
    return found


def _metrics(evidence: Evidence) -> tuple[dict[str, tuple[str, str]], int]:
    """Name of a metric → the values of the base and of the best model, and how many sentences they are over."""
    rows = [row for row in evidence.rows if row.sentence.recording]
    heard = {key: [row.utterances[key] for row in rows if key in row.utterances] for key in (BASE, BEST)}
    found: dict[str, tuple[str, str]] = {}
    for metric in METRICS.values():
        before, after = (spread(heard[key], metric.key) for key in (BASE, BEST))
        if after is not None:
            found[f"{metric.title} ({metric.aim_in_words})"] = (
                metric.text(before.mean) if before is not None else "–",
                metric.text(after.mean),
            )
    return found, len(rows)


def _facts(source: Source, record: RunRecord | None, evidence: Evidence | None, samples: list[Sample]) -> CardFacts:
    config: Any = source.config()
    is_vocoder = isinstance(config, VocoderConfig)
    origin = provenance(source.weights.parent)
    language = language_of(config, record) or (origin.name.split("/")[1] if origin and origin.name else "")
    languages = record.data.languages if record is not None and record.data.languages else (language,)
    metrics, sentences = _metrics(evidence) if evidence is not None else ({}, 0)
    flags = [] if record is None or is_vocoder else _speak_flags(record)
    return CardFacts(
        title=source.wishes.hub_name.rpartition("/")[2] or str(config.run_name or config.model),
        architecture=config.model,
        is_vocoder=is_vocoder,
        languages=[name for name in languages if name],
        repository=source.wishes.hub_name,
        terms=source.terms,
        version=__version__,
        data=record.data if record is not None else None,
        steps=read_checkpoint(source.weights).step,
        metrics=metrics,
        sentences=sentences,
        samples=samples,
        speak_flags=flags,
    )


def _speak_flags(record: RunRecord) -> list[str]:
    given = {"--speaker_idx": record.speaker, "--language_idx": record.language}
    return [f'{flag} "{value}"' for flag, value in given.items() if value]

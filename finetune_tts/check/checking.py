"""The check before a run: the recordings, the model and the machine, each alone and against the others.

Nothing is trained and no run folder is made. Whatever goes wrong becomes a finding, and the check continues as far as
it can, so that the user learns everything at once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from finetune_tts.assembly.assembly import Assembly, assemble, read_samples
from finetune_tts.assembly.request import Request
from finetune_tts.assembly.speech import CONTOURS_OF_A_CHECK, SpeechMaterial
from finetune_tts.check.audio_verdicts import AudioVerdict, audio_verdicts, check_same_spectrograms, mel_reach
from finetune_tts.check.finding import Clip, Finding, Severity, fine, worst
from finetune_tts.check.log_warnings import warnings_kept
from finetune_tts.check.machine_checks import (
    Machine,
    check_device,
    check_disk,
    check_trial,
    describe_machine,
    free_space,
    run_time,
)
from finetune_tts.check.measuring import Measured, measure_samples
from finetune_tts.check.memory_plans import PlannedMemory, planned_memory
from finetune_tts.check.model_checks import (
    ModelSummary,
    check_new_languages,
    check_restored,
    check_text_settings,
    summarise_model,
)
from finetune_tts.check.pitch_checks import check_pitch
from finetune_tts.check.recording_checks import check_amount, check_pace, check_recordings
from finetune_tts.check.summary import DataSummary, summarise
from finetune_tts.check.transcript_checks import Coverage, check_long_texts, check_transcripts, coverage
from finetune_tts.check.transcripts import read_transcripts
from finetune_tts.check.trial import Trial, try_steps
from finetune_tts.config.adaptation import patterns_of
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.data.content import CACHE_NAME
from finetune_tts.data.rows import Row
from finetune_tts.data.sample import Sample
from finetune_tts.data.tokenizing import TokenCache
from finetune_tts.errors import UserError, counted
from finetune_tts.families.reading import tokenizer_of
from finetune_tts.families.registry import family_of
from finetune_tts.files import expanded
from finetune_tts.machine.device import choose_device
from finetune_tts.machine.precision import choose_precision

QUICK_CLIPS = 200
"""Recordings that the short check before a run decodes, beyond those that are known."""


_FEW_MINUTES = 5.0


@dataclass(frozen=True)
class Advice:
    """A setting that suits the recordings, and why.

    Attributes:
        field: of the config.
        value: that suits.
        reason: in half a line.
        used: what a run of this request uses: the same, unless the user or the config says otherwise.
    """

    field: str
    value: Any
    reason: str
    used: Any


@dataclass(frozen=True)
class CheckReport:
    """Everything that a check found out.

    Attributes:
        findings: about the data, the model and the machine, in this order.
        samples: of the data sets whose recordings are there.
        data: the data sets in numbers; None where there is nothing to tell of.
        audio: the model's audio settings against the recordings.
        model: what is restored; None where that cannot be told.
        machine: None where there is no such device.
        trial: of some steps; None where it did not come to that.
        advice: settings that suit the recordings.
        notes: what was warned of on the way.
    """

    findings: tuple[Finding, ...]
    samples: tuple[Sample, ...]
    data: DataSummary | None
    audio: tuple[AudioVerdict, ...]
    model: ModelSummary | None
    machine: Machine | None
    trial: Trial | None
    advice: tuple[Advice, ...]
    notes: tuple[str, ...]

    @property
    def severity(self) -> Severity:
        """The worst of all findings."""
        return worst(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON; ``docs/checking.md`` tells the form."""
        trial = None
        if self.trial is not None:
            plans = [plan.to_dict() for plan in self.trial.plans]
            trial = {**asdict(self.trial), "run_time": run_time(self.trial), "plans": plans}
        return {
            "version": 1,
            "status": self.severity.value,
            "findings": [finding.to_dict() for finding in self.findings],
            "data": self.data.to_dict() if self.data else None,
            "audio": [verdict.to_dict() for verdict in self.audio],
            "model": self.model.to_dict() if self.model else None,
            "machine": self.machine.to_dict() if self.machine else None,
            "trial": trial,
            "advice": [asdict(advice) for advice in self.advice],
            "notes": list(self.notes),
        }


def check(request: Request) -> CheckReport:
    """Check data, model and machine of a run, and how they fit together.

    The config of the request is completed in place, as by :func:`finetune_tts.assembly.speech.assemble`.
    """
    config = request.config
    findings: list[Finding] = []
    faults: list[Finding] = []
    with warnings_kept() as notes:
        samples, measured = _recordings(request, findings)
        readable = [sample for sample in samples if sample.audio_file in measured.clips]
        assembly = _assembled(request, readable, faults) if readable else None
        summary = _look_at_data(request, samples, measured, assembly, findings)
        findings += faults
        if assembly is not None:
            findings += _model_findings(assembly, config)
        device = _device(request, findings)
        trial = _trial(assembly, findings) if assembly is not None and worst(findings) is not Severity.STOPS else None
    machine = None
    if device is not None:
        findings.append(check_device(device))
        precision = choose_precision(config, device, request.chosen)
        machine = describe_machine(device, precision.dtype, config.output_path)
    return CheckReport(
        findings=tuple(findings),
        samples=tuple(samples),
        data=summary,
        audio=audio_verdicts(config.audio, summary) if summary is not None else (),
        model=summarise_model(assembly.material.base, assembly.report, assembly.job.network) if assembly else None,
        machine=machine,
        trial=trial,
        advice=_advice(assembly) if assembly else (),
        notes=tuple(dict.fromkeys(notes)),
    )


def quick_check(assembly: Assembly) -> list[Finding]:
    """The short check of a run that is about to begin: its texts, and the recordings as far as that is fast.

    Args:
        assembly: of the run; what its assembly complains about itself is not said again.
    """
    config = assembly.job.config
    folder = expanded(config.output_path) / CACHE_NAME
    # In this process: the device may be in use by now, and is not to be forked with it.
    measured = measure_samples(assembly.samples, folder, workers=0, at_most=QUICK_CLIPS)
    findings = _recording_findings(config, assembly.samples, measured)
    if assembly.material.tokens is not None:
        findings += _transcript_findings(
            assembly.samples, measured, assembly.material.tokens, assembly.material.symbols
        )[0]
    findings += _pitch_findings(assembly)
    return [finding for finding in findings if finding.id != "unknown_symbols"]


def _recordings(request: Request, findings: list[Finding]) -> tuple[list[Sample], Measured]:
    absent: list[Row] = []
    layouts: list[str] = []
    try:
        samples = read_samples(request, absent, layouts)
        measured = measure_samples(samples, expanded(request.config.output_path) / CACHE_NAME)
    except UserError as error:
        findings.append(_stop("data_set", error))
        return [], Measured({}, {})
    findings += [fine("metadata", layout) for layout in layouts]
    findings.append(_absent(absent))
    return samples, measured


def _absent(absent: Sequence[Row]) -> Finding:
    if not absent:
        return fine("absent", "every recording is there")
    clips = tuple(Clip(Path(row.audio[0]).stem, Path(row.audio[0]), f"named in {row.origin}") for row in absent)
    return Finding(
        "absent",
        Severity.STOPS,
        f"{counted(len(clips), 'recording')} missing",
        "Put them where the metadata says, or leave their lines out with --write_filtered.",
        clips,
        len(clips),
        spoils=True,
    )


def _assembled(request: Request, samples: Sequence[Sample], faults: list[Finding]) -> Assembly | None:
    try:
        return assemble(replace(request, samples=samples, dry=True))
    except UserError as error:
        faults.append(_stop("run", error))
        return None


def _tokens_of(config: Any) -> TokenCache | None:
    """The texts of a model that could not be assembled, as its config alone reads them; None where there are none."""
    if isinstance(config, VocoderConfig):
        return None
    try:
        return TokenCache(tokenizer_of(config))
    except UserError:  # which kept the model from being assembled too, and is told there
        return None


def _stop(id: str, error: UserError) -> Finding:
    return Finding(id, Severity.STOPS, str(error), count=1)


def _look_at_data(
    request: Request, samples: list[Sample], measured: Measured, assembly: Assembly | None, findings: list[Finding]
) -> DataSummary | None:
    """Add the findings about recordings and texts; return the data sets in numbers."""
    if not samples:
        return None
    findings += _recording_findings(request.config, samples, measured)
    found: Coverage | None = None
    tokens = assembly.material.tokens if assembly is not None else _tokens_of(request.config)
    if tokens is not None:
        symbols = assembly.material.symbols if assembly is not None else None
        try:
            about_texts, found = _transcript_findings(samples, measured, tokens, symbols)
        except UserError:  # a language or a package that is missing kept the model from being assembled too
            if assembly is not None:
                raise
        else:
            findings += about_texts
    if assembly is not None:
        findings += _pitch_findings(assembly)
        findings += _left_out(assembly.dropped, assembly.durations)
    return summarise(samples, measured, found)


def _pitch_findings(assembly: Assembly) -> list[Finding]:
    """What a model that learns the pitch would learn of some of the recordings."""
    material, config = assembly.material, assembly.job.config
    if not isinstance(material, SpeechMaterial) or "pitch" not in material.family.contours(config):
        return []
    return check_pitch(material.data.some(CONTOURS_OF_A_CHECK), material.data.cache, config.audio)


def _recording_findings(config: Any, samples: Sequence[Sample], measured: Measured) -> list[Finding]:
    audio = config.audio
    levels = audio.do_sound_norm or (audio.do_rms_norm and audio.db_level is not None)
    return check_recordings(samples, measured, trims=audio.do_trim_silence, levels=levels, highest=mel_reach(audio))


def _transcript_findings(
    samples: Sequence[Sample], measured: Measured, tokens: TokenCache, known: Collection[str] | None
) -> tuple[list[Finding], Coverage]:
    transcripts = read_transcripts(samples, tokens)
    vocabulary = tokens.tokenizer.vocabulary
    known = set(vocabulary.symbols if known is None else known)
    new = [symbol for symbol in vocabulary.symbols if symbol not in known and len(symbol) == 1]
    findings = [
        check_pace(samples, [transcript.symbols for transcript in transcripts], measured),
        *check_transcripts(samples, transcripts, vocabulary, new),
        *check_long_texts(samples, tokens.tokenizer),
    ]
    return findings, coverage(transcripts, vocabulary)


def _left_out(dropped: Mapping[str, Sequence[Sample]], durations: Mapping[Path, float]) -> list[Finding]:
    """Samples that the run skips by itself, by reason."""
    return [
        Finding(
            "left_out",
            Severity.ADVISES,
            f"{counted(len(samples))} left out: {reason}",
            "The run continues without them. To keep them, cut long ones at pauses, and join short ones, with their "
            "texts.",
            tuple(
                Clip(
                    sample.name,
                    sample.audio_file,
                    f"{durations[sample.audio_file]:.1f} s, {len(sample.text)} characters",
                )
                for sample in samples
            ),
            len(samples),
        )
        for reason, samples in dropped.items()
        if samples
    ]


def _model_findings(assembly: Assembly, config: Any) -> list[Finding]:
    material = assembly.material
    findings = [check_same_spectrograms(material.audio, config.audio), check_restored(assembly.report)]
    if material.base is not None:
        findings += check_amount(assembly.seconds / 60, material.family.enough_minutes)
    if isinstance(material, SpeechMaterial) and material.base is not None:
        findings += check_new_languages(material.original_tokenizer, material.tokenizer)
    if material.reading is not None:
        findings.append(check_text_settings(material.reading, config))
    return findings


def _device(request: Request, findings: list[Finding]) -> torch.device | None:
    try:
        return choose_device(request.device)
    except UserError as error:
        if not any(finding.title == str(error) for finding in findings):
            findings.append(_stop("device", error))
        return None


def _trial(assembly: Assembly, findings: list[Finding]) -> Trial | None:
    job, material = assembly.job, assembly.material
    plan = None
    if isinstance(material, SpeechMaterial):
        network_of = material.network_of

        def plan(batch: Any, passes: int) -> tuple[PlannedMemory, ...]:
            return planned_memory(job.config, network_of, batch, job.device, job.chosen, passes)

    try:
        trial = try_steps(job, assembly.durations, plan=plan)
    except UserError as error:
        findings.append(_stop("steps", error))
        return None
    output_path = job.config.output_path
    findings += [*check_trial(trial, job.device), check_disk(trial, free_space(output_path), output_path)]
    return trial


def _advice(assembly: Assembly) -> tuple[Advice, ...]:
    config = assembly.job.config
    settings = [
        Advice(advice.field, advice.value, advice.reason, getattr(config, advice.field))
        for advice in assembly.advice
        if hasattr(config, advice.field)
    ]
    # What starts from scratch has nothing that could stay as it is.
    return (*settings, _freezing(assembly)) if assembly.material.base is not None else tuple(settings)


def _freezing(assembly: Assembly) -> Advice:
    """Which part of the network should stay as it is."""
    config = assembly.job.config
    switches = freeze_switches(config)
    frozen = " ".join([*(name for name, on in switches.items() if on), *patterns_of(config.freeze)]) or "nothing"
    minutes = assembly.seconds / 60
    new_symbols = (
        assembly.report is not None
        and assembly.material.tokens is not None
        and any(row.new for row in assembly.report.rows if row.name == family_of(config.model).embedding_rows.symbols)
    )
    if not switches:
        return Advice("freezing", "nothing", "the low rate keeps what the model knows", frozen)
    if minutes < _FEW_MINUTES and "freeze_encoder" in switches and not new_symbols:
        reason = f"{minutes:.0f} min hold too few words to learn from how they are pronounced"
        return Advice("freezing", "freeze_encoder", reason, frozen)
    return Advice("freezing", "nothing", f"{minutes:.0f} min are enough for all parts to follow the voice", frozen)


def freeze_switches(config: Any) -> dict[str, bool]:
    """The fields of a config, or of its ``model_args``, that keep a part of the network from learning."""
    switches: dict[str, bool] = {}
    for group in (config, getattr(config, "model_args", None) or {}):
        fields = group if isinstance(group, Mapping) else vars(group)
        switches.update({name: bool(value) for name, value in fields.items() if name.startswith("freeze_")})
    return switches

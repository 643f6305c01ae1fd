"""What a check looks at, in one form: a model that reads text, or a vocoder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from finetune_tts.assembly.defaults import Default
from finetune_tts.assembly.speech import Assembly, Request, assemble
from finetune_tts.assembly.vocoder import VocoderAssembly, assemble_vocoder, name_recordings
from finetune_tts.checkpoints.report import RestoreReport
from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.base import Config
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.data.gathering import load_samples
from finetune_tts.data.recordings import load_recordings
from finetune_tts.data.rows import Row
from finetune_tts.data.sample import Sample
from finetune_tts.data.tokenizing import TokenCache, build_tokenizer
from finetune_tts.errors import UserError
from finetune_tts.families.loading import load_any_config
from finetune_tts.synthesis.loading import config_beside
from finetune_tts.training.run import TrainingJob


@dataclass(frozen=True)
class Subject:
    """A job with what a check wants to know about it.

    Attributes:
        job: of the run.
        samples: to train on, and held out.
        dropped: reason → samples left out.
        durations: of the recordings, in seconds.
        report: of the restoring; None for a model that starts from nothing.
        source: the weights, likewise.
        audio: audio settings that the weights were trained with, as far as they are known.
        reading: config that the weights were trained with; None for a vocoder, or what starts from nothing.
        tokens: texts of the samples; None for a vocoder.
        symbols: alphabet of the weights; None for a vocoder, or what starts from nothing.
        advice: settings that suit the recordings.
    """

    job: TrainingJob
    samples: Sequence[Sample]
    dropped: Mapping[str, Sequence[Sample]]
    durations: Mapping[Path, float]
    report: RestoreReport | None
    source: Path | None
    audio: AudioConfig | None
    reading: SpeechConfig | None
    tokens: TokenCache | None
    symbols: tuple[str, ...] | None
    advice: tuple[Default, ...]

    @property
    def seconds(self) -> float:
        """Duration of all samples."""
        return sum(self.durations[sample.audio_file] for sample in self.samples)


def read_samples(request: Request, absent: list[Row]) -> list[Sample]:
    """Read the data sets of a run; rows whose recording is missing go to ``absent``.

    Raises:
        UserError: see :func:`finetune_tts.data.gathering.load_samples`.
    """
    config = request.config
    if isinstance(config, VocoderConfig):
        name_recordings(config, request.chosen)
        return load_recordings(config.datasets, request.formatter, absent=absent)
    return load_samples(config.datasets, request.formatter, absent=absent)


def assemble_dry(request: Request, samples: Sequence[Sample]) -> Subject:
    """Assemble a run of samples that were read before, without computing all of their features.

    Raises:
        UserError: what would make the run fail.
    """
    request = replace(request, samples=samples, dry=True)
    return subject_of(assemble_vocoder(request) if isinstance(request.config, VocoderConfig) else assemble(request))


def subject_of(assembly: Assembly | VocoderAssembly) -> Subject:
    """Bring an assembly into the one form."""
    data = assembly.data
    if isinstance(assembly, VocoderAssembly):
        source, audio, reading, tokens, symbols = assembly.base, _audio_beside(assembly.base), None, None, None
    else:
        pretrained, tokens = assembly.pretrained, assembly.data.tokens
        source = pretrained.checkpoint.path if pretrained else None
        reading = pretrained.config if pretrained else None
        audio = reading.audio if reading else None
        symbols = pretrained.symbols if pretrained else None
    return Subject(
        job=assembly.job,
        samples=data.split.train + data.split.eval,
        dropped=data.dropped,
        durations=data.durations,
        report=assembly.report,
        source=source,
        audio=audio,
        reading=reading,
        tokens=tokens,
        symbols=symbols,
        advice=assembly.advice,
    )


def tokens_of(config: Config) -> TokenCache | None:
    """The texts of a model that could not be assembled, as its config alone reads them; None where there are none."""
    if isinstance(config, VocoderConfig):
        return None
    try:
        return TokenCache(build_tokenizer(config))
    except UserError:  # which kept the model from being assembled too, and is told there
        return None


def _audio_beside(weights: Path | None) -> AudioConfig | None:
    """Audio settings of the config beside the weights."""
    if weights is None or not config_beside(weights).is_file():
        return None
    try:
        config = load_any_config(config_beside(weights))
    except UserError:
        return None
    return config.audio if isinstance(config, VocoderConfig) else None

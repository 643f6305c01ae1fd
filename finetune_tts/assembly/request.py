"""What a run is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.data.gathering import Formatter
from finetune_tts.data.sample import Sample
from finetune_tts.speaker_encoder.encoder import EncoderFiles
from finetune_tts.training.settings import RunLimits


@dataclass(frozen=True)
class Request:
    """What you ask for."""

    config: SpeechConfig | VocoderConfig
    """Of the run, with all overrides applied."""
    restore_path: Path | None = None
    """A checkpoint or its folder; None trains from scratch."""
    chosen: frozenset[str] = frozenset()
    """Names of the top-level fields that you set."""
    fill_in: bool = False
    """Choose settings that suit the recordings for what you did not set."""
    allow_partial: bool = False
    """Train a model that was restored in part."""
    encoder: EncoderFiles | None = None
    """The speaker encoder that you name."""
    device: str = "auto"
    formatter: Formatter | None = None
    """Your own reader of metadata."""
    limits: RunLimits = RunLimits()
    samples: Sequence[Sample] | None = None
    """Those of the data sets, where they were read before."""
    dry: bool = False
    """For a check: no more features are computed than are looked at, and the text may lack in the vocabulary."""

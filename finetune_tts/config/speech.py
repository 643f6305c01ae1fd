"""What the config of every text-to-speech model holds, whatever its network."""

from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.base import Config, kept
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.config.loader import LoaderConfig
from finetune_tts.config.text import TextConfig
from finetune_tts.config.training import TrainingConfig


def default_test_sentences() -> list[str | list[Any]]:
    """Return the sentences that coqui-tts speaks during training, one of its fixed set."""
    return [
        "It took me quite a long time to develop a voice, and now that I have it I'm not going to be silent.",
        "Be a voice, not an echo.",
        "I'm sorry Dave. I'm afraid I can't do that.",
        "This cake is great. It's so delicious and moist.",
        "Prior to November 22, 1963.",
    ]


@dataclass
class ModelConfig(Config):
    """Which network, its audio, its data and who speaks."""

    model: str = field(default="", metadata={"help": "Architecture of the network."})
    audio: AudioConfig = field(default_factory=AudioConfig, metadata={"help": "Spectrograms."})
    model_args: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "Fields of the network, where the architecture keeps them apart."}
    )
    _supports_cloning: bool = kept(False)
    languages: list[str] = kept([], "language_ids_file and the data sets name the languages")
    speakers: list[str] = kept([], "speakers_file and the data sets name the speakers")
    datasets: list[DatasetConfig] = field(default_factory=list, metadata={"help": "Data sets to train on."})
    test_sentences: list[str | list[Any]] = field(
        default_factory=default_test_sentences,
        metadata={"help": "Sentences to synthesise in training: a text, or a list of text, speaker, style, language."},
    )


@dataclass
class SpeechConfig(LoaderConfig, TextConfig, ModelConfig, TrainingConfig):
    """The common fields of all text-to-speech configs."""

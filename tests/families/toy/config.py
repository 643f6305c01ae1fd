"""The config of the toy."""

from dataclasses import dataclass, field

from finetune_tts.config.speech import SpeechConfig


@dataclass
class ToyConfig(SpeechConfig):
    """All fields of a run of the toy."""

    model: str = field(default="toy", metadata={"help": "Architecture of the network."})
    frames_a_symbol: int = field(default=4, metadata={"help": "Frames that each symbol lasts."})

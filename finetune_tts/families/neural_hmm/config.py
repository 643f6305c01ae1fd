"""The configs of Neural HMM TTS (https://arxiv.org/abs/2108.13320) and OverFlow (https://arxiv.org/abs/2211.06892)."""

from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.base import Config, kept
from finetune_tts.config.speech import SpeechConfig


@dataclass
class HMMNetworkConfig(Config):
    """The hidden Markov model and what feeds it."""

    force_generate_statistics: bool = kept(False, "the data are measured whenever a model starts from scratch")
    mel_statistics_parameter_path: str | None = kept(None, "the statistics stand in the checkpoint")
    num_chars: int | None = kept(None, "the rows of the symbol embedding are counted")
    state_per_phone: int = field(default=2, metadata={"help": "States for each symbol."})
    encoder_in_out_features: int = field(default=512, metadata={"help": "Channels of the encoder and of a state."})
    encoder_n_convolutions: int = kept(3, "the encoder always has three convolutions")
    out_channels: int = field(default=80, metadata={"help": "Mel bands; the same number as audio.num_mels."})
    ar_order: int = field(default=1, metadata={"help": "Frames that the model sees again to draw the next one."})
    use_grad_checkpointing: bool = kept(True, "what a frame is likely in is always computed again backwards")
    prenet_type: str = field(default="original", metadata={"help": "original, or bn with batch normalization."})
    prenet_dim: int = field(default=256, metadata={"help": "Channels of the prenet."})
    prenet_n_layers: int = field(default=2, metadata={"help": "Layers of the prenet."})
    prenet_dropout: float = field(
        default=0.5, metadata={"help": "Dropout in the prenet: 0 is off; any other number drops out half."}
    )
    memory_rnn_dim: int = field(default=1024, metadata={"help": "Channels of the LSTM that remembers the frames."})
    outputnet_size: list[int] = field(
        default_factory=lambda: [1024], metadata={"help": "Channels of the output network's layers."}
    )
    flat_start_params: dict[str, Any] = field(
        default_factory=lambda: {"mean": 0.0, "std": 1.0, "transition_p": 0.14},
        metadata={"help": "What a fresh model says of every state; transition_p is measured, of the recordings."},
    )


@dataclass
class HMMSpeechConfig(Config):
    """How it synthesises."""

    deterministic_transition: bool = field(
        default=True, metadata={"help": "A state ends at a quantile of its duration; false draws when it ends."}
    )
    max_sampling_time: int = field(
        default=1000, metadata={"help": "Frames after which a sentence that does not end is cut."}
    )


@dataclass
class HMMConfig(HMMNetworkConfig, HMMSpeechConfig, SpeechConfig):
    """What runs of both have."""

    r: int = kept(1, "each frame is drawn for itself")
    loss_masking: bool | None = kept(None, "padding never counts")
    use_speaker_embedding: bool = kept(False, "the model knows one speaker")
    use_d_vector_file: bool = kept(False, "the model knows one speaker")
    optimizer: str | list[str] | None = field(default="Adam", metadata={"help": "Optimizer: Adam, AdamW, …"})
    optimizer_params: dict[str, Any] | list[dict[str, Any]] = field(
        default_factory=lambda: {"weight_decay": 1e-6}, metadata={"help": "Arguments of the optimizer."}
    )
    lr_scheduler: str | list[str] | None = field(
        default=None, metadata={"help": "Learning-rate schedule: NoamLR, ExponentialLR, …; null keeps the rate."}
    )
    grad_clip: float | list[float] = field(
        default=40000.0, metadata={"help": "Norm that gradients are cut to; 0 is off."}
    )
    lr: float | list[float] = field(default=0.001, metadata={"help": "Learning rate."})
    min_text_len: int = field(default=10, metadata={"help": "Fewest characters of a text."})
    max_text_len: int = field(default=500, metadata={"help": "Most characters of a text."})
    min_audio_len: int | float = field(default=512, metadata={"help": "Fewest samples of a recording."})
    test_sentences: list[str | list[Any]] = field(
        default_factory=lambda: ["Be a voice, not an echo."],
        metadata={"help": "Sentences to synthesise in training."},
    )


@dataclass
class NeuralHMMConfig(HMMConfig):
    """All fields of a Neural HMM TTS run."""

    model: str = field(default="neuralhmm_tts", metadata={"help": "Architecture of the network."})
    sampling_temp: float = field(default=0.0, metadata={"help": "Noise in synthesis; 0 takes the means."})
    duration_threshold: float = field(
        default=0.43, metadata={"help": "Quantile of its duration at which a state ends; lower is slower."}
    )
    prenet_dropout_at_inference: bool = field(
        default=True, metadata={"help": "Dropout in the prenet in synthesis too; each time sounds different."}
    )
    std_floor: float = field(default=0.001, metadata={"help": "Least deviation of a frame in a state."})


@dataclass
class OverflowConfig(HMMConfig):
    """All fields of an OverFlow run."""

    model: str = field(default="overflow", metadata={"help": "Architecture of the network."})
    sampling_temp: float = field(default=0.334, metadata={"help": "Noise in synthesis; 0 takes the means."})
    duration_threshold: float = field(
        default=0.55, metadata={"help": "Quantile of its duration at which a state ends; lower is slower."}
    )
    prenet_dropout_at_inference: bool = field(
        default=False, metadata={"help": "Dropout in the prenet in synthesis too; each time sounds different."}
    )
    std_floor: float = field(default=0.01, metadata={"help": "Least deviation of a frame in a state."})
    hidden_channels_dec: int = field(default=150, metadata={"help": "Channels inside a coupling block."})
    kernel_size_dec: int = field(default=5, metadata={"help": "Kernel of a coupling block's convolutions."})
    dilation_rate: int = field(default=1, metadata={"help": "Factor between the dilations of successive layers."})
    num_flow_blocks_dec: int = field(default=12, metadata={"help": "Flow blocks."})
    num_block_layers: int = field(default=4, metadata={"help": "Layers of a coupling block."})
    dropout_p_dec: float = field(default=0.05, metadata={"help": "Dropout of the coupling blocks."})
    num_splits: int = field(default=4, metadata={"help": "Group size of the invertible convolutions."})
    num_squeeze: int = field(default=2, metadata={"help": "Frames folded into one."})
    sigmoid_scale: bool = field(default=False, metadata={"help": "Bound the scales of the coupling blocks."})
    c_in_channels: int = kept(0, "the model knows one speaker")

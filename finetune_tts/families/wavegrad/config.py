"""The config of WaveGrad (https://arxiv.org/abs/2009.00713)."""

from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.base import Config, kept
from finetune_tts.config.vocoder import VocoderConfig

MILESTONES = [100000, 200000, 300000, 400000, 500000, 600000]


@dataclass
class WavegradArgs(Config):
    """The network."""

    in_channels: int = field(default=80, metadata={"help": "Mel bands."})
    out_channels: int = field(default=1, metadata={"help": "Waveforms that come out."})
    use_weight_norm: bool = field(default=False, metadata={"help": "Weight norm in all convolutions."})
    y_conv_channels: int = field(default=32, metadata={"help": "Channels of the waveform's first convolution."})
    x_conv_channels: int = field(default=768, metadata={"help": "Channels of the mel spectrogram's first convolution."})
    dblock_out_channels: list[int] = field(
        default_factory=lambda: [128, 128, 256, 512], metadata={"help": "Channels of the blocks that lower the rate."}
    )
    ublock_out_channels: list[int] = field(
        default_factory=lambda: [512, 512, 256, 128, 128],
        metadata={"help": "Channels of the blocks that raise the rate."},
    )
    upsample_factors: list[int] = field(
        default_factory=lambda: [4, 4, 4, 2, 2], metadata={"help": "Their factors; the product is the hop length."}
    )
    upsample_dilations: list[list[int]] = field(
        default_factory=lambda: [[1, 2, 1, 2], [1, 2, 1, 2], [1, 2, 4, 8], [1, 2, 4, 8], [1, 2, 4, 8]],
        metadata={"help": "Dilations of their convolutions."},
    )


@dataclass
class WavegradConfig(VocoderConfig):
    """All fields of a WaveGrad run."""

    model: str = field(default="wavegrad", metadata={"help": "Architecture of the vocoder."})
    generator_model: str = field(default="wavegrad", metadata={"help": "Network."})
    model_params: WavegradArgs = field(default_factory=WavegradArgs, metadata={"help": "Its arguments."})
    train_noise_schedule: dict[str, Any] = field(
        default_factory=lambda: {"min_val": 1e-06, "max_val": 0.01, "num_steps": 1000},
        metadata={"help": "Noise in training: variance of the first and the last step, number of steps."},
    )
    test_noise_schedule: dict[str, Any] = field(
        default_factory=lambda: {"min_val": 1e-06, "max_val": 0.01, "num_steps": 50},
        metadata={"help": "Noise in synthesis; fewer steps are faster."},
    )
    mixed_precision: bool = field(default=True, metadata={"help": "Train in mixed precision."})
    batch_size: int = field(default=96, metadata={"help": "Pieces in a training batch."})
    grad_clip: float | list[float] = field(default=1.0, metadata={"help": "Norm that gradients are cut to; 0 is off."})
    lr_scheduler: str | list[str] | None = field(
        default="MultiStepLR", metadata={"help": "Learning-rate schedule; null keeps the rate."}
    )
    lr_scheduler_params: dict[str, Any] | list[dict[str, Any]] = field(
        default_factory=lambda: {"gamma": 0.5, "milestones": list(MILESTONES)},
        metadata={"help": "Arguments of the schedule."},
    )
    eval_split_size: float = field(
        default=50, metadata={"help": "Clips to hold out: below 1 a share of all, else a number of clips."}
    )
    seq_len: int = field(default=6144, metadata={"help": "Samples of a piece that is trained on."})
    use_cache: bool = kept(True, "features are kept in the feature cache")

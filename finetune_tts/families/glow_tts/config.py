"""The config of Glow-TTS (https://arxiv.org/abs/2005.11129)."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.base import Config, kept
from finetune_tts.config.released import Values
from finetune_tts.config.speakers import SpeakerConfig
from finetune_tts.config.speech import SpeechConfig

#: encoder_type → its arguments with the values of the released models.
ENCODER_PARAMS: dict[str, dict[str, Any]] = {
    "rel_pos_transformer": {
        "kernel_size": 3,
        "dropout_p": 0.1,
        "num_layers": 6,
        "num_heads": 2,
        "hidden_channels_ffn": 768,
        "input_length": None,
    },
    "gated_conv": {"kernel_size": 5, "dropout_p": 0.1, "num_layers": 9},
    "residual_conv_bn": {
        "kernel_size": 4,
        "dilations": [1, 2, 4, 1, 2, 4, 1, 2, 4, 1, 2, 4, 1],
        "num_conv_blocks": 2,
        "num_res_blocks": 13,
    },
}


@dataclass
class GlowTTSEncoderConfig(Config):
    """Text encoder and duration predictor."""

    num_chars: int | None = kept(None, "the rows of the symbol embedding are counted")
    use_encoder_prenet: bool = field(default=True, metadata={"help": "Convolutions before the encoder."})
    hidden_channels_enc: int = field(default=192, metadata={"help": "Channels of the encoder."})
    hidden_channels_dp: int = field(default=256, metadata={"help": "Channels of the duration predictor."})
    dropout_p_dp: float = field(default=0.1, metadata={"help": "Dropout of the duration predictor."})
    mean_only: bool = field(default=True, metadata={"help": "Predict means only; deviations are fixed at 1."})
    encoder_type: str = field(
        default="rel_pos_transformer",
        metadata={"help": "rel_pos_transformer, gated_conv or residual_conv_bn."},
    )
    encoder_params: dict[str, Any] = field(
        default_factory=lambda: deepcopy(ENCODER_PARAMS["rel_pos_transformer"]),
        metadata={"help": "Arguments of the encoder; they depend on encoder_type."},
    )


@dataclass
class GlowTTSDecoderConfig(Config):
    """The flow between mel spectrograms and the prior."""

    hidden_channels_dec: int = field(default=192, metadata={"help": "Channels inside a coupling block."})
    dropout_p_dec: float = field(default=0.05, metadata={"help": "Dropout of the coupling blocks."})
    out_channels: int = field(default=80, metadata={"help": "Mel bands; the same number as audio.num_mels."})
    num_flow_blocks_dec: int = field(default=12, metadata={"help": "Flow blocks."})
    kernel_size_dec: int = field(default=5, metadata={"help": "Kernel of a coupling block's convolutions."})
    dilation_rate: int = field(default=1, metadata={"help": "Factor between the dilations of successive layers."})
    num_block_layers: int = field(default=4, metadata={"help": "Layers of a coupling block."})
    c_in_channels: int = kept(0, "the channels of the speaker vector are counted")
    num_splits: int = field(default=4, metadata={"help": "Group size of the invertible convolutions."})
    num_squeeze: int = field(default=2, metadata={"help": "Frames folded into one."})
    sigmoid_scale: bool = field(default=False, metadata={"help": "Bound the scales of the coupling blocks."})
    data_dep_init_steps: int = kept(10, "the first batch initialises a model that starts from scratch")


@dataclass
class GlowTTSConfig(GlowTTSDecoderConfig, GlowTTSEncoderConfig, SpeakerConfig, SpeechConfig):
    """All fields of a Glow-TTS run."""

    model: str = field(default="glow_tts", metadata={"help": "Architecture of the network."})
    style_wav_for_test: str | None = kept(None)
    inference_noise_scale: float = field(default=0.0, metadata={"help": "Noise in synthesis; 0 takes the mean."})
    length_scale: float = field(default=1.0, metadata={"help": "Duration factor in synthesis; above 1 is slower."})
    min_seq_len: int | float = kept(3, "min_text_len filters")
    max_seq_len: int | float = kept(500, "max_text_len filters")
    r: int = kept(1, "Glow-TTS has no decoder steps")
    loss_masking: bool | None = kept(None, "padding never counts")
    optimizer: str | list[str] | None = field(default="RAdam", metadata={"help": "Optimizer: RAdam, AdamW, …"})
    optimizer_params: dict[str, Any] | list[dict[str, Any]] = field(
        default_factory=lambda: {"betas": [0.9, 0.998], "weight_decay": 1e-6},
        metadata={"help": "Arguments of the optimizer."},
    )
    lr_scheduler: str | list[str] | None = field(
        default="NoamLR", metadata={"help": "Learning-rate schedule: NoamLR, ExponentialLR, …; null keeps the rate."}
    )
    lr_scheduler_params: dict[str, Any] | list[dict[str, Any]] = field(
        default_factory=lambda: {"warmup_steps": 4000}, metadata={"help": "Arguments of the schedule."}
    )
    grad_clip: float | list[float] = field(default=5.0, metadata={"help": "Norm that gradients are cut to; 0 is off."})
    lr: float | list[float] = field(default=0.001, metadata={"help": "Learning rate."})


#: Names that encoders had in older releases.
ENCODER_TYPES = {
    "gatedconv": "gated_conv",
    "residual_bn_conv": "residual_conv_bn",
    "transformer": "rel_pos_transformer",
}


def modernise(values: Values, spelling: str) -> None:
    """Write the encoder type as it is written today, and give its arguments where a config leaves them out."""
    kind = values.get("encoder_type")
    if isinstance(kind, str):
        kind = values["encoder_type"] = ENCODER_TYPES.get(kind.lower(), kind.lower())
    if values.get("encoder_params") is None and isinstance(kind, str) and kind in ENCODER_PARAMS:
        values["encoder_params"] = deepcopy(ENCODER_PARAMS[kind])

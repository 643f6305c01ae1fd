"""The configs of the feed-forward models: FastPitch, FastSpeech 2, FastSpeech and SpeedySpeech.

They differ in defaults alone. coqui-tts keeps the network's fields in a group of their own, ``model_args``, and some of
them, who speaks and with which file, at top level too.
"""

from collections.abc import Collection
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.base import Config, kept
from finetune_tts.config.released import Values
from finetune_tts.config.shared_fields import agree, move_into_group, settle
from finetune_tts.config.speakers import SpeakerConfig
from finetune_tts.config.speech import SpeechConfig

_TRANSFORMER = {"hidden_channels_ffn": 1024, "num_heads": 1, "num_layers": 6, "dropout_p": 0.1}
_RELATIVE_TRANSFORMER = {
    "hidden_channels_ffn": 128,
    "num_heads": 2,
    "kernel_size": 3,
    "dropout_p": 0.1,
    "num_layers": 6,
    "rel_attn_window_size": 4,
}
#: encoder_type → its arguments with the values that coqui-tts names.
ENCODER_PARAMS: dict[str, dict[str, Any]] = {
    "fftransformer": _TRANSFORMER,
    "residual_conv_bn": {
        "kernel_size": 4,
        "dilations": [*4 * [1, 2, 4], 1],
        "num_conv_blocks": 2,
        "num_res_blocks": 13,
    },
    "relative_position_transformer": _RELATIVE_TRANSFORMER,
}
#: decoder_type → its arguments, likewise.
DECODER_PARAMS: dict[str, dict[str, Any]] = {
    "fftransformer": _TRANSFORMER,
    "residual_conv_bn": {
        "kernel_size": 4,
        "dilations": [*4 * [1, 2, 4, 8], 1],
        "num_conv_blocks": 2,
        "num_res_blocks": 17,
    },
    "relative_position_transformer": {**_RELATIVE_TRANSFORMER, "num_layers": 8},
    "wavenet": {
        "num_blocks": 12,
        "hidden_channels": 192,
        "kernel_size": 5,
        "dilation_rate": 1,
        "num_layers": 4,
        "dropout_p": 0.05,
    },
}


@dataclass
class TextArgs(Config):
    """Text encoder and spectrogram decoder."""

    num_chars: int | None = kept(None, "the rows of the symbol embedding are counted")
    out_channels: int = field(default=80, metadata={"help": "Mel bands; the same number as audio.num_mels."})
    hidden_channels: int = field(default=384, metadata={"help": "Channels between all parts of the network."})
    encoder_type: str = field(
        default="fftransformer",
        metadata={"help": "fftransformer, residual_conv_bn or relative_position_transformer."},
    )
    encoder_params: dict[str, Any] = field(
        default_factory=lambda: deepcopy(_TRANSFORMER),
        metadata={"help": "Arguments of the encoder; they depend on encoder_type."},
    )
    decoder_type: str = field(
        default="fftransformer",
        metadata={"help": "fftransformer, residual_conv_bn, relative_position_transformer or wavenet."},
    )
    decoder_params: dict[str, Any] = field(
        default_factory=lambda: deepcopy(_TRANSFORMER),
        metadata={"help": "Arguments of the decoder; they depend on decoder_type."},
    )
    positional_encoding: bool = field(default=True, metadata={"help": "Tell the decoder where a frame stands."})
    poisitonal_encoding_use_scale: bool = kept(True, "positions are never scaled (coqui-tts's spelling)")


@dataclass
class DurationArgs(Config):
    """Durations and the aligner that they are learned from."""

    use_aligner: bool = field(
        default=True, metadata={"help": "Have an aligner, which training learns the durations from."}
    )
    duration_predictor_hidden_channels: int = field(
        default=256, metadata={"help": "Channels of the duration predictor."}
    )
    duration_predictor_kernel_size: int = field(default=3, metadata={"help": "Kernel of the duration predictor."})
    duration_predictor_dropout_p: float = field(default=0.1, metadata={"help": "Dropout of the duration predictor."})
    detach_duration_predictor: bool = field(
        default=False, metadata={"help": "Keep the duration loss away from the text encoder."}
    )
    max_duration: int = kept(75, "it bounds a figure of coqui-tts alone")
    length_scale: float = field(default=1, metadata={"help": "Duration factor in synthesis; above 1 is slower."})


@dataclass
class ContourArgs(Config):
    """Pitch and loudness of each symbol."""

    use_pitch: bool = field(default=True, metadata={"help": "Predict the pitch of each symbol."})
    pitch_predictor_hidden_channels: int = field(default=256, metadata={"help": "Channels of the pitch predictor."})
    pitch_predictor_kernel_size: int = field(default=3, metadata={"help": "Kernel of the pitch predictor."})
    pitch_predictor_dropout_p: float = field(default=0.1, metadata={"help": "Dropout of the pitch predictor."})
    pitch_embedding_kernel_size: int = field(
        default=3, metadata={"help": "Kernel of the convolution that makes a vector of the pitch."}
    )
    use_energy: bool = field(default=False, metadata={"help": "Predict the energy of each symbol."})
    energy_predictor_hidden_channels: int = field(default=256, metadata={"help": "Channels of the energy predictor."})
    energy_predictor_kernel_size: int = field(default=3, metadata={"help": "Kernel of the energy predictor."})
    energy_predictor_dropout_p: float = field(default=0.1, metadata={"help": "Dropout of the energy predictor."})
    energy_embedding_kernel_size: int = field(
        default=3, metadata={"help": "Kernel of the convolution that makes a vector of the energy."}
    )


@dataclass
class FeedForwardSpeakerArgs(SpeakerConfig):
    """Who speaks."""

    d_vector_dim: int | None = field(  # type: ignore[assignment]  # null stands for 0
        default=None, metadata={"help": "Size of a speaker vector."}
    )


@dataclass
class FeedForwardArgs(FeedForwardSpeakerArgs, ContourArgs, DurationArgs, TextArgs):
    """All fields of the network, under 🐸TTS's names, with the values of FastPitch."""


@dataclass
class FastSpeechArgs(FeedForwardArgs):
    """The network of FastSpeech."""

    use_pitch: bool = field(default=False, metadata={"help": "Predict the pitch of each symbol."})


@dataclass
class FastSpeech2Args(FeedForwardArgs):
    """The network of FastSpeech 2."""

    use_energy: bool = field(default=True, metadata={"help": "Predict the energy of each symbol."})


@dataclass
class SpeedySpeechArgs(FastSpeechArgs):
    """The network of SpeedySpeech."""

    hidden_channels: int = field(default=128, metadata={"help": "Channels between all parts of the network."})
    encoder_type: str = field(
        default="residual_conv_bn",
        metadata={"help": "fftransformer, residual_conv_bn or relative_position_transformer."},
    )
    encoder_params: dict[str, Any] = field(
        default_factory=lambda: deepcopy(ENCODER_PARAMS["residual_conv_bn"]),
        metadata={"help": "Arguments of the encoder; they depend on encoder_type."},
    )
    decoder_type: str = field(
        default="residual_conv_bn",
        metadata={"help": "fftransformer, residual_conv_bn, relative_position_transformer or wavenet."},
    )
    decoder_params: dict[str, Any] = field(
        default_factory=lambda: deepcopy(DECODER_PARAMS["residual_conv_bn"]),
        metadata={"help": "Arguments of the decoder; they depend on decoder_type."},
    )
    detach_duration_predictor: bool = field(
        default=True, metadata={"help": "Keep the duration loss away from the text encoder."}
    )


@dataclass
class PitchAudioConfig(AudioConfig):
    """Audio fields, and where the pitch is looked for."""

    pitch_fmax: float | None = field(default=640.0, metadata={"help": "Highest pitch that is looked for, in Hz."})
    pitch_fmin: float | None = field(
        default=1.0, metadata={"help": "Lowest pitch that is looked for, in Hz; at least that of two periods a window."}
    )


@dataclass
class ContourScale(Config):
    """What the numbers of pitch and energy mean: they are learned in deviations from their mean."""

    pitch_mean: float | None = field(
        default=None, metadata={"help": "Mean pitch of the recordings in Hz; a run measures it, unless you set it."}
    )
    pitch_std: float | None = field(
        default=None, metadata={"help": "Standard deviation of the pitch in Hz; a run measures it, unless you set it."}
    )
    energy_mean: float | None = field(
        default=None, metadata={"help": "Mean energy of the recordings; a run measures it, unless you set it."}
    )
    energy_std: float | None = field(
        default=None, metadata={"help": "Standard deviation of the energy; a run measures it, unless you set it."}
    )
    compute_f0: bool = kept(True, "model_args.use_pitch decides")
    compute_energy: bool = kept(False, "model_args.use_energy decides")
    f0_cache_path: str | None = kept(None, "the feature cache keeps the pitch")
    energy_cache_path: str | None = kept(None, "the feature cache keeps the energy")


@dataclass
class FeedForwardLossConfig(Config):
    """Kinds and weights of the losses."""

    spec_loss_type: str = field(default="mse", metadata={"help": "Error of spectrograms: mse, l1 or huber."})
    duration_loss_type: str = field(default="mse", metadata={"help": "Error of log-durations: mse, l1 or huber."})
    use_ssim_loss: bool = kept(True, "coqui-tts never adds this loss")
    ssim_loss_alpha: float = kept(1.0, "coqui-tts never adds this loss")
    spec_loss_alpha: float = field(default=1.0, metadata={"help": "Weight of the spectrogram's error."})
    aligner_loss_alpha: float = field(default=1.0, metadata={"help": "Weight of the aligner's likelihood."})
    pitch_loss_alpha: float = field(default=0.1, metadata={"help": "Weight of the pitch's error."})
    energy_loss_alpha: float = field(default=0.1, metadata={"help": "Weight of the energy's error."})
    dur_loss_alpha: float = field(default=0.1, metadata={"help": "Weight of the durations' error."})
    binary_align_loss_alpha: float = field(
        default=0.1, metadata={"help": "Weight of how far the aligner is from a hard alignment."}
    )
    binary_loss_warmup_epochs: int = field(
        default=150,
        metadata={"help": "Epochs in which a model from scratch reaches that weight; a restored one begins with it."},
    )


#: Fields that stand in ``model_args`` and at top level.
SHARED_FIELDS = ("use_speaker_embedding", "speakers_file", "use_d_vector_file", "d_vector_file", "d_vector_dim")


@dataclass
class FeedForwardConfig(FeedForwardLossConfig, ContourScale, SpeakerConfig, SpeechConfig):
    """All fields of a run, with the values of FastPitch."""

    base_model: str = kept("forward_tts", "model names the architecture")
    model_args: FeedForwardArgs = field(  # type: ignore[assignment]  # a group in the place of a dictionary
        default_factory=FeedForwardArgs, metadata={"help": "The network."}
    )
    audio: AudioConfig = field(default_factory=PitchAudioConfig, metadata={"help": "Spectrograms."})
    optimizer: str | list[str] | None = field(default="Adam", metadata={"help": "Optimizer: Adam, AdamW, …"})
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
    lr: float | list[float] = field(default=0.0001, metadata={"help": "Learning rate."})
    grad_clip: float | list[float] = field(default=5.0, metadata={"help": "Norm that gradients are cut to; 0 is off."})
    loss_masking: bool | None = kept(None, "padding never counts")
    min_seq_len: int | float = kept(13, "min_text_len filters")
    max_seq_len: int | float = kept(200, "max_text_len filters")
    r: int = kept(1, "these models have no decoder steps")

    def __post_init__(self) -> None:
        """Let both places of a field that was given in one of them say the same."""
        agree(self, self.model_args, SHARED_FIELDS)

    def settle(self, changed: Collection[str]) -> None:
        """Do the same after the fields of these dotted names were set."""
        settle(self, self.model_args, SHARED_FIELDS, changed)


@dataclass
class FastPitchConfig(FeedForwardConfig):
    """All fields of a FastPitch run (https://arxiv.org/abs/2006.06873)."""

    model: str = field(default="fast_pitch", metadata={"help": "Architecture of the network."})


@dataclass
class FastSpeech2Config(FeedForwardConfig):
    """All fields of a FastSpeech 2 run (https://arxiv.org/abs/2006.04558)."""

    model: str = field(default="fastspeech2", metadata={"help": "Architecture of the network."})
    model_args: FastSpeech2Args = field(default_factory=FastSpeech2Args, metadata={"help": "The network."})
    compute_energy: bool = kept(True, "model_args.use_energy decides")


@dataclass
class FastSpeechConfig(FeedForwardConfig):
    """All fields of a FastSpeech run (https://arxiv.org/abs/1905.09263)."""

    model: str = field(default="fast_speech", metadata={"help": "Architecture of the network."})
    model_args: FastSpeechArgs = field(default_factory=FastSpeechArgs, metadata={"help": "The network."})
    dur_loss_alpha: float = field(default=1.0, metadata={"help": "Weight of the durations' error."})
    binary_align_loss_alpha: float = field(
        default=1.0, metadata={"help": "Weight of how far the aligner is from a hard alignment."}
    )
    compute_f0: bool = kept(False, "model_args.use_pitch decides")


@dataclass
class SpeedySpeechConfig(FeedForwardConfig):
    """All fields of a SpeedySpeech run (https://arxiv.org/abs/2008.03802)."""

    model: str = field(default="speedy_speech", metadata={"help": "Architecture of the network."})
    model_args: SpeedySpeechArgs = field(default_factory=SpeedySpeechArgs, metadata={"help": "The network."})
    spec_loss_type: str = field(default="l1", metadata={"help": "Error of spectrograms: mse, l1 or huber."})
    duration_loss_type: str = field(default="huber", metadata={"help": "Error of log-durations: mse, l1 or huber."})
    use_ssim_loss: bool = kept(False, "coqui-tts never adds this loss")
    dur_loss_alpha: float = field(default=1.0, metadata={"help": "Weight of the durations' error."})
    binary_align_loss_alpha: float = field(
        default=0.3, metadata={"help": "Weight of how far the aligner is from a hard alignment."}
    )
    compute_f0: bool = kept(False, "model_args.use_pitch decides")


def modernise(values: Values, spelling: str) -> None:
    """Move the network's fields into their group, and write the types of its parts as they are written today.

    The arguments of a part whose type a config names without them are those that coqui-tts has.
    """
    move_into_group(values, FeedForwardArgs, SHARED_FIELDS)
    group = values.get("model_args")
    if not isinstance(group, dict):
        return
    for part, known in (("encoder", ENCODER_PARAMS), ("decoder", DECODER_PARAMS)):
        kind = group.get(f"{part}_type")
        if isinstance(kind, str):
            kind = group[f"{part}_type"] = kind.lower()
            if group.get(f"{part}_params") is None and kind in known:
                group[f"{part}_params"] = deepcopy(known[kind])

"""The config of WaveRNN (https://arxiv.org/abs/1802.08435)."""

from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.base import Config, kept
from finetune_tts.config.released import Values, move
from finetune_tts.config.vocoder import VocoderConfig


@dataclass
class WavernnArgs(Config):
    """The network."""

    rnn_dims: int = field(default=512, metadata={"help": "Size of the recurrent layers."})
    fc_dims: int = field(default=512, metadata={"help": "Size of the dense layers after them."})
    compute_dims: int = field(default=128, metadata={"help": "Channels inside the residual network over the mels."})
    res_out_dims: int = field(default=128, metadata={"help": "Channels that come out of it."})
    num_res_blocks: int = field(default=10, metadata={"help": "Its residual blocks."})
    use_aux_net: bool = field(default=True, metadata={"help": "Have that network at all."})
    use_upsample_net: bool = field(default=True, metadata={"help": "Stretch the mels by learned filters."})
    upsample_factors: list[int] = field(
        default_factory=lambda: [4, 8, 8], metadata={"help": "Factors of the stretch; the product is the hop length."}
    )
    mode: str | int = field(
        default="mold", metadata={"help": "mold (logistics), gauss (a normal), or the number of bits of a sample."}
    )
    mulaw: bool = field(default=True, metadata={"help": "Companding of samples, where mode is a number of bits."})
    pad: int = field(default=2, metadata={"help": "Frames beyond both ends of a piece that the network sees."})
    feat_dims: int = field(default=80, metadata={"help": "Mel bands."})


@dataclass
class WavernnConfig(VocoderConfig):
    """All fields of a WaveRNN run."""

    model: str = field(default="wavernn", metadata={"help": "Architecture of the vocoder."})
    model_args: WavernnArgs = field(default_factory=WavernnArgs, metadata={"help": "The network."})
    batched: bool = field(default=True, metadata={"help": "Generate all pieces of an utterance at once."})
    target_samples: int = field(default=11000, metadata={"help": "Samples of such a piece."})
    overlap_samples: int = field(
        default=550, metadata={"help": "Samples in which neighbours are faded into each other."}
    )
    num_epochs_before_test: int = kept(10, "test_delay_epochs acts")
    conv_pad: int = kept(0, "model_args.pad counts")
    mixed_precision: bool = field(default=True, metadata={"help": "Train in mixed precision."})
    batch_size: int = field(default=256, metadata={"help": "Pieces in a training batch."})
    grad_clip: float | list[float] = field(default=4.0, metadata={"help": "Norm that gradients are cut to; 0 is off."})
    lr_scheduler: str | list[str] | None = field(
        default="MultiStepLR", metadata={"help": "Learning-rate schedule; null keeps the rate."}
    )
    lr_scheduler_params: dict[str, Any] | list[dict[str, Any]] = field(
        default_factory=lambda: {"gamma": 0.5, "milestones": [200000, 400000, 600000]},
        metadata={"help": "Arguments of the schedule."},
    )
    eval_split_size: float = field(
        default=50, metadata={"help": "Clips to hold out: below 1 a share of all, else a number of clips."}
    )
    seq_len: int = field(default=1280, metadata={"help": "Samples of a piece that is trained on."})
    use_cache: bool = kept(True, "features are kept in the feature cache")


def modernise(values: Values, spelling: str) -> None:
    """The network of WaveRNN stood under ``model_params``, its mode at top level."""
    move(values, "model_params", values, "model_args")
    group = values.get("model_args")
    if isinstance(group, dict):
        for name in ("mode", "mulaw"):
            move(values, name, group, name)

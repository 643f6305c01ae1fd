"""The configs of Tacotron (https://arxiv.org/abs/1703.10135) and Tacotron 2 (https://arxiv.org/abs/1712.05884)."""

from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.base import Config, kept
from finetune_tts.config.released import Values, move
from finetune_tts.config.speakers import SpeakerConfig
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.families.tacotron.capacitron_config import CapacitronConfig


@dataclass
class GSTConfig(Config):
    """Global style tokens (https://arxiv.org/abs/1803.09017)."""

    gst_style_input_wav: str | None = field(
        default=None, metadata={"help": "Recording to imitate, where none is named."}
    )
    gst_style_input_weights: dict[str, float] | None = field(
        default=None, metadata={"help": "Weights of the tokens, by number, in the place of a recording."}
    )
    gst_embedding_dim: int = field(default=256, metadata={"help": "Channels of the style vector."})
    gst_use_speaker_embedding: bool = kept(False)
    gst_num_heads: int = field(default=4, metadata={"help": "Heads of the attention to the tokens."})
    gst_num_style_tokens: int = field(default=10, metadata={"help": "Number of tokens."})


@dataclass
class TacotronStyleConfig(CapacitronConfig):
    """How something is spoken, where the model knows that."""

    use_gst: bool = field(default=False, metadata={"help": "Learn global style tokens."})
    gst: GSTConfig | None = field(default=None, metadata={"help": "Their sizes; null takes the defaults."})
    gst_style_input: str | None = field(
        default=None, metadata={"help": "Recording to imitate; gst.gst_style_input_wav counts first."}
    )


@dataclass
class TacotronAttentionConfig(Config):
    """Where the decoder reads in the text."""

    attention_type: str = field(default="original", metadata={"help": "original, graves or dynamic_convolution."})
    attention_heads: int | None = field(default=None, metadata={"help": "Gaussians of attention_type graves."})
    attention_norm: str = field(default="sigmoid", metadata={"help": "sigmoid or softmax."})
    attention_win: bool = kept(False, "in Tacotron the field is called windowing")
    windowing: bool = field(default=False, metadata={"help": "Read near the last place only, in synthesis."})
    use_forward_attn: bool = field(default=False, metadata={"help": "Forward attention: stay or move on by one."})
    forward_attn_mask: bool = field(
        default=False, metadata={"help": "Cut off all but the next places, in synthesis with forward attention."}
    )
    transition_agent: bool = field(default=False, metadata={"help": "Learn how likely it is to move on."})
    location_attn: bool = field(default=True, metadata={"help": "Attention knows where it has been reading."})


@dataclass
class TacotronNetworkConfig(TacotronAttentionConfig):
    """Encoder, decoders and postnet."""

    num_chars: int = kept(0, "the rows of the symbol embedding are counted")
    r: int = field(default=2, metadata={"help": "Frames for each decoder step: the most, with gradual_training."})
    gradual_training: list[list[int]] | None = field(
        default=None,
        metadata={"help": "When r changes: a list of [step, r, batch size]; the batch size is that of the config."},
    )
    memory_size: int = field(
        default=-1, metadata={"help": "Frames that the decoder of Tacotron sees again; -1 is the last one."}
    )
    prenet_type: str = field(default="original", metadata={"help": "original, or bn with batch normalization."})
    prenet_dropout: bool = field(default=True, metadata={"help": "Dropout in the prenet."})
    prenet_dropout_at_inference: bool = field(
        default=False, metadata={"help": "Dropout in the prenet in synthesis too; each time sounds different."}
    )
    stopnet: bool = field(default=True, metadata={"help": "Learn when to stop."})
    separate_stopnet: bool = field(default=True, metadata={"help": "Learn it apart from the rest of the network."})
    max_decoder_steps: int = field(
        default=10000, metadata={"help": "Decoder steps after which a sentence that does not end is cut."}
    )
    encoder_in_features: int = field(default=256, metadata={"help": "Channels of the symbol embedding."})
    decoder_in_features: int = field(default=256, metadata={"help": "Channels of the encoded text."})
    decoder_output_dim: int = field(default=80, metadata={"help": "Mel bands; the same number as audio.num_mels."})
    out_channels: int = field(
        default=513, metadata={"help": "Bands of what comes out: mel bands, or linear ones of Tacotron."}
    )
    bidirectional_decoder: bool = field(
        default=False, metadata={"help": "Train a second decoder that draws the end first."}
    )
    double_decoder_consistency: bool = field(
        default=False, metadata={"help": "Train a second, coarse decoder that learns early where to read (DDC)."}
    )
    ddc_r: int = field(default=6, metadata={"help": "Frames for each step of the coarse decoder."})


@dataclass
class TacotronLossConfig(Config):
    """Weights of the loss's terms; 0 leaves one out."""

    stopnet_pos_weight: float = field(
        default=0.2, metadata={"help": "What the last step counts in the stop loss; more for longer sentences."}
    )
    seq_len_norm: bool = field(default=False, metadata={"help": "Each clip counts the same, whatever its length."})
    decoder_loss_alpha: float = field(default=0.25, metadata={"help": "Spectrogram before the postnet."})
    postnet_loss_alpha: float = field(default=0.25, metadata={"help": "Spectrogram after the postnet."})
    postnet_diff_spec_alpha: float = field(default=0.25, metadata={"help": "Its change from frame to frame."})
    decoder_diff_spec_alpha: float = field(default=0.25, metadata={"help": "The same before the postnet."})
    decoder_ssim_alpha: float = field(default=0.25, metadata={"help": "Structural similarity before the postnet."})
    postnet_ssim_alpha: float = field(default=0.25, metadata={"help": "Structural similarity after the postnet."})
    ga_alpha: float = field(default=5.0, metadata={"help": "Guided attention: pulls it to the diagonal."})
    spectrogram_error: str = field(
        default="mse",
        metadata={"help": "mse or l1; l1 is what releases were trained with that spell their model Tacotron."},
    )


@dataclass
class TacotronSpeakerConfig(SpeakerConfig):
    """Who speaks."""

    speaker_embedding_dim: int = field(default=512, metadata={"help": "Channels of a learned speaker vector."})


@dataclass
class TacotronConfig(
    TacotronStyleConfig, TacotronLossConfig, TacotronNetworkConfig, TacotronSpeakerConfig, SpeechConfig
):
    """All fields of a Tacotron run."""

    model: str = field(default="tacotron", metadata={"help": "Architecture of the network."})
    loss_masking: bool | None = field(default=True, metadata={"help": "Leave padding out of the loss."})
    compute_linear_spec: bool = field(default=True, metadata={"help": "Compute the linear spectrograms it learns."})
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
    lr: float | list[float] = field(default=0.0001, metadata={"help": "Learning rate."})


@dataclass
class Tacotron2Config(TacotronConfig):
    """All fields of a Tacotron 2 run."""

    model: str = field(default="tacotron2", metadata={"help": "Architecture of the network."})
    attention_win: bool = field(default=False, metadata={"help": "Read near the last place only, when it speaks."})
    windowing: bool = kept(False, "in Tacotron 2 the field is called attention_win")
    compute_linear_spec: bool = field(default=False, metadata={"help": "Compute linear spectrograms."})
    out_channels: int = field(default=80, metadata={"help": "Mel bands; the same number as audio.num_mels."})
    encoder_in_features: int = field(default=512, metadata={"help": "Channels of the symbol embedding and encoder."})
    decoder_in_features: int = field(default=512, metadata={"help": "Channels of the encoded text."})


def frames_per_step_at(config: TacotronConfig, step: int) -> int:
    """Return r after so many steps of training, as ``gradual_training`` has it."""
    frames = config.r
    for entry in config.gradual_training or []:
        if step >= entry[0]:
            frames = entry[1]
    return frames


def modernise(values: Values, spelling: str) -> None:
    """Style tokens under other names, and channels that followed from the spectrogram before they were fields."""
    # Spelled like this, the name decides the error that 🐸TTS trains with, to this day.
    if spelling == "Tacotron":
        values.setdefault("spectrogram_error", "l1")
    audio = values.get("audio")
    audio = audio if isinstance(audio, dict) else {}
    bands, bins = audio.get("num_mels", 80), audio.get("fft_size", 1024)
    if isinstance(bands, int) and isinstance(bins, int):
        values.setdefault("decoder_output_dim", bands)
        values.setdefault("out_channels", bins // 2 + 1 if values["model"] == "tacotron" else bands)
    if values["model"] == "tacotron":
        values["compute_linear_spec"] = True  # which coqui-tts takes for granted
    # Without a size, coqui-tts takes this one.
    if values.get("use_d_vector_file") is True and values.get("d_vector_dim") is None:
        values["d_vector_dim"] = 512
    group = values.get("gst")
    if isinstance(group, dict):
        move(group, "gst_style_tokens", group, "gst_num_style_tokens")
        given = group.get("gst_style_input")
        if isinstance(given, str | dict):
            move(group, "gst_style_input", group, f"gst_style_input_{'wav' if isinstance(given, str) else 'weights'}")

"""What the configs of all vocoders hold, and those of the adversarial ones."""

from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.audio import AudioConfig
from finetune_tts.config.base import Config, kept
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.config.loader import LoaderConfig
from finetune_tts.config.training import TrainingConfig

LR_HELP = "On the command line it sets lr_gen and lr_disc, which count in a file."


@dataclass
class VocoderDataConfig(Config):
    """The recordings, and the pieces of them that a batch is made of."""

    model: str = field(default="", metadata={"help": "Architecture of the vocoder."})
    audio: AudioConfig = field(default_factory=AudioConfig, metadata={"help": "Spectrograms."})
    datasets: list[DatasetConfig] = field(default_factory=list, metadata={"help": "Data sets to train on."})
    data_path: str | None = field(default="", metadata={"help": "Folder of recordings, in the place of data sets."})
    feature_path: str | None = field(
        default=None,
        metadata={"help": "Folder of mel spectrograms that a model gives under teacher forcing; null computes them."},
    )
    seq_len: int = field(default=1000, metadata={"help": "Samples of a piece that is trained on."})
    pad_short: int = field(default=0, metadata={"help": "Silent samples after a clip that is shorter than seq_len."})
    conv_pad: int = field(default=0, metadata={"help": "Frames of a piece beyond its samples, at both ends."})
    use_cache: bool = kept(False, "features are kept in the feature cache")


@dataclass
class VocoderConfig(VocoderDataConfig, LoaderConfig, TrainingConfig):
    """The common fields of all vocoder configs."""

    epochs: int = field(default=10000, metadata={"help": "Epochs to train."})
    eval_split_size: float = field(
        default=10, metadata={"help": "Clips to hold out: below 1 a share of all, else a number of clips."}
    )
    target_loss: str | None = field(
        default="loss", metadata={"help": "Loss that decides which model is the best; null is the held-out total."}
    )
    optimizer: str | list[str] | None = field(default="AdamW", metadata={"help": "Optimizer: AdamW, Adam, …"})
    optimizer_params: dict[str, Any] | list[dict[str, Any]] = field(
        default_factory=lambda: {"betas": [0.8, 0.99], "weight_decay": 0.0},
        metadata={"help": "Arguments of the optimizer."},
    )
    lr: float | list[float] = field(default=0.0001, metadata={"help": "Learning rate, one for each optimizer."})
    wd: float = kept(0.0, "optimizer_params.weight_decay counts")
    # Fields of the loader that are for models that read text.
    min_audio_len: int | float = kept(1, "pieces of seq_len samples are cut of clips of any length")
    max_audio_len: int | float = kept(float("inf"), "pieces of seq_len samples are cut of clips of any length")
    min_text_len: int | float = kept(1, "a vocoder reads no text")
    max_text_len: int | float = kept(float("inf"), "a vocoder reads no text")
    loss_masking: bool | None = kept(None, "pieces have no padding")
    compute_linear_spec: bool = kept(False, "a vocoder learns from mel spectrograms")


@dataclass
class GANLossConfig(Config):
    """The parts of the losses, and their weights."""

    use_stft_loss: bool = field(default=True, metadata={"help": "Compare spectrograms of several resolutions."})
    use_subband_stft_loss: bool = field(default=False, metadata={"help": "Compare those of sub-bands too."})
    use_mse_gan_loss: bool = field(default=True, metadata={"help": "Adversarial loss by least squares."})
    use_hinge_gan_loss: bool = field(default=False, metadata={"help": "Adversarial loss by the hinge."})
    use_feat_match_loss: bool = field(default=True, metadata={"help": "Compare the discriminator's hidden layers."})
    use_l1_spec_loss: bool = field(default=False, metadata={"help": "Compare one (mel) spectrogram."})
    stft_loss_weight: float = field(default=0.5, metadata={"help": "Weight of the STFT loss."})
    subband_stft_loss_weight: float = field(default=0.0, metadata={"help": "Weight of the sub-band STFT loss."})
    mse_G_loss_weight: float = field(default=2.5, metadata={"help": "Weight of the adversarial loss, least squares."})
    hinge_G_loss_weight: float = field(default=0.0, metadata={"help": "Weight of the adversarial loss, hinge."})
    feat_match_loss_weight: float = field(default=108.0, metadata={"help": "Weight of the hidden layers' loss."})
    l1_spec_loss_weight: float = field(default=0.0, metadata={"help": "Weight of the (mel) spectrogram's loss."})
    stft_loss_params: dict[str, Any] = field(
        default_factory=lambda: {
            "n_ffts": [1024, 2048, 512],
            "hop_lengths": [120, 240, 50],
            "win_lengths": [600, 1200, 240],
        },
        metadata={"help": "Resolutions of the STFT loss, in samples."},
    )
    subband_stft_loss_params: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "Resolutions of the sub-band STFT loss, in samples of a sub-band."}
    )
    l1_spec_loss_params: dict[str, Any] = field(
        default_factory=lambda: {
            "use_mel": True,
            "sample_rate": 22050,
            "n_fft": 1024,
            "hop_length": 256,
            "win_length": 1024,
            "n_mels": 80,
            "mel_fmin": 0.0,
            "mel_fmax": None,
        },
        metadata={"help": "The spectrogram of use_l1_spec_loss."},
    )


@dataclass
class GANVocoderConfig(GANLossConfig, VocoderConfig):
    """Generator, discriminator and how the two are trained."""

    target_loss: str | None = field(
        default="loss_0", metadata={"help": "Loss that decides which model is the best; null is the held-out total."}
    )
    grad_clip: float | list[float] = field(
        default_factory=lambda: [5.0, 5.0],
        metadata={"help": "Norm that gradients are cut to, for discriminator and generator; 0 is off."},
    )
    lr: float | list[float] = field(default=0.0001, metadata={"help": LR_HELP})
    lr_scheduler: str | list[str] | None = kept(None, "lr_scheduler_gen and lr_scheduler_disc count")
    lr_scheduler_params: dict[str, Any] | list[dict[str, Any]] = kept({}, "those of generator and discriminator count")
    lr_gen: float = field(default=0.0002, metadata={"help": "Learning rate of the generator."})
    lr_disc: float = field(default=0.0002, metadata={"help": "Learning rate of the discriminator."})
    lr_scheduler_gen: str | None = field(
        default="ExponentialLR", metadata={"help": "Schedule of the generator's rate; null keeps it."}
    )
    lr_scheduler_gen_params: dict[str, Any] = field(
        default_factory=lambda: {"gamma": 0.999, "last_epoch": -1}, metadata={"help": "Its arguments."}
    )
    lr_scheduler_disc: str | None = field(
        default="ExponentialLR", metadata={"help": "Schedule of the discriminator's rate; null keeps it."}
    )
    lr_scheduler_disc_params: dict[str, Any] = field(
        default_factory=lambda: {"gamma": 0.999, "last_epoch": -1}, metadata={"help": "Its arguments."}
    )
    use_pqmf: bool = field(default=False, metadata={"help": "The generator gives sub-bands."})
    steps_to_start_discriminator: int = field(
        default=0, metadata={"help": "Steps before the discriminator takes part."}
    )
    diff_samples_for_G_and_D: bool = kept(False, "generator and discriminator learn from the same pieces")
    generator_model: str = field(default="", metadata={"help": "Network of the generator."})
    generator_model_params: dict[str, Any] = field(default_factory=dict, metadata={"help": "Its arguments."})
    discriminator_model: str = field(default="", metadata={"help": "Network of the discriminator."})
    discriminator_model_params: dict[str, Any] = field(default_factory=dict, metadata={"help": "Its arguments."})

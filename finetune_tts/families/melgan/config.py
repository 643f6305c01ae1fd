"""The config of MelGAN, in its three sizes (https://arxiv.org/abs/1910.06711)."""

from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.base import kept
from finetune_tts.config.vocoder import LR_HELP, GANVocoderConfig


@dataclass
class MelganConfig(GANVocoderConfig):
    """All fields of a MelGAN run."""

    model: str = field(default="melgan", metadata={"help": "Architecture of the vocoder."})
    batch_size: int = field(default=16, metadata={"help": "Pieces in a training batch."})
    lr: float | list[float] = field(default=0.001, metadata={"help": LR_HELP})
    seq_len: int = field(default=8192, metadata={"help": "Samples of a piece that is trained on."})
    pad_short: int = field(default=2000, metadata={"help": "Silent samples after a clip that is shorter than seq_len."})
    use_cache: bool = kept(True, "features are kept in the feature cache")
    use_noise_augment: bool = field(default=True, metadata={"help": "Add a little noise to the training clips."})
    generator_model: str = field(default="melgan_generator", metadata={"help": "Network of the generator."})
    generator_model_params: dict[str, Any] = field(
        default_factory=lambda: {"upsample_factors": [8, 8, 2, 2], "num_res_blocks": 3},
        metadata={"help": "Its arguments."},
    )
    discriminator_model: str = field(
        default="melgan_multiscale_discriminator", metadata={"help": "Network of the discriminator."}
    )
    discriminator_model_params: dict[str, Any] = field(
        default_factory=lambda: {"base_channels": 16, "max_channels": 1024, "downsample_factors": [4, 4, 4, 4]},
        metadata={"help": "Its arguments."},
    )


@dataclass
class FullbandMelganConfig(GANVocoderConfig):
    """All fields of a full-band MelGAN run."""

    model: str = field(default="fullband_melgan", metadata={"help": "Architecture of the vocoder."})
    batch_size: int = field(default=16, metadata={"help": "Pieces in a training batch."})
    lr: float | list[float] = field(default=0.001, metadata={"help": LR_HELP})
    seq_len: int = field(default=8192, metadata={"help": "Samples of a piece that is trained on."})
    pad_short: int = field(default=2000, metadata={"help": "Silent samples after a clip that is shorter than seq_len."})
    use_cache: bool = kept(True, "features are kept in the feature cache")
    use_noise_augment: bool = field(default=True, metadata={"help": "Add a little noise to the training clips."})
    generator_model: str = field(default="melgan_generator", metadata={"help": "Network of the generator."})
    generator_model_params: dict[str, Any] = field(
        default_factory=lambda: {"upsample_factors": [8, 8, 2, 2], "num_res_blocks": 4},
        metadata={"help": "Its arguments."},
    )
    discriminator_model: str = field(
        default="melgan_multiscale_discriminator", metadata={"help": "Network of the discriminator."}
    )
    discriminator_model_params: dict[str, Any] = field(
        default_factory=lambda: {"base_channels": 16, "max_channels": 512, "downsample_factors": [4, 4, 4]},
        metadata={"help": "Its arguments."},
    )


@dataclass
class MultibandMelganConfig(GANVocoderConfig):
    """All fields of a multi-band MelGAN run (https://arxiv.org/abs/2005.05106)."""

    model: str = field(default="multiband_melgan", metadata={"help": "Architecture of the vocoder."})
    batch_size: int = field(default=64, metadata={"help": "Pieces in a training batch."})
    lr: float | list[float] = field(default=0.001, metadata={"help": LR_HELP})
    seq_len: int = field(default=16384, metadata={"help": "Samples of a piece that is trained on."})
    pad_short: int = field(default=2000, metadata={"help": "Silent samples after a clip that is shorter than seq_len."})
    use_cache: bool = kept(True, "features are kept in the feature cache")
    use_subband_stft_loss: bool = field(default=True, metadata={"help": "Compare those of sub-bands too."})
    use_feat_match_loss: bool = field(default=False, metadata={"help": "Compare the discriminator's hidden layers."})
    lr_gen: float = field(default=0.0001, metadata={"help": "Learning rate of the generator."})
    lr_disc: float = field(default=0.0001, metadata={"help": "Learning rate of the discriminator."})
    lr_scheduler_gen: str | None = field(
        default="MultiStepLR", metadata={"help": "Schedule of the generator's rate; null keeps it."}
    )
    lr_scheduler_disc: str | None = field(
        default="MultiStepLR", metadata={"help": "Schedule of the discriminator's rate; null keeps it."}
    )
    lr_scheduler_gen_params: dict[str, Any] = field(
        default_factory=lambda: {"gamma": 0.5, "milestones": [100000, 200000, 300000, 400000, 500000, 600000]},
        metadata={"help": "Its arguments."},
    )
    lr_scheduler_disc_params: dict[str, Any] = field(
        default_factory=lambda: {"gamma": 0.5, "milestones": [100000, 200000, 300000, 400000, 500000, 600000]},
        metadata={"help": "Its arguments."},
    )
    use_pqmf: bool = field(default=True, metadata={"help": "The generator gives sub-bands."})
    steps_to_start_discriminator: int = field(
        default=200000, metadata={"help": "Steps before the discriminator takes part."}
    )
    generator_model: str = field(default="multiband_melgan_generator", metadata={"help": "Network of the generator."})
    generator_model_params: dict[str, Any] = field(
        default_factory=lambda: {"upsample_factors": [8, 4, 2], "num_res_blocks": 4},
        metadata={"help": "Its arguments."},
    )
    discriminator_model: str = field(
        default="melgan_multiscale_discriminator", metadata={"help": "Network of the discriminator."}
    )
    discriminator_model_params: dict[str, Any] = field(
        default_factory=lambda: {"base_channels": 16, "max_channels": 512, "downsample_factors": [4, 4, 4]},
        metadata={"help": "Its arguments."},
    )
    subband_stft_loss_params: dict[str, Any] = field(
        default_factory=lambda: {"n_ffts": [384, 683, 171], "hop_lengths": [30, 60, 10], "win_lengths": [150, 300, 60]},
        metadata={"help": "Resolutions of the sub-band STFT loss, in samples of a sub-band."},
    )

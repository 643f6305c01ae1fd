"""The config of UnivNet (https://arxiv.org/abs/2106.07889)."""

from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.vocoder import LR_HELP, GANVocoderConfig


@dataclass
class UnivnetConfig(GANVocoderConfig):
    """All fields of a UnivNet run."""

    model: str = field(default="univnet", metadata={"help": "Architecture of the vocoder."})
    lr: float | list[float] = field(default=0.001, metadata={"help": LR_HELP})
    seq_len: int = field(default=1000, metadata={"help": "Samples of a piece that is trained on."})
    use_feat_match_loss: bool = field(default=False, metadata={"help": "Compare the discriminator's hidden layers."})
    stft_loss_weight: float = field(default=2.5, metadata={"help": "Weight of the STFT loss."})
    mse_G_loss_weight: float = field(default=1.0, metadata={"help": "Weight of the adversarial loss, least squares."})
    feat_match_loss_weight: float = field(default=0.0, metadata={"help": "Weight of the hidden layers' loss."})
    optimizer_params: dict[str, Any] | list[dict[str, Any]] = field(
        default_factory=lambda: {"betas": [0.5, 0.9], "weight_decay": 0.0},
        metadata={"help": "Arguments of the optimizers."},
    )
    lr_gen: float = field(default=0.0001, metadata={"help": "Learning rate of the generator."})
    lr_disc: float = field(default=0.0001, metadata={"help": "Learning rate of the discriminator."})
    lr_scheduler_gen: str | None = field(
        default=None, metadata={"help": "Schedule of the generator's rate; null keeps it."}
    )
    lr_scheduler_disc: str | None = field(
        default=None, metadata={"help": "Schedule of the discriminator's rate; null keeps it."}
    )
    steps_to_start_discriminator: int = field(
        default=200000, metadata={"help": "Steps before the discriminator takes part."}
    )
    generator_model: str = field(default="univnet_generator", metadata={"help": "Network of the generator."})
    generator_model_params: dict[str, Any] = field(
        default_factory=lambda: {
            "in_channels": 64,
            "out_channels": 1,
            "hidden_channels": 32,
            "cond_channels": 80,
            "upsample_factors": [8, 8, 4],
            "lvc_layers_each_block": 4,
            "lvc_kernel_size": 3,
            "kpnet_hidden_channels": 64,
            "kpnet_conv_size": 3,
            "dropout": 0.0,
        },
        metadata={"help": "Its arguments."},
    )
    discriminator_model: str = field(
        default="univnet_discriminator", metadata={"help": "Network of the discriminator."}
    )

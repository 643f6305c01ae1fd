"""The config of HiFi-GAN (https://arxiv.org/abs/2010.05646)."""

from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.base import kept
from finetune_tts.config.vocoder import GANVocoderConfig


@dataclass
class HifiganConfig(GANVocoderConfig):
    """All fields of a HiFi-GAN run."""

    model: str = field(default="hifigan", metadata={"help": "Architecture of the vocoder."})
    seq_len: int = field(default=1000, metadata={"help": "Samples of a piece that is trained on."})
    wd: float = kept(1e-06, "optimizer_params.weight_decay counts")
    use_stft_loss: bool = field(default=False, metadata={"help": "Compare spectrograms of several resolutions."})
    use_l1_spec_loss: bool = field(default=True, metadata={"help": "Compare one (mel) spectrogram."})
    stft_loss_weight: float = field(default=0.0, metadata={"help": "Weight of the STFT loss."})
    mse_G_loss_weight: float = field(default=1.0, metadata={"help": "Weight of the adversarial loss, least squares."})
    l1_spec_loss_weight: float = field(default=45.0, metadata={"help": "Weight of the (mel) spectrogram's loss."})
    generator_model: str = field(default="hifigan_generator", metadata={"help": "Network of the generator."})
    generator_model_params: dict[str, Any] = field(
        default_factory=lambda: {
            "upsample_factors": [8, 8, 2, 2],
            "upsample_kernel_sizes": [16, 16, 4, 4],
            "upsample_initial_channel": 512,
            "resblock_kernel_sizes": [3, 7, 11],
            "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
            "resblock_type": "1",
        },
        metadata={"help": "Its arguments."},
    )
    discriminator_model: str = field(
        default="hifigan_discriminator", metadata={"help": "Network of the discriminator."}
    )

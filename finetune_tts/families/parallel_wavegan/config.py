"""The config of Parallel WaveGAN (https://arxiv.org/abs/1910.11480)."""

from dataclasses import dataclass, field
from typing import Any

from finetune_tts.config.base import kept
from finetune_tts.config.vocoder import LR_HELP, GANVocoderConfig


@dataclass
class ParallelWaveganConfig(GANVocoderConfig):
    """All fields of a Parallel WaveGAN run."""

    model: str = field(default="parallel_wavegan", metadata={"help": "Architecture of the vocoder."})
    batch_size: int = field(default=6, metadata={"help": "Pieces in a training batch."})
    lr: float | list[float] = field(default=0.001, metadata={"help": LR_HELP})
    seq_len: int = field(default=25600, metadata={"help": "Samples of a piece that is trained on."})
    pad_short: int = field(default=2000, metadata={"help": "Silent samples after a clip that is shorter than seq_len."})
    use_cache: bool = kept(True, "features are kept in the feature cache")
    target_loss: str | None = field(
        default="loss_1", metadata={"help": "Loss that decides which model is the best; null is the held-out total."}
    )
    scheduler_after_epoch: bool = field(
        default=False, metadata={"help": "Step the learning-rate schedules after each epoch, not after each step."}
    )
    use_feat_match_loss: bool = field(default=False, metadata={"help": "Compare the discriminator's hidden layers."})
    feat_match_loss_weight: float = field(default=0.0, metadata={"help": "Weight of the hidden layers' loss."})
    lr_scheduler_gen: str | None = field(
        default="StepLR", metadata={"help": "Schedule of the generator's rate; null keeps it."}
    )
    lr_scheduler_disc: str | None = field(
        default="StepLR", metadata={"help": "Schedule of the discriminator's rate; null keeps it."}
    )
    lr_scheduler_gen_params: dict[str, Any] = field(
        default_factory=lambda: {"gamma": 0.5, "step_size": 200000, "last_epoch": -1},
        metadata={"help": "Its arguments."},
    )
    lr_scheduler_disc_params: dict[str, Any] = field(
        default_factory=lambda: {"gamma": 0.5, "step_size": 200000, "last_epoch": -1},
        metadata={"help": "Its arguments."},
    )
    steps_to_start_discriminator: int = field(
        default=200000, metadata={"help": "Steps before the discriminator takes part."}
    )
    generator_model: str = field(default="parallel_wavegan_generator", metadata={"help": "Network of the generator."})
    generator_model_params: dict[str, Any] = field(
        default_factory=lambda: {"upsample_factors": [4, 4, 4, 4], "stacks": 3, "num_res_blocks": 30},
        metadata={"help": "Its arguments."},
    )
    discriminator_model: str = field(
        default="parallel_wavegan_discriminator", metadata={"help": "Network of the discriminator."}
    )
    discriminator_model_params: dict[str, Any] = field(
        default_factory=lambda: {"num_layers": 10}, metadata={"help": "Its arguments."}
    )

"""Capacitron (https://arxiv.org/abs/1906.03402) in a Tacotron's config: a vector that says how something is spoken."""

from dataclasses import dataclass, field

from finetune_tts.config.base import Config, kept

#: What ``optimizer`` is called where a network has Capacitron; the two optimizers are named in ``optimizer_params``.
CAPACITRON_OPTIMIZER = "CapacitronOptimizer"


@dataclass
class CapacitronVAEConfig(Config):
    """The random vector that says how something is spoken."""

    capacitron_loss_alpha: int = kept(1, "capacitron_VAE_loss_alpha counts")
    capacitron_capacity: int = field(
        default=150, metadata={"help": "What the vector may tell about a recording, in nats; more imitates closer."}
    )
    capacitron_VAE_embedding_dim: int = field(default=128, metadata={"help": "Channels of the vector."})
    capacitron_use_text_summary_embeddings: bool = field(
        default=True, metadata={"help": "What makes the vector of a recording sees its text too."}
    )
    capacitron_text_summary_embedding_dim: int = field(
        default=128, metadata={"help": "Channels of what it sees of the text."}
    )
    capacitron_use_speaker_embedding: bool = field(
        default=False, metadata={"help": "What makes the vector of a recording sees its speaker too."}
    )
    capacitron_VAE_loss_alpha: float = field(
        default=0.25, metadata={"help": "Weight of the term that holds the vector at its capacity."}
    )
    capacitron_grad_clip: float = field(
        default=5.0, metadata={"help": "Norm that all gradients but that of beta are cut to; 0 is off."}
    )


@dataclass
class CapacitronConfig(Config):
    """Whether a Tacotron has Capacitron."""

    use_capacitron_vae: bool = field(
        default=False,
        metadata={"help": "Let a vector say how a text is spoken, which is random or that of a recording."},
    )
    capacitron_vae: CapacitronVAEConfig | None = field(
        default=None, metadata={"help": "How that vector is made; needed where use_capacitron_vae is true."}
    )

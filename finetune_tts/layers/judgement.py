"""What a discriminator says about waveforms."""

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Judgement:
    """Scores and, where the discriminator gives them, the hidden layers that feature matching compares.

    Attributes:
        scores: one tensor for each part of the discriminator; high where the part takes the waveform for a recording.
        features: for each of those parts the outputs of its layers, in order; empty where it shows none.
    """

    scores: list[Tensor]
    features: list[list[Tensor]] = field(default_factory=list)

"""Which clips a network can be trained on, beside what the config says of all of them."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Bounds of clips.

    Attributes:
        shortest, longest: of a recording, in seconds.
        most_tokens: of a text.
    """

    shortest: float = 0.0
    longest: float = math.inf
    most_tokens: float = math.inf


UNBOUNDED = Bounds()

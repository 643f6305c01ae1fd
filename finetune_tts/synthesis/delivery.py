"""How a text is to be synthesised: who speaks, in which language, how fast, how it is to sound."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Delivery:
    """How a text is to be synthesised; what is left out is as the model has it."""

    speaker: str | None = None
    """Name of the speaker, for a model that has several; the first by default, if there is but one."""
    d_vector: np.ndarray | None = None
    """``[D]``, in the place of a speaker, for a model with d-vectors: see ``SpeakerEncoder``."""
    voice: Any | None = None
    """Of ``Imitator.heard``, in the place of a speaker, for a model that listens to recordings itself."""
    language: str | None = None
    """Of the text, for a multilingual model."""
    noise_scale: float | None = None
    """Variation, in place of the config's."""
    length_scale: float | None = None
    """Duration factor, in place of the config's."""
    style: Any | None = None
    """How it is to sound, for a model that takes a style: what its family's ``read_style`` gives."""
    seed: int = 0
    """Of what is drawn."""

"""Models that have diverged in training: they give NaN or infinity, or numbers that overflow on the way to a sound."""

import logging
import math

import numpy as np
import torch
from torch import Tensor, nn

from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)


def require_finite(values: np.ndarray, network: nn.Module, who: str) -> None:
    """Refuse a spectrogram or waveform that cannot be heard.

    Args:
        values: of any shape.
        network: that made them.
        who: what it is called: "The model".

    Raises:
        UserError: they hold NaN or infinity.
    """
    if not np.isfinite(values).all():
        raise diverged(network, who)


def diverged(network: nn.Module, who: str) -> UserError:
    """Return the error about a network that gives no finite numbers; the first weight that is to blame is named."""
    bad = [name for name, tensor in network.state_dict().items() if not bool(torch.isfinite(tensor).all())]
    why = f"its weights hold NaN or infinity, first in {bad[0]}" if bad else "its numbers grow beyond all bounds"
    return UserError(
        f"{who} makes no sound: {why}. Its training has diverged. Take an earlier checkpoint, and train with a "
        "lower --coqpit.lr."
    )


def look_at_durations(
    network: nn.Module, asked_for: Tensor | None, given: int, symbols: Tensor, frame_seconds: float
) -> None:
    """Say where durations were cut off, see :func:`finetune_tts.layers.duration.bounded_durations`.

    Args:
        network: that predicted them.
        asked_for: ``[1]`` frames.
        given: frames that were made.
        symbols: ``[1]``.
        frame_seconds: length of a frame.

    Raises:
        UserError: durations are no numbers.
    """
    frames = float(asked_for) if asked_for is not None else 0.0
    if math.isnan(frames):
        raise diverged(network, "The model")
    if frames > given:
        logger.warning(
            "A sentence of %s would last %s: it is cut after %.1f s, as nobody speaks that slowly. "
            "The duration predictor has diverged, or has learned too little.",
            "1 symbol" if int(symbols) == 1 else f"{int(symbols)} symbols",
            "for ever" if math.isinf(frames) else f"{frames * frame_seconds:.0f} s",
            given * frame_seconds,
        )

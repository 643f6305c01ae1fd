"""The reduction factor r of released weights: how many frames their decoders draw in a step, and can draw at most.

The projection of a decoder is as large as the largest r of its training. What it drew at the end of *gradual training*
stands in the checkpoint alone. A config says both: ``r`` is the largest, ``gradual_training`` what it is from when on.
"""

import logging
from collections.abc import Container, Mapping
from typing import Any

import torch
from torch import Tensor

from finetune_tts.config.changes import Change
from finetune_tts.families.family import Fitted
from finetune_tts.families.tacotron.config import TacotronConfig, frames_per_step_at

logger = logging.getLogger(__name__)

#: decoder module → the decoder draws r frames a step; the coarse one has an r of its own.
_DECODERS = ("decoder", "decoder_backward")
_COARSE = "coarse_decoder"
_PROJECTIONS = ("linear_projection.linear_layer", "proj_to_mel")
_STOPNETS = ("stopnet.1.linear_layer", "stopnet.linear")


def fit_reduction(
    config: TacotronConfig, state: Mapping[str, Tensor], known: Mapping[str, Any], chosen: Container[str]
) -> Fitted:
    """Make config and weights agree on r.

    The r of the weights stays, unless the user sets ``r`` or ``gradual_training``. A smaller one uses the first rows
    of the projection; for a larger one the rows of the last frame are repeated, and learn to differ.

    Args:
        config: of the run.
        state: the weights.
        known: what else the checkpoint holds: ``r``, or a ``config`` with it.
        chosen: names of the config fields that the user set.

    Returns:
        what changes in the config, and the weights, with larger projections where the user asks for them.
    """
    largest = _frames(state, "decoder", config.decoder_output_dim)
    if largest is None:
        return Fitted(state)
    now = _frames_now(config, known, largest, chosen)
    gradual = config.gradual_training
    if "gradual_training" in chosen and gradual:
        wanted = max(entry[1] for entry in gradual)
    else:
        wanted, gradual = config.r if "r" in chosen else now, None
    if wanted > largest:
        logger.warning(
            "r = %d: the decoder of the model draws %d frames a step at most. It begins with the last of them repeated "
            "%d times, and has to learn to draw them apart.",
            wanted,
            largest,
            wanted - largest,
        )
        state = _resized(state, _DECODERS, largest, wanted, config.decoder_output_dim)
    r = max(largest, wanted)
    if gradual is None and wanted < r:
        gradual = [[0, r, _batch_size(config)], [0, wanted, _batch_size(config)]]
    if "r" in chosen and wanted != now:
        logger.info("r = %d, as asked; the model was trained with %d.", wanted, now)
    fitted = _fit_coarse(config, state, chosen)
    return Fitted(fitted.weights, (Change("r", r), Change("gradual_training", gradual), *fitted.changes))


def _frames_now(config: TacotronConfig, known: Mapping[str, Any], largest: int, chosen: Container[str]) -> int:
    """The r that training ended with."""
    stored = known.get("config")
    for value in (known.get("r"), stored.get("r") if isinstance(stored, Mapping) else None):
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= largest:
            return value
    scheduled = frames_per_step_at(config, 2**62)
    return scheduled if "r" not in chosen and 1 <= scheduled <= largest else largest


def _fit_coarse(config: TacotronConfig, state: Mapping[str, Tensor], chosen: Container[str]) -> Fitted:
    coarse = _frames(state, _COARSE, config.decoder_output_dim)
    if coarse is None or coarse == config.ddc_r or not config.double_decoder_consistency:
        return Fitted(state)
    if "ddc_r" not in chosen:
        return Fitted(state, (Change("ddc_r", coarse),))
    logger.warning("ddc_r = %d: the coarse decoder of the model drew %d frames a step.", config.ddc_r, coarse)
    return Fitted(_resized(state, [_COARSE], coarse, config.ddc_r, config.decoder_output_dim))


def _frames(state: Mapping[str, Tensor], decoder: str, channels: int) -> int | None:
    """The largest r of a decoder's projection; None where there is none, or one for other frames."""
    for projection in _PROJECTIONS:
        rows = state.get(f"{decoder}.{projection}.weight")
        if rows is not None and rows.dim() and len(rows) and channels > 0 and len(rows) % channels == 0:
            return len(rows) // channels
    return None


def _resized(
    state: Mapping[str, Tensor], decoders: Container[str], before: int, after: int, channels: int
) -> dict[str, Tensor]:
    """Weights whose decoders draw ``after`` frames a step in the place of ``before``."""
    changed = dict(state)
    for name, tensor in state.items():
        decoder, _, rest = name.partition(".")
        layer, _, kind = rest.rpartition(".")
        if decoder not in decoders:
            continue
        # What has not the shape of its layer stays as it is; restoring it says so.
        if layer in _PROJECTIONS and tensor.dim() and len(tensor) == before * channels:
            frames = tensor.unflatten(0, (before, channels))
            repeated = [frames, *[frames[-1:]] * (after - before)]
            changed[name] = torch.cat(repeated)[:after].flatten(0, 1)
        elif layer in _STOPNETS and kind == "weight" and tensor.dim() == 2 and tensor.shape[1] >= before * channels:
            hidden = tensor.shape[1] - before * channels
            # The stop prediction sees all frames: the new ones say nothing at first.
            seen = tensor[:, : hidden + min(before, after) * channels]
            changed[name] = torch.nn.functional.pad(seen, (0, hidden + after * channels - seen.shape[1]))
    return changed


def _batch_size(config: TacotronConfig) -> int:
    return max(1, int(config.batch_size))

"""How a model with global style tokens is to speak: like a recording, or by weights of its tokens."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.base import Config
from finetune_tts.errors import UserError
from finetune_tts.families.tacotron.config import GSTConfig, TacotronConfig
from finetune_tts.families.tacotron.style_flags import Style


def style_for(config: Config, extractor: SpectrogramExtractor, given: Style | None) -> Tensor | dict[int, float] | None:
    """Return what the network takes: a spectrogram ``[1, T_mel, n_mels]``, or weights by token; None for no style.

    Args:
        config: the model's; it may name a style for where none is given.
        extractor: of the model's audio settings.
        given: what the user asks for.

    Raises:
        UserError: the model has no style tokens, or not these; the recording cannot be read.
    """
    if not isinstance(config, TacotronConfig) or not config.use_gst:
        if given is not None:
            raise UserError("--gst_style: this model has no global style tokens. Leave the flag out.")
        return None
    sizes = config.gst or GSTConfig()
    source = "--gst_style"
    if given is None:
        source = "The style that the config names"
        given = sizes.gst_style_input_weights or sizes.gst_style_input_wav or config.gst_style_input
        # A path of the machine that trained the model says nothing here.
        if not given or (isinstance(given, str) and not Path(given).is_file()):
            return None
    if isinstance(given, Mapping):
        return _weights(given, sizes.gst_num_style_tokens, source)
    mel = extractor.mel(extractor.load(given))  # [n_mels, T_mel]
    return torch.from_numpy(mel.T.copy()).unsqueeze(0)


def _weights(given: Mapping[str, Any], tokens: int, source: str) -> dict[int, float]:
    weights = {}
    for name, value in given.items():
        number = int(name) if str(name).isdecimal() and len(str(name)) < 10 else -1
        if not 0 <= number < tokens:
            raise UserError(f"{source}: there is no token {str(name)[:20]}; the model has 0 to {tokens - 1}.")
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e6:
            raise UserError(f"{source}: the weight of token {name} is {value!r}; it must be a number.")
        weights[number] = float(value)
    return weights

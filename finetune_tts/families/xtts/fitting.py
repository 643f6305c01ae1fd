"""What makes a config describe the XTTS that weights are of."""

from collections.abc import Container, Mapping
from typing import Any

from torch import Tensor

from finetune_tts.config.changes import Change
from finetune_tts.errors import UserError
from finetune_tts.families.family import Fitted
from finetune_tts.families.xtts.config import XttsConfig

_PERCEIVER = "gpt.conditioning_perceiver.latents"


def fit_to_weights(
    config: XttsConfig, weights: Mapping[str, Tensor], known: Mapping[str, Any], chosen: Container[str]
) -> Fitted:
    """Take from the weights what releases leave open in their configs.

    Where the decoder is trained, adapters of a run before are a part of the language model, and there are no new ones.

    Raises:
        UserError: adapters were asked for where the language model does not learn.
    """
    args = config.model_args
    found: dict[str, Any] = {}
    has_perceiver = _PERCEIVER in weights
    if any(name.startswith("gpt.") for name in weights) and has_perceiver != args.gpt_use_perceiver_resampler:
        found["gpt_use_perceiver_resampler"] = has_perceiver
    codes = weights.get("gpt.mel_embedding.weight")
    if codes is not None and codes.dim() == 2 and len(codes) != args.gpt_num_audio_tokens:
        found |= {
            "gpt_num_audio_tokens": len(codes),
            "gpt_start_audio_token": len(codes) - 2,
            "gpt_stop_audio_token": len(codes) - 1,
        }
    changes = [Change(f"model_args.{name}", value) for name, value in found.items()]
    if config.train_decoder and config.lora_rank:
        if "lora_rank" in chosen:
            raise UserError(
                f"--coqpit.lora_rank {config.lora_rank} and --coqpit.train_decoder true: adapters are of the language "
                "model, which stays as it is while the decoder learns. Give one of the two."
            )
        changes.append(Change("lora_rank", 0))
    return Fitted(weights, tuple(changes))

"""Voices that XTTS knows by name, as ``speakers_xtts.pth`` holds them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from finetune_tts.checkpoints.reading import read_torch_file
from finetune_tts.errors import UserError
from finetune_tts.files import replacing

FILE_NAME = "speakers_xtts.pth"
_PROMPT, _SPEAKER = "gpt_cond_latent", "speaker_embedding"


@dataclass(frozen=True)
class XttsVoice:
    """Somebody's voice.

    Attributes:
        prompt: ``[1, P, C]``, what the language model reads before a text.
        speaker: ``[1, D, 1]``, what the decoder hears in every stage.
    """

    prompt: Tensor
    speaker: Tensor

    def to(self, device: torch.device) -> "XttsVoice":
        """The voice on another device."""
        return XttsVoice(self.prompt.to(device), self.speaker.to(device))


def read_voices(path: Path) -> dict[str, Any]:
    """Read the voices of a file, by name.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    content = read_torch_file(path)
    if not isinstance(content, Mapping) or not content:
        raise UserError(f"{path}: is to hold a voice for each name, and holds none.")
    return {str(name): _voice(path, str(name), parts) for name, parts in content.items()}


def _voice(path: Path, name: str, parts: Any) -> XttsVoice:
    tensors = list(parts.values()) if isinstance(parts, Mapping) else []
    if isinstance(parts, Mapping) and _PROMPT in parts and _SPEAKER in parts:
        tensors = [parts[_PROMPT], parts[_SPEAKER]]
    if len(tensors) != 2 or not all(isinstance(tensor, Tensor) and tensor.is_floating_point() for tensor in tensors):
        raise UserError(f"{path}: the voice {name!r} is to be {_PROMPT} and {_SPEAKER}, and is something else.")
    prompt, speaker = (tensor.detach().float() for tensor in tensors)
    if prompt.dim() != 3 or speaker.dim() != 3 or len(prompt) != 1 or len(speaker) != 1:
        shapes = f"{list(prompt.shape)} and {list(speaker.shape)}"
        raise UserError(f"{path}: the voice {name!r} has the shapes {shapes}; [1, P, C] and [1, D, 1] are expected.")
    if not (bool(torch.isfinite(prompt).all()) and bool(torch.isfinite(speaker).all())):
        raise UserError(f"{path}: the voice {name!r} holds NaN or infinity.")
    return XttsVoice(prompt, speaker)


def write_voices(path: Path, voices: Mapping[str, Any]) -> None:
    """Write voices by name, in the order in which 🐸TTS takes the parts of each.

    Raises:
        OSError: the file cannot be written.
    """
    content = {
        name: {_PROMPT: voice.prompt.detach().cpu().clone(), _SPEAKER: voice.speaker.detach().cpu().clone()}
        for name, voice in voices.items()
    }
    with replacing(path) as file:
        torch.save(content, file)

"""Asks the family of a model to synthesise, whichever it is."""

from typing import Any

import torch
from torch import Tensor, nn

from finetune_tts.config.base import Config
from finetune_tts.data.batch import Batch
from finetune_tts.errors import UserError
from finetune_tts.families.registry import ENTRIES, family_of, names
from finetune_tts.families.speech import Force, Request, Spectrogram, StyleContext, Waveform


def makes_spectrograms(config: Config) -> bool:
    """Whether the network gives a spectrogram, which a vocoder or Griffin-Lim turns into a waveform."""
    return not family_of(config.model).makes_waveform


def answer_of(network: nn.Module, config: Config, request: Request) -> Spectrogram | Waveform:
    """Let a network in eval mode answer.

    Raises:
        UserError: this architecture cannot synthesise here.
    """
    entry = ENTRIES.get(config.model.lower())
    speak = entry.load().implementation.speak if entry is not None else None
    if speak is None:
        raise UserError(f"model {config.model!r} cannot synthesise yet; {', '.join(names(vocoders=False))} can.")
    return speak(network, config, request)


def network_style(context: StyleContext, style: Any | None) -> Any | None:
    """Bring a style into the form that the network takes.

    Raises:
        UserError: the architecture takes no style, or not this one.
    """
    style_of = family_of(context.config.model).implementation.style_of
    if style_of is not None:
        return style_of(context, style)
    if style is not None:
        nothing = f"A {context.config.model} model takes no style: leave the flags of the style out."
        raise UserError(getattr(style, "refusal", nothing))
    return None


def require_force(architecture: str) -> Force:
    """How an architecture gives spectrograms of recordings under teacher forcing.

    Raises:
        UserError: it gives none, or generates waveforms by itself.
    """
    force = family_of(architecture).implementation.force
    if force is None:
        able = [name for name in names(vocoders=False) if family_of(name).implementation.force is not None]
        raise UserError(
            f"--extract_features: a {architecture} model gives no spectrograms under teacher forcing; "
            f"these do: {', '.join(sorted(able))}."
        )
    return force


@torch.no_grad()
def forced_mels(network: nn.Module, force: Force, batch: Batch) -> list[Tensor]:
    """Spectrograms ``[n_mels, T]`` of the clips of a batch, in its order.

    A vocoder that has only heard spectrograms of recordings meets smoother ones when it is to generate for a model.
    Trained on these, it knows them (Shen et al. 2018).

    Args:
        network: in eval mode.
        force: of :func:`require_force`.
        batch: on the network's device.
    """
    mels, lengths = force(network, batch)
    return [mel[: int(length)].T.float().cpu() for mel, length in zip(mels, lengths, strict=True)]

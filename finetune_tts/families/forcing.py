"""What an acoustic model makes of a recording when it is told the recording's timing: a vocoder's training material.

A vocoder that has only heard spectrograms of recordings meets smoother ones when it is to speak for a model. Trained on
these, it knows them (Shen et al. 2018).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from finetune_tts.data.batch import Batch
from finetune_tts.errors import UserError
from finetune_tts.families.glow_tts.network import GlowTTS
from finetune_tts.families.tacotron.network import TacotronNetwork
from finetune_tts.families.tacotron.tacotron import Tacotron

#: ``(network, batch) → mel spectrograms [B, T, n_mels], frames [B]``; as long as the recordings, but for rounding.
Forced = Callable[[Any, Batch], tuple[Tensor, Tensor]]


def force_glow_tts(network: GlowTTS, batch: Batch) -> tuple[Tensor, Tensor]:
    """The likeliest spectrogram with the durations of the recording."""
    speech = network.inference_with_alignment(
        batch.token_ids,
        batch.token_lengths,
        batch.mels,
        batch.mel_lengths,
        speaker_ids=batch.speaker_ids,
        d_vectors=batch.d_vectors,
    )
    return speech.mel, speech.mel_lengths


def force_tacotron(network: TacotronNetwork, batch: Batch) -> tuple[Tensor, Tensor]:
    """What it draws when it sees the recording's frames; Capacitron's vector is the likeliest of the recording."""
    prosody = network.options.capacitron
    output = network(
        batch.token_ids,
        batch.token_lengths,
        batch.mels,
        batch.mel_lengths,
        batch.speaker_ids,
        batch.d_vectors,
        noise=batch.mels.new_zeros(len(batch), prosody.channels) if prosody is not None else None,
    )
    # Those of Tacotron after the postnet are no mel spectrograms any more.
    return (output.decoder_outputs if isinstance(network, Tacotron) else output.outputs), batch.mel_lengths


#: architecture name → how it is forced, written out by hand.
FORCED: dict[str, Forced] = {
    "glow_tts": force_glow_tts,
    "tacotron": force_tacotron,
    "tacotron2": force_tacotron,
}


def require_forced(architecture: str) -> Forced:
    """How an architecture is forced.

    Raises:
        UserError: it cannot be, or makes waveforms by itself.
    """
    if architecture not in FORCED:
        raise UserError(
            f"--extract_features: a {architecture} model gives no spectrograms under teacher forcing; "
            f"these do: {', '.join(sorted(FORCED))}."
        )
    return FORCED[architecture]


@torch.no_grad()
def forced_mels(network: nn.Module, forced: Forced, batch: Batch) -> list[Tensor]:
    """Spectrograms ``[n_mels, T]`` of the clips of a batch, in its order.

    Args:
        network: in eval mode.
        forced: of :func:`require_forced`.
        batch: on the network's device.
    """
    mels, lengths = forced(network, batch)
    return [mel[: int(length)].T.float().cpu() for mel, length in zip(mels, lengths, strict=True)]

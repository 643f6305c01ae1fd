"""How Tacotron and Tacotron 2 synthesise, and in which style."""

import logging
from typing import Any

import torch
from torch import Tensor

from finetune_tts.data.batch import Batch
from finetune_tts.families.speech import Request, Spectrogram, StyleContext
from finetune_tts.families.tacotron.capacitron import Reference
from finetune_tts.families.tacotron.config import TacotronConfig
from finetune_tts.families.tacotron.network import TacotronNetwork
from finetune_tts.families.tacotron.prosody import reference_for
from finetune_tts.families.tacotron.speaking_style import style_for
from finetune_tts.families.tacotron.style_flags import StyleRecording
from finetune_tts.families.tacotron.tacotron import Tacotron

logger = logging.getLogger(__name__)

MOST_STEPS, MOST_STEPS_A_SYMBOL = 200, 20
"""Decoder steps after which a sentence is cut in any case: slow speech takes some 12 frames for a symbol."""


def speak(network: TacotronNetwork, config: TacotronConfig, request: Request) -> Spectrogram:
    """Draw the spectrogram of a sentence; see :data:`finetune_tts.families.speech.Speak`."""
    reference = request.style if isinstance(request.style, Reference) else None
    noise = None
    if network.options.capacitron is not None and request.noise_scale is not None:
        channels = network.options.capacitron.channels
        noise = request.noise_scale * torch.randn(1, channels, device=request.token_ids.device)
    speech = network.inference(
        request.token_ids,
        speaker_ids=request.speaker_id,
        d_vectors=request.d_vector,
        style=None if isinstance(request.style, Reference) else request.style,
        reference=reference,
        noise=noise,
        max_steps=min(config.max_decoder_steps, MOST_STEPS_A_SYMBOL * request.token_ids.shape[1] + MOST_STEPS),
    )
    if not speech.ended:
        seconds = speech.outputs.shape[1] * (config.audio.hop_length or 0) / config.audio.sample_rate
        logger.warning(
            "The model found no end of a sentence of %d symbols: it is cut after %.1f s. Its attention got lost, which "
            "happens with short or unusual texts and with models that have learned too little.",
            request.token_ids.shape[1],
            seconds,
        )
    outputs, mel = (frames[0].float().cpu().numpy() for frames in (speech.outputs, speech.decoder_outputs))
    alignment = speech.alignments[0].float().cpu().numpy()
    if config.model == "tacotron":
        return Spectrogram(mel, alignment, linear=outputs)
    return Spectrogram(outputs, alignment)


def force(network: TacotronNetwork, batch: Batch) -> tuple[Tensor, Tensor]:
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


def network_style(context: StyleContext, style: Any | None) -> Any | None:
    """A style as the network takes it; see :data:`finetune_tts.families.speech.StyleOf`.

    Raises:
        UserError: the model takes no such style, or a recording cannot be read.
    """
    if isinstance(style, StyleRecording):
        return reference_for(context.config, context.extractor, context.tokenizer, context.device, style)
    found = style_for(context.config, context.extractor, style)
    return found.to(context.device) if isinstance(found, Tensor) else found

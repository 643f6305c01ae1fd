"""How each architecture turns token ids into something to hear: the one place where speaking differs by network."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from finetune_tts.config.base import Config
from finetune_tts.errors import UserError
from finetune_tts.families.glow_tts.config import GlowTTSConfig
from finetune_tts.families.glow_tts.network import GlowTTS
from finetune_tts.families.tacotron.capacitron import Reference
from finetune_tts.families.tacotron.config import TacotronConfig
from finetune_tts.families.tacotron.network import TacotronNetwork
from finetune_tts.families.vits.config import VitsConfig
from finetune_tts.families.vits.network import VITS

logger = logging.getLogger(__name__)

MOST_STEPS, MOST_STEPS_A_SYMBOL = 200, 20
"""Decoder steps after which a sentence is cut in any case: slow speech takes some 12 frames for a symbol."""


@dataclass(frozen=True)
class Request:
    """One sentence to speak.

    Attributes:
        token_ids: ``[1, T_text]`` on the network's device.
        speaker_id: ``[1]`` for a network with a speaker embedding.
        d_vector: ``[1, D]`` for a network with d-vectors.
        language_id: ``[1]`` for a network with a language embedding.
        noise_scale, length_scale: in place of the config's, where given.
        style: for a network with style tokens: ``[1, T_mel, n_mels]`` to speak like, or the weight of each token; for
            one with Capacitron: a recording to speak like.
    """

    token_ids: Tensor
    speaker_id: Tensor | None = None
    d_vector: Tensor | None = None
    language_id: Tensor | None = None
    noise_scale: float | None = None
    length_scale: float | None = None
    style: Tensor | Mapping[int, float] | Reference | None = None


@dataclass(frozen=True)
class Spectrogram:
    """What a network answers.

    Attributes:
        mel: ``[T_mel, n_mels]`` as the network was trained on it.
        alignment: ``[T_mel, T_text]``; one row for several frames where the network draws them in one step.
        linear: ``[T_mel, n_freq]``, of a network that makes a linear spectrogram too.
    """

    mel: np.ndarray
    alignment: np.ndarray
    linear: np.ndarray | None = None


@dataclass(frozen=True)
class Waveform:
    """What a network answers that needs no vocoder.

    Attributes:
        waveform: ``[T_wav]`` float32 at the model's rate.
        alignment: ``[T_spec, T_text]``.
    """

    waveform: np.ndarray
    alignment: np.ndarray


def _speak_glow_tts(network: GlowTTS, config: GlowTTSConfig, request: Request) -> Spectrogram:
    noise = config.inference_noise_scale if request.noise_scale is None else request.noise_scale
    length = config.length_scale if request.length_scale is None else request.length_scale
    lengths = torch.tensor([request.token_ids.shape[1]], device=request.token_ids.device)
    speech = network.inference(
        request.token_ids,
        lengths,
        speaker_ids=request.speaker_id,
        d_vectors=request.d_vector,
        noise_scale=noise,
        length_scale=length,
    )
    frames = int(speech.mel_lengths[0])
    return Spectrogram(
        mel=speech.mel[0, :frames].float().cpu().numpy(), alignment=speech.alignment[0, :frames].float().cpu().numpy()
    )


def _speak_vits(network: VITS, config: VitsConfig, request: Request) -> Waveform:
    args = config.model_args
    speech = network.inference(
        request.token_ids,
        torch.tensor([request.token_ids.shape[1]], device=request.token_ids.device),
        speaker_ids=request.speaker_id,
        d_vectors=request.d_vector,
        language_ids=request.language_id,
        noise_scale=args.inference_noise_scale if request.noise_scale is None else request.noise_scale,
        duration_noise_scale=args.inference_noise_scale_dp,
        length_scale=args.length_scale if request.length_scale is None else request.length_scale,
        max_frames=args.max_inference_len,
    )
    return Waveform(speech.waveforms[0, 0].float().cpu().numpy(), speech.alignment[0].T.float().cpu().numpy())


def _speak_tacotron(network: TacotronNetwork, config: TacotronConfig, request: Request) -> Spectrogram:
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


#: architecture name → how it speaks, written out by hand.
FAMILIES: dict[str, Callable[..., Spectrogram | Waveform]] = {
    "glow_tts": _speak_glow_tts,
    "tacotron": _speak_tacotron,
    "tacotron2": _speak_tacotron,
    "vits": _speak_vits,
}


#: Those that make waveforms by themselves.
WITHOUT_VOCODER = ("vits",)


def makes_spectrograms(config: Config) -> bool:
    """Whether the network gives a spectrogram, which a vocoder or Griffin-Lim turns into a waveform."""
    return config.model.lower() not in WITHOUT_VOCODER


def answer_of(network: nn.Module, config: Config, request: Request) -> Spectrogram | Waveform:
    """Let a network in eval mode answer.

    Raises:
        UserError: this architecture cannot speak here.
    """
    name = config.model.lower()
    if name not in FAMILIES:
        raise UserError(f"model {config.model!r} cannot be spoken with yet; {', '.join(FAMILIES)} can.")
    return FAMILIES[name](network, config, request)

"""How XTTS speaks: it listens to somebody, writes codes, and makes their vectors audible, at once or bit by bit."""

import dataclasses
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from finetune_tts.audio.reading import resample
from finetune_tts.errors import UserError
from finetune_tts.families.divergence import diverged
from finetune_tts.families.speech import Request, StyleContext, Waveform
from finetune_tts.families.xtts.config import XttsConfig
from finetune_tts.families.xtts.decoder import ENCODER_RATE, FramesOnTheWay
from finetune_tts.families.xtts.generation import Sampling, Written, most_codes, write
from finetune_tts.families.xtts.network import Xtts
from finetune_tts.families.xtts.voices import XttsVoice

logger = logging.getLogger(__name__)

SHORTEST_CHUNK = 0.33
"""Seconds of a recording below which a part of it is not listened to."""
SPARE_CODES = 45
"""Codes that any text may take, some two seconds: pauses before and behind."""
CODES_A_TOKEN = 12
"""Codes that a token of the text may take beyond these, three times as many as in slow speech."""
STREAM_CODES = 20
"""Codes that are made audible together when speech is streamed, nearly a second."""


@dataclass(frozen=True)
class Manner:
    """How to speak, as far as the user says it; None is what the config says.

    Attributes:
        temperature, top_k, top_p, repetition_penalty, length_penalty: see :class:`Sampling` and the config.
        candidates: how many times it is spoken; the likeliest is taken.
    """

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None
    length_penalty: float | None = None
    candidates: int | None = None


@dataclass(frozen=True)
class Style:
    """How codes are drawn, everything said.

    Attributes:
        sampling: of one candidate.
        candidates: how many.
        length_penalty: candidates are compared by the chance of their codes over their number to this power.
    """

    sampling: Sampling
    candidates: int
    length_penalty: float


def style_of(context: StyleContext, manner: Manner | None) -> Style:
    """Fill in what the user leaves open; see :data:`finetune_tts.families.speech.StyleOf`."""
    return filled_in(context.config, manner or Manner())


def filled_in(config: XttsConfig, manner: Manner) -> Style:
    """A manner with what the config says of the rest."""

    def said(value: Any, default: Any) -> Any:
        return default if value is None else value

    return Style(
        Sampling(
            temperature=said(manner.temperature, config.temperature),
            top_k=said(manner.top_k, config.top_k),
            top_p=said(manner.top_p, config.top_p),
            repetition_penalty=said(manner.repetition_penalty, config.repetition_penalty),
        ),
        candidates=said(manner.candidates, config.num_gpt_outputs),
        length_penalty=said(manner.length_penalty, config.length_penalty),
    )


def hear(network: Xtts, config: XttsConfig, recordings: Sequence[np.ndarray]) -> XttsVoice:
    """Listen to recordings of one speaker; see :class:`finetune_tts.families.speech.Listening`.

    Of each recording the first seconds count, as the config says. One after the other they are cut into chunks; the
    mean of what the language model makes of these is its prompt. v1.1, whose prompts are as long as the recording,
    takes all at once.

    Raises:
        UserError: there is too little to hear.
    """
    each = [recording[: int(config.max_ref_len * _rate(config))] for recording in recordings]
    return _heard(network, config, each, seconds=config.gpt_cond_len)


def hear_all(network: Xtts, config: XttsConfig, recordings: Sequence[np.ndarray]) -> XttsVoice:
    """Listen to all of the clips of one speaker: the mean of what each of them says (raises as :func:`hear`)."""
    return _heard(network, config, recordings, seconds=math.inf)


def _heard(network: Xtts, config: XttsConfig, recordings: Sequence[np.ndarray], *, seconds: float) -> XttsVoice:
    rate, device = _rate(config), network.mel_stats.device
    shortest = _shortest(network, config)
    usable = [recording for recording in recordings if len(recording) >= shortest]
    if not usable:
        raise UserError(
            f"The recordings to speak like are too short: one of at least {shortest / rate:.2f} s is needed, and some "
            "seconds are better."
        )
    if config.sound_norm_refs:
        usable = [wav / max(float(np.abs(wav).max()), 1e-6) * 0.75 for wav in usable]
    waveforms = [torch.from_numpy(np.ascontiguousarray(wav, dtype=np.float32)).to(device) for wav in usable]
    speakers = [
        network.hifigan_decoder.speaker_of(
            torch.from_numpy(resample(np.asarray(wav, dtype=np.float32), rate, ENCODER_RATE)).to(device).unsqueeze(0)
        )
        for wav in usable
    ]
    prompt = prompt_of(network, config, torch.cat(waveforms), seconds=seconds)
    return XttsVoice(prompt.unsqueeze(0).float(), torch.stack(speakers).mean(0).float())


def prompt_of(network: Xtts, config: XttsConfig, waveform: Tensor, *, seconds: float = math.inf) -> Tensor:
    """What the language model makes of a recording ``[T_wav]`` of which the first seconds count: a prompt ``[P, C]``.

    The recording is to have the samples that ``network.listen`` needs.
    """
    rate = _rate(config)
    whole = waveform[: min(len(waveform), int(min(seconds, len(waveform)) * rate))]
    if network.gpt.conditioning_perceiver is None:
        return network.prompts_of([whole[: int(min(seconds, 2 * config.gpt_cond_len) * rate)]])[0]
    shortest = _shortest(network, config)
    chunks = [chunk for chunk in whole.split(int(config.gpt_cond_chunk_len * rate)) if len(chunk) >= shortest]
    prompts = [network.prompts_of([chunk])[0] for chunk in chunks or [whole]]
    return torch.stack(prompts).mean(0)


def _shortest(network: Xtts, config: XttsConfig) -> int:
    # The longest parts of a recording are mirrored at its ends: of less than this there is nothing to mirror.
    return max(int(SHORTEST_CHUNK * _rate(config)), network.listen.shortest)


def speak(network: Xtts, config: XttsConfig, request: Request) -> Waveform:
    """Speak a sentence; see :data:`finetune_tts.families.speech.Speak`.

    Where the limit of codes is reached, it is tried once more with other draws: the model sometimes babbles on.
    """
    voice, style = _voice(request), _style(config, request)
    limit = limit_of(network, request.token_ids.shape[1])
    for attempt in range(2):
        latents, ended = _best(network, voice, request.token_ids, style, limit)
        if ended:
            break
        if attempt == 0 and style.sampling.temperature > 0:
            logger.info("The model did not come to an end within %d codes: it speaks the sentence again.", limit)
            continue
        _say_cut(config, limit)
        break
    if not latents.shape[1]:  # it came to its end at once
        return Waveform(np.zeros(0, dtype=np.float32))
    latents = _stretched(latents, request.length_scale)
    waveform = network.hifigan_decoder(latents, voice.speaker)[0, 0]
    return Waveform(waveform.float().cpu().numpy())


def stream(network: Xtts, config: XttsConfig, request: Request) -> Iterator[np.ndarray]:
    """Speak a sentence and hand over each part as soon as it is made.

    The parts together are what :func:`speak` would make of the same codes: the HiFi-GAN sees as many frames around
    each part as it can look at. There is one candidate and no second try, as what was heard cannot be taken back.
    """
    voice, style = _voice(request), _style(config, request)
    limit = limit_of(network, request.token_ids.shape[1])
    audible = FramesOnTheWay(
        network.hifigan_decoder, voice.speaker, 1.0 if request.length_scale is None else request.length_scale
    )
    ended = False
    waiting: list[Tensor] = []
    for step in write(network.gpt, voice.prompt, request.token_ids, style.sampling, limit=limit):
        _require_finite(network, step)
        if int(step.codes) == network.gpt.stop_audio:
            ended = True
            break
        waiting.append(step.latents)
        if len(waiting) == STREAM_CODES:
            yield from _parts(audible.add(torch.stack(waiting, dim=1)))
            waiting = []
    if waiting:
        yield from _parts(audible.add(torch.stack(waiting, dim=1)))
    yield from _parts(audible.finish())
    if not ended:
        _say_cut(config, limit)


def _parts(waveform: Tensor) -> Iterator[np.ndarray]:
    if waveform.numel():
        yield waveform.float().cpu().numpy()


def limit_of(network: Xtts, tokens: int) -> int:
    """The most codes for a text of so many tokens."""
    return min(SPARE_CODES + CODES_A_TOKEN * tokens, most_codes(network.gpt))


def _best(network: Xtts, voice: XttsVoice, text_ids: Tensor, style: Style, limit: int) -> tuple[Tensor, bool]:
    """The vectors ``[1, N, C]`` of the likeliest candidate without those of its end, and whether it came to an end."""
    candidates = max(1, style.candidates)
    written: list[Written] = []
    prompt = voice.prompt.expand(candidates, -1, -1)
    for step in write(network.gpt, prompt, text_ids.expand(candidates, -1), style.sampling, limit=limit):
        _require_finite(network, step)
        written.append(step)
    codes = torch.stack([step.codes for step in written], dim=1)  # [B, N]
    counts = (codes != network.gpt.stop_audio).sum(1)
    ended = counts < len(written)
    score = torch.stack([step.log_chances for step in written], dim=1).sum(1)
    score = score / counts.clamp(min=1).float() ** style.length_penalty
    # One that came to no end is not taken where another did.
    best = int((score - 1e9 * (~ended)).argmax())
    latents = torch.stack([step.latents[best] for step in written])[: int(counts[best])]
    return latents.unsqueeze(0), bool(ended[best])


def _stretched(latents: Tensor, factor: float | None) -> Tensor:
    """Vectors ``[1, N, C]`` that last ``factor`` times as long."""
    if factor in (None, 1.0):
        return latents
    assert factor is not None
    factor = max(factor, 1 / latents.shape[1])
    return F.interpolate(latents.transpose(1, 2), scale_factor=factor, mode="linear").transpose(1, 2)


def _require_finite(network: Xtts, step: Written) -> None:
    if not bool(torch.isfinite(step.log_chances).all()):
        raise diverged(network, "The model")


def _say_cut(config: XttsConfig, limit: int) -> None:
    seconds = limit * config.model_args.gpt_code_stride_len / _rate(config)
    logger.warning(
        "A sentence was cut after %.1f s: the model did not come to its end. Speak it in shorter parts.", seconds
    )


def _voice(request: Request) -> XttsVoice:
    if request.voice is None:
        raise UserError(
            "This model speaks like somebody: give recordings with --speaker_wav, or name one of its speakers with "
            "--speaker_idx."
        )
    voice: XttsVoice = request.voice
    return voice.to(request.token_ids.device)


def _style(config: XttsConfig, request: Request) -> Style:
    return filled_in(config, Manner()) if request.style is None else request.style


def _rate(config: XttsConfig) -> int:
    return config.model_args.input_sample_rate


def read_manner(flags: Mapping[str, Any]) -> Manner:
    """Flags of ``tts`` → how to speak.

    Raises:
        UserError: a value is no number, or out of its range.
    """
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Manner):
        text = flags.get(field.name)
        if text is not None:
            values[field.name] = _number(field.name, str(text))
    return Manner(**values)


#: flag → its lowest and highest value, and whether it is a whole number.
_RANGES = {
    "temperature": (0.0, 10.0, False),
    "top_k": (0, 10_000, True),
    "top_p": (0.01, 1.0, False),
    "repetition_penalty": (1.0, 100.0, False),
    "length_penalty": (-10.0, 10.0, False),
    "candidates": (1, 16, True),
}


def _number(name: str, text: str) -> float | int:
    low, high, whole = _RANGES[name]
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise UserError(f"--{name} {text}: must be {kind} from {low:g} to {high:g}.")
    return value

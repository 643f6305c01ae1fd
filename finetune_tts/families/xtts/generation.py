"""How XTTS writes codes: one after the other, each drawn from what the language model expects.

The chances are shaped as in the makers' program, and in its order: what was written before is penalised (Keskar et al.
2019), the temperature sharpens or flattens, and only the most likely codes stay, by number and by what they sum up to
(Holtzman et al. 2020).

Dimensions: B batch, P places of the prompt, T tokens, C width, K codes with START and STOP.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from finetune_tts.families.xtts.network import Gpt
from finetune_tts.families.xtts.transformer import Context

_PREFIX_CODE = 1
"""The makers' program takes the places of prompt and text for this code when it penalises repetition, so that the code
is penalised from the first step on. Released models were tuned by ear with it."""


@dataclass(frozen=True)
class Sampling:
    """How codes are drawn.

    Attributes:
        temperature: below 1 the likely codes become likelier; 0 takes the likeliest always.
        top_k: how many of the likeliest codes stay; 0 is all.
        top_p: the likeliest codes that sum up to this chance stay; 1 is all.
        repetition_penalty: by how much logits of codes that were written before are divided; 1 is off.
    """

    temperature: float = 0.75
    top_k: int = 50
    top_p: float = 0.85
    repetition_penalty: float = 10.0


@dataclass(frozen=True)
class Written:
    """One code of each sequence.

    Attributes:
        codes: ``[B]``; STOP from where a sequence has ended.
        latents: ``[B, C]``, the vectors that the codes were drawn from.
        log_chances: ``[B]``, the logarithm of the chance of each code, before any shaping.
    """

    codes: Tensor
    latents: Tensor
    log_chances: Tensor


def most_codes(gpt: Gpt) -> int:
    """How many codes the network has places for."""
    return gpt.max_audio_tokens - 3


@torch.no_grad()
def write(
    gpt: Gpt, prompt: Tensor, text_ids: Tensor, sampling: Sampling, *, limit: int, random: torch.Generator | None = None
) -> Iterator[Written]:
    """Write codes until all sequences have ended.

    Args:
        gpt: in eval mode.
        prompt: ``[B, P, C]``.
        text_ids: ``[B, T]``, all of one length.
        sampling: how codes are drawn.
        limit: most codes.
        random: decides what is drawn.

    Yields:
        The next code of each sequence; the last one is STOP, unless the limit came first.
    """
    batch = len(text_ids)
    code = text_ids.new_full((batch,), gpt.start_audio)
    vectors = torch.cat((prompt, gpt.read(text_ids), gpt.vectors_of_codes(code.unsqueeze(1))), dim=1)
    cache = gpt.gpt.cache_for(vectors.shape[1] + limit)
    seen = torch.zeros(batch, gpt.mel_embedding.num_embeddings, dtype=torch.bool, device=code.device)
    seen[:, [_PREFIX_CODE, gpt.start_audio]] = True
    ended = torch.zeros(batch, dtype=torch.bool, device=code.device)
    for place in range(1, limit + 1):
        latents = gpt.final_norm(gpt.gpt(vectors, Context(cache=cache))[:, -1])
        logits = gpt.mel_head(latents).float()
        code = draw(logits, seen, sampling, random).masked_fill(ended, gpt.stop_audio)
        chances = logits.log_softmax(1).gather(1, code.unsqueeze(1)).squeeze(1)
        yield Written(code, latents, chances.masked_fill(ended, 0.0))
        ended = ended | (code == gpt.stop_audio)
        if bool(ended.all()):
            return
        seen.scatter_(1, code.unsqueeze(1), True)
        vectors = gpt.vectors_of_codes(code.unsqueeze(1), first=place)


def draw(logits: Tensor, seen: Tensor, sampling: Sampling, random: torch.Generator | None = None) -> Tensor:
    """Draw codes.

    Args:
        logits: ``[B, K]``.
        seen: ``[B, K]``, the codes that were written before.
        sampling: how.
        random: decides what is drawn.

    Returns:
        ``[B]``.
    """
    if sampling.repetition_penalty != 1:
        penalty = sampling.repetition_penalty
        logits = torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)
    if sampling.temperature == 0:
        return logits.argmax(1)
    logits = logits / sampling.temperature
    if 0 < sampling.top_k < logits.shape[1]:
        least = logits.topk(sampling.top_k, dim=1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    if sampling.top_p < 1:
        likely, places = logits.sort(dim=1, descending=True)
        chances = likely.softmax(1)
        # A code stays if those before it do not reach the sum yet; the likeliest always does.
        before = chances.cumsum(1) - chances
        likely = likely.masked_fill(before >= sampling.top_p, -torch.inf)
        logits = torch.full_like(logits, -torch.inf).scatter(1, places, likely)
    return torch.multinomial(logits.softmax(1), 1, generator=random).squeeze(1)

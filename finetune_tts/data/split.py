"""Which samples are held out for evaluation."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError

ENOUGH_TO_HEAR = 10
"""A speaker with as many recordings can spare one for evaluation."""


@dataclass(frozen=True)
class SampleSplit:
    """Samples to train on and samples that are held out, each in the order of their names."""

    train: list[Sample]
    eval: list[Sample]


def split_samples(
    samples: Sequence[Sample], eval_split_size: float = 0.01, eval_split_max_size: int | None = None, seed: int = 0
) -> SampleSplit:
    """Hold samples out for evaluation.

    The choice depends on the seed and the samples alone, not on their order. Every speaker with enough recordings is
    heard in it, and none loses the last one to it. Samples whose data set says where they belong stay there; a share
    or count then holds for the others.

    Args:
        samples: all samples.
        eval_split_size: below 1 a share of the samples, from 1 on a number of them. A share grows until it holds
            one recording of every speaker with ``ENOUGH_TO_HEAR`` of them; a number does not.
        eval_split_max_size: most samples to hold out.
        seed: decides which.

    Raises:
        UserError: the size is negative, or there is nothing left to train on.
    """
    if eval_split_size < 0:
        raise UserError(f"eval_split_size is {eval_split_size}; give a share such as 0.01 or a number of samples.")
    ordered = sorted(samples, key=lambda sample: (sample.name, str(sample.audio_file)))
    free = [sample for sample in ordered if sample.split == "any"]
    fixed_eval = [sample for sample in ordered if sample.split == "eval"]
    fixed_train = [sample for sample in ordered if sample.split == "train"]
    if eval_split_size >= 1:
        count = round(eval_split_size)
    else:
        sizes = Counter(sample.speaker for sample in free)
        count = max(round(eval_split_size * len(free)), sum(size >= ENOUGH_TO_HEAR for size in sizes.values()))
    if eval_split_max_size is not None:
        count = min(count, eval_split_max_size)
    if not fixed_eval:
        count = max(count, 1)
    count = max(0, min(count, len(free) - (0 if fixed_train else 1)))
    chosen = set(_choose(free, count, Random(seed)))
    train = [sample for sample in ordered if sample.split == "train" or sample.split == "any" and sample not in chosen]
    held_out = [sample for sample in ordered if sample.split == "eval" or sample in chosen]
    if not train:
        raise UserError(f"There is nothing to train on: {len(samples)} samples, {len(held_out)} of them held out.")
    return SampleSplit(train, held_out)


def _choose(samples: Sequence[Sample], count: int, random: Random) -> list[Sample]:
    """``count`` samples, spread over the speakers by their number of recordings."""
    by_speaker: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_speaker[sample.speaker].append(sample)
    for own in by_speaker.values():
        random.shuffle(own)
    shares = _shares({speaker: len(own) for speaker, own in by_speaker.items()}, count)
    return [sample for speaker, own in by_speaker.items() for sample in own[: shares[speaker]]]


def _shares(sizes: dict[str, int], count: int) -> dict[str, int]:
    """How many of each speaker's recordings to take so that the sum is ``count``.

    Speakers with at least two recordings come first, one each, from the largest; then each further one goes to the
    speaker of whose recordings the smallest part has been taken. The last recording of a speaker goes only if no
    other is left.
    """
    shares = dict.fromkeys(sizes, 0)
    for _ in range(count):
        candidates = [speaker for speaker in sizes if shares[speaker] < sizes[speaker] - 1]
        candidates = candidates or [speaker for speaker in sizes if shares[speaker] < sizes[speaker]]
        unheard = [speaker for speaker in candidates if not shares[speaker]]
        if unheard:
            taken = max(unheard, key=lambda speaker: sizes[speaker])
        else:
            taken = min(candidates, key=lambda speaker: (shares[speaker] + 1) / sizes[speaker])
        shares[taken] += 1
    return shares

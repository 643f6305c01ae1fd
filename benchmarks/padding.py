"""How much of a batch is padding, on lengths like LJSpeech's: python benchmarks/padding.py [BATCH_SIZE]"""

import sys

import numpy as np

from finetune_tts.data.batching import LengthBatchSampler

CLIPS, MEAN, SPREAD, SHORTEST, LONGEST = 13_100, 6.57, 2.2, 1.1, 10.1  # of LJSpeech, in seconds
FRAMES_PER_SECOND = 22_050 / 256


def ljspeech_like_lengths(seed: int = 0) -> np.ndarray:
    """Mel frames of as many clips as LJSpeech has, with its mean, spread and range."""
    seconds = np.random.default_rng(seed).normal(MEAN, SPREAD, size=10 * CLIPS)
    seconds = seconds[(seconds > SHORTEST) & (seconds < LONGEST)][:CLIPS]
    # Cutting the ends off moves mean and spread; bring them back within the range.
    for _ in range(20):
        seconds = np.clip((seconds - seconds.mean()) / seconds.std() * SPREAD + MEAN, SHORTEST, LONGEST)
    return (seconds * FRAMES_PER_SECOND).astype(np.int64)


def padded_share(lengths: np.ndarray, batches: list[list[int]]) -> float:
    """Part of the frames of all batches that is padding."""
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    return float(1 - sum(lengths[batch].sum() for batch in batches) / padded)


def main() -> None:
    batch_size = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    lengths = ljspeech_like_lengths()
    seconds = lengths / FRAMES_PER_SECOND
    print(f"{len(lengths)} clips: mean {seconds.mean():.2f} s, standard deviation {seconds.std():.2f} s,")
    print(f"range {seconds.min():.1f} to {seconds.max():.1f} s; batches of {batch_size}")
    order = np.random.default_rng(0).permutation(len(lengths))
    at_random = [order[start : start + batch_size].tolist() for start in range(0, len(order), batch_size)]
    print(f"random batches: {padded_share(lengths, at_random):.1%} of the frames are padding")
    sampler = LengthBatchSampler(lengths, batch_size, longest_first=True)
    for epoch in range(3):
        print(f"by length, epoch {epoch}: {padded_share(lengths, sampler.batches(epoch)):.1%}")
    together = [
        {frozenset(pair) for batch in sampler.batches(epoch) for pair in zip(batch, batch[1:], strict=False)}
        for epoch in (1, 2)
    ]
    print(
        f"neighbours of epoch 1 that are neighbours in epoch 2: {len(together[0] & together[1]) / len(together[0]):.1%}"
    )


if __name__ == "__main__":
    main()

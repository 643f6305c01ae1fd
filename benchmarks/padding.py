"""How much of a batch is padding, on lengths like LJSpeech's: python benchmarks/padding.py [BATCH_SIZE]"""

import argparse

import numpy as np
from result import Column, Result, add_save_argument, finish

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


def told(lengths: np.ndarray, batches: list[list[int]]) -> list[float]:
    """How many batches there are, the share of padding, and frames of a batch: least of most, median, most."""
    frames = np.array([len(batch) * lengths[batch].max() for batch in batches])
    return [len(batches), padded_share(lengths, batches), *np.quantile(frames, [0.05, 0.5, 1.0])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("batch_size", nargs="?", type=int, default=32)
    add_save_argument(parser)
    arguments = parser.parse_args()
    batch_size = arguments.batch_size
    lengths = ljspeech_like_lengths()
    seconds = lengths / FRAMES_PER_SECOND
    order = np.random.default_rng(0).permutation(len(lengths))
    at_random = [order[start : start + batch_size].tolist() for start in range(0, len(order), batch_size)]
    sampler = LengthBatchSampler(lengths, batch_size, longest_first=True)
    by_length = [sampler.batches(epoch) for epoch in range(3)]
    # As many frames as make as many batches.
    frames = int(batch_size * lengths.mean() * 1.09)
    by_frames = LengthBatchSampler(lengths, 1, batch_frames=frames).batches(1)
    rows = [
        ["at random", *told(lengths, at_random)],
        ["by length, as here", *told(lengths, by_length[1])],
        [f"by length, up to {frames:,} frames (batch_frames)", *told(lengths, by_frames)],
    ]
    together = [
        {frozenset(pair) for batch in batches for pair in zip(batch, batch[1:], strict=False)} for batches in by_length
    ]
    kept = len(together[1] & together[2]) / len(together[1])
    about = (
        f"Batches of {batch_size} from {len(lengths):,} lengths with LJSpeech's spread: mean {seconds.mean():.2f} s, "
        f"standard deviation {seconds.std():.2f} s, {seconds.min():.1f} to {seconds.max():.1f} s."
    )
    note = f"{kept:.1%} of the neighbours in a batch of one epoch are neighbours in the next one."
    columns = [
        Column("batches"),
        Column("how many", ",.0f"),
        Column("frames that are padding", ".1%"),
        Column("frames of a batch, 5th percentile", ",.0f"),
        Column("median", ",.0f"),
        Column("most", ",.0f"),
    ]
    finish(Result("How much of a batch is padding", about, columns, rows, note), arguments.save)


if __name__ == "__main__":
    main()

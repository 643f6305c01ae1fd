"""Which samples make up each batch: about the same length, shuffled from a seed, resumable at any batch."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)

LENGTH_JITTER = 0.03
"""Lengths are taken up to 3 % longer or shorter for sorting, so that each epoch has other batches. A batch then holds
lengths within some 6 % of each other, of which padding fills half."""


class LengthBatchSampler(Sampler[list[int]]):
    """Batches of samples of about the same length.

    The order is a function of the seed and the epoch alone. Each epoch sorts the samples by length with some jitter,
    cuts the row into batches and shuffles these. With several processes a batch of all of them is cut first and dealt
    out, so that each has as many batches and as long ones as the others.

    Where batches are counted in frames, the number of them is the same in every epoch, and none goes beyond.

    Args:
        lengths: mel frames of each sample.
        batch_size: samples in a batch of one process.
        batch_frames: frames in a batch of one process, padding counted, in place of ``batch_size``; 0 counts samples.
        seed: decides the order.
        shuffle: False gives the same batches in the same order always, from the shortest.
        drop_last: skip the batch that is not full.
        longest_first: the very longest samples make the first batch of epoch 0, so that memory that does not
            suffice shows at once.
        weights: how likely each sample is drawn (``sampling_weights``); an epoch then draws as many as there are, with
            replacement.
        rank: which of the processes this one is.
        world_size: number of processes.

    Raises:
        UserError: no samples, a batch size below 1, a sample of more frames than a batch, ``drop_last`` would leave no
            batch, or samples are drawn by weights where frames are counted.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        seed: int = 0,
        *,
        shuffle: bool = True,
        drop_last: bool = False,
        longest_first: bool = False,
        weights: np.ndarray | None = None,
        rank: int = 0,
        world_size: int = 1,
        batch_frames: int = 0,
    ) -> None:
        if batch_size < 1:
            raise UserError(f"batch_size is {batch_size}; it must be at least 1.")
        if not len(lengths):
            raise UserError("There are no samples to make batches of.")
        if batch_frames and weights is not None:
            raise UserError(
                "batch_frames and weighted sampling do not go together: leave out batch_frames, or the fields "
                "use_speaker_weighted_sampler, use_language_weighted_sampler and use_length_weighted_sampler."
            )
        if batch_frames and max(lengths) > batch_frames:
            raise UserError(
                f"batch_frames is {batch_frames}, and the longest clip has {max(lengths)} frames. Raise "
                "--coqpit.batch_frames, or lower --coqpit.max_audio_len (samples)."
            )
        if drop_last and not batch_frames and len(lengths) < batch_size * world_size:
            processes = f" in each of {world_size} processes" if world_size > 1 else ""
            raise UserError(
                f"drop_last leaves no batch: there are {len(lengths)} samples for a batch_size of {batch_size}"
                f"{processes}. Lower batch_size or set drop_last to false."
            )
        self._lengths = np.asarray(lengths, dtype=np.int64)
        self._group_size = batch_size * world_size
        self._seed = seed
        self._shuffle = shuffle
        self._drop_last = drop_last and not batch_frames
        self._longest_first = longest_first
        self._weights = weights
        self._rank = rank
        self._world_size = world_size
        self._batch_frames = batch_frames
        self._sizes = self._by_frames() if batch_frames else []
        """Samples of each batch of all processes, from the shortest ones on, where frames are counted."""
        self.epoch = 0
        self.first_batch = 0
        self.batches_done = 0

    def __len__(self) -> int:
        """Batches of a whole epoch, for each process."""
        if self._sizes:
            return len(self._sizes)
        if self._drop_last:
            return len(self._lengths) // self._group_size
        return -(-len(self._lengths) // self._group_size)

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of the current epoch, from ``first_batch`` on (which holds for one iteration)."""
        start, self.first_batch = self.first_batch, 0
        self.batches_done = start
        yield from self.batches(self.epoch)[start:]

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch; the one that ``load_state_dict`` went to keeps its place in the middle."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.first_batch = self.batches_done = 0

    def batches(self, epoch: int) -> list[list[int]]:
        """All batches of an epoch for this process, as indices of samples."""
        return [self._own_part(group) for group in self._groups(epoch)]

    @property
    def begins_with_longest(self) -> bool:
        """Whether the batch that comes next is that of :meth:`longest`."""
        return (
            not self._sizes
            and self._longest_first
            and self._weights is None
            and self.epoch == 0
            and self.first_batch == 0
        )

    def longest(self) -> list[int]:
        """The part of this process of the very longest samples, as many as make a batch.

        Where frames are counted, it has as many as any batch, or more.
        """
        order = np.argsort(self._lengths, kind="stable")
        if self._batch_frames:
            each = -(-self._batch_frames // int(self._lengths.max()))
            return self._own_part(order[-each * self._world_size :])
        return self._own_part(order[-self._group_size :])

    @property
    def _most_in_a_group(self) -> int:
        """Samples in the batch of the longest ones, of all processes."""
        return self._sizes[-1] if self._sizes else self._group_size

    def state_dict(self) -> dict[str, Any]:
        """Where the run stands: after ``batches_done`` batches of the epoch, which the loader counts.

        The loader fetches ahead, so what was drawn from here is not what was trained on.
        """
        finished = self.batches_done >= len(self)
        return {
            "epoch": self.epoch + finished,
            "batch": 0 if finished else self.batches_done,
            "seed": self._seed,
            "data": self._digest(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to where ``state_dict`` was taken: the next iteration continues with the same batches in the same order.

        If the samples, the batch size or the seed have changed since, that order does not exist: the epoch begins
        again, and a warning says so.
        """
        self.epoch = int(state["epoch"])
        self.first_batch = int(state["batch"])
        if self.first_batch and (state["data"] != self._digest() or state["seed"] != self._seed):
            logger.warning(
                "The samples, the batch size or the seed changed since the checkpoint: epoch %d begins again.",
                self.epoch,
            )
            self.first_batch = 0
        self.batches_done = self.first_batch

    def _groups(self, epoch: int) -> list[np.ndarray]:
        """Batches of all processes together."""
        random = np.random.default_rng([self._seed, epoch])
        samples: np.ndarray = np.arange(len(self._lengths))
        if self._weights is not None:
            samples = random.choice(samples, size=len(samples), p=self._weights)
        if not self._shuffle:
            return self._cut(samples[np.argsort(self._lengths[samples], kind="stable")], short=-1)
        samples = random.permutation(samples)
        head: list[np.ndarray] = []
        if self._longest_first and epoch == 0:
            samples = samples[np.argsort(self._lengths[samples], kind="stable")]
            samples, longest = samples[: -self._most_in_a_group], samples[-self._most_in_a_group :]
            head = [longest]
        jitter = random.uniform(1 - LENGTH_JITTER, 1 + LENGTH_JITTER, size=len(samples))
        samples = samples[np.argsort(self._lengths[samples] * jitter, kind="stable")]
        # The batch that is not full stands anywhere, so the cuts of small data sets move too.
        short = -1 if self._sizes else int(random.integers(len(samples) // self._group_size + 1))
        groups = self._cut(samples, short)
        return head + [groups[place] for place in random.permutation(len(groups))]

    def _cut(self, samples: np.ndarray, short: int) -> list[np.ndarray]:
        """Cut the row of samples into groups; one that is not full stands at ``short`` (-1: the end) or is left out."""
        if self._sizes:
            # Without the longest ones, where these have been taken out: that batch is the last one.
            return [group for group in np.split(samples, np.cumsum(self._sizes)[:-1]) if len(group)]
        full, rest = divmod(len(samples), self._group_size)
        short = full if short < 0 else short
        sizes = [self._group_size] * full
        if rest:
            sizes.insert(short, rest)
        groups = np.split(samples, np.cumsum(sizes)[:-1]) if sizes else []
        return [group for group in groups if len(group) == self._group_size] if self._drop_last else groups

    def _by_frames(self) -> list[int]:
        """Samples of each batch of all processes, so that none has more frames than it may, from the shortest on.

        What jitter moves into a batch may be longer than what was there: samples get room for it.
        """
        room = self._batch_frames * (1 - LENGTH_JITTER) / (1 + LENGTH_JITTER) if self._shuffle else self._batch_frames
        ordered = np.sort(self._lengths)
        sizes: list[int] = []
        left = len(ordered)
        while left:
            each = max(1, int(room // ordered[left - 1]))
            sizes.append(min(left, each * self._world_size))
            left -= sizes[-1]
        return sizes[::-1]

    def _own_part(self, group: np.ndarray) -> list[int]:
        if len(group) < self._world_size:  # every process needs something to do in the last step
            group = np.resize(group, self._world_size)
        part: list[int] = group[self._rank :: self._world_size].tolist()
        return part

    def _digest(self) -> str:
        options = (self._group_size, self._world_size, self._shuffle, self._drop_last, self._longest_first)
        hasher = hashlib.sha256(repr((*options, self._batch_frames) if self._batch_frames else options).encode())
        hasher.update(self._lengths.tobytes())
        if self._weights is not None:
            hasher.update(np.asarray(self._weights, dtype=np.float64).tobytes())
        return hasher.hexdigest()[:16]

"""From a vocoder's data fields to recordings that it can be trained on; no transcript is needed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from finetune_tts.audio.spectrogram import SpectrogramExtractor
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.agreement import require_same_samples
from finetune_tts.data.content import Digests
from finetune_tts.data.features import FeatureCache, wants_shards
from finetune_tts.data.filtering import filter_samples
from finetune_tts.data.forced_features import ForcedFeatures
from finetune_tts.data.formats import AUTO, RECORDINGS
from finetune_tts.data.gathering import Formatter, load_samples
from finetune_tts.data.probing import probe_samples
from finetune_tts.data.processes import ALONE, Team
from finetune_tts.data.rows import Row
from finetune_tts.data.sample import Sample
from finetune_tts.data.split import SampleSplit, split_samples
from finetune_tts.machine.collector import collector_paused

SHORTEST_SECONDS = 0.1
"""A clip below that is a click, or was cut by mistake."""


@dataclass(frozen=True)
class PreparedRecordings:
    """The recordings of a run.

    Attributes:
        split: to train on, and held out.
        cache: their features and waveforms, complete.
        forced: mel spectrograms of an acoustic model, where the run has them.
        dropped: reason → recordings left out.
        durations: of every recording, in seconds, as its header says.
    """

    split: SampleSplit
    cache: FeatureCache
    forced: ForcedFeatures | None
    dropped: dict[str, list[Sample]]
    durations: Mapping[Path, float]

    @property
    def seconds(self) -> float:
        """Duration of all recordings that are kept."""
        return sum(self.durations[sample.audio_file] for sample in self.split.train + self.split.eval)


def load_recordings(
    datasets: Sequence[DatasetConfig],
    formatter: Formatter | None = None,
    *,
    absent: list[Row] | None = None,
    layouts: list[str] | None = None,
) -> list[Sample]:
    """Read the data sets of a vocoder (see :func:`finetune_tts.data.gathering.load_samples`).

    Args:
        datasets: any layout; ``auto`` takes every recording of the folder, as no text is needed.
        formatter: your own reader of metadata.
        absent: takes the rows whose recording is missing, which then are no error.
        layouts: takes a line for each data set, which says how it was read.
    """
    plain = [replace(entry) if _names_layout(entry, formatter) else _as_recordings(entry) for entry in datasets]
    return load_samples(plain, formatter, absent=absent, layouts=layouts)


@collector_paused()
def prepare_recordings(
    datasets: Sequence[DatasetConfig],
    extractor: SpectrogramExtractor,
    *,
    sample_rate: int,
    cache_folder: str | Path,
    feature_path: str | Path | None = None,
    eval_split_size: float = 10,
    eval_split_max_size: int | None = None,
    seed: int = 0,
    formatter: Formatter | None = None,
    workers: int = 0,
    feature_shards: bool | None = None,
    team: Team = ALONE,
    samples: Sequence[Sample] | None = None,
    dry: bool = False,
) -> PreparedRecordings:
    """Read, check, filter and split recordings, and compute their features.

    Args:
        datasets: see :func:`load_recordings`.
        extractor: computes the features.
        sample_rate: the vocoder's, in Hz.
        cache_folder: where features are kept.
        feature_path: folder of spectrograms that an acoustic model gave; recordings without one are left out.
        eval_split_size: recordings to hold out; below 1 a share of them. No more than a tenth is held out.
        eval_split_max_size: most of them.
        seed: of the split.
        formatter: your own reader of metadata.
        workers: processes for the features; 0 is for all CPUs.
        feature_shards: keep features in shards; None for as many clips as ``data.features.MANY_CLIPS``.
        team: processes of the run, which share the work of the features.
        samples: those of the data sets, where they were read before.
        dry: for a check: features are left to be computed when they are asked for.

    Raises:
        UserError: a fault of the data, see the functions called.
    """
    samples = load_recordings(datasets, formatter) if samples is None else samples
    require_same_samples(samples, team if not dry else ALONE)
    digests = Digests(Path(cache_folder))
    infos = probe_samples(samples, digests=digests)
    filtered = filter_samples(
        samples,
        infos,
        sample_rate=sample_rate,
        needs_text=False,
        min_audio_len=SHORTEST_SECONDS * sample_rate,
        max_audio_len=math.inf,
    )
    kept, dropped = filtered.kept, dict(filtered.dropped)
    shards = not dry and wants_shards(feature_shards, len(kept))
    cache = FeatureCache(cache_folder, extractor, waveforms=True, digests=digests, shards=shards)
    forced = None
    if feature_path:
        forced = ForcedFeatures(feature_path, extractor)
        with_features = forced.with_features(kept, cache.digests)
        names = {sample.name for sample in with_features}
        if len(with_features) < len(kept):
            dropped["no features in feature_path"] = [sample for sample in kept if sample.name not in names]
        kept = with_features
    if not dry:
        cache.precompute(kept, workers or None, team)
    if forced is not None:
        counts = cache.frame_counts(kept, workers)
        for sample in kept:
            forced.require_aligned(sample, counts[sample.audio_file])
    most = max(1, len(kept) // 10)
    return PreparedRecordings(
        split=split_samples(kept, eval_split_size, min(most, eval_split_max_size or most), seed),
        cache=cache,
        forced=forced,
        dropped=dropped,
        durations={path: info.duration for path, info in infos.items()},
    )


def _names_layout(dataset: DatasetConfig, formatter: Formatter | None) -> bool:
    named = dataset.meta_file_train or dataset.columns or (dataset.formatter or AUTO).lower() != AUTO
    return formatter is not None or bool(named)


def _as_recordings(dataset: DatasetConfig) -> DatasetConfig:
    return replace(dataset, formatter=RECORDINGS)

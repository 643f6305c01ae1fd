"""From a config's data fields to the data sets of a run: everything that can be wrong shows here, before training."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from finetune_tts.config.bounds import UNBOUNDED, Bounds
from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.agreement import require_same_samples
from finetune_tts.data.content import Digests
from finetune_tts.data.contours import Scale
from finetune_tts.data.features import Extractor, FeatureCache, wants_shards
from finetune_tts.data.filtering import filter_by_alignment, filter_by_bounds, filter_empty_texts, filter_samples
from finetune_tts.data.gathering import Formatter, load_samples
from finetune_tts.data.probing import probe_samples
from finetune_tts.data.processes import ALONE, Team
from finetune_tts.data.sample import Sample
from finetune_tts.data.split import SampleSplit, split_samples
from finetune_tts.data.tokenizing import TokenCache
from finetune_tts.machine.collector import collector_paused
from finetune_tts.text.tokenizer import MissingReport, Tokenizer, listed, require_covered

logger = logging.getLogger(__name__)


class DataFields(Protocol):
    """The fields of a config that decide which samples a run has (``config.loader.LoaderConfig`` and ``datasets``)."""

    datasets: list[DatasetConfig]
    min_text_len: int | float
    max_text_len: int | float
    min_audio_len: int | float
    max_audio_len: int | float
    compute_linear_spec: bool
    precompute_num_workers: int
    feature_shards: bool | None
    eval_split_size: float
    eval_split_max_size: int | None


@dataclass(frozen=True)
class PreparedData:
    """The samples of a run with what is known about them.

    Attributes:
        split: samples to train on and held-out ones.
        tokens: their token ids.
        cache: their features, complete.
        dropped: reason → samples left out.
        missing: characters that the vocabulary lacks.
        durations: of every recording, in seconds, as its header says.
    """

    split: SampleSplit
    tokens: TokenCache
    cache: FeatureCache
    dropped: dict[str, list[Sample]]
    missing: MissingReport
    durations: Mapping[Path, float]

    def scales(self, at_most: int | None = None) -> dict[str, Scale]:
        """What the contours that the cache keeps are measured in, over all samples, or over some of them.

        Args:
            at_most: recordings that are read; of more, evenly spread ones are taken.

        Raises:
            UserError: see :meth:`finetune_tts.data.features.FeatureCache.contour`.
        """
        samples = self.some(at_most)
        return {name: Scale.of(self.cache.contour(sample, name) for sample in samples) for name in self.cache.contours}

    def some(self, at_most: int | None) -> list[Sample]:
        """All samples, or some that are evenly spread: in an order that does not depend on how they were split."""
        samples = sorted(self.split.train + self.split.eval, key=lambda sample: sample.name)
        if at_most is None or len(samples) <= at_most:
            return samples
        return [samples[place * len(samples) // at_most] for place in range(at_most)]

    @property
    def seconds(self) -> float:
        """Duration of all samples kept."""
        return sum(self.durations[sample.audio_file] for sample in self.split.train + self.split.eval)


@collector_paused()
def prepare_data(
    config: DataFields,
    tokenizer: Tokenizer,
    extractor: Extractor,
    *,
    sample_rate: int,
    cache_folder: str | Path,
    seed: int = 0,
    formatter: Formatter | None = None,
    aligned_frames: int | None = None,
    bounds: Bounds = UNBOUNDED,
    waveforms: bool = False,
    contours: Sequence[str] = (),
    team: Team = ALONE,
    samples: Sequence[Sample] | None = None,
    dry: bool = False,
) -> PreparedData:
    """Read, check, filter and split the data sets of a run, and compute their features.

    Args:
        config: the run's config.
        tokenizer: the model's.
        extractor: computes the features.
        sample_rate: the model's, in Hz.
        cache_folder: where features are kept.
        seed: of the split.
        formatter: your own reader of metadata.
        aligned_frames: for models that align text and frames monotonically, the frames that they join to one (2 for
            Glow-TTS): samples with fewer frames than tokens are skipped. None for other models.
        bounds: of the network; samples beyond them are skipped.
        waveforms: keep waveforms too, for models that are trained on them.
        contours: keep pitch or energy too, for models that learn these.
        team: processes of the run, which share the work of the features.
        samples: those of the data sets, where they were read before.
        dry: for a check: features are left to be computed when they are asked for, lengths are taken from the headers
            unless silence is trimmed, and a vocabulary that lacks too much is no error.

    Raises:
        UserError: a fault of the data, see the functions called; or the vocabulary lacks more than 1 % of the text.
    """
    samples = load_samples(config.datasets, formatter) if samples is None else samples
    require_same_samples(samples, team if not dry else ALONE)
    digests = Digests(Path(cache_folder))
    infos = probe_samples(samples, digests=digests)
    durations = {path: info.duration for path, info in infos.items()}
    filtered = filter_samples(
        samples,
        infos,
        sample_rate=sample_rate,
        min_text_len=config.min_text_len,
        max_text_len=config.max_text_len,
        min_audio_len=config.min_audio_len,
        max_audio_len=config.max_audio_len,
    )
    tokens = TokenCache(tokenizer, Path(cache_folder))
    missing = tokens.missing(filtered.kept)
    if missing.counter:
        logger.warning("The vocabulary lacks characters of the text, which the model will not read: %s.", missing)
    if missing.punctuation and not dry:  # which a check says itself
        logger.info(
            "The model reads no punctuation: %d marks are left out of the text, as in its own training: %s.",
            missing.punctuation.total(),
            listed(missing.punctuation),
        )
    if not dry:
        require_covered(missing)
    readable = filter_empty_texts(filtered.kept, [tokens.is_empty(sample) for sample in filtered.kept])
    lengths = [durations[sample.audio_file] for sample in readable.kept]
    fitting = filter_by_bounds(readable.kept, lengths, [tokens.length(sample) for sample in readable.kept], bounds)
    kept, dropped = fitting.kept, {**filtered.dropped, **readable.dropped, **fitting.dropped}
    # Models that are trained on waveforms compute their own spectrograms.
    linear = config.compute_linear_spec and not waveforms
    cache = FeatureCache(
        cache_folder,
        extractor,
        linear=linear,
        waveforms=waveforms,
        contours=contours,
        digests=digests,
        shards=not dry and wants_shards(config.feature_shards, len(kept)),
    )
    if not dry:
        cache.precompute(kept, config.precompute_num_workers or None, team)
    if aligned_frames is not None:
        token_lengths = [tokens.length(sample) for sample in kept]
        if dry and extractor.trims:
            counts = cache.frame_counts(kept, config.precompute_num_workers or None)
            mel_lengths = [counts[sample.audio_file] for sample in kept]
        elif dry:
            seconds = [durations[sample.audio_file] for sample in kept]
            mel_lengths = [extractor.num_frames(round(length * sample_rate)) for length in seconds]
        else:
            mel_lengths = [cache.length(sample) for sample in kept]
        aligned = filter_by_alignment(kept, token_lengths, mel_lengths, frames_per_step=aligned_frames)
        kept = aligned.kept
        dropped.update(aligned.dropped)
    return PreparedData(
        split=split_samples(kept, config.eval_split_size, config.eval_split_max_size, seed),
        tokens=tokens,
        cache=cache,
        dropped=dropped,
        missing=missing,
        durations=durations,
    )

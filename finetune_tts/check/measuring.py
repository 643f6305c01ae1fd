"""The metrics of all recordings of a data set: taken in parallel, remembered by content."""

import dataclasses
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune_tts.audio.clip_metrics import METRICS_VERSION, ClipMetrics, measure_file
from finetune_tts.data.content import CacheFailure, Digests, Index
from finetune_tts.data.processes import in_processes, workers_for
from finetune_tts.data.progress import progress
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measured:
    """What is known of recordings.

    Attributes:
        clips: recording → metrics.
        faults: recording that cannot be read → why.
    """

    clips: dict[Path, ClipMetrics]
    faults: dict[Path, str]


class MeasureCache:
    """Metrics under the content of the recording, so that none is decoded twice.

    Args:
        folder: where they are kept, that of the feature cache; made if missing.

    Raises:
        UserError: the folder cannot be written.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{folder}: the cache cannot be made there ({error.strerror}).") from error
        self._digests = Digests(folder)
        self._index = Index(folder / f"metrics-{METRICS_VERSION}.jsonl")

    def known(self, path: Path) -> ClipMetrics | None:
        """The metrics of a recording, if it needs no reading at all."""
        try:
            digest = self._digests.known(path)
        except UserError:
            return None
        return _metrics(self._index.get(digest)) if digest is not None else None

    def metrics(self, path: Path) -> "Found":
        """Measure a recording, unless its content was measured before."""
        try:
            digest = self._digests.of(path)
            found = _metrics(self._index.get(digest))
            if found is None:
                found = measure_file(path)
                self._index.remember(digest, dataclasses.astuple(found))
        except CacheFailure:
            raise
        except UserError as error:
            return Found(path, "", None, str(error))
        return Found(path, digest, found)

    def note(self, found: "Found") -> None:
        """Take over what another process has measured and written."""
        if found.metrics is not None:
            self._digests.note(found.path, found.digest)
            self._index.remember(found.digest, dataclasses.astuple(found.metrics), write=False)


@dataclass(frozen=True)
class Found:
    """What came of one recording: its metrics, or a fault."""

    path: Path
    digest: str
    metrics: ClipMetrics | None
    fault: str = ""


def measure_samples(
    samples: Iterable[Sample], cache_folder: str | Path, *, workers: int | None = None, at_most: int | None = None
) -> Measured:
    """Measure the recordings of samples.

    Args:
        samples: whose recordings to read.
        cache_folder: where metrics are kept.
        workers: processes; by default as many as there are CPUs.
        at_most: recordings to decode; of more, evenly spread ones are taken. Those measured before always count.

    Raises:
        UserError: the cache cannot be written.
    """
    cache = MeasureCache(cache_folder)
    files = list(dict.fromkeys(sample.audio_file for sample in samples))
    clips = {path: known for path in files if (known := cache.known(path)) is not None}
    unknown = [path for path in files if path not in clips]
    if at_most is not None and len(unknown) > at_most:
        unknown = [unknown[place * len(unknown) // at_most] for place in range(at_most)]
    faults: dict[Path, str] = {}
    workers = workers_for(len(unknown)) if workers is None else workers
    work = in_processes(cache.metrics, unknown, workers)
    for found in progress(work, len(unknown), "Checking recordings"):
        if found.metrics is None:
            faults[found.path] = found.fault
        else:
            cache.note(found)
            clips[found.path] = found.metrics
    return Measured({path: clips[path] for path in files if path in clips}, faults)


def _metrics(stored: Any) -> ClipMetrics | None:
    try:
        return ClipMetrics(*stored)
    except TypeError:  # nothing there, or a line that another program spoiled
        return None

"""The measures of all recordings of a data set: taken in parallel, remembered by content."""

import dataclasses
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune_tts.audio.measures import MEASURES_VERSION, ClipMeasures, measure_file
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
        clips: recording → measures.
        faults: recording that cannot be read → why.
    """

    clips: dict[Path, ClipMeasures]
    faults: dict[Path, str]


class MeasureCache:
    """Measures under the content of the recording, so that none is decoded twice.

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
        self._index = Index(folder / f"measures-{MEASURES_VERSION}.jsonl")

    def known(self, path: Path) -> ClipMeasures | None:
        """The measures of a recording, if it needs no reading at all."""
        try:
            digest = self._digests.known(path)
        except UserError:
            return None
        return _measures(self._index.get(digest)) if digest is not None else None

    def measures(self, path: Path) -> "Found":
        """Measure a recording, unless its content was measured before."""
        try:
            digest = self._digests.of(path)
            found = _measures(self._index.get(digest))
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
        if found.measures is not None:
            self._digests.note(found.path, found.digest)
            self._index.remember(found.digest, dataclasses.astuple(found.measures), write=False)


@dataclass(frozen=True)
class Found:
    """What came of one recording: its measures, or a fault."""

    path: Path
    digest: str
    measures: ClipMeasures | None
    fault: str = ""


def measure_samples(
    samples: Iterable[Sample], cache_folder: str | Path, *, workers: int | None = None, at_most: int | None = None
) -> Measured:
    """Measure the recordings of samples.

    Args:
        samples: whose recordings to read.
        cache_folder: where measures are kept.
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
    work = in_processes(cache.measures, unknown, workers)
    for found in progress(work, len(unknown), "Checking recordings"):
        if found.measures is None:
            faults[found.path] = found.fault
        else:
            cache.note(found)
            clips[found.path] = found.measures
    return Measured({path: clips[path] for path in files if path in clips}, faults)


def _measures(stored: Any) -> ClipMeasures | None:
    try:
        return ClipMeasures(*stored)
    except TypeError:  # nothing there, or a line that another program spoiled
        return None

"""How long every recording is, from its header; files that cannot be read are found before training."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from finetune_tts.audio.reading import AudioInfo, probe
from finetune_tts.data.progress import progress
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError


def probe_samples(samples: Sequence[Sample], workers: int = 4) -> Mapping[Path, AudioInfo]:
    """Read the header of every recording.

    Args:
        samples: whose recordings to look at.
        workers: threads (the work is waiting for the disk).

    Raises:
        UserError: recordings cannot be read; up to ten are named with the reason, and nothing is left out silently.
    """
    files = list(dict.fromkeys(sample.audio_file for sample in samples))
    infos: dict[Path, AudioInfo] = {}
    faults: list[str] = []
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        for file, result in zip(files, progress(pool.map(_probe, files), len(files), "Recordings"), strict=True):
            if isinstance(result, AudioInfo):
                infos[file] = result
            else:
                faults.append(result)
    if faults:
        raise unreadable(faults)
    return infos


def unreadable(faults: Sequence[str]) -> UserError:
    """One error for all recordings that cannot be read."""
    if len(faults) == 1:
        return UserError(faults[0])
    more = f"\n  and {len(faults) - 10} more" if len(faults) > 10 else ""
    lines = "".join(f"\n  {fault}" for fault in faults[:10])
    return UserError(f"{len(faults)} recordings cannot be used. Put them right or remove them:{lines}{more}")


def _probe(file: Path) -> AudioInfo | str:
    try:
        return probe(file)
    except UserError as error:
        return str(error)

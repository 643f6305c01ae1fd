"""How long every recording is, from its header; files that cannot be read are found before training."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from finetune_tts.audio.reading import AudioInfo, probe
from finetune_tts.data.content import Digests, Index, file_key
from finetune_tts.data.progress import progress
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError

_AT_ONCE = 500
"""Files that a thread is given at once."""


def probe_samples(
    samples: Sequence[Sample], workers: int = 4, digests: Digests | None = None
) -> Mapping[Path, AudioInfo]:
    """Read the header of every recording.

    Args:
        samples: whose recordings to look at.
        workers: threads (the work is waiting for the disk).
        digests: of a feature cache, where headers are kept for the next start. It is told what was seen of each file.

    Raises:
        UserError: recordings cannot be read; up to ten are named with the reason, and nothing is left out silently.
    """
    files = list(dict.fromkeys(sample.audio_file for sample in samples))
    headers = Headers(digests.folder) if digests is not None else None
    infos: dict[Path, AudioInfo] = {}
    unknown: dict[Path, str] = {}
    for file in files:
        key = _key_of(file) if headers is not None else ""
        info = headers.get(key) if headers is not None else None
        if info is None:
            unknown[file] = key
        else:
            infos[file] = info
        if digests is not None and key:
            digests.note_key(file, key)
    faults: list[str] = []
    new: dict[str, AudioInfo] = {}
    for file, result in zip(
        unknown, progress(_probed(list(unknown), workers), len(unknown), "Recordings"), strict=True
    ):
        if isinstance(result, AudioInfo):
            infos[file] = new[unknown[file]] = result
        else:
            faults.append(result)
    if faults:
        raise unreadable(faults)
    if headers is not None:
        headers.remember(new)
    return {file: infos[file] for file in files} if unknown else infos


class Headers:
    """What the headers of files say, kept from one start to the next.

    Args:
        folder: of the feature cache; it need not be there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = Index(folder / "headers.jsonl")

    def get(self, key: str) -> AudioInfo | None:
        """What is known by the key of a file (:func:`file_key`)."""
        return _info(self._index.get(key))

    def remember(self, infos: Mapping[str, AudioInfo]) -> None:
        """Keep what was read, by the keys of the files.

        Raises:
            CacheFailure: it cannot be written.
        """
        if not infos:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError:  # the feature cache says what is wrong with it
            return
        known = ((key, [info.sample_rate, info.channels, info.frames]) for key, info in infos.items() if key)
        self._index.remember_all(known)


def unreadable(faults: Sequence[str]) -> UserError:
    """One error for all recordings that cannot be read."""
    if len(faults) == 1:
        return UserError(faults[0])
    more = f"\n  and {len(faults) - 10} more" if len(faults) > 10 else ""
    lines = "".join(f"\n  {fault}" for fault in faults[:10])
    return UserError(f"{len(faults)} recordings cannot be used. Put them right or remove them:{lines}{more}")


def _probed(files: Sequence[Path], workers: int) -> Iterator[AudioInfo | str]:
    parts = [files[start : start + _AT_ONCE] for start in range(0, len(files), _AT_ONCE)]
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        for part in pool.map(lambda part: [_probe(file) for file in part], parts):
            yield from part


def _probe(file: Path) -> AudioInfo | str:
    try:
        return probe(file)
    except UserError as error:
        return str(error)


def _key_of(file: Path) -> str:
    try:
        return file_key(file)
    except UserError:  # it is not there, which probing says
        return ""


def _info(known: Any) -> AudioInfo | None:
    if type(known) is not list or len(known) != 3:
        return None
    rate, channels, frames = known
    if not (type(rate) is int and type(channels) is int and type(frames) is int and min(known) > 0):
        return None
    return AudioInfo(rate, channels, frames, frames / rate)

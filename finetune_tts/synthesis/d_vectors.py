"""D-vectors of a data set: one for each recording, computed once and kept by content."""

import logging
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from finetune_tts.data.content import CacheFailure, Digests, Index
from finetune_tts.data.d_vectors import DVectors
from finetune_tts.data.probing import unreadable
from finetune_tts.data.processes import ALONE, Team, share_of, those_that_see
from finetune_tts.data.progress import progress
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError
from finetune_tts.speaker_encoder.encoder import SpeakerEncoder

logger = logging.getLogger(__name__)

_SUBFOLDER = "d_vectors"
SHORT_SECONDS = 1.0
"""Recordings below say little of a voice."""

_FILES_AT_ONCE = 16
_READERS = 4


class _Loaded(NamedTuple):
    path: Path
    digest: str
    waveform: np.ndarray


class _Embedded(NamedTuple):
    path: Path
    vector: np.ndarray
    seconds: float | None
    """Length of the recording; None where its vector was known and it was not read."""


def compute_d_vectors(
    samples: Sequence[Sample], encoder: SpeakerEncoder, cache_folder: str | Path, team: Team = ALONE
) -> DVectors:
    """Compute the speaker vector of every recording.

    What was computed is kept in the cache under the content of the recording and everything that decides its vector,
    so that a computation that was stopped resumes where it was, and an edited recording gets a new vector.

    Args:
        samples: whose recordings to work through.
        encoder: the speaker encoder.
        cache_folder: may be that of the features; made if missing.
        team: processes that share the work; all have to ask.

    Raises:
        UserError: recordings that cannot be used, all of them, up to ten named; or the cache cannot be written.
    """
    root = Path(cache_folder)
    try:
        (root / _SUBFOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{root}: the cache of the d-vectors cannot be made there ({error.strerror}).") from error
    known = Index(root / _SUBFOLDER / f"{encoder.fingerprint()}.jsonl")
    files = list(dict.fromkeys(sample.audio_file for sample in samples))
    team = those_that_see(root, team)
    share = share_of(files, team)
    own = list(progress(_embedded(share, encoder, Digests(root), known), len(share), "D-vectors"))
    vectors: dict[Path, np.ndarray] = {}
    faults: list[str] = []
    short: list[Path] = []
    for entry in (entry for part in team.gathered(own) for entry in part):
        if isinstance(entry, str):
            faults.append(entry)
            continue
        vectors[entry.path] = entry.vector
        if entry.seconds is not None and entry.seconds < SHORT_SECONDS:
            short.append(entry.path)
    if faults:
        raise unreadable(faults)
    if short:
        logger.warning(
            "%d recordings are shorter than %g s, so their vectors say little of the voice (%s, …).",
            len(short), SHORT_SECONDS, short[0],
        )  # fmt: skip
    return DVectors(
        vectors={sample.name: vectors[sample.audio_file] for sample in samples},
        speakers={sample.name: sample.speaker for sample in samples},
        source=encoder.source,
    )


def complete_d_vectors(
    samples: Sequence[Sample], known: DVectors | None, encoder: SpeakerEncoder, cache_folder: str | Path
) -> DVectors:
    """The speaker vector of every recording, those of ``known`` under its unique name and speaker as they stand.

    Args:
        samples: the recordings.
        known: vectors that were computed before.
        encoder: computes the others.
        cache_folder: as for :func:`compute_d_vectors`.

    Raises:
        UserError: as :func:`compute_d_vectors`, or the encoder gives vectors of another size.
    """
    taken = {
        sample.name: sample.speaker
        for sample in samples
        if known is not None and known.speakers.get(sample.name) == sample.speaker
    }
    missing = [sample for sample in samples if sample.name not in taken]
    if known is None or not taken:
        return compute_d_vectors(missing, encoder, cache_folder)
    old = DVectors({name: known.vectors[name] for name in taken}, taken, known.source)
    return old.merged(compute_d_vectors(missing, encoder, cache_folder)) if missing else old


def _embedded(
    files: Sequence[Path], encoder: SpeakerEncoder, digests: Digests, known: Index
) -> Iterator[_Embedded | str]:
    """The vector of each recording, or what is wrong with it."""
    for batch in _batches(files, encoder, digests, known):
        new = [entry for entry in batch if isinstance(entry, _Loaded)]
        yield from (entry for entry in batch if not isinstance(entry, _Loaded))
        for entry, vector in zip(new, _computed(encoder, [entry.waveform for entry in new]), strict=True):
            known.remember(entry.digest, b64encode(vector.astype("<f4").tobytes()).decode())
            yield _Embedded(entry.path, vector, len(entry.waveform) / encoder.sample_rate)


def _batches(
    files: Sequence[Path], encoder: SpeakerEncoder, digests: Digests, known: Index
) -> Iterator[list[_Loaded | _Embedded | str]]:
    """Read recordings some at once, those of the next batch while this one is computed."""

    def load(path: Path) -> _Loaded | _Embedded | str:
        try:
            digest = digests.of(path)
            vector = _decoded(known.get(digest), encoder.size)
            return _Loaded(path, digest, encoder.load(path)) if vector is None else _Embedded(path, vector, None)
        except CacheFailure:
            raise
        except UserError as error:
            return str(error)

    with ThreadPoolExecutor(_READERS) as pool:
        ahead: list[Future[_Loaded | _Embedded | str]] = []
        for start in range(0, len(files) + _FILES_AT_ONCE, _FILES_AT_ONCE):
            current, ahead = ahead, [pool.submit(load, path) for path in files[start : start + _FILES_AT_ONCE]]
            if current:
                yield [future.result() for future in current]


def _computed(encoder: SpeakerEncoder, waveforms: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    # A CPU gains nothing from larger batches, and keeps each vector as soon as it is there.
    at_once = 1 if encoder.device.type == "cpu" else _FILES_AT_ONCE
    for start in range(0, len(waveforms), at_once):
        yield from encoder.vectors(waveforms[start : start + at_once])


def _decoded(value: object, size: int) -> np.ndarray | None:
    """The vector of a line of the cache; None where there is none, or none of this form."""
    if not isinstance(value, str):
        return None
    try:
        raw = b64decode(value, validate=True)
    except ValueError:
        return None
    return np.frombuffer(raw, dtype="<f4").astype(np.float32) if len(raw) == 4 * size else None

"""Speaker vectors that an encoder computed, one for each recording."""

import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from finetune_tts.data.names import normal_form
from finetune_tts.data.sample import Sample
from finetune_tts.data.speakers import TORCH_SUFFIXES, SpeakerNames, read_mapping, typed_name
from finetune_tts.errors import UserError
from finetune_tts.files import replacing, write_text


@dataclass(frozen=True)
class DVectors:
    """Speaker vectors by the unique name of the recording.

    Attributes:
        vectors: key → ``[D]`` float32.
        speakers: key → speaker name.
        source: the files, for messages.
    """

    vectors: Mapping[str, np.ndarray]
    speakers: Mapping[str, str]
    source: str = ""

    @classmethod
    def read(cls, *paths: str | Path) -> "DVectors":
        """Read files ``{key: {"name": speaker, "embedding": [D]}}`` (JSON or ``.pth``) and merge them.

        Raises:
            UserError: a file is missing or of another form, vectors differ in size, or two files have different vectors
                for the same recording.
        """
        vectors: dict[str, np.ndarray] = {}
        speakers: dict[str, str] = {}
        origins: dict[str, str | Path] = {}
        for path in paths:
            for key, entry in _entries(path).items():
                vector = _vector(entry, path, key)
                other = vectors.get(key, vector)
                if len(other) == len(vector) and not _agree(other, vector):
                    raise _two_recordings(key, origins[key], path)
                vectors[key], speakers[key], origins[key] = vector, normal_form(entry["name"]), path
        sizes = {len(vector) for vector in vectors.values()}
        source = ", ".join(str(path) for path in paths)
        if len(sizes) != 1:
            found = f"vectors of different sizes ({', '.join(map(str, sorted(sizes)))})" if sizes else "no vectors"
            raise UserError(f"{source}: {found}. Compute all of them with the same speaker encoder.")
        return cls(vectors, speakers, source)

    @property
    def size(self) -> int:
        """``D``, the numbers in a vector."""
        return len(next(iter(self.vectors.values())))

    def require_size(self, size: int) -> None:
        """Refuse vectors that a model of ``d_vector_dim`` ``size`` cannot take.

        Raises:
            UserError: they have another size.
        """
        if self.size != size:
            raise UserError(
                f"d_vector_file {self.source} has vectors of {self.size} numbers, d_vector_dim is {size}: "
                "compute them with the speaker encoder of the model."
            )

    def merged(self, newer: "DVectors") -> "DVectors":
        """These vectors and ``newer`` ones.

        Raises:
            UserError: their sizes differ, or they have different vectors for the same recording.
        """
        if self.size != newer.size:
            raise UserError(
                f"{self.source} has vectors of {self.size} numbers, {newer.source} gives {newer.size}: "
                "use the speaker encoder that the first ones were computed with."
            )
        for key in self.differing(newer):
            raise _two_recordings(key, self.source, newer.source)
        source = f"{self.source}, {newer.source}"
        return DVectors({**self.vectors, **newer.vectors}, {**self.speakers, **newer.speakers}, source)

    def differing(self, other: "DVectors") -> list[str]:
        """Keys that both have, for different recordings as far as speaker and vector tell."""
        return [
            key
            for key in self.vectors
            if key in other.vectors
            and not (self.speakers[key] == other.speakers[key] and _agree(self.vectors[key], other.vectors[key]))
        ]

    def giving_way_to(self, names: Collection[str]) -> "DVectors":
        """These vectors with other keys for those that are the ``names`` of other recordings."""
        keys = {key: key for key in self.vectors}
        for key in self.vectors:
            if key in names:
                others = (f"{key} ({number})" for number in itertools.count(2))
                keys[key] = next(other for other in others if other not in self.vectors and other not in names)
        return DVectors(
            {keys[key]: vector for key, vector in self.vectors.items()},
            {keys[key]: speaker for key, speaker in self.speakers.items()},
            self.source,
        )

    def write(self, path: str | Path) -> None:
        """Write 🐸TTS's file of vectors, JSON or (by a name that ends in ``.pth``) torch's; whole or not at all.

        Raises:
            OSError: the file cannot be written.
        """
        entries = {
            # As many digits as float32 has.
            key: {"name": self.speakers[key], "embedding": [float(f"{number:.9g}") for number in vector]}
            for key, vector in self.vectors.items()
        }
        if Path(path).suffix.lower() in TORCH_SUFFIXES:
            import torch

            with replacing(path) as file:
                torch.save(entries, file)
            return
        lines = (f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(entries[key])}" for key in entries)
        write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")

    def names(self) -> SpeakerNames:
        """The speakers, numbered as 🐸TTS does."""
        return SpeakerNames.of(self.speakers.values())

    def of_sample(self, sample: Sample) -> np.ndarray:
        """The vector of a recording ``[D]``: under its unique name, in old files under its file name.

        Raises:
            UserError: the file has none.
        """
        return self.of_samples([sample])[0]

    def of_samples(self, samples: Sequence[Sample]) -> list[np.ndarray]:
        """The vector of each recording ``[D]``, see :meth:`of_sample`.

        Raises:
            UserError: the file lacks one, or has one for two recordings.
        """
        taken: dict[str, Sample] = {}
        for sample in samples:
            key = self._key(sample)
            if key is None:
                raise UserError(
                    f"{self.source}: no d-vector for '{sample.name}'. Compute the vectors of this data set, and use "
                    "the same dataset_name as then."
                )
            other = taken.setdefault(key, sample)
            if other.audio_file != sample.audio_file:
                raise UserError(
                    f"{self.source}: the d-vector '{key}' may be that of {other.audio_file} or of {sample.audio_file}. "
                    "Compute the vectors of these data sets again: each recording gets a key of its own."
                )
        return [self.vectors[str(self._key(sample))] for sample in samples]

    def has(self, sample: Sample) -> bool:
        """Whether :meth:`of_sample` finds a vector."""
        return self._key(sample) is not None

    def speaker_of(self, sample: Sample) -> str | None:
        """Who is heard in a recording, as far as the file knows it."""
        key = self._key(sample)
        return self.speakers[key] if key is not None else None

    def _key(self, sample: Sample) -> str | None:
        keys = (sample.name, sample.audio_file.name, sample.audio_file.stem)
        exact = next((key for key in keys if key in self.vectors), None)
        return exact or next((self._by_form[form] for key in keys if (form := normal_form(key)) in self._by_form), None)

    @cached_property
    def _by_form(self) -> Mapping[str, str]:
        """The keys by their normal form: a file that macOS names is named otherwise on Linux."""
        return {normal_form(key): key for key in self.vectors}

    def of_speaker(self, name: str) -> np.ndarray:
        """The mean of a speaker's vectors, ``[D]`` float32, for synthesis.

        Raises:
            UserError: there is no such speaker; the nearest names are given.
        """
        known = typed_name(name, self.names().ids)
        if known is None:
            self.names().id(name)  # raises with the nearest names
        own = [vector for key, vector in self.vectors.items() if self.speakers[key] == known]
        return np.stack(own).mean(axis=0, dtype=np.float32)


def _entries(path: str | Path) -> dict[str, dict[str, Any]]:
    values = read_mapping(path)
    if isinstance(values, dict) and all(
        isinstance(entry, dict) and isinstance(entry.get("name"), str) and "embedding" in entry
        for entry in values.values()
    ):
        return {str(key): entry for key, entry in values.items()}
    raise UserError(f'{path}: d-vectors {{"key": {{"name": …, "embedding": […]}}}} are expected.')


def _agree(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two vectors are those of one recording by one encoder, rounding aside."""
    return len(first) == len(second) and np.allclose(first, second, rtol=1e-3, atol=1e-4)


def _two_recordings(key: str, first: str | Path, second: str | Path) -> UserError:
    return UserError(
        f"{first} and {second} have different d-vectors under the name '{key}': two recordings have that name. Compute "
        "them with a dataset_name of its own for each data set (--coqpit.datasets.0.dataset_name NAME), and train with "
        "the same names."
    )


def _vector(entry: Mapping[str, Any], path: str | Path, key: str) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):  # what overflows is infinite, and refused below
            vector = np.asarray(entry["embedding"], dtype=np.float32).reshape(-1)
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path}: the embedding of '{key}' is not a list of numbers.") from error
    if not len(vector) or not np.isfinite(vector).all():
        raise UserError(f"{path}: the embedding of '{key}' is empty or holds a number that is not finite.")
    return vector

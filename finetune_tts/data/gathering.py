"""From the data sets of a config to samples: every recording found, every fault named."""

import itertools
import logging
import os
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.audio_files import AudioFinder, without_audio_extension
from finetune_tts.data.detection import detect
from finetune_tts.data.formats import (
    AUTO,
    IN_FOLDERS,
    INCOMPLETE,
    OWN_METADATA,
    RECORDINGS,
    RELEASED_SPLITS,
    WITH_COLUMNS,
    reader_for,
)
from finetune_tts.data.metadata_files import is_file, is_folder
from finetune_tts.data.metadata_splits import (
    Purpose,
    Siblings,
    file_to_train_on,
    released_siblings,
    siblings_in,
    split_of,
    told_file,
)
from finetune_tts.data.names import half_character, normal_form, readable
from finetune_tts.data.near_misses import report_missing
from finetune_tts.data.rows import Row
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError, counted, excerpt
from finetune_tts.files import expanded

logger = logging.getLogger(__name__)

Formatter = Callable[..., Sequence[Sample | Mapping[str, Any]]]
"""Your own reader: ``formatter(root_path, meta_file, ignored_speakers=...)``, as in 🐸TTS."""


def load_samples(
    datasets: Sequence[DatasetConfig],
    formatter: Formatter | None = None,
    *,
    absent: list[Row] | None = None,
    layouts: list[str] | None = None,
) -> list[Sample]:
    """Read all data sets of a run.

    Args:
        datasets: the data sets; a ``meta_file_val`` gives samples for evaluation only.
        formatter: your own function in place of the named formats. It takes the data set's folder, its
            metadata file and ``ignored_speakers``, and gives samples, or 🐸TTS's dictionaries (``text``,
            ``audio_file``, ``speaker_name``, ``root_path``, ``language``).
        absent: takes the rows whose recording is missing, which then are no error.
        layouts: takes a line for each data set: how it was read, and what of it is held out and left alone.

    Returns:
        The samples in the order of the metadata. No two recordings have the same name.

    Raises:
        UserError: a data set, a metadata file or recordings are missing, a line cannot be read, or nothing is left.
    """
    if not datasets:
        raise UserError("No data set is given. Name its folder with --dataset_path, or list it under 'datasets'.")
    loaded: list[list[Sample]] = []
    for dataset in datasets:
        root = _root(dataset.path)
        found, layout = _DataSet(dataset, root, formatter, absent).load()
        logger.info("%d samples in %s", len(found), dataset.path)
        if layouts is not None:
            layouts.append(f"{root}: {layout}")
        loaded.append(found)
    return [sample for samples in _told_apart(datasets, loaded) for sample in samples]


def _told_apart(datasets: Sequence[DatasetConfig], loaded: Sequence[list[Sample]]) -> Sequence[list[Sample]]:
    """Give data sets whose recordings have the same names another first part of the name, that of their folders.

    Speaker vectors and features go by these names. None of such data sets keeps its name: a file of vectors that has it
    may have been made for any of them.
    """
    first: dict[str, tuple[int, Path]] = {}
    mixed: dict[int, None] = {}
    for number, samples in enumerate(loaded):
        for sample in samples:
            other, audio = first.setdefault(sample.name, (number, sample.audio_file))
            if other != number and not _same_file(audio, sample.audio_file):
                mixed |= {other: None, number: None}
    taken = {dataset.dataset_name for dataset in datasets}
    apart = list(loaded)
    for number in sorted(mixed):
        dataset = datasets[number]
        plain = dataset.dataset_name or expanded(dataset.path).resolve().name or "data"
        names = itertools.chain([plain], (f"{plain}-{count}" for count in itertools.count(2)))
        label = next(name for name in names if name not in taken)
        taken.add(label)
        start = f"{dataset.dataset_name}#"
        apart[number] = [
            replace(sample, name=f"{label}#{sample.name.removeprefix(start)}") for sample in loaded[number]
        ]
        logger.warning(
            "%s: another data set has recordings of the same names, so these are called %s#… (a dataset_name for each "
            "data set tells them apart too).", dataset.path, label,
        )  # fmt: skip
    return apart


def _same_file(first: Path, second: Path) -> bool:
    return first == second or os.path.realpath(first) == os.path.realpath(second)


def _root(path: str) -> Path:
    if not path:
        raise UserError("A data set has no path. Name its folder with --dataset_path or datasets.0.path.")
    root = expanded(path)
    if is_file(root):
        raise UserError(f"{root} is a file; give the data set's folder and name the file with --meta_file.")
    if not is_folder(root):
        parent = next((p for p in root.absolute().parents if is_folder(p)), None)
        raise UserError(
            f"{excerpt(str(root), 300)}: there is no data set (no such folder; {parent} is there). "
            "Check --dataset_path."
        )
    if half_character(str(root.absolute())):
        raise UserError(
            f"{readable(str(root.absolute()))}: the name of the folder, or of one above it, is not UTF-8, so that the "
            "config of a run could not hold it. Rename it (mv, or convmv -f cp1252 -t utf8 --notest FOLDER)."
        )
    return root


class _Found(NamedTuple):
    """A row whose recording is there.

    Attributes:
        row: of the metadata.
        sample: what is made of it.
        purpose: what the data set says that it is for, if it does.
    """

    row: Row
    sample: Sample
    purpose: Purpose | None


@dataclass(frozen=True)
class _Metadata:
    """What was read of one metadata file.

    Attributes:
        rows: its entries, of speakers that are not ignored.
        format: by whose rules.
        layout: how it was read, in words.
        siblings: files that belong to it.
        guessed: which column holds what was told by what is in them.
    """

    rows: list[Row]
    format: str
    layout: str
    siblings: Siblings = Siblings()
    guessed: bool = False


class _DataSet:
    """One data set while it is read.

    Args:
        config: its fields.
        root: its folder.
        formatter: the user's own reader.
        absent: takes the rows whose recording is missing, which then are no error.
    """

    def __init__(
        self, config: DatasetConfig, root: Path, formatter: Formatter | None, absent: list[Row] | None
    ) -> None:
        self._config, self._root, self._formatter, self._absent = config, root, formatter, absent
        self._finder = AudioFinder()

    def load(self) -> tuple[list[Sample], str]:
        """The samples, and how they were read in words."""
        config, root = self._config, self._root
        if config.meta_file_attn_mask:
            logger.warning("%s: meta_file_attn_mask is not used; models here align text and audio themselves.", root)
        val = root / expanded(config.meta_file_val) if config.meta_file_val else None
        metadata = self._read(config.meta_file_train, not_this=val)
        siblings = metadata.siblings if val is None else replace(metadata.siblings, held_out=None)
        logger.info("%s: found %s.", root, "; ".join(filter(None, (metadata.layout, siblings.told()))))
        found = self._found(metadata)
        tests = {sample.name for _, sample, purpose in found if purpose == "test"}
        held_out = {sample.name: sample for _, sample, purpose in found if purpose == "eval"}
        train = [sample for _, sample, purpose in found if purpose not in ("eval", "test")]
        named = config.meta_file_val or siblings.held_out
        eval_file = str(_below(root, named)) if named else ""
        if eval_file:
            held_out |= {sample.name: sample for _, sample, _ in self._held_out(eval_file, metadata.format)}
        for file in siblings.left_alone:
            tests |= self._names_in(file, metadata.format)
        samples = self._set_apart(train, held_out, tests, eval_file or "the evaluation part")
        for sample in samples[:3]:
            shown = sample.audio_file.resolve(), excerpt(sample.speaker), excerpt(sample.text, 200)
            logger.info("  %s | %s | %s", *shown)
        parts = [f"{metadata.layout}: {counted(len(samples))}"]
        if held_out:
            parts.append(f"{counted(len(held_out))} held out" + (f" ({eval_file})" if eval_file else ""))
        if siblings.left_alone or tests:
            names = list(map(told_file, siblings.left_alone)) or [counted(len(tests))]
            parts.append(f"left alone: {', '.join(names)}")
        if len(parts) > 1:
            logger.info("%s: %s to train on, %s.", root, counted(len(samples)), "; ".join(parts[1:]))
        return [*samples, *(replace(sample, split="eval") for sample in held_out.values())], "; ".join(parts)

    def _held_out(self, file: str, trained_as: str) -> list[_Found]:
        """The recordings of a metadata file for evaluation; ``trained_as`` is the format of the others."""
        named = bool(self._config.meta_file_val)
        released = trained_as in RELEASED_SPLITS and not named
        try:
            return self._found(self._read(file, held_out=True, known_as=trained_as if released else ""))
        except UserError as error:
            if named or not (released or self._config.formatter == RECORDINGS):
                raise
            # Nobody named it, and it is not needed: of a release only the part for training may be here.
            logger.warning("%s: %s is not used: %s", self._root, file, error)
            return []

    def _set_apart(
        self, samples: list[Sample], held_out: Mapping[str, Sample], tests: Collection[str], eval_file: str
    ) -> list[Sample]:
        """The samples to train on, without those that are held out or for tests."""
        config, root = self._config, self._root
        kept = [sample for sample in samples if sample.name not in held_out]
        if len(kept) < len(samples):
            logger.warning(
                "%s: %d recordings of %s stand in %s too; they are kept for evaluation only.",
                root, len(samples) - len(kept), config.meta_file_train or "the training metadata", eval_file,
            )  # fmt: skip
        if not kept:
            raise UserError(f"{root}: all recordings of the training metadata stand in {eval_file} too.")
        to_train_on = [sample for sample in kept if sample.name not in tests]
        if len(to_train_on) < len(kept):
            logger.warning("%s: %d recordings are for tests and left alone.", root, len(kept) - len(to_train_on))
        if not to_train_on:
            raise UserError(f"{root}: all recordings of the training metadata are for tests: nothing to train on.")
        return [replace(sample, split="train") for sample in to_train_on] if held_out else to_train_on

    def _names_in(self, file: Path, trained_as: str) -> set[str]:
        """Names of the recordings in a metadata file for tests; none where it is no metadata."""
        below = str(_below(self._root, file))
        try:
            if trained_as in RELEASED_SPLITS:
                rows = reader_for(trained_as)(self._root, below)
            else:
                rows = detect(self._root, below, self._config.columns, finder=self._finder).rows
        except UserError:
            return set()
        return {found.sample.name for found in self._find(rows)[0]}

    def _read(
        self, meta_file: str, not_this: Path | None = None, held_out: bool = False, known_as: str = ""
    ) -> _Metadata:
        """Read one metadata file, or the usual one of the format.

        Args:
            meta_file: the file; empty for the usual one.
            not_this: a file that is for something else.
            held_out: the file tells what is for evaluation, also where the format needs no metadata.
            known_as: the format, where it was found out.
        """
        config, root, formatter = self._config, self._root, self._formatter
        name = known_as or (config.formatter or AUTO).lower()
        siblings, guessed = Siblings(), False
        if config.columns and (formatter is not None or name not in WITH_COLUMNS):
            raise UserError(
                f"--columns {excerpt(config.columns)}: the format {name} has its own columns. Leave --columns out, or "
                f"choose the format {AUTO}."
            )
        if formatter is not None:
            name = layout = getattr(formatter, "__name__", "the formatter")
            entries = formatter(str(root), meta_file, ignored_speakers=config.ignored_speakers)
            rows = [_row_of_entry(entry, root, f"{name}, entry {at}") for at, entry in enumerate(entries, start=1)]
        elif name == AUTO or config.columns or (name == RECORDINGS and held_out):
            detection = detect(root, meta_file, config.columns, not_this, self._finder)
            rows, layout, siblings = detection.rows, detection.description, detection.siblings
            name, guessed = detection.format, detection.guessed
        else:
            reader = reader_for(name)
            layout = f"the {name} layout"
            if not meta_file and (found := file_to_train_on(root, OWN_METADATA.get(name, ()), not_this)):
                meta_file, siblings = found[0].name, found[1]
                layout = f"{meta_file} in the {name} layout"
            rows = reader(root, meta_file)
            if name == RECORDINGS:  # which needs no metadata; what is for evaluation may be told by it all the same
                siblings = siblings_in(root)
        if not meta_file and formatter is None and name in RELEASED_SPLITS:
            siblings = released_siblings(root, RELEASED_SPLITS[name])
        place = root / meta_file if meta_file else root
        if not rows:
            raise UserError(f"{place}: the metadata is empty; no sample was found with the format {name}.")
        rows = _without_ignored(rows, config.ignored_speakers or ())
        if not rows:
            names = ", ".join(config.ignored_speakers or ())
            raise UserError(f"{place}: nothing is left, every speaker is among ignored_speakers ({excerpt(names)}).")
        return _Metadata(rows, name, layout, siblings, guessed)

    def _found(self, metadata: _Metadata) -> list[_Found]:
        """Find the recordings of metadata, each once."""
        rows = metadata.rows
        if metadata.guessed and self._config.language:  # a guess yields to what the user says
            rows = [replace(row, language="") if row.language else row for row in rows]
        found, missing = self._find(rows, by_folders=metadata.format in IN_FOLDERS)
        if missing and self._absent is not None and found:
            self._absent += missing
        elif missing:
            may_lack = metadata.format in INCOMPLETE and self._formatter is None and bool(found)
            report_missing(missing, len(rows), self._root, may_lack)
        return _unique(found)

    def _find(self, rows: list[Row], by_folders: bool = False) -> tuple[list[_Found], list[Row]]:
        """Find the recording of each row; rows without one come second."""
        config, root = self._config, self._root
        found: list[_Found] = []
        missing: list[Row] = []
        unnameable: list[Path] = []
        default_speaker = config.dataset_name or root.resolve().name
        folders: dict[str, str] = {}  # of recordings → below the root, as names have them
        parents: dict[str, Path] = {}
        names: dict[str, str] = {}  # of speakers and languages → as the run knows them

        def named(name: str, origin: str, what: str) -> str:
            if name not in names:
                names[name] = _name(name, origin, what)
            return names[name]

        by_folders = by_folders and any((root / folder).is_dir() for folder in ("train", "training"))
        for row in rows:
            _require_text(row.text, row.origin, "the text")
            place = next((place for place in map(self._finder.place, row.audio) if place is not None), None)
            if place is None:
                missing.append(row)
                continue
            folder, name = place
            if half_character(folder) or half_character(name):
                unnameable.append(Path(folder, name))
                continue
            if folder not in folders:
                folders[folder] = Path(os.path.relpath(folder, root), "x").as_posix().removesuffix("x")
                parents[folder] = Path(folder)
            below, audio = folders[folder], parents[folder] / name
            purpose = split_of(row.split) or (split_of(below.split("/")[0]) if by_folders else None)
            sample = Sample(
                text=row.text,
                audio_file=audio,
                speaker=named(row.speaker or default_speaker, row.origin, "the speaker's name"),
                language=named(row.language or config.language, row.origin, "the language's name"),
                name=f"{config.dataset_name}#{below}{without_audio_extension(name)}",
                dataset=config.dataset_name,
            )
            found.append(_Found(row, sample, purpose))
        if unnameable:
            raise _not_utf8(root, unnameable)
        return found, missing


def _below(root: Path, path: str | Path) -> Path:
    """A path as the user would name it inside ``root``."""
    return Path(path).relative_to(root) if Path(path).is_relative_to(root) else Path(path)


def _without_ignored(rows: list[Row], ignored: Sequence[str]) -> list[Row]:
    names = {normal_form(name) for name in ignored}
    speakers = [{normal_form(row.speaker), normal_form(row.speaker_id)} for row in rows]
    kept = [row for row, own in zip(rows, speakers, strict=True) if not names & own]
    unknown = names.difference(*speakers)
    if unknown:
        logger.warning("ignored_speakers names speakers that the data set lacks: %s.", ", ".join(sorted(unknown)))
    return kept


def _not_utf8(root: Path, paths: Sequence[Path]) -> UserError:
    """Names that no config, list of speakers or record of a run could hold, as all of them are UTF-8."""
    names = ", ".join(
        readable(str(path.relative_to(root) if path.is_relative_to(root) else path)) for path in paths[:5]
    )
    more = ", …" if len(paths) > 5 else ""
    return UserError(
        f"{root}: {len(paths)} recordings have names that are not UTF-8: {names}{more}. Rename them, for example: "
        f"convmv -r -f cp1252 -t utf8 --notest {shlex.quote(str(root))}"
    )


def _name(name: str, origin: str, what: str) -> str:
    """A name as the run knows it: looking the same is being the same."""
    _require_text(name, origin, what)
    return normal_form(name)


def _require_text(text: str, origin: str, what: str) -> None:
    half = half_character(text)
    if half is not None:
        raise UserError(
            f"{origin}: {what} holds half a character ({half!a}): {text[:40]!a}. Write the line again; a program cut a "
            "character in two."
        )


def _unique(entries: list[_Found]) -> list[_Found]:
    """Drop lines that stand twice; the same recording with two texts is an error."""
    first: dict[str, _Found] = {}
    repeated: Counter[str] = Counter()
    for entry in entries:
        row, sample, _ = entry
        known = first.setdefault(sample.name, entry)
        if known is entry:
            continue
        earlier_row, earlier, _ = known
        if earlier.text != sample.text:
            raise UserError(
                f"{row.origin}: {excerpt(sample.audio_file.name)} stands there with another text than in "
                f"{earlier_row.origin} ('{excerpt(sample.text, 40)}', '{excerpt(earlier.text, 40)}'). Remove the wrong "
                "line."
            )
        repeated[sample.name] += 1
    if repeated:
        logger.warning("%d lines that stand twice are left out (%s, …).", repeated.total(), next(iter(repeated)))
    return list(first.values())


def _row_of_entry(entry: Sample | Mapping[str, Any], root: Path, origin: str) -> Row:
    if isinstance(entry, Sample):
        return Row(
            entry.text, (os.path.join(root, entry.audio_file),), origin, entry.speaker, entry.speaker, entry.language
        )
    if not isinstance(entry, Mapping) or "text" not in entry or "audio_file" not in entry:
        shown = excerpt(f"{entry!r:.400}", 80)
        raise UserError(f"{origin}: a Sample or a dictionary with 'text' and 'audio_file' is expected: {shown}")
    base = entry.get("root_path") or root
    speaker = str(entry.get("speaker_name") or "")
    audio = (os.path.join(base, entry["audio_file"]), os.fspath(entry["audio_file"]))
    language = str(entry.get("language") or "")
    return Row(str(entry["text"]).strip(), audio, origin, speaker, speaker, language)

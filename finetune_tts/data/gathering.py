"""From the data sets of a config to samples: every recording found, every fault named."""

import itertools
import logging
import os
import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from finetune_tts.config.dataset import DatasetConfig
from finetune_tts.data.audio_files import AUDIO_EXTENSIONS, AudioFinder, without_audio_extension
from finetune_tts.data.detection import detect
from finetune_tts.data.formats import AUTO, INCOMPLETE, reader_for
from finetune_tts.data.names import half_character, normal_form, readable
from finetune_tts.data.rows import Row
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError

logger = logging.getLogger(__name__)

Formatter = Callable[..., Sequence[Sample | Mapping[str, Any]]]
"""Your own reader: ``formatter(root_path, meta_file, ignored_speakers=...)``, as in 🐸TTS."""

Split = Literal["any", "train", "eval"]


def load_samples(
    datasets: Sequence[DatasetConfig], formatter: Formatter | None = None, *, absent: list[Row] | None = None
) -> list[Sample]:
    """Read all data sets of a run.

    Args:
        datasets: the data sets; a ``meta_file_val`` gives samples for evaluation only.
        formatter: your own function in place of the named formats. It takes the data set's folder, its
            metadata file and ``ignored_speakers``, and gives samples, or 🐸TTS's dictionaries (``text``,
            ``audio_file``, ``speaker_name``, ``root_path``, ``language``).
        absent: takes the rows whose recording is missing, which then are no error.

    Returns:
        The samples in the order of the metadata. No two recordings have the same name.

    Raises:
        UserError: a data set, a metadata file or recordings are missing, a line cannot be read, or nothing is left.
    """
    if not datasets:
        raise UserError("No data set is given. Name its folder with --dataset_path, or list it under 'datasets'.")
    loaded: list[list[Sample]] = []
    for dataset in datasets:
        found = _load_dataset(dataset, formatter, absent)
        logger.info("%d samples in %s", len(found), dataset.path)
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
        plain = dataset.dataset_name or Path(dataset.path).expanduser().resolve().name or "data"
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


def _load_dataset(dataset: DatasetConfig, formatter: Formatter | None, absent: list[Row] | None) -> list[Sample]:
    root = _root(dataset.path)
    if dataset.meta_file_attn_mask:
        logger.warning("%s: meta_file_attn_mask is not used; models here align text and audio themselves.", root)
    has_eval = bool(dataset.meta_file_val)
    samples = _load_file(dataset, root, dataset.meta_file_train, "train" if has_eval else "any", formatter, absent)
    if not has_eval:
        return samples
    held_out = _load_file(dataset, root, dataset.meta_file_val, "eval", formatter, absent)
    names = {sample.name for sample in held_out}
    kept = [sample for sample in samples if sample.name not in names]
    if len(kept) < len(samples):
        logger.warning(
            "%s: %d recordings of %s stand in %s too; they are kept for evaluation only.",
            root, len(samples) - len(kept), dataset.meta_file_train or "the training metadata", dataset.meta_file_val,
        )  # fmt: skip
    if not kept:
        raise UserError(f"{root}: all recordings of the training metadata stand in {dataset.meta_file_val} too.")
    return kept + held_out


def _root(path: str) -> Path:
    if not path:
        raise UserError("A data set has no path. Name its folder with --dataset_path or datasets.0.path.")
    root = Path(path).expanduser()
    if root.is_file():
        raise UserError(f"{root} is a file; give the data set's folder and name the file with --meta_file.")
    if not root.is_dir():
        parent = next((p for p in root.absolute().parents if p.is_dir()), None)
        raise UserError(f"{root}: there is no data set (no such folder; {parent} is there). Check --dataset_path.")
    if half_character(str(root.absolute())):
        raise UserError(
            f"{readable(str(root.absolute()))}: the name of the folder, or of one above it, is not UTF-8, so that the "
            "config of a run could not hold it. Rename it (mv, or convmv -f cp1252 -t utf8 --notest FOLDER)."
        )
    return root


def _load_file(
    dataset: DatasetConfig,
    root: Path,
    meta_file: str,
    split: Split,
    formatter: Formatter | None,
    absent: list[Row] | None,
) -> list[Sample]:
    if formatter is not None:
        name = getattr(formatter, "__name__", "the formatter")
        entries = formatter(str(root), meta_file, ignored_speakers=dataset.ignored_speakers)
        rows = [_row_of_entry(entry, root, f"{name}, entry {number}") for number, entry in enumerate(entries, start=1)]
    elif (dataset.formatter or AUTO).lower() == AUTO:
        name = AUTO
        detection = detect(root, meta_file)
        logger.info("%s: found %s.", root, detection.description)
        rows = detection.rows
    else:
        name = dataset.formatter.lower()
        rows = reader_for(name)(root, meta_file)
    place = root / meta_file if meta_file else root
    if not rows:
        raise UserError(f"{place}: the metadata is empty; no sample was found with the format {name}.")
    rows = _without_ignored(rows, dataset.ignored_speakers or ())
    if not rows:
        names = ", ".join(dataset.ignored_speakers or ())
        raise UserError(f"{place}: nothing is left, every speaker is among ignored_speakers ({names}).")
    found, missing = _samples(rows, dataset, root, split)
    if missing and absent is not None and found:
        absent += missing
    elif missing:
        may_lack = name in INCOMPLETE and formatter is None and bool(found)
        _report_missing(missing, len(rows), root, may_lack)
    samples = _unique(found)
    for sample in samples[:3]:
        logger.info("  %s | %s | %s", sample.audio_file.resolve(), sample.speaker, sample.text)
    return samples


def _without_ignored(rows: list[Row], ignored: Sequence[str]) -> list[Row]:
    names = {normal_form(name) for name in ignored}
    speakers = [{normal_form(row.speaker), normal_form(row.speaker_id)} for row in rows]
    kept = [row for row, own in zip(rows, speakers, strict=True) if not names & own]
    unknown = names.difference(*speakers)
    if unknown:
        logger.warning("ignored_speakers names speakers that the data set lacks: %s.", ", ".join(sorted(unknown)))
    return kept


def _samples(
    rows: list[Row], dataset: DatasetConfig, root: Path, split: Split
) -> tuple[list[tuple[Row, Sample]], list[Row]]:
    """Find the recording of each row; rows without one come second."""
    finder = AudioFinder()
    found: list[tuple[Row, Sample]] = []
    missing: list[Row] = []
    unnameable: list[Path] = []
    default_speaker = dataset.dataset_name or root.resolve().name
    for row in rows:
        _require_text(row.text, row.origin, "the text")
        audio = next((path for path in map(finder.find, row.audio) if path is not None), None)
        if audio is None:
            missing.append(row)
            continue
        if half_character(str(audio)):
            unnameable.append(audio)
            continue
        relative = without_audio_extension(Path(os.path.relpath(audio, root)).as_posix())
        sample = Sample(
            text=row.text,
            audio_file=audio,
            speaker=_name(row.speaker or default_speaker, row.origin, "the speaker's name"),
            language=_name(row.language or dataset.language, row.origin, "the language's name"),
            name=f"{dataset.dataset_name}#{relative}",
            dataset=dataset.dataset_name,
            split=split,
        )
        found.append((row, sample))
    if unnameable:
        raise _not_utf8(root, unnameable)
    return found, missing


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


def _report_missing(missing: list[Row], total: int, root: Path, may_lack: bool) -> None:
    first = "; ".join(f"{row.audio[0]} ({row.origin})" for row in missing[:5]).replace(f"{root}{os.sep}", "")
    more = f"; and {len(missing) - 5} more" if len(missing) > 5 else ""
    message = f"{root}: {len(missing)} of {total} recordings are missing: {first}{more}."
    if not may_lack:
        raise UserError(f"{message} Looked for {', '.join(AUDIO_EXTENSIONS)}. Correct the path or remove the lines.")
    logger.warning("%s The release of this data set is known to lack some; they are left out.", message)


def _unique(found: list[tuple[Row, Sample]]) -> list[Sample]:
    """Drop lines that stand twice; the same recording with two texts is an error."""
    first: dict[str, tuple[Row, Sample]] = {}
    repeated: Counter[str] = Counter()
    for row, sample in found:
        earlier_row, earlier = first.setdefault(sample.name, (row, sample))
        if earlier is sample:
            continue
        if earlier.text != sample.text:
            raise UserError(
                f"{row.origin}: {sample.audio_file.name} stands there with another text than in {earlier_row.origin} "
                f"('{sample.text[:40]}', '{earlier.text[:40]}'). Remove the wrong line."
            )
        repeated[sample.name] += 1
    if repeated:
        logger.warning("%d lines that stand twice are left out (%s, …).", repeated.total(), next(iter(repeated)))
    return [sample for _, sample in first.values()]


def _row_of_entry(entry: Sample | Mapping[str, Any], root: Path, origin: str) -> Row:
    if isinstance(entry, Sample):
        return Row(entry.text, (root / entry.audio_file,), origin, entry.speaker, entry.speaker, entry.language)
    if not isinstance(entry, Mapping) or "text" not in entry or "audio_file" not in entry:
        raise UserError(f"{origin}: a Sample or a dictionary with 'text' and 'audio_file' is expected: {entry!r:.80}")
    base = Path(entry.get("root_path") or root)
    speaker = str(entry.get("speaker_name") or "")
    audio = (base / entry["audio_file"], Path(entry["audio_file"]))
    language = str(entry.get("language") or "")
    return Row(str(entry["text"]).strip(), audio, origin, speaker, speaker, language)

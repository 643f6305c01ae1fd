"""Everything that the page of a run shows, gathered from its folder and from what its models say."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from finetune_tts.audio.pictures import alignment_picture
from finetune_tts.config.speech import SpeechConfig
from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.errors import UserError
from finetune_tts.families.loading import load_any_config
from finetune_tts.families.reading import locate
from finetune_tts.hearing.advice import advice_of
from finetune_tts.hearing.held_out_sentences import Sentence, held_out_sentences, typed_sentences
from finetune_tts.hearing.listener import Listener, Utterance
from finetune_tts.hearing.run_listener import listener_of
from finetune_tts.hearing.speaking import load_speaker
from finetune_tts.hearing.spoken import Speaker
from finetune_tts.json_text import read_json
from finetune_tts.report.forgetting import OldVoice, Remembered, lacks, old_voices
from finetune_tts.report.weight_change import WeightChange, weight_change
from finetune_tts.runs.folder import (
    ALIGNMENT_SUFFIX,
    CONFIG_NAME,
    SELECTED_NAME,
    ZERO_SHOT_NAME,
    best_model,
    last_model,
    sample_folders,
)
from finetune_tts.runs.history import FILE_NAME as HISTORY_NAME
from finetune_tts.runs.history import HistoryEntry, read_history
from finetune_tts.runs.record import RunRecord, read_record

logger = logging.getLogger(__name__)

RECORDING, BASE, BEST, LAST, SELECTED = "recording", "base", "best", "last", "selected"

RESTORE_REPORT = "restore_report.json"


@dataclass(frozen=True)
class ReportOptions:
    """How much is synthesised, and by what it is judged."""

    sentences: int = 6
    """Held-out ones."""
    recogniser: str | None = None
    """See :func:`finetune_tts.hearing.speech_recognition.find_recogniser`."""
    device: torch.device = torch.device("cpu")


@dataclass(frozen=True)
class Witness:
    """Somebody who speaks the sentences: the recording or a model."""

    key: str
    title: str
    detail: str
    """Which step, or which model."""
    path: Path | None = None
    """Of the weights; None for the recording."""


@dataclass(frozen=True)
class Row:
    """A sentence, and how each witness says it."""

    sentence: Sentence
    utterances: dict[str, Utterance]


@dataclass(frozen=True)
class Alignments:
    """Pictures of how frames listen to tokens, one for each test sentence."""

    title: str
    pictures: tuple[bytes, ...]


@dataclass(frozen=True)
class Evidence:
    """What the page is made of."""

    folder: Path
    config: SpeechConfig | VocoderConfig
    record: RunRecord | None
    history: Sequence[HistoryEntry]
    witnesses: Sequence[Witness]
    rows: Sequence[Row]
    alignments: Sequence[Alignments] = ()
    recogniser: str = ""
    restored: str = ""
    """Summary of the restore report."""
    notes: Sequence[str] = field(default_factory=tuple)
    """What is missing, and why."""
    advice: Sequence[str] = field(default_factory=tuple)
    """Which model to take, as far as what was heard in the run tells."""
    changed: WeightChange | None = None
    """How far the weights of the best model are from those of the base."""
    apart: float | None = None
    """Mel-cepstral distortion between base and best model, mean over the sentences that both say."""
    remembered: Sequence[Remembered] = field(default_factory=tuple)
    """Speakers and languages that were not trained on, before and after."""


def gather(folder: Path, options: ReportOptions) -> Evidence:
    """Read a run folder, and let its models and their base synthesise.

    What is missing beside the config is noted, and the rest is gathered all the same.

    Raises:
        UserError: the folder is not the folder of a run; or the speech recogniser that is asked for cannot be used.
    """
    config = read_config(folder)
    notes: list[str] = []
    record = _tried(lambda: read_record(folder), notes)
    if record is None:
        notes.append("The folder does not tell what the run started from, so base and held-out recordings are missing.")
    history = _tried(lambda: read_history(folder), notes) if (folder / HISTORY_NAME).exists() else None
    listener = listener_of(folder, config, record, options.recogniser)
    speaker, language = (record.speaker, record.language) if record is not None else ("", "")
    held_out = witnessed_sentences(record, options.sentences, notes)
    sentences = held_out + typed_sentences(getattr(config, "test_sentences", ()), speaker, language)
    witnesses = _witnesses(folder, record, notes)
    zero_shot = folder / ZERO_SHOT_NAME  # the base has not heard the recordings otherwise
    heard, old = {}, _Old(record, sentences, listener, options.sentences)
    for witness in witnesses:
        heard[witness.key] = _hear(witness, sentences, listener, options.device, notes, zero_shot, old)
    rows = [
        Row(sentence, {key: found for key, all_heard in heard.items() if (found := all_heard[number]) is not None})
        for number, sentence in enumerate(sentences)
    ]
    return Evidence(
        folder=folder,
        config=config,
        record=record,
        history=history or [],
        witnesses=[witness for witness in witnesses if any(witness.key in row.utterances for row in rows)],
        rows=rows,
        alignments=_alignments(folder, witnesses, rows),
        recogniser=listener.recogniser.name if listener.recogniser else "",
        restored=_restored(folder),
        notes=notes,
        changed=_tried(lambda: _changed(witnesses, config), notes),
        apart=_apart(rows, listener),
        remembered=old.remembered,
        advice=_tried(lambda: advice_of(folder, history or []), notes) or (),
    )


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Keep to oneself what loading a model says each time: the run has said it before."""
    loggers = [
        logging.getLogger(f"finetune_tts.{room}") for room in ("config", "families", "speaker_encoder", "synthesis")
    ]
    levels = [one.level for one in loggers]
    try:
        for one in loggers:
            one.setLevel(logging.WARNING)
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)


def read_config(folder: Path) -> SpeechConfig | VocoderConfig:
    """Read the config of a run.

    Raises:
        UserError: the folder is not the folder of a run.
    """
    if not folder.is_dir():
        raise UserError(f"--report {folder}: no such folder. Give the folder of a run.")
    if not (folder / CONFIG_NAME).is_file():
        raise UserError(f"--report {folder}: holds no {CONFIG_NAME}, so it is not the folder of a run.")
    config: SpeechConfig | VocoderConfig = load_any_config(folder / CONFIG_NAME, quiet=True)
    locate(config, folder)
    return config


def _tried(read: Any, notes: list[str]) -> Any:
    try:
        return read()
    except UserError as error:
        notes.append(str(error))
        return None


def witnessed_sentences(record: RunRecord | None, count: int, notes: list[str]) -> list[Sentence]:
    """Held-out sentences whose recordings are there; ``notes`` gets a word about those that are not."""
    held_out = held_out_sentences(record.clips, count) if record is not None else []
    there = [sentence for sentence in held_out if Path(sentence.recording).is_file()]
    if len(there) < len(held_out):
        gone = next(sentence for sentence in held_out if sentence not in there)
        notes.append(f"{len(held_out) - len(there)} held-out recordings are not there any more, as {gone.recording}.")
    return there


def _witnesses(folder: Path, record: RunRecord | None, notes: list[str]) -> list[Witness]:
    witnesses = [Witness(RECORDING, "Recording", "held out")]
    base = record.base if record is not None else None
    if base is not None:
        path = Path(base.model_file)
        if path.is_file():
            title = "Base, zero-shot" if (folder / ZERO_SHOT_NAME).is_file() else "Base"
            witnesses.append(Witness(BASE, title, base.name or path.parent.name, path))
        else:
            notes.append(f"The base model is not there any more, so it is not heard: {path}.")
    best, last, selected = best_model(folder), last_model(folder), folder / SELECTED_NAME
    if best is not None:
        witnesses.append(Witness(BEST, "Fine-tuned, best", f"step {best.step:,}", best.path))
    if last is not None and (best is None or last.step != best.step):
        witnesses.append(Witness(LAST, "Fine-tuned, last", f"step {last.step:,}", last.path))
    if selected.is_file() and not any(w.path and w.path.samefile(selected) for w in witnesses):
        witnesses.append(Witness(SELECTED, "Fine-tuned, selected", "by ear", selected))
    if last is None:
        notes.append("The run has written no checkpoint yet.")
    return witnesses


class _Old:
    """Lets the base and the best model say what was not trained on."""

    def __init__(self, record: RunRecord | None, sentences: Sequence[Sentence], listener: Listener, most: int) -> None:
        self._record, self._sentences, self._listener, self._most = record, sentences, listener, most
        self._before: list[tuple[OldVoice, Utterance]] = []
        self.remembered: list[Remembered] = []

    def hear(self, witness: Witness, speaker: Speaker) -> None:
        if witness.key == BASE and self._record is not None:
            found = old_voices(speaker, self._record, self._sentences, self._most)
            self._before = [(old, self._listener.spoken(speaker, old.sentence)) for old in found]
        elif witness.key == BEST:
            for old, before in self._before:
                after = Utterance(None, note=f"the model does not know this {old.kind} any more.")
                if not lacks(speaker, old):
                    after = self._listener.spoken(speaker, old.sentence)
                self.remembered.append(Remembered(old, before, after, self._listener.apart(before, after)))


def _hear(
    witness: Witness,
    sentences: Sequence[Sentence],
    listener: Listener,
    device: torch.device,
    notes: list[str],
    voices: Path,
    old: _Old,
) -> list[Utterance | None]:
    if witness.path is None:
        return [listener.recorded(sentence) if sentence.recording else None for sentence in sentences]
    try:
        speaker = load_speaker(witness.path, device=device, voices=voices if witness.key == BASE else None)
    except UserError as error:
        notes.append(f"{witness.title} is not heard: {error}")
        return [None] * len(sentences)
    heard: list[Utterance | None] = [listener.spoken(speaker, sentence) for sentence in sentences]
    old.hear(witness, speaker)
    return heard


def _changed(witnesses: Sequence[Witness], config: SpeechConfig | VocoderConfig) -> WeightChange | None:
    paths = {witness.key: witness.path for witness in witnesses}
    base, best = paths.get(BASE), paths.get(BEST)
    return weight_change(base, best, config) if base is not None and best is not None else None


def _apart(rows: Sequence[Row], listener: Listener) -> float | None:
    pairs = [(row.utterances[BASE], row.utterances[BEST]) for row in rows if {BASE, BEST} <= row.utterances.keys()]
    found = [values["mcd"] for one, other in pairs if (values := listener.apart(one, other))]
    return sum(found) / len(found) if found else None


def _alignments(folder: Path, witnesses: Sequence[Witness], rows: Sequence[Row]) -> list[Alignments]:
    """Of the test sentences: by the base, in the middle of the run, and at its end."""
    spoken = [row for row in rows if not row.sentence.recording] or list(rows)
    by_key = {witness.key: witness for witness in witnesses}
    last = by_key.get(LAST) or by_key.get(BEST)
    found = []
    if BASE in by_key:
        found.append(Alignments("Start: the base", _drawn(spoken, BASE)))
    if last is not None:
        steps = [(step, path) for step, path in sample_folders(folder) if f"step {step:,}" != last.detail]
        end = int(last.detail.removeprefix("step ").replace(",", ""))
        if steps:
            step, path = min(steps, key=lambda entry: abs(entry[0] - end / 2))
            kept = sorted(path.glob(f"*{ALIGNMENT_SUFFIX}"), key=lambda file: int(file.name.partition("_")[0]))
            found.append(Alignments(f"Middle: step {step:,}", tuple(file.read_bytes() for file in kept)))
        found.append(Alignments(f"End: {last.detail}", _drawn(spoken, last.key)))
    return [alignments for alignments in found if alignments.pictures]


def _drawn(rows: Sequence[Row], key: str) -> tuple[bytes, ...]:
    sounds = [row.utterances[key].sound for row in rows if key in row.utterances]
    return tuple(
        alignment_picture(sound.alignment) for sound in sounds if sound is not None and sound.alignment is not None
    )


def _restored(folder: Path) -> str:
    path = folder / RESTORE_REPORT
    if not path.is_file():
        return ""
    try:
        # Where the weights stood on the machine of the run is nobody's business.
        return str(read_json(path)["summary"]).rpartition(": ")[2]
    except (UserError, KeyError, TypeError) as error:
        logger.debug("%s: %s", path, error)
        return ""

"""Raw recordings, with their text or without → a data set of clips that is ready to be reviewed and fine-tuned with.

The work is done in steps, each of which keeps what it found in the folder of the data set: interrupted, it is taken up
where it was. What the folder holds at the end depends on what went in alone.
"""

import csv
import io
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from finetune_tts.check.filtered import spoiled
from finetune_tts.check.measuring import measure_samples
from finetune_tts.check.recording_checks import check_pace, check_recordings
from finetune_tts.corpus.clips import FORMATS, METADATA, SOUND_FOLDER, SOURCES, WAV, Clip, Corpus, one_line
from finetune_tts.corpus.cutting import (
    NO_SPEECH,
    UNLIKE,
    Cut,
    Lengths,
    silent_cuts,
)
from finetune_tts.corpus.hearing import require_detector
from finetune_tts.corpus.matching import match, read_transcript
from finetune_tts.corpus.review_page import write_review_page
from finetune_tts.corpus.sources import Source, listen
from finetune_tts.corpus.transcription import Transcriber, require_transcriber, transcribed
from finetune_tts.data.processes import in_processes, workers_for
from finetune_tts.data.progress import progress
from finetune_tts.data.sample import Sample
from finetune_tts.errors import UserError, counted
from finetune_tts.files import write_text
from finetune_tts.speaker_encoder.encoder import SpeakerEncoder, cosine_similarity
from finetune_tts.text.espeak import espeak_library

DROPPED = "dropped.csv"
_WORK = ".work"
_DROPPED_FIELDS = ("file", "start", "end", "reason", "text")
_NOT_READ = "not read"
_ANOTHER_VOICE = 4.0  # spreads by which a clip is further from the voice of most than they are
_LEAST_SPREAD = 0.05
_FEW_CLIPS = 5
_MOST_NAME = 40


@dataclass(frozen=True)
class Order:
    """What a data set is to be made of.

    Attributes:
        folder: where.
        recordings: files with sound.
        transcripts: files with what is said: one for each recording, or one for all in their order; none to have them
            transcribed.
        language: that is spoken; needed with transcripts.
        whisper: the model of faster-whisper that transcribes: a name or a folder.
        device: that it computes on: ``cpu``, ``cuda`` or ``auto``.
        lengths: of clips.
        format: of their sound, one of :data:`finetune_tts.corpus.clips.FORMATS`.
        encoder: knows voices, to find clips of another one; None to leave that out.
    """

    folder: Path
    recordings: Sequence[Path]
    transcripts: Sequence[Path] = ()
    language: str | None = None
    whisper: str = "small"
    device: str = "auto"
    lengths: Lengths = Lengths()
    format: str = WAV
    encoder: SpeakerEncoder | None = None


@dataclass(frozen=True)
class Dropped:
    """A stretch of a recording that became no clip, or text that was not read: then without a file."""

    source: Path | None
    start: float
    end: float
    reason: str
    text: str


@dataclass(frozen=True)
class Room:
    """How a recording sounds: levels in dB below full scale, and how long there is what."""

    recording: Path
    seconds: float
    speech_seconds: float
    other_seconds: float
    speech_level: float
    noise_floor: float


@dataclass(frozen=True)
class Made:
    """A data set that was made, and what it was made of."""

    corpus: Corpus
    clips: list[Clip]
    dropped: list[Dropped]
    rooms: list[Room]
    language: str | None


def make_dataset(order: Order) -> Made:
    """Make a data set.

    Raises:
        UserError: something that was given cannot be used; ``order.folder`` holds something else, or is being worked
            on; or nothing is left.
        OSError: the folder cannot be written.
    """
    _require_sense(order)
    work = order.folder / _WORK
    work.mkdir(parents=True, exist_ok=True)
    with Corpus(order.folder, order.format).held():
        made = _make(order, work)
        shutil.rmtree(work, ignore_errors=True)
    return made


def is_made(folder: Path) -> bool:
    """Whether a folder holds a data set that is complete."""
    return (folder / SOURCES).is_file() and (folder / METADATA).is_file() and not (folder / _WORK).exists()


def _require_sense(order: Order) -> None:
    """Refuse before anything is heard what cannot come to an end."""
    folder = order.folder
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--make_dataset {folder}: is a file. Name a folder.")
    if folder.is_dir() and not (folder / _WORK).is_dir() and any(folder.iterdir()):
        what = "holds a data set already" if (folder / SOURCES).is_file() else "is not empty"
        way = f"review it (--review {folder}), fine-tune with it (--dataset_path {folder}), or name another folder"
        raise UserError(f"--make_dataset {folder}: {what}: {way}.")
    if not order.recordings:
        raise UserError("--make_dataset: of which recordings? Name them: --recordings FILE ...")
    resolved = [path.resolve() for path in order.recordings]
    for place, path in enumerate(resolved):
        if path in resolved[:place]:
            raise UserError(f"--recordings {order.recordings[place]}: is named twice.")
    if len(order.transcripts) not in (0, 1, len(order.recordings)):
        raise UserError(
            f"--transcript: {counted(len(order.transcripts), 'file')} for "
            f"{counted(len(order.recordings), 'recording')}. Give one for each, or one for all of them together."
        )
    if order.transcripts:
        if not order.language:
            raise UserError("--transcript: which language is it in? Say it, such as --language en.")
        try:
            espeak_library().voice(order.language)
        except UserError as error:  # which it says of the field of a config
            raise UserError(str(error).replace("phoneme_language", "--language", 1)) from error
    if order.format not in FORMATS:
        raise UserError(f"--clip_format {order.format}: must be {' or '.join(FORMATS)}.")
    if not 0 < order.lengths.least < order.lengths.most:
        raise UserError(
            f"--clip_seconds {order.lengths.least:g} {order.lengths.most:g}: the first has to be above 0, and the "
            "second above the first."
        )
    for path in order.recordings:
        if not path.is_file():
            raise UserError(f"--recordings {path}: there is no such file.")
    require_detector()


def _make(order: Order, work: Path) -> Made:
    texts = [read_transcript(path) for path in order.transcripts]
    if not texts:
        require_transcriber(order.whisper)
    sources = listen(order.recordings, order.folder, work / "heard")
    if not any(source.silences.speech_seconds >= 1 for source in sources):
        raise UserError(f"--recordings {order.recordings[0]}: there is no speech in {_them(sources)}.")
    if not texts:
        # Not before the recordings were heard: it has threads, which the processes that hear would be stuck without.
        transcriber = Transcriber(order.whisper, order.language, order.device)
        cuts, unread, language = _cuts_heard(order, sources, transcriber, work), [], transcriber.language
    else:
        assert order.language is not None
        language = order.language
        matched = match(sources, order.transcripts, texts, order.language, order.lengths)
        cuts, unread = (
            [found for cuts, _ in matched for found in cuts],
            [text for _, missing in matched for text in missing],
        )
    clips, dropped = _named(sources, cuts)
    corpus = Corpus(order.folder, order.format)
    shutil.rmtree(order.folder / SOUND_FOLDER, ignore_errors=True)  # of an interrupted run with other flags
    (order.folder / SOUND_FOLDER).mkdir()
    if not any(clip.kept for clip in clips):
        right = " Are text and language the right ones?" if texts else ""
        raise UserError(
            f"--recordings {order.recordings[0]}: no clip can be made of {_them(sources)}{_why(dropped)}.{right}"
        )
    _write_sounds(corpus, clips, sources)
    clips = _checked(corpus, clips, work)
    if order.encoder is not None:
        clips = _of_one_voice(corpus, clips, order.encoder)
    dropped += [Dropped(None, 0.0, 0.0, _NOT_READ, text) for text in unread]
    write_text(order.folder / DROPPED, _table(dropped))
    corpus.save(clips)
    write_review_page(corpus, clips)
    return Made(corpus, clips, dropped, [_room(source) for source in sources], language)


def _them(sources: Sequence[Source]) -> str:
    return "it" if len(sources) == 1 else f"all {len(sources)} of them"


def _why(dropped: Sequence[Dropped]) -> str:
    """The reason that most was dropped for."""
    seconds: dict[str, float] = {}
    for part in dropped:
        seconds[part.reason] = seconds.get(part.reason, 0.0) + part.end - part.start
    return f": {max(seconds, key=lambda reason: seconds[reason])}" if seconds else ""


def _room(source: Source) -> Room:
    silences = source.silences
    return Room(
        source.path,
        source.heard.seconds,
        silences.speech_seconds,
        silences.other_seconds,
        silences.speech_level,
        silences.noise_floor,
    )


def _cuts_heard(order: Order, sources: Sequence[Source], transcriber: Transcriber, work: Path) -> list[list[Cut]]:
    """The clips of each recording by its pauses, written down by a speech recogniser."""
    cuts = []
    for number, source in enumerate(sources):
        silences = source.silences
        lengths = replace(order.lengths, margin=silences.margin)
        found = silent_cuts(silences.ends_with_pauses(), silences.speech_between, lengths)
        cuts.append(transcribed(transcriber, source.readable, found, work / f"transcript-{number}.jsonl"))
    return cuts


# ---- clips


def _named(sources: Sequence[Source], cuts: Sequence[Sequence[Cut]]) -> tuple[list[Clip], list[Dropped]]:
    """Clips with names, those that may be rescued included; and all that is none."""
    clips: list[Clip] = []
    dropped: list[Dropped] = []
    prefixes = _prefixes([source.path for source in sources])
    for source, prefix, own in zip(sources, prefixes, cuts, strict=True):
        number = 0
        for cut in own:
            if cut.fault and cut.fault != UNLIKE:
                # What is silent was no loss.
                if cut.fault != NO_SPEECH or cut.end - cut.start >= 1:
                    dropped.append(Dropped(source.path, cut.start, cut.end, cut.fault, cut.text))
                continue
            number += 1
            clips.append(
                Clip(
                    name=f"{prefix}_{number:04d}",
                    source=source.path.resolve(),
                    start=round(cut.start, 4),
                    end=round(cut.end, 4),
                    text=one_line(cut.text),
                    confidence=round(cut.confidence, 3),
                    kept=not cut.fault,
                    reason=cut.fault,
                )
            )
    return clips, dropped


def _prefixes(paths: Sequence[Path]) -> list[str]:
    """A beginning for the names of each recording's clips, no two alike."""
    found: list[str] = []
    for path in paths:
        plain = re.sub(r"[^\w-]+", "_", path.stem)[:_MOST_NAME].strip("_-") or "clip"
        name, number = plain, 1
        while name in found:
            number += 1
            name = f"{plain}_{number}"
        found.append(name)
    return found


def _write_sounds(corpus: Corpus, clips: Sequence[Clip], sources: Sequence[Source]) -> None:
    files = {source.path.resolve(): source.readable for source in sources}
    jobs = [(clip, files[clip.source]) for clip in clips]
    work = in_processes(partial(_write_sound, corpus), jobs, workers_for(len(jobs)))
    for _ in progress(work, len(jobs), "Writing clips"):
        pass


def _write_sound(corpus: Corpus, job: tuple[Clip, Path]) -> None:
    corpus.write_sound(*job)


def _checked(corpus: Corpus, clips: Sequence[Clip], work: Path) -> list[Clip]:
    """Drop what the check of a data set would advise to leave out."""
    samples = [Sample(clip.text, corpus.sound_file(clip.name), "", "", clip.name) for clip in clips if clip.kept]
    measured = measure_samples(samples, work / "measured")
    # As for a model that levels and trims nothing: what is dropped here is bad for every one.
    findings = check_recordings(samples, measured, trims=True, levels=True, highest=0.0)
    letters = [sum(character.isalnum() for character in sample.text) for sample in samples]
    reasons = spoiled([*findings, check_pace(samples, letters, measured)])
    return [
        replace(clip, kept=False, reason="; ".join(why))
        if (why := reasons.get(corpus.sound_file(clip.name))) and clip.kept
        else clip
        for clip in clips
    ]


def _of_one_voice(corpus: Corpus, clips: Sequence[Clip], encoder: SpeakerEncoder) -> list[Clip]:
    """Drop clips of another voice than that of most."""
    kept = [clip for clip in clips if clip.kept]
    if len(kept) < _FEW_CLIPS:
        return list(clips)
    paths = [corpus.sound_file(clip.name) for clip in kept]
    vectors = np.stack([encoder.vector_of_files([path]) for path in progress(paths, len(paths), "Comparing voices")])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    middle = np.median(vectors, axis=0)
    likeness = {clip.name: cosine_similarity(vector, middle) for clip, vector in zip(kept, vectors, strict=True)}
    usual = float(np.median(list(likeness.values())))
    spread = max(_LEAST_SPREAD, 1.4826 * float(np.median([abs(value - usual) for value in likeness.values()])))
    return [
        replace(
            clip, kept=False, reason=f"another voice (similarity {likeness[clip.name]:.2f}, the others {usual:.2f})"
        )
        if likeness.get(clip.name, usual) < usual - _ANOTHER_VOICE * spread
        else clip
        for clip in clips
    ]


def _table(dropped: Sequence[Dropped]) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(_DROPPED_FIELDS)
    for part in dropped:
        place = ("", "", "") if part.source is None else (part.source, f"{part.start:.2f}", f"{part.end:.2f}")
        writer.writerow((*place, part.reason, one_line(part.text)))
    return table.getvalue()

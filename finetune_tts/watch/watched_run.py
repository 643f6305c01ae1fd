"""A run folder as its page shows it, also of a run on another machine whose folder is copied here now and then."""

import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from finetune_tts.errors import UserError, excerpt
from finetune_tts.hearing.advice import best_by_ear
from finetune_tts.hearing.metrics import METRICS
from finetune_tts.json_text import read_json
from finetune_tts.runs.folder import (
    ALIGNMENT_SUFFIX,
    BEST_BY_EAR_NAME,
    CONFIG_NAME,
    REPORT_NAME,
    SAMPLES_NAME,
    best_model,
    sample_folders,
    sample_words,
    saved_models,
)
from finetune_tts.runs.history import FILE_NAME
from finetune_tts.runs.record import FILE_NAME as RECORD_NAME
from finetune_tts.runs.record import read_record
from finetune_tts.training.console import LOG_NAME
from finetune_tts.watch.course import Course
from finetune_tts.watch.log import RunLog

#: seconds without a sign of life after which a run may have died; one that pauses for longer by habit gets longer.
PATIENCE = 120.0
#: the same before the first step, when a large model is made ready.
PATIENCE_BEFORE_START = 900.0
_PAUSES = 3
_MOST_STEPS, _MOST_SAMPLES, _MOST_FILES = 200, 100, 10_000
_SOUND = re.compile(r"(\d{1,6})_.*\.wav", re.DOTALL)


class WatchedRun:
    """What can be seen of a run in its folder.

    Args:
        folder: of the run.
        clock: gives the time in seconds, as files have it.

    Raises:
        UserError: the folder is none of a run.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        if not folder.is_dir():
            raise UserError(f"--watch {folder}: no such folder. Give the folder of a run.")
        if not any((folder / name).is_file() for name in (FILE_NAME, CONFIG_NAME, LOG_NAME.format(rank=0))):
            raise UserError(
                f"--watch {folder}: is no folder of a run, as it has no {FILE_NAME}. Give the folder that a run has "
                "printed as its run folder."
            )
        self.folder = folder
        self._clock = clock
        self._course, self._log = Course(folder), RunLog(folder)
        self._lock = threading.Lock()
        self._files: dict[tuple[str, str], Path] = {}

    def look(self, seen: int | None = None) -> dict[str, Any]:
        """All that the page shows.

        Args:
            seen: the version of the curves that the page has, which are left out then.

        Raises:
            UserError: the folder is gone.
            OSError: it cannot be read.
        """
        if not self.folder.is_dir():
            raise UserError(f"{self.folder}: the folder is gone.")
        with self._lock:
            course, log = self._course, self._log
            course.read_on()
            log.read_on()
            notes: list[str] = []
            config = self._config(notes)
            best, saved = best_model(self.folder), saved_models(self.folder)
            return {
                "version": course.version,
                "name": excerpt(str(config.get("run_name") or ""), 200) or self.folder.resolve().name,
                "folder": str(self.folder),
                "state": self._state(),
                "facts": self._facts(config, notes),
                "progress": {
                    "step": course.step,
                    "total": course.total,
                    "epoch": course.epoch,
                    "seconds": course.seconds,
                    "speed": course.speed,
                    "left": course.seconds_left,
                    "best": course.best,
                    "since_best": course.since_best,
                },
                "models": [
                    {
                        "step": model.step,
                        "name": model.path.name,
                        "best": best is not None and model.step == best.step,
                    }
                    for model in saved
                ]
                + self._by_ear(notes),
                "report": (self.folder / REPORT_NAME).is_file(),
                "warnings": [{"time": "", "text": text} for text in (*notes, *course.warnings())]
                + [{"time": when, "text": text} for when, text in reversed(log.warnings)],
                "warned": log.warned,
                "samples": self._samples(config),
                "curves": None if seen == course.version else course.as_json(),
            }

    def sample(self, step: str, name: str) -> Path:
        """The file of a sample, or of its alignment, that :meth:`look` has named.

        Raises:
            UserError: there is none.
        """
        with self._lock:
            path = self._files.get((step, name))
        if path is None or path.is_symlink() or not path.is_file():
            raise UserError(f"{excerpt(step)}/{excerpt(name)}: there is no such sample.")
        return path

    def _state(self) -> dict[str, Any]:
        """Whether the run is going on, in a word and a sentence."""
        course, log = self._course, self._log
        age = max(0.0, self._clock() - self._last_written())
        limit = max(PATIENCE if course.step else PATIENCE_BEFORE_START, _PAUSES * course.longest_pause)
        if log.failed:
            word, text = "failed", log.failed
        elif log.stopped:
            word, text = "stopped", log.stopped
        elif log.ended:
            word, text = "ended", ""
        elif age <= limit:
            word, text = ("running", "") if course.step else ("starting", "No step is shown yet.")
        else:
            word = "silent"
            text = "Nothing is written any more: it was killed, or it hangs, or this copy of its folder is not renewed."
        return {"word": word, "text": text, "age": age}

    def _last_written(self) -> float:
        """When anything in the folder was written last."""
        times = [0.0]
        for folder in (self.folder, self.folder / SAMPLES_NAME):
            if folder.is_dir():
                with os.scandir(folder) as found:
                    for _, entry in zip(range(_MOST_FILES), found, strict=False):
                        # The report of a run is made, and made again, after its end.
                        if entry.name == REPORT_NAME or entry.is_symlink():
                            continue
                        with suppress(FileNotFoundError):  # an old checkpoint that is being thrown away
                            times.append(entry.stat(follow_symlinks=False).st_mtime)
        return max(times)

    def _by_ear(self, notes: list[str]) -> list[dict[str, Any]]:
        """The model that is kept as the best one by ear, if one is."""
        try:
            found = best_by_ear(self.folder)
        except UserError as error:
            notes.append(str(error))
            return []
        if found is None:
            return []
        return [{"step": found.step, "name": BEST_BY_EAR_NAME, "by_ear": METRICS[found.metric].title, "best": False}]

    def _config(self, notes: list[str]) -> dict[str, Any]:
        path = self.folder / CONFIG_NAME
        if not path.is_file():
            return {}
        try:
            found = read_json(path, what="config", comments=True, infinity=True)
        except UserError as error:
            notes.append(str(error))
            return {}
        return found if isinstance(found, dict) else {}

    def _facts(self, config: dict[str, Any], notes: list[str]) -> list[str]:
        """What is trained, of what, on what."""
        facts = [str(config["model"])] if isinstance(config.get("model"), str) else []
        try:
            record = read_record(self.folder)
            if record is not None:
                base, data = record.base, record.data
                facts.append(f"from {base.name or Path(base.model_file).name}" if base else "from scratch")
                facts.append(f"{data.minutes:.1f} minutes, {data.clips:,} clips, {data.held_out:,} held out")
                facts += [f"on {record.device}", f"begun {record.started.replace('T', ' ')}"]
        except UserError as error:
            notes.append(str(error))
        except (TypeError, ValueError):
            notes.append(f"{self.folder / RECORD_NAME}: not the record of a run.")
        return [excerpt(fact, 200) for fact in facts]

    def _samples(self, config: dict[str, Any]) -> list[dict[str, Any]]:
        """The sounds of each step at which test sentences were synthesised, newest step first."""
        sentences = config.get("test_sentences")
        sentences = sentences if isinstance(sentences, list) else []
        files: dict[tuple[str, str], Path] = {}
        found = []
        for step, folder in reversed(sample_folders(self.folder)[-_MOST_STEPS:]):
            if folder.is_symlink() or (self.folder / SAMPLES_NAME).is_symlink():
                continue
            names = {path.name: path for path in folder.iterdir() if not path.is_symlink()}
            sounds = sorted((int(match[1]), name) for name in names if (match := _SOUND.fullmatch(name)))
            shown = []
            for number, name in sounds[:_MOST_SAMPLES]:
                picture = Path(name).with_suffix(ALIGNMENT_SUFFIX).name
                for own in (name, picture):
                    if own in names:
                        files[folder.name, own] = names[own]
                shown.append(
                    {
                        "number": number,
                        "text": _text(name, sentences[number - 1] if 0 < number <= len(sentences) else None),
                        "sound": _address(names[name]),
                        "picture": _address(names[picture]) if picture in names else None,
                    }
                )
            if shown:
                found.append({"step": step, "sounds": shown})
        self._files = files
        return found


def _address(path: Path) -> str:
    """Where the server has a sample; another one once the file is another one."""
    return f"sample/{quote(path.parent.name)}/{quote(path.name, safe='')}?at={path.stat().st_mtime_ns}"


def _text(name: str, sentence: Any) -> str:
    """The sentence of a sample; the beginning of it, as the file is called, where the config has it no more."""
    words = Path(name).stem.partition("_")[2]
    text = sentence[0] if isinstance(sentence, list) and sentence else sentence
    if isinstance(text, str) and sample_words(text) == words:
        return excerpt(text, 1000)
    return excerpt(words.replace("_", " "), 200)

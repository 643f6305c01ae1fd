"""What is heard of a run while it trains: held-out sentences, synthesised now and then, judged by another process."""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from finetune_tts.checkpoints.writing import write_checkpoint
from finetune_tts.errors import UserError, counted
from finetune_tts.files import write_json
from finetune_tts.hearing.attention import attention_values
from finetune_tts.hearing.held_out_sentences import Sentence, held_out_sentences
from finetune_tts.hearing.look_files import (
    WEIGHTS_NAME,
    ToHear,
    is_whole,
    look_folder,
    read_result,
    throw_away,
    write_look,
)
from finetune_tts.hearing.looks import Look, flat_since, is_flat
from finetune_tts.hearing.metrics import METRICS
from finetune_tts.hearing.process import HearingProcess
from finetune_tts.hearing.spoken import Spoken
from finetune_tts.json_text import read_json
from finetune_tts.runs.folder import BEST_BY_EAR_NAME, BEST_BY_EAR_STEP
from finetune_tts.runs.record import read_record
from finetune_tts.tasks.resynthesis import RECORDED, Resynthesis
from finetune_tts.tasks.spoken_samples import SpokenSample
from finetune_tts.tasks.task import TTSTask
from finetune_tts.training.settings import TrainerSettings

logger = logging.getLogger(__name__)

SENTENCES = 4
FEWEST_STEPS = 200
"""Of a run whose samples are heard without being asked for: in a shorter one there is nothing to follow."""

_LONGEST_TEXT = 150  # characters
_POLL_SECONDS = 0.05
_SECONDS_BETWEEN_WORDS = 30.0
_LONGEST_WAIT = 900.0  # seconds, for one look: whoever takes longer hangs


class SampleHearing:
    """Has the samples of a run heard, keeps what was heard, and tells whether the run still gets better.

    A look is handed over at one step and its result comes at a later one, whenever that is. Where something depends
    on it (``--stop_when``, ``--select_by``), each look is waited for when the next one is due, so that a run and its
    repetition decide alike. Elsewhere a look that is not begun when the next one is there is skipped.

    Args:
        folder: of the run.
        settings: of the run.
        total_steps: of the run.
        tell: takes a look when it is known, and the epoch that its step was in.
        is_wanted: whether to wait any longer; it is asked while there is nothing to do but to wait.

    Attributes:
        looks: what was heard so far, by step.
        best: step and value of ``best_by_ear.pth``.
    """

    def __init__(
        self,
        folder: Path,
        settings: TrainerSettings,
        total_steps: int,
        tell: Callable[[Look, int], None],
        is_wanted: Callable[[], bool],
    ) -> None:
        limits = settings.limits
        self._folder, self._tell, self._is_wanted = folder, tell, is_wanted
        self.flat_looks = limits.flat_looks
        self.select_by = limits.select_by if limits.hears_samples else None
        self._may_hear = settings.world.is_main and limits.hears_samples
        self._total_steps = total_steps
        self._sentences: list[Sentence] | None = None
        self._process = HearingProcess(folder, limits.recogniser)
        self._pending: list[tuple[int, int]] = []  # step and epoch; the first is being heard
        self._begun: int | None = None
        self.looks: list[Look] = []
        self.best: tuple[int, float] | None = None

    @property
    def decides(self) -> bool:
        """Whether something depends on what is heard."""
        return self.flat_looks is not None or self.select_by is not None

    @property
    def keeps_best(self) -> bool:
        """Whether the weights of a look are wanted. All processes say the same."""
        return self.select_by is not None

    @property
    def weights_kept(self) -> int:
        """How many models lie in the run folder for it at most: the best one by ear, and one that is being heard."""
        return 2 if self.keeps_best else 0

    @property
    def flat(self) -> bool:
        """Whether the run is to end, as nothing that is heard becomes better."""
        return self.flat_looks is not None and is_flat(self.looks, self.flat_looks)

    def synthesise(self, task: TTSTask, samples: Mapping[str, SpokenSample]) -> list[ToHear]:
        """Synthesise what is to be heard, with the weights as they are; nothing where nothing is heard.

        Args:
            task: in training; a vocoder's samples are heard, another one's network says the held-out sentences.
            samples: that were synthesised at this step.
        """
        if not self._hears:
            return []
        if isinstance(task.speak, Resynthesis):
            pairs = [(samples.get(name), samples.get(f"{name} {RECORDED}")) for name in task.speak.names]
            return [_made_again(made, recorded) for made, recorded in pairs if made and recorded]
        if self._sentences is None:
            self._sentences = _sentences(self._folder)
            if self.decides and not self._sentences:
                given = {"--stop_when flat": self.flat_looks, "--select_by": self.select_by}
                flags = [flag for flag, value in given.items() if value is not None]
                logger.warning(
                    "%s: no recordings with a text are held out, so that nothing is heard, and nothing decided by it.",
                    " and ".join(flags),
                )
        found, why = [], ""
        for sentence in self._sentences:
            try:
                found.append(_synthesised(task, sentence))
            except (RuntimeError, ValueError, MemoryError) as error:
                why = str(error)
        if why and not found:
            logger.warning("None of the held-out sentences could be synthesised, so nothing is heard. %s", why)
        return found

    def hear(self, step: int, epoch: int, heard: Sequence[ToHear], weights: Mapping[str, Any] | None) -> None:
        """Have something heard.

        Args:
            step, epoch: of the weights that spoke.
            heard: of :meth:`synthesise`.
            weights: the checkpoint of this step, if it is to be kept in case that it is the best one.
        """
        if not heard:
            return
        if not self.looks and not self._pending:
            number = counted(len(heard), "sentence")
            logger.info("Another process measures what the model sounds like, in %s (--no_hearing: none).", number)
        self._skip_waiting(step)
        try:
            folder = write_look(self._folder, step, heard)
            if weights is not None:
                write_checkpoint(folder / WEIGHTS_NAME, weights)
        except (OSError, UserError) as error:
            logger.warning("Step %d: the samples are not heard, as they could not be written (%s).", step, error)
            return
        self._pending.append((step, epoch))
        self._take_in()

    def settle(self) -> None:
        """Wait for what is being heard, where something depends on it."""
        if self.decides:
            self._wait()

    def take_in(self) -> None:
        """Take in what has been heard meanwhile, unless something depends on it: then its time is :meth:`settle`."""
        if not self.decides:
            self._take_in()

    def finish(self) -> None:
        """Wait for what is not heard yet, at the end of a run."""
        told = self._say_if_flat()  # before the last look, which may be better than those that ended the run
        if self._pending:
            logger.info("Hearing the last samples: %s to go.", counted(len(self._pending), "look"))
        self._wait()
        if not told:
            self._say_if_flat()

    def _say_if_flat(self) -> bool:
        since = None if self.flat_looks is None else flat_since(self.looks, self.flat_looks)
        if since is not None:
            logger.info("Nothing that is heard has become better since step %d (--stop_when flat).", since)
        return since is not None

    def close(self) -> None:
        """End the process that hears."""
        self._process.close()

    def state_dict(self) -> dict[str, Any]:
        """What has been heard, and what is to be: the sounds lie in the run folder."""
        return {
            "looks": [[look.step, dict(look.values)] for look in self.looks],
            "pending": [list(one) for one in self._pending],
            "best": None if self.best is None else list(self.best),
            "flat_looks": self.flat_looks,
            "select_by": self.select_by,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``, with its settings where there are none of one's own."""
        self.looks = [Look(int(step), dict(values)) for step, values in state["looks"]]
        self.flat_looks = state["flat_looks"] if self.flat_looks is None else self.flat_looks
        same = self.select_by in (None, state["select_by"])
        self.best = (int(state["best"][0]), float(state["best"][1])) if same and state["best"] is not None else None
        self.select_by = state["select_by"] if self.select_by is None else self.select_by
        if self._may_hear:
            self._pending = [(int(step), int(epoch)) for step, epoch in state["pending"] if self._is_there(int(step))]

    @property
    def _hears(self) -> bool:
        return self._may_hear and (self.decides or self._total_steps >= FEWEST_STEPS)

    def _is_there(self, step: int) -> bool:
        folder = look_folder(self._folder, step)
        return is_whole(folder) or read_result(self._folder, step) is not None

    def _skip_waiting(self, step: int) -> None:
        for late, _ in self._pending[1:]:
            logger.info("Step %d is not heard: step %d is still being heard, and step %d waits in its place.",
                        late, self._pending[0][0], step)  # fmt: skip
            throw_away(look_folder(self._folder, late))
        del self._pending[1:]

    def _take_in(self) -> None:
        while self._pending:
            step, epoch = self._pending[0]
            try:
                found = read_result(self._folder, step)
                if found is None and self._begun != step:
                    self._begun = step
                    self._process.hear(look_folder(self._folder, step))
            except (OSError, UserError) as error:
                self._give_up(str(error))
                return
            if found is None:
                if self._process.died:
                    self._give_up(self._process.last_words)
                return
            look, warnings = found
            del self._pending[0]
            for warning in warnings:
                logger.warning("%s", warning)
            self.looks.append(look)
            self._keep_if_best(look)
            throw_away(look_folder(self._folder, step))
            self._tell(look, epoch)

    def _keep_if_best(self, look: Look) -> None:
        value = look.values.get(self.select_by) if self.select_by is not None else None
        if value is None:
            return
        metric, known = METRICS[str(self.select_by)], {"step": look.step, "metric": self.select_by, "value": value}
        if self.best is not None and metric.badness(value) >= metric.badness(self.best[1]):
            return
        weights, told = look_folder(self._folder, look.step) / WEIGHTS_NAME, self._folder / BEST_BY_EAR_STEP
        if weights.is_file():
            os.replace(weights, self._folder / BEST_BY_EAR_NAME)
            write_json(told, known)
            logger.info("Best by ear so far: step %d, %s %s", look.step, metric.title, metric.text(value))
        elif not told.is_file() or read_json(told) != known:
            return  # its weights are gone; where it was kept before the run stopped, it is the best one still
        self.best = (look.step, value)

    def _wait(self) -> None:
        self._take_in()
        began = said = time.monotonic()
        waited_for = len(self._pending)
        while self._pending and self._is_wanted():
            time.sleep(_POLL_SECONDS)
            self._take_in()
            now = time.monotonic()
            if len(self._pending) != waited_for:
                began, waited_for = now, len(self._pending)
            if now - began > _LONGEST_WAIT:
                self._give_up(f"it has taken longer than {_LONGEST_WAIT / 60:.0f} minutes")
            elif now - said > _SECONDS_BETWEEN_WORDS:
                said = now
                logger.info("Still hearing the samples of step %d.", self._pending[0][0])

    def _give_up(self, why: str) -> None:
        """Hear nothing any more: a night's training is worth more than what is heard of it."""
        logger.warning("What the samples sound like is not measured any more: %s. The training goes on.", why)
        self._may_hear = False
        for step, _ in self._pending:
            throw_away(look_folder(self._folder, step))
        self._pending = []
        self._process.close()


def _sentences(folder: Path) -> list[Sentence]:
    """Held-out sentences whose recordings are there, short ones if there are enough."""
    record = read_record(folder)
    clips = [clip for clip in record.clips if clip.text and Path(clip.audio_file).is_file()] if record else []
    short = [clip for clip in clips if len(clip.text) <= _LONGEST_TEXT]
    return held_out_sentences(short if len(short) >= SENTENCES else clips, SENTENCES)


@torch.no_grad()
def _synthesised(task: TTSTask, sentence: Sentence) -> ToHear:
    assert task.speak is not None
    sample = task.speak(task.network, [sentence.text, sentence.speaker or None, None, sentence.language or None])
    values = attention_values(sample.alignment) if sample.alignment is not None else {}
    return ToHear(sentence, Spoken(sample.waveform, sample.sample_rate), values)


def _made_again(made: SpokenSample, recorded: SpokenSample) -> ToHear:
    again = Spoken(recorded.waveform, recorded.sample_rate)
    return ToHear(Sentence(""), Spoken(made.waveform, made.sample_rate), {}, again)

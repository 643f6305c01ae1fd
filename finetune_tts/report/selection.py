"""Which of the saved models of a run sounds best, by a metric of what is heard."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from finetune_tts.errors import UserError
from finetune_tts.files import expanded, give_name, write_json
from finetune_tts.hearing.advice import best_by_ear
from finetune_tts.hearing.listener import Spread, spread
from finetune_tts.hearing.metrics import METRICS
from finetune_tts.hearing.run_listener import listener_of
from finetune_tts.hearing.speaking import load_speaker
from finetune_tts.report.evidence import ReportOptions, quiet_loading, read_config, witnessed_sentences
from finetune_tts.runs.folder import BEST_BY_EAR_NAME, SELECTED_NAME, SavedModel, saved_models
from finetune_tts.runs.record import read_record

logger = logging.getLogger(__name__)

SELECTION_NAME = "selection.json"


@dataclass(frozen=True)
class Candidate:
    """A saved model, and how it was heard."""

    step: int
    file: str
    heard: Spread


@dataclass(frozen=True)
class Selection:
    """The outcome of a comparison by ear."""

    metric: str
    candidates: tuple[Candidate, ...]
    best: Candidate
    path: Path
    """``selected_model.pth``: the best one under a name of its own."""


def require_measure(key: str) -> None:
    """Find out before a run whether its models can be compared by a metric.

    Raises:
        UserError: there is no such metric.
    """
    if key not in METRICS:
        raise UserError(f"--select_by {key}: no such metric. There are {', '.join(METRICS)}.")


def select_model(folder: str | Path, key: str, options: ReportOptions) -> Selection:
    """Let every saved model of a run synthesise the held-out sentences, and name the best one ``selected_model.pth``.

    ``best_model.pth``, which the held-out loss chose, stays as it is. ``selection.json`` tells how each was heard.

    Args:
        folder: of the run.
        key: of a metric.
        options: how many sentences, and who judges them.

    Raises:
        UserError: no such metric; no models, held-out recordings or recogniser; or nothing could be measured.
    """
    require_measure(key)
    folder = expanded(folder).resolve()
    config = read_config(folder)
    record = read_record(folder)
    models = saved_models(folder)
    by_ear = best_by_ear(folder)
    if by_ear is not None and by_ear.step not in {model.step for model in models}:
        models.append(SavedModel(by_ear.step, folder / BEST_BY_EAR_NAME))
    if not models:
        raise UserError(f"{folder}: there are no saved models to choose from.")
    sentences = [sentence for sentence in witnessed_sentences(record, options.sentences, []) if sentence.recording]
    if not sentences:
        raise UserError(f"--select_by {key}: the held-out recordings of {folder} are not there, so nothing to compare.")
    candidates = []
    with quiet_loading():
        listener = listener_of(folder, config, record, options.recogniser)
        for model in models:
            try:
                speaker = load_speaker(model.path, device=options.device)
            except UserError as error:
                logger.warning("Step %d is not heard: %s", model.step, error)
                continue
            heard = spread([listener.spoken(speaker, sentence) for sentence in sentences], key)
            if heard is not None:
                logger.info("step %d: %s", model.step, METRICS[key].text(heard.mean))
                candidates.append(Candidate(model.step, model.path.name, heard))
    if not candidates:
        raise UserError(f"--select_by {key}: it could be measured for no model. {_needs(key)}")
    best = min(candidates, key=lambda candidate: METRICS[key].badness(candidate.heard.mean))
    path = folder / SELECTED_NAME
    give_name(next(model.path for model in models if model.step == best.step), path)
    write_json(folder / SELECTION_NAME, {"metric": key, "best": best.file, "candidates": _plain(candidates)})
    return Selection(key, tuple(candidates), best, path)


def _plain(candidates: Sequence[Candidate]) -> list[dict[str, object]]:
    return [asdict(candidate) for candidate in candidates]


def _needs(key: str) -> str:
    if key in ("wer", "cer"):
        return "It needs a speech recogniser for the language: see --recogniser."
    if key == "similarity":
        return "It needs a speaker encoder, model_se.pth and config_se.json, in the run folder."
    return "The models give no sound in which it can be found."

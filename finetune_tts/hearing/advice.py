"""Which of its models to take from a run, and whether it has stopped getting better: what was heard, in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune_tts.hearing.looks import FLAT_LOOKS, Look, better_in, flat_since, improved, nearest
from finetune_tts.hearing.metrics import METRICS
from finetune_tts.json_text import read_json
from finetune_tts.runs.folder import BEST_BY_EAR_NAME, BEST_BY_EAR_STEP, BEST_NAME, best_model, last_model
from finetune_tts.runs.history import HistoryEntry

_FEWEST_LOOKS = 3
_FEWEST_METRICS = 2


@dataclass(frozen=True)
class ByEar:
    """The model that ``--select_by`` kept."""

    step: int
    metric: str
    value: float


def looks_of(entries: Sequence[HistoryEntry]) -> list[Look]:
    """What was heard of a run, by step."""
    return [Look(entry.step, entry.losses) for entry in entries if entry.split == "heard"]


def advice_of(folder: Path, entries: Sequence[HistoryEntry]) -> list[str]:
    """What to say at the end of a run; nothing where nothing can be said.

    Args:
        folder: of the run.
        entries: of its history.
    """
    looks = looks_of(entries)
    best, last = best_model(folder), last_model(folder)
    sentences = []
    if best is not None and last is not None:
        sentences.append(which_to_take(looks, best.step, last.step, last.path.name, best_by_ear(folder)))
    sentences.append(whether_better(looks))
    return [sentence for sentence in sentences if sentence]


def best_by_ear(folder: Path) -> ByEar | None:
    """The model that was kept as the best one by ear; None where none was."""
    path = folder / BEST_BY_EAR_STEP
    if not path.is_file() or not (folder / BEST_BY_EAR_NAME).is_file():
        return None
    found = read_json(path)
    try:
        return ByEar(int(found["step"]), str(METRICS[found["metric"]].key), float(found["value"]))
    except (KeyError, TypeError, ValueError):
        return None


def which_to_take(looks: Sequence[Look], best: int, last: int, last_name: str, by_ear: ByEar | None) -> str:
    """Which model to take, and why; "" where what was heard says nothing of it.

    Args:
        looks: by step.
        best: step of the lowest held-out loss.
        last: step of the model that was trained longest.
        last_name: of its file.
        by_ear: the model that was kept by ear.
    """
    if by_ear is not None:
        metric = METRICS[by_ear.metric]
        at_end = looks[-1].values.get(metric.key) if looks and looks[-1].step != by_ear.step else None
        other = f"; at the end it is {metric.text(at_end)}" if at_end is not None else ""
        return (
            f"Take {BEST_BY_EAR_NAME} (step {by_ear.step:,}): of all models that were heard its {metric.title} is the "
            f"best, {metric.text(by_ear.value)}{other}."
        )
    if len(looks) < _FEWEST_LOOKS:
        return ""
    of_best, of_last = nearest(looks, best), looks[-1]
    better, worse = better_in(of_last, of_best), better_in(of_best, of_last)
    lowest = f"Take {BEST_NAME} (step {best:,}), where the held-out loss is lowest"
    if len(better) >= _FEWEST_METRICS and not worse:
        return (
            f"Take {last_name}, the last model: it sounds better than {BEST_NAME} of step {best:,} "
            f"({_compared(of_last, of_best, better)}), although its held-out loss is higher."
        )
    if of_best is of_last:
        return f"{lowest}: it is the last that was heard." if best == last else f"{lowest}."
    if worse and not better:
        return f"{lowest}: the last model sounds worse ({_compared(of_last, of_best, worse)})."
    if not better:
        return f"{lowest}: the last model does not sound better."
    undecided = _compared(of_last, of_best, [*better, *worse])
    return f"{lowest}; but listen to {last_name} as well ({undecided})."


def whether_better(looks: Sequence[Look], count: int = FLAT_LOOKS) -> str:
    """Whether the run has stopped getting better; "" where too little was heard to say so."""
    since = flat_since(looks, count)
    if since is not None:
        return f"Nothing that is heard has become better since step {since:,}: more steps are not likely to help."
    if keys := improved(looks, count):
        titles = " and ".join(METRICS[key].title for key in keys)
        return f"It was still getting better at the end, in {titles}: more steps may help."
    return ""


def _compared(one: Look, other: Look, keys: Sequence[str]) -> str:
    return ", ".join(
        f"{METRICS[key].title} {METRICS[key].text(one.values[key])} against {METRICS[key].text(other.values[key])}"
        for key in keys
    )

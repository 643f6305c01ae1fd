"""The names of what stands in a run folder."""

import re
from dataclasses import dataclass
from pathlib import Path

from finetune_tts.checkpoints.finding import numbered

CONFIG_NAME = "config.json"
BEST_NAME = "best_model.pth"
MERGED_NAME = "model.pth"
"""The best model of a run that trained adapters, without these."""
BASE_NAME = "base_model.pth"
"""In the folder of a run that trains adapters: the weights that they belong to."""
SELECTED_NAME = "selected_model.pth"
SAMPLES_NAME = "samples"
BEST_BY_EAR_NAME = "best_by_ear.pth"
"""Of the samples of a run: the model that was best by the metric of ``--select_by``."""
HEARING_NAME = "hearing"
"""What was heard of the model at each step, and what is still to be heard."""
BEST_BY_EAR_STEP = f"{HEARING_NAME}/best.json"
"""Of which step the best model by ear is, and by which metric."""
ZERO_SHOT_NAME = "zero_shot_voices.pth"
"""Voices of the recordings as the pre-trained model hears them, of a model that clones voices."""
RUN_STATE = "run_state"
"""In a checkpoint: where the run stood."""
REPORT_NAME = "report.html"
CHECKPOINTS = re.compile(r"checkpoint_(\d+)\.pth")
BEST_MODELS = re.compile(r"best_model_(\d+)\.pth")

ALIGNMENT_SUFFIX = ".alignment.png"
"""Of the picture of an alignment, in the place of its sound's."""

_SAMPLE_STEPS = re.compile(r"step_(\d+)")


@dataclass(frozen=True)
class SavedModel:
    """Weights that a run wrote, and the step that they are of."""

    step: int
    path: Path


def best_model(folder: Path) -> SavedModel | None:
    """The model of the lowest held-out loss; None before there is one."""
    found = numbered(folder, BEST_MODELS)
    return SavedModel(*found[-1]) if found else None


def last_model(folder: Path) -> SavedModel | None:
    """The model that was trained longest; None before there is one."""
    saved = saved_models(folder)
    return saved[-1] if saved else None


def saved_models(folder: Path) -> list[SavedModel]:
    """All weights in the folder, one for each step, lowest step first."""
    # Of two files of one step the checkpoint is the later one, and holds the same weights.
    by_step = {step: path for pattern in (BEST_MODELS, CHECKPOINTS) for step, path in numbered(folder, pattern)}
    return [SavedModel(step, path) for step, path in sorted(by_step.items())]


def sample_folder(folder: Path, step: int) -> Path:
    """Where the test sentences are that were synthesised after ``step``."""
    return folder / SAMPLES_NAME / f"step_{step:07d}"


def sample_words(text: str) -> str:
    """A test sentence as the names of its files have it, behind its number."""
    return re.sub(r"\W+", "_", text)[:40].strip("_")


def sample_folders(folder: Path) -> list[tuple[int, Path]]:
    """Step and folder of each time that test sentences were synthesised, lowest step first."""
    samples = folder / SAMPLES_NAME
    if not samples.is_dir():
        return []
    found = [(_SAMPLE_STEPS.fullmatch(path.name), path) for path in samples.iterdir() if path.is_dir()]
    return sorted((int(match.group(1)), path) for match, path in found if match)

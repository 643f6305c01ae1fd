"""What a run left behind, for the user."""

from typing import TYPE_CHECKING

from finetune_tts.cli.program import say

if TYPE_CHECKING:
    from finetune_tts.training.run import TrainingResult


def say_outcome(result: "TrainingResult") -> None:
    """Print where the run is and how good it got."""
    say(f"run folder: {result.folder}")
    if result.best_model is not None and result.best_loss is not None:
        kind = "held-out loss" if result.held_out else "loss"
        say(f"best {kind}: {result.best_loss:.4f} ({result.steps:,} steps in all)")
    if result.curve is not None:
        say(f"loss curve: {result.curve}")
    for sentence in advice_of_run(result):
        say(sentence)


def advice_of_run(result: "TrainingResult") -> list[str]:
    """Which model to take, and whether the run has stopped getting better; nothing where nothing can be said."""
    from finetune_tts.hearing.advice import advice_of
    from finetune_tts.runs.history import FILE_NAME, read_history

    if not (result.folder / FILE_NAME).is_file():
        return []
    return advice_of(result.folder, read_history(result.folder))

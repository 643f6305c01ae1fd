"""Fine-tune a model until its held-out loss is low enough: python examples/fine_tune.py MODEL RECORDINGS OUT"""

import sys

from finetune_tts.api import Callbacks, Evaluated, RunHandle, StepDone, fine_tune

LOW_ENOUGH = -0.2


def show(run: RunHandle, step: StepDone) -> None:
    """Print the loss of each step that has one."""
    if step.losses:
        print(f"step {step.step} of {run.total_steps}: {step.losses['loss']:.4f}")


def stop_when_good(run: RunHandle, evaluated: Evaluated) -> str | None:
    """End the run early."""
    return "stop" if evaluated.losses["loss"] < LOW_ENOUGH else None


def main(model: str, recordings: str, out: str) -> None:
    """Fine-tune, then speak with the result."""
    result = fine_tune(
        model,
        recordings,
        out=out,
        max_steps=500,
        overrides={"lr": 1e-4, "run_eval_steps": 50},
        callbacks=Callbacks(on_step=show, on_evaluation=stop_when_good),
    )
    print(f"{result.folder}: {result.losses['loss']:.4f} after {result.steps} steps")
    result.voice().speak("A bad egg.").save(result.folder / "mine.wav")


if __name__ == "__main__":
    main(*sys.argv[1:4])

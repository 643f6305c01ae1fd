"""The loss curve of a run as a picture."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from finetune_tts.files import replacing
from finetune_tts.runs.history import HistoryEntry


def draw_loss_curve(entries: Sequence[HistoryEntry], path: Path, *, loss: str = "loss", title: str = "") -> None:
    """Draw training and held-out loss over steps, and mark the best held-out one.

    Args:
        entries: of a run's history, in order.
        path: of the PNG file, written whole or not at all.
        loss: name of the loss.
        title: above the picture.
    """
    # A figure of its own rather than pyplot's: it needs no display and leaves no global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for split, label, style in (("train", "training", "-"), ("eval", "held-out", "o-")):
        shown = [entry for entry in entries if entry.split == split and loss in entry.losses]
        points = [(entry.step, entry.losses[loss]) for entry in shown]
        if points:
            steps, values = zip(*points, strict=True)
            axes.plot(steps, values, style, label=label, markersize=4)
            if split == "eval":
                best = min(points, key=lambda point: point[1])
                axes.plot(*best, "*", markersize=13, label=f"best: {best[1]:.4f} at step {best[0]}")
    axes.set_xlabel("step")
    axes.set_ylabel(loss)
    axes.set_title(title)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()
    picture = BytesIO()
    figure.savefig(picture, format="png")
    with replacing(path) as file:
        file.write(picture.getvalue())

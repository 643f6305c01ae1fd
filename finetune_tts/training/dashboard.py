"""The dashboard of a run."""

import shlex
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from trainer.logging import DummyLogger, logger_factory
from trainer.logging.tensorboard_logger import TensorboardLogger

from finetune_tts.errors import UserError, excerpt


class RunDashboard(TensorboardLogger):
    """TensorBoard events in the run folder.

    Args:
        folder: where they go.
        name: of the run.
        next_step: events from this step on are of no account: a run resumes from before them.
    """

    def __init__(self, folder: Path, name: str, next_step: int | None = None) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.model_name = name
        self.writer = SummaryWriter(str(folder), purge_step=next_step)


#: dashboard → its packages. Each is an extra of that name, too.
PACKAGES = {"wandb": ("wandb",), "mlflow": ("mlflow", "sqlalchemy"), "clearml": ("clearml",), "aim": ("aim",)}


def require_dashboard(config: Any) -> None:
    """Find out before a run folder is made whether the dashboard that the config names can be.

    Raises:
        UserError: its package is not installed.
    """
    name = config.dashboard_logger
    for package in PACKAGES.get(name, ()):
        if find_spec(package) is None:
            raise UserError(
                f"--coqpit.dashboard_logger {name}: the package {package} is not installed. "
                f"Install it (pip install 'finetune-tts[{name}]'), or use tensorboard."
            )


def make_dashboard(config: Any, folder: Path, *, next_step: int | None = None, show: bool = True) -> Any:
    """Make the dashboard that the config names.

    Args:
        config: with ``dashboard_logger``, ``logger_uri``, ``run_name``, ``project_name``, ``wandb_entity``.
        folder: of the run.
        next_step: first step of a run that is resumed.
        show: false for every process but the main one, which get a dashboard that shows nothing.

    Raises:
        UserError: no such dashboard, or one that cannot begin.
    """
    if not show:
        return DummyLogger()
    place = Path(config.logger_uri or folder)
    if config.dashboard_logger == "tensorboard":
        return RunDashboard(place, config.run_name, next_step)
    try:
        if config.dashboard_logger == "wandb":
            return _weights_and_biases(config, place)
        return logger_factory(config, folder)
    except Exception as error:  # each of these packages has errors of its own
        raise UserError(
            f"--coqpit.dashboard_logger {config.dashboard_logger}: cannot begin ({excerpt(str(error), 300)}). "
            "Set it up as its documentation says, or use tensorboard."
        ) from error


def _weights_and_biases(config: Any, place: Path) -> Any:
    # wandb asks whether a figure is this module, and fails where nobody has loaded it.
    import matplotlib.pyplot  # noqa: F401
    from trainer.logging.wandb_logger import WandbLogger

    return WandbLogger(
        project=config.project_name or None,
        name=config.run_name,
        config=config.to_dict(),
        entity=config.wandb_entity or None,
        dir=str(place),
    )


def show_heard(dashboard: Any, values: Mapping[str, float], step: int, now: int) -> None:
    """Show what was heard of the model of a step that is past.

    Args:
        dashboard: of the run.
        values: by the key of their metric.
        step: of the model.
        now: step of the run.
    """
    if type(dashboard).__name__ == "WandbLogger":  # wandb throws away what comes for an earlier step than the last
        dashboard.add_scalars("Heard", {**values, "step": step}, now)
    else:
        dashboard.add_scalars("Heard", dict(values), step)


def dashboard_command(config: Any, folder: Path) -> str | None:
    """What the user types to look at the dashboard; None for one that is elsewhere and says so itself.

    Args:
        config, folder: of the run.
    """
    place = str(config.logger_uri or folder)
    commands = {
        "tensorboard": ["tensorboard", "--logdir", place],
        "mlflow": ["mlflow", "ui", "--backend-store-uri", f"sqlite:///{Path(place) / 'mlruns.db'}"],
        "aim": ["aim", "up", "--repo", place],
    }
    command = commands.get(config.dashboard_logger)
    return None if command is None else shlex.join(command)

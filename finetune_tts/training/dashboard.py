"""The dashboard of a run."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from trainer.logging import BaseDashboardLogger, DummyLogger, logger_factory
from trainer.logging.tensorboard_logger import TensorboardLogger

from finetune_tts.errors import UserError


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


#: dashboard → its package.
PACKAGES = {"wandb": "wandb", "mlflow": "mlflow", "clearml": "clearml", "aim": "aim"}


def require_dashboard(config: Any) -> None:
    """Find out before a run folder is made whether the dashboard that the config names can be.

    Raises:
        UserError: its package is not installed.
    """
    package = PACKAGES.get(config.dashboard_logger)
    if package is not None and find_spec(package) is None:
        raise UserError(
            f"--coqpit.dashboard_logger {config.dashboard_logger}: the package {package} is not installed. "
            "Install it, or use tensorboard."
        )


def make_dashboard(config: Any, folder: Path, *, next_step: int | None = None, show: bool = True) -> Any:
    """Make the dashboard that the config names.

    Args:
        config: with ``dashboard_logger``, ``logger_uri``, ``run_name``, ``project_name``.
        folder: of the run.
        next_step: first step of a run that is resumed.
        show: false for every process but the main one, which get a dashboard that shows nothing.

    Raises:
        UserError: no such dashboard, or one whose package is not installed.
    """
    if not show:
        return DummyLogger()
    if config.dashboard_logger == "tensorboard":
        return RunDashboard(Path(config.logger_uri or folder), config.run_name, next_step)
    try:
        dashboard: BaseDashboardLogger = logger_factory(config, folder)
    except (ImportError, RuntimeError, ValueError) as error:
        raise UserError(
            f"--coqpit.dashboard_logger {config.dashboard_logger}: cannot be used ({error}). "
            "Install its package, or use tensorboard."
        ) from error
    return dashboard

"""``tts-finetune --report``, and the report at the end of each run."""

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_tts.cli.program import is_main_process, say
from finetune_tts.errors import UserError
from finetune_tts.files import expanded

if TYPE_CHECKING:
    import torch

    from finetune_tts.report.evidence import ReportOptions

logger = logging.getLogger(__name__)

FLAT = "flat"
"""Of ``--stop_when``."""
SENTENCES = 6
SENTENCES_OF_STOPPED_RUN = 3  # whoever has pressed Ctrl-C does not want to wait


def check_report_flags(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be, before anything is downloaded or trained.

    Raises:
        UserError: no such metric, a number of sentences below 1, or flags that contradict each other.
    """
    count = arguments.report_sentences
    if count is not None and count < 1:
        raise UserError(f"--report_sentences {count}: must be 1 or more.")
    if arguments.stop_when not in (None, FLAT):
        raise UserError(f"--stop_when {arguments.stop_when}: there is only --stop_when {FLAT}.")
    if arguments.flat_looks is not None and arguments.stop_when is None:
        raise UserError(f"--flat_looks {arguments.flat_looks} is given without --stop_when flat, which it belongs to.")
    if arguments.stop_when is not None and arguments.no_hearing:
        raise UserError(f"--stop_when {arguments.stop_when} needs what --no_hearing leaves out: leave one of them out.")
    if arguments.select_by is not None and arguments.no_report and arguments.no_hearing:
        raise UserError(f"--select_by {arguments.select_by}: --no_report and --no_hearing leave nothing to choose by.")
    if arguments.select_by is not None:
        from finetune_tts.hearing.metrics import METRICS

        if arguments.select_by not in METRICS:
            raise UserError(f"--select_by {arguments.select_by}: no such metric. There are {', '.join(METRICS)}.")


def run_report(arguments: argparse.Namespace) -> None:
    """Make the report of the run that ``--report`` names."""
    from finetune_tts.machine.device import choose_device
    from finetune_tts.report.evidence import read_config
    from finetune_tts.report.writing import write_report

    folder = Path(arguments.report)
    read_config(expanded(folder))  # what is no run folder shows before a speech recogniser is loaded
    options = _options(arguments, choose_device(arguments.device), SENTENCES)
    if arguments.select_by:
        _select(folder, arguments.select_by, options)
    say(f"report: {write_report(folder, options)}")


@contextmanager
def report_if_stopped(arguments: argparse.Namespace, device: "torch.device") -> Iterator[None]:
    """Give a run that is stopped within a report too, a shorter one, before the program ends."""
    from finetune_tts.machine.interrupts import TrainingInterrupted

    try:
        yield
    except TrainingInterrupted as stop:
        if stop.folder is not None and not arguments.no_report and is_main_process():
            logger.info("%s\nMaking the report; Ctrl-C skips it.", stop)
            with suppress(KeyboardInterrupt):
                report_of_run(arguments, stop.folder, device, stopped=True)
        raise


def report_of_run(
    arguments: argparse.Namespace, folder: Path, device: "torch.device", *, stopped: bool = False
) -> None:
    """Make the report at the end of a run. Whatever goes wrong here, the run itself stays what it is."""
    if arguments.no_report or not is_main_process():
        return
    try:
        from finetune_tts.report.writing import write_report

        options = _options(arguments, device, SENTENCES_OF_STOPPED_RUN if stopped else SENTENCES)
        if arguments.select_by and not stopped:
            _select(folder, arguments.select_by, options)
        say(f"report: {write_report(folder, options)}", aside=stopped)
    except Exception as error:
        # Whatever it is: a night's training must not end as a failure because of its report.
        logger.warning(
            "The report could not be made (%s: %s). The run is complete; try again: tts-finetune --report %s",
            type(error).__name__,
            error,
            folder,
        )


def _select(folder: Path, key: str, options: "ReportOptions") -> None:
    from finetune_tts.hearing.metrics import METRICS
    from finetune_tts.report.selection import select_model

    selection = select_model(folder, key, options)
    metric = METRICS[key]
    say(f"best by {metric.title}: step {selection.best.step:,}, {metric.text(selection.best.heard.mean)}")
    say(f"selected model: {selection.path}")


def _options(arguments: argparse.Namespace, device: "torch.device", sentences: int) -> "ReportOptions":
    from finetune_tts.report.evidence import ReportOptions

    return ReportOptions(arguments.report_sentences or sentences, arguments.recogniser, device)

"""Makes the report of a run."""

from pathlib import Path

from finetune_tts.files import expanded, write_text
from finetune_tts.report.evidence import ReportOptions, gather, quiet_loading
from finetune_tts.report.page import page
from finetune_tts.runs.folder import REPORT_NAME


def write_report(folder: str | Path, options: ReportOptions | None = None) -> Path:
    """Write ``report.html`` into a run folder, whole or not at all.

    Raises:
        UserError: the folder is not the folder of a run; or the speech recogniser that is asked for cannot be used.
        OSError: it cannot be written.
    """
    folder = expanded(folder).resolve()
    path = folder / REPORT_NAME
    with quiet_loading():
        evidence = gather(folder, options or ReportOptions())
    write_text(path, page(evidence))
    return path

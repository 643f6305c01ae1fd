"""What a benchmark measured, with the machine, the command and the day: printed, and kept in ``results/`` if asked to.

``python benchmarks/report.py`` makes ``docs/benchmarks.md`` of the results that are kept.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"

Cell = str | float | int | None  # None: not measured


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: its heading; may be empty.
        format: Python's format of its numbers, as in ``.2f``.
        unit: written behind each number.
    """

    name: str
    format: str = ""
    unit: str = ""

    def show(self, cell: Cell) -> str:
        """Return a cell as text."""
        if cell is None:
            return "–"
        if isinstance(cell, str):
            return cell
        space = "" if self.unit in ("", "%") else " "
        return f"{cell:{self.format}}{space}{self.unit}"


@dataclass(frozen=True)
class Result:
    """A table, and what has to be known to judge it.

    Attributes:
        title: of its section in the documentation.
        about: what is measured, as Markdown.
        columns, rows: the table; a row has a cell for each column.
        note: what there is to say of these numbers, as Markdown; may be empty.
        command: that measured them, from the root of the repository; None where no script does.
        machine: CPU, memory, versions.
        date: of the measurement, ``YYYY-MM-DD``.
    """

    title: str
    about: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    command: str | None = None
    machine: str = ""
    date: str = ""


def add_save_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--save``, which :func:`finish` obeys."""
    name = Path(sys.argv[0]).stem
    parser.add_argument(
        "--save",
        nargs="?",
        const=name,
        metavar="NAME",
        help=f"write the result to benchmarks/results/NAME.json (default: {name})",
    )


def finish(result: Result, save: str | None, folder: Path = RESULTS) -> None:
    """Print a result, and keep it in ``folder`` under the name ``save`` where there is one."""
    print("\n" + as_text(result), flush=True)
    if save is not None:
        folder.mkdir(exist_ok=True)
        measured = asdict(result) | {"command": _command(), "machine": _machine(), "date": str(datetime.date.today())}
        path = folder / f"{save}.json"
        path.write_text(json.dumps(measured, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"kept in {path}; python benchmarks/report.py writes the page", file=sys.stderr)


def read_result(path: Path) -> Result:
    """Read a result that was kept.

    Raises:
        ValueError: a field is missing or unknown, or a row has not as many cells as there are columns.
    """
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    names = {field.name for field in fields(Result)}
    if values.keys() != names:
        raise ValueError(f"{path.name}: fields {sorted(values.keys() ^ names)} are missing or unknown.")
    result = Result(**values | {"columns": [Column(**column) for column in values["columns"]]})
    for row in result.rows:
        if len(row) != len(result.columns):
            raise ValueError(f"{path.name}: {len(row)} cells under {len(result.columns)} columns: {row}")
    return result


def as_text(result: Result) -> str:
    """The table for a terminal."""
    rows = [[column.name for column in result.columns]]
    rows += [_shown(result, row) for row in result.rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(result.columns))]
    lines = []
    for row in rows:
        first, *rest = [cell.ljust(width) if not place else cell.rjust(width) for place, (cell, width) in
                        enumerate(zip(row, widths, strict=True))]  # fmt: skip
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join([result.title, "", *lines])


def as_markdown(result: Result) -> str:
    """The table as Markdown, numbers at the right."""
    numeric = [any(not isinstance(row[place], str) for row in result.rows) for place in range(len(result.columns))]
    rows = [[column.name for column in result.columns], ["---:" if number else "---" for number in numeric]]
    rows += [_shown(result, row) for row in result.rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def _shown(result: Result, row: Sequence[Cell]) -> list[str]:
    return [column.show(cell) for column, cell in zip(result.columns, row, strict=True)]


def _command() -> str:
    """The command as it was typed, without paths of this machine."""
    words, before = [], ""
    for word in sys.argv[1:]:
        if before == "--coqui_python":
            word = "PYTHON"
        elif os.path.isabs(word):
            word = "PATH"
        words.append(word)
        before = word
    threads = os.environ.get("OMP_NUM_THREADS")
    start = [f"OMP_NUM_THREADS={threads}"] if threads else []
    return shlex.join([*start, "python", f"benchmarks/{Path(sys.argv[0]).name}", *words])


def _machine() -> str:
    import psutil  # not at the top: scripts that import this run under the Python of coqui-tts too

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = round(psutil.virtual_memory().total / 2**30)
    parts = [
        f"{cores} CPU cores ({_cpu_name()})",
        f"{memory} GiB of memory",
        f"{platform.system()}",
        f"Python {platform.python_version()}",
        f"torch {importlib.metadata.version('torch')}",
    ]
    return ", ".join(parts)


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

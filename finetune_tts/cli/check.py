"""``tts-finetune … --check``: what was found, as a table, as JSON, and as an exit status."""

import argparse
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from finetune_tts.cli.program import is_main_process, say
from finetune_tts.errors import UserError, counted

if TYPE_CHECKING:
    from finetune_tts.assembly.assembly import Assembly
    from finetune_tts.assembly.request import Request
    from finetune_tts.check.checking import CheckReport
    from finetune_tts.check.finding import Finding
    from finetune_tts.check.summary import DataSummary
    from finetune_tts.check.trial import Trial

CLIPS_SHOWN = 3
_BAR_WIDTH = 30
#: advice about how often a run looks and writes, which the settings table of the run shows.
_DETAILS = (
    "eval_batch_size", "run_eval_steps", "save_step", "save_n_checkpoints", "print_step", "plot_step",
    "num_loader_workers",
)  # fmt: skip
_COLOURS = {"stops": "31", "advises": "33", "fine": "32", "title": "1", "dim": "2"}
_MARKS = {"stops": "✗", "advises": "!", "fine": "✓"}


class Paint:
    """Colours for a terminal, and nothing where there is none or ``NO_COLOR`` is set (https://no-color.org)."""

    def __init__(self, stream: TextIO) -> None:
        self._colours = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def __call__(self, kind: str, text: str) -> str:
        """``text`` in the colour of ``stops``, ``advises``, ``fine``, ``title`` or ``dim``."""
        return f"\033[{_COLOURS[kind]}m{text}\033[0m" if self._colours else text


def run_check(request: "Request", arguments: argparse.Namespace) -> None:
    """Check, print, and write what was asked for.

    Raises:
        UserError: something would make the run fail, so that the exit status tells.
    """
    from finetune_tts.check.checking import check
    from finetune_tts.check.filtered import require_apart
    from finetune_tts.check.finding import Severity
    from finetune_tts.files import write_json

    if not is_main_process():
        return
    if arguments.write_filtered:
        require_apart(arguments.write_filtered, request.config.datasets)
    report = check(request)
    for line in report_lines(report, Paint(sys.stdout)):
        say(line)
    if arguments.check_json:
        try:
            write_json(arguments.check_json, report.to_dict())
        except OSError as error:
            raise UserError(f"--check_json {arguments.check_json}: cannot be written ({error.strerror}).") from error
    if arguments.write_filtered and report.samples:
        say(_filter(report, arguments.write_filtered))
    if report.severity is Severity.STOPS:
        stops = [finding for finding in report.findings if finding.severity is Severity.STOPS]
        more = f" (and {len(stops) - 1} more)" if len(stops) > 1 else ""
        raise UserError(f"This run would fail: {stops[0].title.rstrip('.')}{more}. {stops[0].advice}".rstrip())


def _filter(report: "CheckReport", folder: Path) -> str:
    from finetune_tts.check.filtered import HELD_OUT, METADATA, write_filtered

    written = write_filtered(folder, report.samples, report.findings)
    held_out = any(sample.split == "eval" for sample in report.samples) and (written.folder / HELD_OUT).is_file()
    return (
        f"filtered: {written.kept} clips kept, {written.left_out} left out ({written.folder / 'left_out.csv'})\n"
        f"fine-tune with them: --dataset_path {shlex.quote(str(written.folder))} --dataset_format auto "
        f"--meta_file {METADATA}" + (f" --coqpit.datasets.0.meta_file_val {HELD_OUT}" if held_out else "")
    )


def say_quick_check(assembly: "Assembly") -> None:
    """Before a run: say what is wrong with the recordings, in a line each, and how to see more.

    Raises:
        UserError: nothing can be learned from them.
    """
    from finetune_tts.check.checking import quick_check
    from finetune_tts.check.finding import Severity

    if not is_main_process():
        return
    paint = Paint(sys.stderr)
    findings = [finding for finding in quick_check(assembly) if finding.severity is not Severity.FINE]
    clips = counted(len(assembly.samples))
    what = f"{len(findings)} things to look at" if len(findings) > 1 else "one thing to look at"
    say(f"Check of {clips}: {what if findings else 'nothing to complain about'} (--check tells more)", aside=True)
    for finding in findings:
        mark = finding.severity.value
        say(f"  {paint(mark, _MARKS[mark])} {finding.title}{_examples(finding, 2)}", aside=True)
    for finding in findings:
        if finding.severity is Severity.STOPS:
            raise UserError(f"{finding.title}. {finding.advice} --no_check trains all the same.")


def report_lines(report: "CheckReport", paint: Paint) -> list[str]:
    """The report as lines of text."""
    lines: list[str] = []
    if report.data is not None:
        lines += [paint("title", "Recordings"), *_data_lines(report.data), ""]
    lines += [paint("title", "Findings"), *_finding_lines(report.findings, paint), ""]
    if report.audio:
        rows = [("setting", "model", "recordings", "verdict")]
        rows += [(verdict.setting, verdict.model, verdict.data, verdict.verdict) for verdict in report.audio]
        marks = ["", *(verdict.severity.value for verdict in report.audio)]
        lines += [paint("title", "Audio settings"), *_table(rows, marks, paint), ""]
    if report.model is not None or report.machine is not None:
        lines += [paint("title", "Model and machine"), *_machine_lines(report), ""]
    if report.trial is not None and report.trial.plans:
        lines += [paint("title", "Memory of a step"), *_memory_lines(report.trial, paint), ""]
    if report.advice:
        lines += [paint("title", "Advice"), *_advice_lines(report, paint), ""]
    if report.notes:
        lines += [paint("title", "Notes"), *(f"  {note}" for note in report.notes), ""]
    return [*lines, _verdict(report, paint)]


def _data_lines(data: "DataSummary") -> list[str]:
    amount = f"{data.minutes:.1f} min" if data.minutes < 90 else f"{data.minutes / 60:.1f} h"
    lines = [f"  {data.clips:,} clips, {amount}; {_named('speaker', data.speakers)}"]
    if data.languages:
        lines[0] += f"; {_named('language', data.languages)}"
    if data.measured and data.loudness is not None and data.snr is not None and data.bandwidth is not None:
        lines.append(
            f"  loudness {data.loudness:.0f} dBFS (spread {data.loudness_spread:.1f} dB), "
            f"signal-to-noise ratio {data.snr:.0f} dB, bandwidth {data.bandwidth / 1000:.1f} kHz (medians)"
        )
    if data.symbols_heard:
        unheard = " ".join(data.symbols_unheard[:20]) + (" …" if len(data.symbols_unheard) > 20 else "")
        lines.append(f"  symbols heard: {len(data.symbols_heard)}" + (f"; never: {unheard}" if unheard else ""))
    most = max((bar.clips for bar in data.lengths), default=0)
    for bar in data.lengths:
        if bar.clips:
            span = f"{bar.start:g} to {bar.end:g} s" if bar.end is not None else f"over {bar.start:g} s"
            lines.append(f"  {span:>11}  {'█' * max(1, round(_BAR_WIDTH * bar.clips / most))} {bar.clips:,}")
    return lines


def _named(what: str, counts: dict[str, int]) -> str:
    names = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:4])
    more = ", …" if len(counts) > 4 else ""
    return f"{len(counts)} {what}{'' if len(counts) == 1 else 's'} ({names}{more})"


def _finding_lines(findings: Sequence["Finding"], paint: Paint) -> list[str]:
    """What stops the run first, then what is advised, then what is fine."""
    lines = []
    for severity in _MARKS:
        for finding in findings:
            if finding.severity.value != severity:
                continue
            lines.append(f"  {paint(severity, _MARKS[severity])} {finding.title}")
            if severity == "fine":
                continue
            for clip in finding.clips[:CLIPS_SHOWN]:
                lines.append(f"      {clip.name}: {clip.note}")
            if len(finding.clips) > CLIPS_SHOWN:
                lines.append(f"      … and {len(finding.clips) - CLIPS_SHOWN} more (--check_json FILE lists them)")
            if finding.advice:
                lines.append(f"      {paint('dim', f'→ {finding.advice}')}")
    return lines


def _examples(finding: "Finding", count: int) -> str:
    names = ", ".join(clip.name for clip in finding.clips[:count])
    return f" ({names}{', …' if len(finding.clips) > count else ''})" if names else ""


def _machine_lines(report: "CheckReport") -> list[str]:
    from finetune_tts.check.machine_checks import run_time
    from finetune_tts.checkpoints.writing import readable

    lines = []
    if report.model is not None:
        source = f", from {report.model.source}" if report.model.source else ", from scratch"
        lines.append(f"  model: {report.model.parameters:,} parameters{source}")
        for row in report.model.rows:
            new = f", {len(row.new)} new: {' '.join(row.new[:12])}" if row.new else ""
            lines.append(f"  {row.tensor}: {row.kept} rows kept{new}")
    if report.machine is not None:
        machine = report.machine
        name = f" ({machine.name})" if machine.name else ""
        memory = f", {readable(machine.memory)} of memory to use" if machine.memory is not None else ""
        lines.append(f"  device: {machine.device}{name}, {machine.precision}, torch {machine.torch}{memory}")
    if report.trial is not None and report.trial.measured_steps:
        lines.append(f"  the run: {run_time(report.trial)}, {report.trial.step_seconds:.2g} s a step")
    return lines


def _memory_lines(trial: "Trial", paint: Paint) -> list[str]:
    """What the tensors of a step take in each of the ways to train, and what was measured of one."""
    from finetune_tts.checkpoints.writing import readable

    titles = ("what learns", "weights", "gradients", "optimizer", "activations", "together", "")
    rows: list[tuple[str, ...]] = [titles]
    for plan in trial.plans:
        memory = plan.memory
        parts = (memory.weights, memory.gradients, memory.states, memory.activations, memory.peak)
        rows.append((plan.title, *map(readable, parts), "this run" if plan.used else plan.flags))
    clips = counted(max(1, trial.batch_size))
    lines = [
        *_table(rows, [""] * len(rows), paint),
        f"  Computed for {clips} of up to {trial.longest_seconds:.1f} s, without the program itself and its libraries.",
    ]
    if trial.batch_size and trial.peak_bytes is not None:
        lines.append(
            f"  Measured in this run: {readable(trial.peak_bytes)} at most, with them and the reading of the weights."
        )
    return lines


def _advice_lines(report: "CheckReport", paint: Paint) -> list[str]:
    from finetune_tts.assembly.defaults import shown

    rows = []
    for advice in report.advice:
        if advice.field not in _DETAILS:
            other = "" if advice.used == advice.value else f" (this run uses {shown(advice.used)})"
            rows.append((f"{advice.field} = {shown(advice.value)}", advice.reason + other))
    return _table(rows, [""] * len(rows), paint)


def _table(rows: Sequence[tuple[str, ...]], marks: Sequence[str], paint: Paint) -> list[str]:
    """Columns of equal width; ``marks`` colours the last cell of a row by its severity."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return [
        "  " + "  ".join([*_padded(row[:-1], widths), paint(mark, row[-1]) if mark else row[-1]])
        for row, mark in zip(rows, marks, strict=True)
    ]


def _padded(cells: Iterable[str], widths: Sequence[int]) -> list[str]:
    return [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]


def _verdict(report: "CheckReport", paint: Paint) -> str:
    from finetune_tts.check.finding import Severity

    counts = {severity: sum(finding.severity is severity for finding in report.findings) for severity in Severity}
    if counts[Severity.STOPS]:
        return paint("stops", "This run would fail.")
    if counts[Severity.ADVISES]:
        several = counts[Severity.ADVISES] > 1
        worth_a_look = f"{counts[Severity.ADVISES]} of the findings {'are' if several else 'is'} worth a look."
        return paint("advises", f"Ready to run; {worth_a_look}")
    return paint("fine", "Ready to run; nothing to complain about.")

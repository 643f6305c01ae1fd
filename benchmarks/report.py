"""Write docs/benchmarks.md from the results in benchmarks/results: python benchmarks/report.py [--check]

A benchmark keeps its result there when it is run with ``--save``. ``--check`` writes nothing, and fails where the page
is not what this command would write.
"""

import argparse
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from result import RESULTS, Result, as_markdown, read_result

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

#: headings of the page, with the results under each, in order.
SECTIONS = {
    "The demo": ("demo_voice", "demo_rates", "demo_vocoder"),
    "Training": (
        "tacotron_speed",
        "tacotron_speed_800",
        "hmm_speed",
        "glow_tts_speed",
        "vits_speed",
        "vits_speed_small",
        "feed_forward_speed",
        "wavernn_speed",
        "layers",
        "radam",
        "training_speed",
        "launch",
        "several_processes",
        "adapters",
        "coqui_xtts_learns",
    ),
    "Synthesis": (
        "server",
        "vits_speech",
        "vocoder_speed",
        "griffin_lim",
        "coqui_xtts_speaks",
        "onnx_speed",
        "sharing",
    ),
    "Raw recordings": ("recordings",),
    "Text, recordings and features": (
        "check_speed",
        "feature_cache",
        "feature_shards",
        "start_up",
        "pitch",
        "padding",
        "spectrograms",
        "phonemize",
        "d_vectors",
    ),
    "The same numbers as coqui-tts": (
        "coqui_compat",
        "feed_forward_compat",
        "tacotron_compat",
        "hmm_compat",
        "vocoder_compat",
        "reference_audio",
    ),
}

INTRODUCTION = """\
# Benchmarks

<!-- Written by python benchmarks/report.py from benchmarks/results/. Change those, not this page. -->

What was measured, with the command, the machine and the day. Times depend on the machine, and on what else it does:
compare numbers of one table with each other. Numbers that were measured before results were kept in files have the day
on which the documentation first stated them, and the machine as it was described there.

Everything was measured on CPUs. No GPU was there to measure on, so nothing is said of speed on one.
"""


def page(folder: Path = RESULTS, sections: Mapping[str, Sequence[str]] = SECTIONS) -> str:
    """Return the page.

    Args:
        folder: of the results.
        sections: heading → names of the results under it.

    Raises:
        ValueError: a result is in no section, or one of a section is missing; a result is not valid.
    """
    results = {path.stem: read_result(path) for path in sorted(folder.glob("*.json"))}
    listed = [name for names in sections.values() for name in names]
    if set(listed) != set(results):
        raise ValueError(f"in results/ or in SECTIONS only: {', '.join(sorted(set(listed) ^ set(results)))}")
    parts = [INTRODUCTION]
    for heading, names in sections.items():
        parts.append(f"## {heading}\n")
        parts += [section(results[name]) for name in names]
    return "\n".join(parts)


def section(result: Result) -> str:
    """Return the part of the page that shows one result."""
    source = f"    {result.command}\n\n" if result.command else ""
    measured = f"Measured on {result.machine}, {result.date}."
    if not result.command:
        measured += " No command of the repository repeats it."
    note = f"{wrapped(result.note)}\n\n" if result.note else ""
    table = as_markdown(result)
    return f"### {result.title}\n\n{wrapped(result.about)}\n\n{source}{table}\n\n{note}{wrapped(f'*{measured}*')}\n"


def wrapped(text: str) -> str:
    """Return a paragraph in lines as long as those of the other pages."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    wanted = page()
    if not arguments.check:
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == wanted:
        return 0
    print("docs/benchmarks.md is not what the results say; run python benchmarks/report.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""The parts of a report's page that are told rather than heard: what was run, and what to type next."""

import json
import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from finetune_tts.config.vocoder import VocoderConfig
from finetune_tts.hearing.held_out_sentences import typed_sentences
from finetune_tts.report.evidence import BEST, LAST, Evidence
from finetune_tts.report.markup import Html, tag
from finetune_tts.report.verdict import seconds_trained
from finetune_tts.runs.record import BaseModel

_LICENCE_FILES = ("licen", "copying")
_LONGEST_VALUE = 160


def title_of(evidence: Evidence) -> str:
    """What the run is called."""
    return evidence.config.run_name or evidence.folder.name


def facts_section(evidence: Evidence) -> Html:
    """What was run: base, data, machine, versions, and what differs from the base's config."""
    record = evidence.record
    facts: list[tuple[str, str]] = [("architecture", evidence.config.model)]
    if record is not None:
        base = record.base
        name = (base.name or Path(base.model_file).name) if base else "none: it started from scratch"
        facts.append(("base model", name))
        if base is not None:
            facts.append(("licence of the base", _licence(base)))
        facts.append(("recordings", _data(evidence)))
        facts.append(("licence of the recordings", _data_licence(record.data.folders)))
        if record.data.dropped:
            facts.append(("left out", ", ".join(f"{count} {reason}" for reason, count in record.data.dropped)))
        if record.data.missing:
            facts.append(("characters that the vocabulary lacks", record.data.missing))
    if evidence.restored:
        facts.append(("weights", evidence.restored))
    steps = max((entry.step for entry in evidence.history), default=0)
    facts.append(("trained", f"{steps:,} steps in {_duration(seconds_trained(evidence.history))}"))
    if record is not None:
        facts.append(("device", record.device))
        facts.append(("begun", record.started.replace("T", " ")))
        facts.append(("versions", ", ".join(f"{name} {version}" for name, version in record.versions.items())))
    rows = [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts if value]
    return tag(
        "section",
        tag("h2", "What was run"),
        tag("dl", *rows, class_="facts"),
        _changes(evidence),
        _filled_in(evidence),
        id="what-was-run",
    )


def next_section(evidence: Evidence) -> Html:
    """Commands for whoever wants to continue."""
    folder = _shown(evidence.folder)
    spoken = next(iter(typed_sentences(getattr(evidence.config, "test_sentences", ()), "")), None)
    which = (
        ["--model_path", "MODEL", "--vocoder_path"] if isinstance(evidence.config, VocoderConfig) else ["--model_path"]
    )
    words = ["tts", *which, folder, "--text", spoken.text if spoken else "Hello."]
    if evidence.record is not None and evidence.record.speaker:
        words += ["--speaker_idx", evidence.record.speaker]
    if evidence.record is not None and evidence.record.language:
        words += ["--language_idx", evidence.record.language]
    commands = []
    if {BEST, LAST} & {witness.key for witness in evidence.witnesses}:
        commands.append(("Synthesise with the best model", [*words, "--out_path", "mine.wav"]))
        commands.append(("Train on from where it stopped", ["tts-finetune", "--continue_path", folder]))
        commands.append(("Choose among the saved models by ear", [*_REPORT, folder, "--select_by", "mcd"]))
    commands.append(("Make this page again, with more sentences", [*_REPORT, folder, "--report_sentences", "20"]))
    written = [tag("div", tag("p", what), tag("pre", tag("code", shlex.join(command)))) for what, command in commands]
    return tag("section", tag("h2", "Next"), *written, id="next", class_="next")


_REPORT = ("tts-finetune", "--report")


def _licence(base: BaseModel) -> str:
    licence = base.licence or "not known: ask whoever gave it to you"
    return f"{licence} (terms accepted {base.terms_accepted})" if base.terms_accepted else licence


def _data(evidence: Evidence) -> str:
    assert evidence.record is not None
    data = evidence.record.data
    folders = ", ".join(Path(folder).name for folder in data.folders)
    text = f"{folders}: {data.minutes:.1f} minutes, {data.clips:,} clips to train on and {data.held_out:,} held out"
    if len(data.speakers) > 1:
        text += f", speakers {', '.join(data.speakers)}"
    if data.languages:
        text += f", languages {', '.join(data.languages)}"
    return text


def _data_licence(folders: Iterable[str]) -> str:
    found = []
    for folder in folders:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        found += [name for name in names if name.lower().startswith(_LICENCE_FILES)]
    return f"see {', '.join(found)} beside them" if found else "no licence lies beside them: make sure you may use them"


def _changes(evidence: Evidence) -> Html | None:
    if evidence.record is None or not evidence.record.changes:
        return None
    chosen = evidence.record.chosen
    head = tag("tr", *(tag("th", name, scope="col") for name in ("field", "base", "this run")))
    rows = [
        tag("tr", tag("th", name, scope="row", class_="winner" if name.split(".")[0] in chosen else None),
            tag("td", _value(before)), tag("td", _value(after)))
        for name, before, after in evidence.record.changes
    ]  # fmt: skip
    title = f"Config: {len(rows)} fields differ from the base's"
    table = tag("div", tag("table", tag("thead", head), tag("tbody", *rows), class_="config"), class_="scroll")
    note = tag("p", "Names in colour were set by hand.", class_="lead") if chosen else None
    return tag("details", tag("summary", title), note, table)


def _filled_in(evidence: Evidence) -> Html | None:
    if evidence.record is None or not evidence.record.filled_in:
        return None
    rows = [
        tag("tr", tag("th", choice.field, scope="row"), tag("td", _value(choice.value)), tag("td", choice.reason))
        for choice in evidence.record.filled_in
    ]
    table = tag("div", tag("table", tag("tbody", *rows), class_="config"), class_="scroll")
    return tag("details", tag("summary", "Settings that were chosen to suit the recordings"), table)


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def _shown(folder: Path) -> str:
    relative = os.path.relpath(folder)
    return str(folder) if relative.startswith("..") else relative

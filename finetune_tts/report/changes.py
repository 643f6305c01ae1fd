"""The part of a report's page that tells whether anything has changed at all."""

from finetune_tts.hearing.metrics import METRICS
from finetune_tts.report.evidence import Evidence
from finetune_tts.report.markup import Html, tag
from finetune_tts.report.weight_change import PartChange

_NOTHING = 1e-7
"""Relative change of weights that is none."""


def changes_said(evidence: Evidence) -> list[str]:
    """It in a sentence; nothing where it is not known."""
    changed = evidence.changed
    if changed is None:
        return []
    if changed.whole.change < _NOTHING:
        return ["Nothing has changed: the weights of the best model are those of the base."]
    heard = ""
    if evidence.apart is not None:
        heard = f" It says the same sentences {METRICS['mcd'].text(evidence.apart)} apart from the base."
    return [f"The best model's weights are {_share(changed.whole)} away from the base's.{heard}"]


def changes_section(evidence: Evidence) -> Html | None:
    """How far each part of the network has moved."""
    changed = evidence.changed
    if changed is None:
        return None
    head = tag("tr", *(tag("th", name, scope="col") for name in ("part of the network", "weights", "change")))
    rows = [
        tag("tr", tag("th", part.name, scope="row"), tag("td", f"{part.weights:,}"), tag("td", _share(part)))
        for part in (*changed.parts, changed.whole)
    ]
    other = f" {changed.other:,} tensors are new or have another shape, and are not in it." if changed.other else ""
    return tag(
        "section",
        tag("h2", "What changed"),
        tag(
            "p",
            "How far the weights of the best model are from those of the base: the norm of the difference, divided by "
            f"the norm that the part had. A part that stays at 0 % has not learned.{other}",
            class_="lead",
        ),
        tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="scroll", tabindex="0"),
        id="what-changed",
    )


def _share(part: PartChange) -> str:
    percent = 100 * part.change
    return "0 %" if part.change < _NOTHING else f"{percent:.3g} %" if percent >= 0.001 else f"{percent:.0e} %"

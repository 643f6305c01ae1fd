"""The page of a run: one HTML file that holds everything, calls no address and runs no script."""

from collections.abc import Sequence
from pathlib import Path

import finetune_tts
from finetune_tts.audio.pictures import spectrogram_picture
from finetune_tts.hearing.advice import looks_of
from finetune_tts.hearing.listener import Utterance, spread
from finetune_tts.hearing.looks import DECIDING
from finetune_tts.hearing.metrics import METRICS, Metric
from finetune_tts.report.changes import changes_said, changes_section
from finetune_tts.report.curves import Mark, Series, chart
from finetune_tts.report.evidence import BASE, BEST, RECORDING, Evidence, Row, Witness
from finetune_tts.report.facts import facts_section, next_section, title_of
from finetune_tts.report.markup import Html, joined, tag
from finetune_tts.report.sound import picture_uri, sound_uri
from finetune_tts.report.verdict import course, targets

#: nothing may be loaded from anywhere, and nothing may run; sounds, pictures and style are inside.
POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; form-action 'none'"
STYLE = Path(__file__).with_name("page.css")

_ALIGNED_SENTENCES = 2
_LEAST_POWER = 1e-12
_FOLLOWED = (*DECIDING, "duration", "babble", "focus")
"""Metrics whose course is drawn."""


def page(evidence: Evidence) -> str:
    """Return the whole page."""
    title = title_of(evidence)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{title}: did it help?"),
        tag("style", Html(STYLE.read_text(encoding="utf-8"))),
    )
    body = tag(
        "body",
        _header(evidence, title),
        tag(
            "main",
            _listen(evidence),
            _numbers(evidence),
            changes_section(evidence),
            _forgotten(evidence),
            _curves(evidence),
            _alignments(evidence),
            facts_section(evidence),
            next_section(evidence),
        ),
        tag("footer", f"finetune-tts {finetune_tts.__version__} · this page holds all its sounds and calls no address"),
    )
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def _header(evidence: Evidence, title: str) -> Html:
    notes = [tag("p", note, class_="note") for note in evidence.notes]
    return tag(
        "header",
        tag("p", "Fine-tuning report", class_="over"),
        tag("h1", title),
        tag("ul", *(tag("li", sentence) for sentence in _verdicts(evidence)), class_="verdicts"),
        *notes,
    )


def _verdicts(evidence: Evidence) -> list[str]:
    """The answer in some sentences."""
    sentences = []
    paired = _paired(evidence.rows, "mcd")
    if paired:
        before, after = (sum(values) / len(values) for values in zip(*paired, strict=True))
        better = sum(tuned < base for base, tuned in paired)
        direction = "Closer to the recordings" if after < before else "Not closer to the recordings"
        sentences.append(
            f"{direction}: the spectral distance went from {before:.1f} to {after:.1f} dB, "
            f"{better} of {len(paired)} held-out sentences are better than the base's."
        )
    sentences += changes_said(evidence)
    sentences += _understood(evidence)
    went = course(evidence.history)
    if went is not None and went.last_step > 0:
        sentences.append(
            f"The held-out loss went from {went.first:.4g} to {went.best:.4g}, its lowest, at step {went.best_step:,}."
        )
        if went.overfits:
            sentences.append(
                "After that the run only overfitted its training clips: the held-out loss rose while the "
                "training loss fell. The best model is from before."
            )
        elif went.falling:
            sentences.append("It was still falling at the end: more steps may help.")
    return [*sentences, *evidence.advice]


def _understood(evidence: Evidence) -> list[str]:
    """What the speech recogniser says, in a sentence."""
    paired = _paired(evidence.rows, "wer")
    if not paired:
        return []
    before, after = (100 * sum(values) / len(values) for values in zip(*paired, strict=True))
    of_recording = spread([row.utterances[RECORDING] for row in evidence.rows if RECORDING in row.utterances], "wer")
    known = f", in the recordings themselves {100 * of_recording.mean:.0f} %" if of_recording else ""
    return [
        f"{evidence.recogniser} hears {before:.0f} % of the words wrong in the base's speech, {after:.0f} % in the "
        f"fine-tuned model's{known}."
    ]


def _paired(rows: Sequence[Row], key: str) -> list[tuple[float, float]]:
    """A metric of the base and of the best model, for the sentences that both have synthesised."""
    both = [(row.utterances.get(BASE), row.utterances.get(BEST)) for row in rows]
    return [
        (base.values[key], best.values[key])
        for base, best in both
        if base is not None and best is not None and key in base.values and key in best.values
    ]


def _listen(evidence: Evidence) -> Html | None:
    if not evidence.rows:
        return None
    several = len({row.sentence.speaker for row in evidence.rows if row.sentence.speaker}) > 1
    return _section(
        "Listen",
        "The recordings were held out: neither model has heard them.",
        *(_sentence(row, evidence.witnesses, several=several) for row in evidence.rows),
    )


def _sentence(row: Row, witnesses: Sequence[Witness], *, several: bool) -> Html:
    kind = "held out" if row.sentence.recording else "test sentence"
    heard = [_utterance(witness, row.utterances[witness.key]) for witness in witnesses if witness.key in row.utterances]
    who = tag("span", row.sentence.speaker, class_="tag") if several and row.sentence.speaker else None
    return tag(
        "article",
        tag("h3", row.sentence.text or Path(row.sentence.recording).name, " ", tag("span", kind, class_="tag"), who),
        tag("div", *heard, class_="voices"),
        class_="sentence",
    )


def _utterance(witness: Witness, utterance: Utterance) -> Html:
    name = tag("figcaption", tag("b", witness.title), " ", tag("span", witness.detail, class_="detail"))
    sound = utterance.sound
    if sound is None:
        return tag("figure", name, tag("p", utterance.note, class_="note"), class_=f"voice {witness.key}")
    parts: list[Html] = []
    if utterance.mel_power is not None:
        # The power of frames; the picture is drawn of amplitudes.
        uri = picture_uri(spectrogram_picture(utterance.mel_power.T.clip(_LEAST_POWER) ** 0.5))
        parts.append(tag("img", src=uri, alt=f"spectrogram, {witness.title}", class_="spectrogram"))
    label = f"{witness.title}, {witness.detail}"
    uri = sound_uri(sound.waveform, sound.sample_rate)
    parts.append(tag("audio", controls=True, preload="metadata", src=uri, aria_label=label))
    shown = [f"{METRICS[key].text(utterance.values[key])} apart" for key in ("mcd",) if key in utterance.values]
    if "wer" in utterance.values:
        shown.append(f"{METRICS['wer'].text(utterance.values['wer'])} word errors")
    shown.append(f"{len(sound.waveform) / sound.sample_rate:.1f} s")
    parts.append(tag("p", " · ".join(shown), class_="values"))
    if utterance.heard:
        parts.append(tag("p", f"heard: {utterance.heard}", class_="heard"))
    if utterance.note:
        parts.append(tag("p", utterance.note, class_="heard"))
    return tag("figure", name, *parts, class_=f"voice {witness.key}")


def _forgotten(evidence: Evidence) -> Html | None:
    """What the base could do and was not trained on, before and after."""
    if not evidence.remembered:
        return None
    base = next((witness for witness in evidence.witnesses if witness.key == BASE), Witness(BASE, "Base", ""))
    best = next((witness for witness in evidence.witnesses if witness.key == BEST), Witness(BEST, "Fine-tuned", ""))
    articles = []
    for one in evidence.remembered:
        told = [f"{METRICS['mcd'].text(one.values['mcd'])} between both"] if "mcd" in one.values else []
        told += [f"{METRICS[key].title} {METRICS[key].text(one.values[key])}" for key in ("similarity",)
                 if key in one.values]  # fmt: skip
        told += [f"{one.values['duration']:.2f} × as long"] if "duration" in one.values else []
        name = tag("span", f"{one.old.kind} {one.old.name}", class_="tag")
        articles.append(
            tag(
                "article",
                tag("h3", one.old.sentence.text, " ", name),
                tag("p", " · ".join(told), class_="values") if told else None,
                tag("div", _utterance(base, one.before), _utterance(best, one.after), class_="voices"),
                class_="sentence",
            )
        )
    return _section(
        "What was forgotten",
        "Speakers and languages of the base that the recordings do not have, before and after. There is no recording "
        "of them to compare with: the closer both are, the less has changed.",
        *articles,
    )


def _numbers(evidence: Evidence) -> Html | None:
    """One row for each metric that something is known of, one column for each witness."""
    heard = {
        witness.key: [row.utterances[witness.key] for row in evidence.rows if witness.key in row.utterances]
        for witness in evidence.witnesses
    }
    found = [
        metric
        for metric in METRICS.values()
        if any(spread(utterances, metric.key) for key, utterances in heard.items() if key != RECORDING)
    ]
    if not found:
        return None
    head = tag(
        "tr",
        tag("th", "metric", scope="col"),
        *(tag("th", witness.title, scope="col") for witness in _models(evidence)),
        tag("th", "better", scope="col"),
    )
    rows = [_metric_row(metric, evidence, heard) for metric in found]
    definitions = [tag("div", tag("dt", m.title + (f" ({m.unit})" if m.unit else "")),
                       tag("dd", f"{m.definition} {m.source}.")) for m in found]  # fmt: skip
    judge = f" Words as {evidence.recogniser} hears them." if evidence.recogniser else ""
    return _section(
        "Numbers",
        f"Mean over the sentences, and how far they spread (standard deviation), against the recordings. "
        f"Better counts the sentences in which the best model is better than the base.{judge}",
        tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="scroll", tabindex="0"),
        tag("details", tag("summary", "What the numbers mean"), tag("dl", *definitions, class_="definitions")),
    )


def _metric_row(metric: Metric, evidence: Evidence, heard: dict[str, list[Utterance]]) -> Html:
    cells = []
    spreads = {witness.key: spread(heard[witness.key], metric.key) for witness in evidence.witnesses}
    known = {key: found for key, found in spreads.items() if found is not None and key != RECORDING}
    winner = min(known, key=lambda key: metric.badness(known[key].mean)) if len(known) > 1 else None
    for witness in _models(evidence):
        found = spreads[witness.key]
        if found is None:
            cells.append(tag("td", "–", class_="none"))
            continue
        scale = 100.0 if metric.unit == "%" else 1.0
        around = tag("small", f" ± {scale * found.deviation:.{metric.digits}f}") if found.count > 1 else None
        style = "winner" if witness.key == winner else None
        cells.append(tag("td", metric.text(found.mean), around, class_=style))
    paired = _paired(evidence.rows, metric.key)
    better = sum(metric.badness(tuned) < metric.badness(base) for base, tuned in paired)
    aim = metric.aim_in_words
    name = tag("abbr", metric.title, title=f"{metric.definition} ({aim}; {metric.source})")
    cells.append(tag("td", f"{better} of {len(paired)}" if paired else "–"))
    of_recording = spreads.get(RECORDING)
    if of_recording is not None:
        aim += f"; the recordings: {metric.text(of_recording.mean)}"
    return tag("tr", tag("th", name, tag("small", f" {aim}"), scope="row"), *cells)


def _models(evidence: Evidence) -> list[Witness]:
    return [witness for witness in evidence.witnesses if witness.key != RECORDING]


def _curves(evidence: Evidence) -> Html | None:
    trained, held_out = targets(evidence.history, "train"), targets(evidence.history, "eval")
    went = course(evidence.history)
    marks = []
    if went is not None:
        marks.append(Mark(went.best_step, "overfits from here" if went.overfits else "best", "best"))
    rates = [(entry.step, entry.rate) for entry in evidence.history if entry.rate is not None]
    norms: dict[str, list[tuple[int, float]]] = {}
    for entry in evidence.history:
        for name, value in entry.losses.items():
            if name.startswith("grad_norm") and entry.split == "train":
                norms.setdefault(name.replace("grad_norm", "gradient norm").replace("_", " "), []).append(
                    (entry.step, value)
                )
    lines = [Series(name, f"line{number}", points) for number, (name, points) in enumerate(norms.items())]
    charts = [
        chart("Loss", [Series("training", "train", trained), Series("held out", "eval", held_out, dots=True)], marks),
        chart("Learning rate", [Series("rate", "train", rates)]),
        chart("Gradient", lines, logarithmic=True),
        *_heard_charts(evidence),
    ]
    drawn = [one for one in charts if one]
    return _section("Curves", "", tag("div", *drawn, class_="charts")) if drawn else None


def _heard_charts(evidence: Evidence) -> list[Html]:
    """What was heard while the run trained, a chart for each metric."""
    looks = looks_of(evidence.history)
    charts = []
    for key in _FOLLOWED:
        metric = METRICS[key]
        scale = 100.0 if metric.unit == "%" else 1.0
        points = [(look.step, scale * look.values[key]) for look in looks if key in look.values]
        title = metric.title[:1].upper() + metric.title[1:] + (f" ({metric.unit})" if metric.unit else "")
        charts.append(chart(title, [Series("heard in its samples", "eval", points, dots=True)]))
    return charts


def _alignments(evidence: Evidence) -> Html | None:
    if not evidence.alignments:
        return None
    groups = []
    for alignments in evidence.alignments:
        pictures = [
            tag("img", src=picture_uri(picture), alt=f"alignment, {alignments.title}", class_="alignment")
            for picture in alignments.pictures[:_ALIGNED_SENTENCES]
        ]
        groups.append(tag("figure", tag("figcaption", tag("b", alignments.title)), *pictures))
    return _section(
        "Alignments",
        "Which symbol of the text (from below) each moment of the speech (from left to right) belongs to. A clear "
        "rising line is a model that reads; breaks and clouds are words left out or repeated.",
        tag("div", *groups, class_="charts"),
    )


def _section(title: str, lead: str, *children: Html | None) -> Html:
    name = title.lower().replace(" ", "-")
    return tag("section", tag("h2", title), tag("p", lead, class_="lead") if lead else None, joined(*children), id=name)

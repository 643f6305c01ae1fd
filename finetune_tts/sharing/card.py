"""The model card: what a voice is, how to use it, what it was trained on, how good it is, on which terms it is had.

It is the ``README.md`` of a repository of the model hub, Markdown behind a head of YAML.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finetune_tts.catalog.address import HUB, HubRepository, SingleFiles
from finetune_tts.catalog.licences import licence_page
from finetune_tts.catalog.listing import load_catalog
from finetune_tts.catalog.lookup import find
from finetune_tts.errors import UserError
from finetune_tts.runs.record import DataFacts
from finetune_tts.sharing.licence import Terms

FILE_NAME = "README.md"

#: how the hub calls licences, by their plain names.
_HUB_LICENCES = {
    "apache 2.0": "apache-2.0",
    "bsd 3 clause": "bsd-3-clause",
    "cc by 4.0": "cc-by-4.0",
    "cc by nc 4.0": "cc-by-nc-4.0",
    "cc by nc nd 4.0": "cc-by-nc-nd-4.0",
    "cc by sa 4.0": "cc-by-sa-4.0",
    "cpml": "coqui-public-model-license",
    "mit": "mit",
    "mpl": "mpl-2.0",
    "openrail": "openrail",
}
_REPOSITORY_OF_FILE = re.compile(rf"{re.escape(HUB)}/([^/]+/[^/]+)/resolve/")
_CODE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True)
class Sample:
    """Something that the model says.

    Attributes:
        file: of the sound, in the folder of the card.
        text: what it says.
    """

    file: str
    text: str


@dataclass(frozen=True)
class CardFacts:
    """What a model card says.

    Attributes:
        title: of the model.
        architecture: the ``model`` field of its config.
        is_vocoder: it turns spectrograms into waveforms and reads no text.
        languages: that it speaks, as codes.
        repository: ``USER/NAME`` of the hub; "" where it is not known yet.
        terms: on which it is had.
        data: what it was trained on; None where that is not known.
        steps: that it was trained for; None where that is not known.
        metrics: name → values of the base model and of this one, as text.
        sentences: how many of them were heard for these.
        samples: to listen to.
        speak_flags: flags of ``tts`` that it needs: a speaker, a language.
        version: of finetune-tts.
    """

    title: str
    architecture: str
    is_vocoder: bool
    languages: Sequence[str]
    repository: str
    terms: Terms
    version: str
    data: DataFacts | None = None
    steps: int | None = None
    metrics: Mapping[str, tuple[str, str]] | None = None
    sentences: int = 0
    samples: Sequence[Sample] = ()
    speak_flags: Sequence[str] = ()


def card(facts: CardFacts) -> str:
    """Return the text of a model card."""
    parts = [_head(facts), f"# {_plain(facts.title)}\n", _what(facts), _use(facts)]
    if facts.samples:
        lines = "\n".join(f"- [{_plain(sample.text)}]({sample.file})" for sample in facts.samples)
        parts.append(f"## Samples\n\n{lines}\n")
    parts += [_data(facts), _metrics(facts), _licence(facts.terms)]
    return "\n".join(part for part in parts if part)


def _head(facts: CardFacts) -> str:
    codes = dict.fromkeys(code for name in facts.languages if _CODE.fullmatch(code := _language_code(name)))
    tags = ["text-to-speech", facts.architecture, "finetune-tts"]
    lines = ["---", *(["language:", *(f"- {code}" for code in codes)] if codes else [])]
    lines += _licence_lines(facts.terms)
    base = _hub_base(facts.terms.base)
    lines += [f"base_model: {json.dumps(base)}"] if base else []
    lines += ["library_name: finetune-tts", "pipeline_tag: text-to-speech", "tags:", *(f"- {tag}" for tag in tags)]
    return "\n".join([*lines, "---\n"])


def _licence_lines(terms: Terms) -> list[str]:
    name = terms.licence if terms.has_base else terms.data_licence
    known = _HUB_LICENCES.get(" ".join(name.lower().replace("-", " ").split()))
    if known == "coqui-public-model-license":  # which the hub's list lacks
        return ["license: other", f"license_name: {known}", "license_link: https://coqui.ai/cpml"]
    if known is not None:
        return [f"license: {known}"]
    return ["license: other", f"license_name: {json.dumps(name or 'not-known')}"]


def _hub_base(name: str) -> str:
    """The repository of the hub that the base model comes from; "" where there is none, or nothing tells."""
    if not name:
        return ""
    try:
        addresses = find(load_catalog(), name).addresses
    except UserError:
        return ""
    for address in addresses:
        if isinstance(address, HubRepository):
            return address.repository
        if isinstance(address, SingleFiles) and (found := _REPOSITORY_OF_FILE.match(address.files[0].url)):
            return found[1]
    return ""


def _what(facts: CardFacts) -> str:
    kind = "A vocoder" if facts.is_vocoder else "A voice"
    start = "trained from scratch"
    if facts.terms.has_base:
        start = f"fine-tuned from {_plain(facts.terms.base)}" if facts.terms.base else "fine-tuned"
    steps = f" for {facts.steps:,} steps" if facts.steps else ""
    return f"{kind} of the architecture {facts.architecture}, {start} with finetune-tts {facts.version}{steps}.\n"


def _use(facts: CardFacts) -> str:
    name = facts.repository or "USER/NAME"
    model = "--model_path MODEL --vocoder_path voice" if facts.is_vocoder else "--model_path voice"
    flags = "".join(f" {flag}" for flag in facts.speak_flags)
    return f"""## Use

    pip install finetune-tts huggingface_hub
    hf download {name} --local-dir voice
    tts {model} --text "Hello."{flags} --out_path speech.wav

To train it further on recordings of your own:

    tts-finetune --restore_path voice --dataset_path recordings
"""


def _data(facts: CardFacts) -> str:
    data = facts.data
    if data is None:
        return "## Training data\n\nNot known.\n"
    speakers = f", of {len(data.speakers)} speakers" if len(data.speakers) > 1 else ""
    languages = f" Languages: {', '.join(map(_plain, data.languages))}." if data.languages else ""
    return (
        f"## Training data\n\n{data.minutes:.1f} minutes of recordings{speakers}: {data.clips:,} clips to train on and "
        f"{data.held_out:,} held out.{languages}\n"
    )


def _metrics(facts: CardFacts) -> str:
    if not facts.metrics:
        return "## Metrics\n\nNone were measured.\n"
    rows = "\n".join(f"| {name} | {before} | {after} |" for name, (before, after) in facts.metrics.items())
    return (
        f"## Metrics\n\nOver {facts.sentences} sentences that were held out, compared with their recordings.\n\n"
        f"| | base model | this model |\n|---|---|---|\n{rows}\n"
    )


def _licence(terms: Terms) -> str:
    page = licence_page(terms.licence)
    link = f" ([text]({page}))" if page else ""
    lines = []
    if not terms.has_base:
        lines.append("- Base model: none, it was trained from scratch.")
    elif terms.licence:
        lines.append(f"- Base model: {_plain(terms.base) or 'unnamed'}, under {_plain(terms.licence)}{link}.")
    else:
        lines.append("- Base model: its licence is not known.")
    if terms.restriction:
        lines.append(f"- **Restricted: {terms.restriction}.** This voice inherits that from its base model.")
    lines.append(f"- Recordings: {_plain(terms.data_licence) or 'their licence was not stated'}.")
    return "## Licence\n\n" + "\n".join(lines) + "\n"


def _language_code(name: str) -> str:
    """``en-us`` → ``en``."""
    return re.split(r"[-_]", name.lower())[0]


def _plain(text: str) -> str:
    """A text of a stranger as Markdown shows it: one line, nothing in it but letters."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))

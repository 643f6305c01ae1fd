"""What the catalog's licences mean for somebody who uses a model."""

from finetune_tts.catalog.entry import ModelEntry

_CREATIVE_COMMONS = "https://creativecommons.org/licenses"
_PAGES = {
    "apache 2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "bsd 3 clause": "https://opensource.org/license/bsd-3-clause",
    "cc by 4.0": f"{_CREATIVE_COMMONS}/by/4.0/",
    "cc by nc 4.0": f"{_CREATIVE_COMMONS}/by-nc/4.0/",
    "cc by nc nd 4.0": f"{_CREATIVE_COMMONS}/by-nc-nd/4.0/",
    "cc by sa 4.0": f"{_CREATIVE_COMMONS}/by-sa/4.0/",
    "cpml": "https://coqui.ai/cpml",
    "mit": "https://opensource.org/license/mit",
    "mpl": "https://www.mozilla.org/MPL/2.0/",
    "openrail": "https://huggingface.co/blog/open_rail",
}


def licence_page(licence: str) -> str | None:
    """Return where the licence can be read, None where that is not known."""
    return _PAGES.get(_plain(licence))


def restriction(entry: ModelEntry) -> str | None:
    """Say in a few words how the licence restricts what the model may be used for; None if it does not."""
    return restriction_of(entry.licence, terms_required=entry.terms_required)


def restriction_of(name: str, *, terms_required: bool = False) -> str | None:
    """Say the same of a licence by its name alone.

    Args:
        name: of the licence, as the makers of a model call it.
        terms_required: whether it has terms that must be accepted before the download.
    """
    licence = _plain(name)
    if licence == "cpml":
        return "non-commercial use only, terms to be accepted"
    limits = []
    if "nc" in licence.split():
        limits.append("non-commercial use only")
    if "nd" in licence.split():
        limits.append("changed versions may not be passed on")
    if "openrail" in licence:
        limits.append("some uses are forbidden")
    if licence.startswith("custom"):
        limits.append("conditions of its own")
    if terms_required:
        limits.append("terms to be accepted")
    return ", ".join(limits) or None


def demand_of(name: str) -> str | None:
    """Say in a few words what a licence demands of who passes a changed model on; None if nothing that its name tells.

    Args:
        name: of the licence, as the makers of a model call it.
    """
    words = _plain(name).split()
    demands = []
    if words[:2] == ["cc", "by"] or words[:1] in (["mit"], ["apache"], ["bsd"]):
        demands.append("name its makers")
    if "sa" in words or words[:1] == ["mpl"]:
        demands.append("pass changed versions on under the same licence")
    return ", ".join(demands) or None


def _plain(licence: str) -> str:
    return " ".join(licence.lower().replace("-", " ").split())

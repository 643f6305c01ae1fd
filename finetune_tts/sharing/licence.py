"""On which terms a voice may be passed on: those of the model it was fine-tuned from, and of its recordings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from finetune_tts.catalog.folder import provenance
from finetune_tts.catalog.licences import demand_of, licence_page, restriction_of
from finetune_tts.runs.record import read_record


@dataclass(frozen=True)
class Terms:
    """What is known of the terms of a voice.

    Attributes:
        has_base: False for a model that was trained from scratch.
        base: name of the base model; "" where it is not known.
        licence: of the base model, as its makers call it; "" where it is not known.
        accepted: when the terms of that licence were accepted; "" where there are none, or nothing tells.
        data_licence: of the recordings, as the user says; "" where nobody said.
    """

    has_base: bool = True
    base: str = ""
    licence: str = ""
    accepted: str = ""
    data_licence: str = ""

    @property
    def restriction(self) -> str:
        """What the licence of the base model forbids or demands, in a few words; "" where that is nothing."""
        return restriction_of(self.licence) or ""

    def remarks(self) -> tuple[str, ...]:
        """What whoever passes the voice on has to know, a line each."""
        return (self._base_remark(), self._data_remark())

    def metadata(self) -> dict[str, str]:
        """The same as texts with names, for files that have a place for them."""
        found = {
            "base_model": self.base,
            "base_model_licence": self.licence or ("not known" if self.has_base else "none: trained from scratch"),
            "base_model_restriction": self.restriction,
            "data_licence": self.data_licence or "not known",
        }
        return {name: text for name, text in found.items() if text}

    def _base_remark(self) -> str:
        if not self.has_base:
            return "licence: trained from scratch, so that the licence of the recordings alone counts"
        base = f"the base model {self.base}" if self.base else "the base model"
        if not self.licence:
            return f"licence: that of {base} is not known; find it out before you pass this voice on"
        page = licence_page(self.licence)
        where = f" ({page})" if page else ""
        limits = f"{self.restriction}, and so for this voice" if self.restriction else "it forbids no use"
        demand = demand_of(self.licence)
        return f"licence: {base} is under {self.licence}{where}: {limits}" + (f"; {demand}" if demand else "")

    def _data_remark(self) -> str:
        if self.data_licence:
            return f"recordings: {self.data_licence}"
        return (
            "recordings: their licence is not known here; pass a voice on only if whoever speaks allows it, and say on "
            "which terms with --data_licence"
        )


def terms_of(folder: Path, data_licence: str = "") -> Terms:
    """Say on which terms the model in a folder is had.

    Args:
        folder: of a run, of a release, or of what was exported.
        data_licence: of the recordings, as the user says.

    Raises:
        UserError: the record of the run is damaged.
    """
    origin = provenance(folder)
    if origin is not None:
        return Terms(True, origin.name, origin.licence, origin.terms_accepted, data_licence)
    record = read_record(folder)
    if record is None:
        return Terms(data_licence=data_licence)
    if record.base is None:
        return Terms(False, data_licence=data_licence)
    return Terms(True, record.base.name, record.base.licence, record.base.terms_accepted, data_licence)


def origin_of(terms: Terms) -> Mapping[str, str]:
    """What a folder says of where its weights come from, so that a run which starts from them knows their licence."""
    return {"name": "", "license": terms.licence}

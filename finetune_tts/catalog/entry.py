"""One model of the catalog."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from finetune_tts.catalog.address import Address, Bundled, RemoteFile

_NAME = re.compile(r"[^/\\\s\0]+(/[^/\\\s\0]+){3}")


@dataclass(frozen=True)
class ModelEntry:
    """What the catalog knows about a model.

    Attributes:
        name: ``<model_type>/<language>/<dataset>/<model_name>``.
        addresses: mirrors of the same model, tried in order; empty for a model that has no files of its own.
        licence: as its makers call it.
        terms_required: the licence has terms that must be accepted before the download.
        default_vocoder: catalog name of the vocoder for this model's spectrograms.
        architecture: the ``model`` field of its config in lower case; "" where only the config can tell.
        description: a sentence for people, or "".
        release_hash: what the release's own ``hash.md5`` must hold, or None.
        training_files: what only fine-tuning needs, beside the files of an address.
    """

    name: str
    addresses: tuple[Address, ...]
    licence: str = ""
    terms_required: bool = False
    default_vocoder: str | None = None
    architecture: str = ""
    description: str = ""
    release_hash: str | None = None
    training_files: tuple[RemoteFile, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or {".", ".."} & set(self.name.split("/")):
            raise ValueError(f"{self.name!r} is not of the form <model_type>/<language>/<dataset>/<model_name>")

    @property
    def model_type(self) -> str:
        return self.name.split("/")[0]

    @property
    def language(self) -> str:
        return self.name.split("/")[1]

    @property
    def folder_name(self) -> str:
        """The name of the model's folder in the cache; coqui-tts uses the same."""
        return self.name.replace("/", "--")

    @property
    def bundled(self) -> bool:
        """Whether the model is a part of this package."""
        return any(isinstance(address, Bundled) for address in self.addresses)


def architecture_of(model_name: str) -> str:
    """Derive the architecture from the last part of a catalog name; "" where the name does not tell."""
    plain = model_name.lower().replace("-", "_")
    architectures = naming()["architectures"]
    beginnings = [beginning for beginning in architectures if plain.startswith(beginning)]
    return str(architectures[max(beginnings, key=len)]) if beginnings else ""


@cache
def naming() -> dict[str, Any]:
    """What names alone tell, as ``naming.json`` beside this file has it.

    ``architectures``: how the last part of a name begins → the architecture; longer beginnings win. ``families``:
    releases in many languages, whose entries are made from their name: a pattern with a group ``language``, and the
    fields of the entry, with ``{language}`` where the language stands.
    """
    content: dict[str, Any] = json.loads((Path(__file__).parent / "naming.json").read_text(encoding="utf-8"))
    return content

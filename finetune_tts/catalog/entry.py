"""One model of the catalog."""

import re
from dataclasses import dataclass

from finetune_tts.catalog.address import Address, Bundled

_NAME = re.compile(r"[^/\\\s\0]+(/[^/\\\s\0]+){3}")

#: how model names begin → the architecture's name; longer beginnings win.
_ARCHITECTURES = {
    "bark": "bark",
    "capacitron": "tacotron2",
    "fast_pitch": "fast_pitch",
    "fastspeech2": "fastspeech2",
    "freevc": "freevc",
    "fullband_melgan": "fullband_melgan",
    "glow_tts": "glow_tts",
    "hifigan": "hifigan",
    "jenny": "vits",
    "knnvc": "knnvc",
    "multiband_melgan": "multiband_melgan",
    "neural_hmm": "neuralhmm_tts",
    "openvoice": "openvoice",
    "overflow": "overflow",
    "parallel_wavegan": "parallel_wavegan",
    "speedy_speech": "speedy_speech",
    "tacotron": "tacotron",
    "tacotron2": "tacotron2",
    "tortoise": "tortoise",
    "univnet": "univnet",
    "vits": "vits",
    "wavegrad": "wavegrad",
    "wavernn": "wavernn",
    "wavlm_hifigan": "wavlm_hifigan",
    "xtts": "xtts",
    "your_tts": "vits",
}


@dataclass(frozen=True)
class ModelEntry:
    """What the catalog knows about a model.

    Attributes:
        name: ``<model_type>/<language>/<dataset>/<model_name>``.
        addresses: mirrors of the same model, tried in order; empty for a model that has no files of its own.
        licence: as its makers call it.
        terms_required: the licence has terms that must be accepted before the download.
        default_vocoder: catalog name of the vocoder that speaks this model's spectrograms.
        architecture: the ``model`` field of its config in lower case; "" where only the config can tell.
        description: a sentence for people, or "".
        release_hash: what the release's own ``hash.md5`` must hold, or None.
    """

    name: str
    addresses: tuple[Address, ...]
    licence: str = ""
    terms_required: bool = False
    default_vocoder: str | None = None
    architecture: str = ""
    description: str = ""
    release_hash: str | None = None

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
    """Derive the architecture from the last part of a catalog name; "" where the name does not tell.

    >>> architecture_of("tacotron2-DDC_ph")
    'tacotron2'
    """
    plain = model_name.lower().replace("-", "_")
    beginnings = [beginning for beginning in _ARCHITECTURES if plain.startswith(beginning)]
    return _ARCHITECTURES[max(beginnings, key=len)] if beginnings else ""

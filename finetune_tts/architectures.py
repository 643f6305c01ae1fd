"""What the project can do with each architecture: the one list that the catalog's marks are read from.

Written by hand, plain data, no imports: listing the catalog must not load a network. An architecture that lands
adds its line here and its builder to :mod:`finetune_tts.families.building`.
"""

FINE_TUNE = "fine-tune"
SPEAK = "speak"
NOT_YET = "not yet"

#: architecture name (the ``model`` field of a config) → what can be done with it here; a name not listed is NOT_YET.
SUPPORT = {
    "capacitron": FINE_TUNE,  # what the catalog calls a Tacotron 2 that has it
    "glow_tts": FINE_TUNE,
    "tacotron": FINE_TUNE,
    "tacotron2": FINE_TUNE,
    "vits": FINE_TUNE,
    "hifigan": FINE_TUNE,
    "melgan": FINE_TUNE,
    "fullband_melgan": FINE_TUNE,
    "multiband_melgan": FINE_TUNE,
    "parallel_wavegan": FINE_TUNE,
    "univnet": FINE_TUNE,
    "wavegrad": FINE_TUNE,
    "wavernn": FINE_TUNE,
}


def support(architecture: str) -> str:
    """Return ``FINE_TUNE``, ``SPEAK`` or ``NOT_YET`` for an architecture name, in any letter case."""
    return SUPPORT.get(architecture.lower(), NOT_YET)

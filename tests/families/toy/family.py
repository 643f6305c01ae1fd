"""The toy, as the program knows it."""

from finetune_tts.families.family import EmbeddingRows, Family, Implementation
from toy.config import ToyConfig
from toy.faults import toy_faults


def _load() -> Implementation:
    from toy.building import build_toy
    from toy.speech import speak
    from toy.task import ToyTask

    return Implementation(build=build_toy, task=ToyTask, speak=speak)


FAMILY = Family(
    name="toy",
    config_class=ToyConfig,
    load=_load,
    faults=toy_faults,
    rows=EmbeddingRows(symbols="spectra.weight"),
)

"""WaveGrad, as the program knows it."""

from finetune_tts.families.family import Family, Implementation
from finetune_tts.families.wavegrad.config import WavegradConfig
from finetune_tts.families.wavegrad.faults import wavegrad_faults, wavegrad_run_faults


def _load() -> Implementation:
    from finetune_tts.families.wavegrad.building import build_wavegrad
    from finetune_tts.families.wavegrad.task import WavegradTask

    return Implementation(build=build_wavegrad, task=WavegradTask)


FAMILY = Family(
    name="wavegrad",
    config_class=WavegradConfig,
    load=_load,
    faults=wavegrad_faults,
    run_faults=wavegrad_run_faults,
    needs_waveforms=True,
    slow_to_speak=True,
)

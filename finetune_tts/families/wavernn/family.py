"""WaveRNN, as the program knows it."""

from finetune_tts.families.family import Family, Implementation
from finetune_tts.families.wavernn.config import WavernnConfig, modernise
from finetune_tts.families.wavernn.faults import wavernn_faults, wavernn_run_faults


def _load() -> Implementation:
    from finetune_tts.families.wavernn.building import build_wavernn
    from finetune_tts.families.wavernn.task import WavernnTask

    return Implementation(build=build_wavernn, task=WavernnTask)


FAMILY = Family(
    name="wavernn",
    config_class=WavernnConfig,
    load=_load,
    faults=wavernn_faults,
    run_faults=wavernn_run_faults,
    modernise=modernise,
    needs_waveforms=True,
    # It names the same frames twice, and its network is built by this field.
    conv_pad=lambda config: int(config.model_args.pad),
    slow_to_speak=True,
)

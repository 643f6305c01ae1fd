"""Tacotron and Tacotron 2, as the program knows them."""

from dataclasses import replace
from typing import Any

from finetune_tts.families.family import AdapterPlaces, EmbeddingRows, Family, Implementation
from finetune_tts.families.tacotron.config import Tacotron2Config, TacotronConfig, modernise
from finetune_tts.families.tacotron.faults import tacotron_faults, tacotron_run_faults
from finetune_tts.families.tacotron.style_flags import style_of_flags

_ROWS = EmbeddingRows(symbols="embedding.weight", speakers="speaker_embedding.weight")
#: Second decoders, which only training has, and without which a network can be trained further.
_ONLY_IN_TRAINING = ("coarse_decoder", "decoder_backward")


def _has_prosody(config: TacotronConfig) -> bool:
    """Whether it has Capacitron, which brings an optimizer of its own."""
    return config.use_capacitron_vae


def _make_task(network: Any, config: TacotronConfig, speak: Any = None) -> Any:
    from finetune_tts.families.tacotron.capacitron_task import CapacitronTask
    from finetune_tts.families.tacotron.task import TacotronTask

    return (CapacitronTask if _has_prosody(config) else TacotronTask)(network, config, speak)


def _load() -> Implementation:
    from finetune_tts.families.tacotron.building import build_tacotron
    from finetune_tts.families.tacotron.restoring import fit_reduction
    from finetune_tts.families.tacotron.speech import force, network_style, speak

    return Implementation(
        build=build_tacotron,
        task=_make_task,
        speak=speak,
        force=force,
        style_of=network_style,
        fit_to_weights=fit_reduction,
    )


def _load2() -> Implementation:
    from finetune_tts.families.tacotron.building import build_tacotron2

    return replace(TACOTRON.implementation, build=build_tacotron2)


TACOTRON = Family(
    name="tacotron",
    config_class=TacotronConfig,
    load=_load,
    faults=tacotron_faults,
    run_faults=tacotron_run_faults,
    modernise=modernise,
    own_optimizers=_has_prosody,
    adapters=AdapterPlaces(never=("*.attention",), whole=("capacitron_vae_layer.beta",)),
    rows=_ROWS,
    only_in_training=_ONLY_IN_TRAINING,
    read_style=style_of_flags,
)
TACOTRON2 = replace(TACOTRON, name="tacotron2", config_class=Tacotron2Config, load=_load2)

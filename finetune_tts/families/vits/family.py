"""VITS, as the program knows it."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_tts.config.released import Values
from finetune_tts.families.family import AdapterPlaces, EmbeddingRows, Family, Implementation
from finetune_tts.families.vits.config import VitsConfig, modernise, renewed_modules, upsampling_factor
from finetune_tts.families.vits.faults import vits_faults, vits_run_faults
from finetune_tts.families.vits.mms import from_mms, is_mms_config
from finetune_tts.families.vits.original_names import original_translated
from finetune_tts.families.vits.piper import from_piper, is_piper_config
from finetune_tts.families.vits.transformers_config import (
    from_transformers_config,
    is_transformers_config,
    to_transformers,
)

if TYPE_CHECKING:
    from torch import Tensor


def _from_foreign(values: Values, path: Path) -> Values | None:
    """The values of a massively multilingual release (MMS), which has the original program's config, or of Piper's."""
    if is_transformers_config(values):
        return from_transformers_config(values, path)
    if is_piper_config(values):
        return from_piper(values, path)
    return from_mms(values, path.parent) if is_mms_config(values) else None


def _translated_names(state: "Mapping[str, Tensor]") -> "Mapping[str, Tensor]":
    """The tensors of Piper, MMS and transformers under 🐸TTS's names."""
    from finetune_tts.families.vits.transformers_names import from_transformers

    return from_transformers(original_translated(state))


def _load() -> Implementation:
    from finetune_tts.families.vits.building import build_vits
    from finetune_tts.families.vits.conversion import convert, require_converting
    from finetune_tts.families.vits.export import export_onnx
    from finetune_tts.families.vits.fitting import fit_to_weights
    from finetune_tts.families.vits.speech import speak
    from finetune_tts.families.vits.task import VITSTask

    return Implementation(
        build=build_vits,
        task=VITSTask,
        speak=speak,
        require_converting=require_converting,
        convert=convert,
        fit_to_weights=fit_to_weights,
        transformers=to_transformers,
        exporters={"onnx": export_onnx, "piper": export_onnx, "sherpa": export_onnx},
    )


FAMILY = Family(
    name="vits",
    config_class=VitsConfig,
    load=_load,
    faults=vits_faults,
    run_faults=vits_run_faults,
    modernise=modernise,
    from_foreign=_from_foreign,
    settle=VitsConfig.settle,
    adapters=AdapterPlaces(),
    rows=EmbeddingRows(symbols="text_encoder.emb.weight", speakers="emb_g.weight", languages="emb_l.weight"),
    translate_names=_translated_names,
    discriminator="disc",
    renewed=renewed_modules,
    makes_waveform=True,
    needs_waveforms=True,
    aligned_frames=lambda config: math.ceil(upsampling_factor(config)),
)
